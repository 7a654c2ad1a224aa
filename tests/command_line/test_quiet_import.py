import os
import sys

import pytest

from skdeeplift.command_line.quiet_import import import_quietly


def test_only_the_import_is_quiet(capfd, monkeypatch, tmp_path):
    """A module in TensorFlow's place, that writes as TensorFlow's own libraries do, past Python."""
    (tmp_path / "tensorflow.py").write_text("import os; os.write(2, b'of the machine')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorflow")
    import_quietly()
    assert sys.modules["tensorflow"].__file__ == str(tmp_path / "tensorflow.py")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
    # What is there already is not imported again.
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
