import ast
import re
from pathlib import Path

import pytest

import skdeeplift
from skdeeplift.command_line.option_words import PHRASES, say_in_options

PACKAGE = Path(skdeeplift.__file__).parent
skdeeplift.DeepLiftExplainer  # noqa: B018 - parameters are known once an explainer is imported


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "target= names the class 'x', which is none of ['a', 'b'].",
            "--target names the class 'x', which is none of 'a', 'b'",
        ),
        (
            "The target 7 is out of range: for this network it is an integer from 0 to 0.",
            "--target 7 is out of range: for this network it is 0",
        ),
        (
            "A target is a tuple of 2 integers, each below (3, 4). Got 7.",
            "--target is 2 numbers separated by commas, each below 3, 4. Got 7",
        ),
        (
            "The network has 2 outputs. Pass output= to choose one: 'a', 'b'.",
            "The network has 2 outputs. Pass --head to choose one: 'a', 'b'",
        ),
        ("Pass layer=None.", "Leave --layer out"),
        (
            "Pass batch_size=8, or memory_limit= to config_context, to keep below.",
            "Pass --batch-size 8 to keep below",
        ),
        ('Pass check="ignore" to get them.', "Pass --set check=ignore to get them"),
        ("Pass pre_activation=False.", "Pass --set pre_activation=false"),
        ("Use DeepLiftExplainer, which follows it.", "Use --method deeplift, which follows it"),
        ("DinucleotideShuffle takes letters.", "--reference dinucleotide_shuffle takes letters"),
        (
            "X has shape (3,), but the network bound to LRPExplainer takes (n_rows, 2).",
            "DATA has shape (3), but the network takes (n_rows, 2)",
        ),
        (
            "The 'n_steps' parameter of A must be a str among {'auto'} or an int in the range [1, inf). Got -5 instead",
            "--set n_steps takes auto, a whole number of at least 1. Got '-5'.",
        ),
        (
            "The 'reference_tol' parameter of A must be a float in the range (0, inf) or None. Got 'x' instead.",
            "--set reference_tol takes a number above 0, none. Got 'x'.",
        ),
        (
            "The 'rule' parameter of A must be among {'b', 'rescale'} or an instance of 'dict'. Got 'rescal' instead",
            "--rule takes b, rescale. Got 'rescal'. Did you mean rescale?",
        ),
        (
            "The 'to_source' parameter of A must be an instance of 'bool'. Got None instead",
            "--set to_source takes true, false. Got 'none'.",
        ),
    ],
)
def test_parameters_are_options(message, said):
    assert say_in_options(message).rstrip(".") == said.rstrip(".")
    # What is said already stays.
    assert say_in_options(said) == said.rstrip(".")


@pytest.mark.parametrize(
    "message",
    [
        "cannot read '/data/target=3/rows.csv'",
        "--set takes NAME=VALUE, such as --set n_steps=200. Got 'n_steps'",
        "load it yourself: keras.models.load_model('m.keras', safe_mode=False)",
    ],
)
def test_paths_options_and_calls_stay(message):
    assert say_in_options(message) == message


def test_the_rule_of_each_method():
    assert say_in_options("kind='x' is none", "gradient") == "--rule x is none"
    assert say_in_options("kind='x' is none", "deeplift") == "--set kind=x is none"


def test_phrases_are_those_of_the_library():
    """No phrase stays behind when a message of the library is changed."""
    texts = [
        node.value
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "command_line"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    texts += ["Found array with dim 3, while dim <= 2 is required by", "Expected 2D array, got 1D array instead"]
    for pattern, _ in PHRASES:
        literals = re.split(r"\\[wdb]\+?|[\\()\[\]?*+.|^$]+", pattern)
        longest = max(literals, key=len).strip()
        assert any(longest in text for text in texts), pattern
