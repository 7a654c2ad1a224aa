import argparse
import os
import sys

import pytest

from skdeeplift.command_line.model_files import add_model_arguments, get_model, import_quietly


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["network.keras"], "network.keras"),
        (["network.json", "--weights", "network.h5"], ("network.json", "network.h5")),
    ],
)
def test_files_of_a_network(words, expected):
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    assert get_model(parser.parse_args(words)) == expected


def test_a_network_has_to_be_named(capsys):
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--weights", "network.h5"])
    assert "MODEL" in capsys.readouterr().err


def test_only_the_import_is_quiet(capfd, monkeypatch, tmp_path):
    """A module in the place of TensorFlow writes to the file descriptor, as TensorFlow's own libraries do."""
    (tmp_path / "tensorflow.py").write_text("import os; os.write(2, b'of the machine')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorflow")
    import_quietly()
    assert sys.modules["tensorflow"].__file__ == str(tmp_path / "tensorflow.py")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
    # A module that is already imported is not imported again.
    (tmp_path / "tensorflow.py").write_text("raise RuntimeError")
    import_quietly()


def test_an_error_of_the_import_is_heard(capfd, monkeypatch, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('no such library')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorflow")
    with pytest.raises(ImportError, match="no such library"):
        import_quietly()
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
