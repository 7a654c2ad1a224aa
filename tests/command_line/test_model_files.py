import argparse

import pytest

from skdeeplift.command_line.model_files import add_model_arguments, model_of


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
    assert model_of(parser.parse_args(words)) == expected


def test_a_network_has_to_be_named(capsys):
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--weights", "network.h5"])
    assert "MODEL" in capsys.readouterr().err
