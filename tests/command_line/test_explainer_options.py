import pytest

from skdeeplift.command_line.explainer_options import add_arguments, check_method, make_explainer
from skdeeplift.command_line.parser import Parser


def parse(*words):
    parser = Parser()
    add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("auto", "auto"),
        ("7", 7),
        ("1e-3", 1e-3),
        ("true", True),
        ("False", False),
        ("none", None),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("(1, 2)", (1, 2)),
        ("{'a': true, 'b': [null, 2]}", {"a": True, "b": [None, 2]}),
        ('{"a": "rescale"}', {"a": "rescale"}),
        ("'7'", "7"),
        ("a=b", "a=b"),
        ("__import__('os')", "__import__('os')"),
    ],
)
def test_values_are_literals_or_text(text, value):
    explainer = make_explainer(parse("--set", f"target={text}"), "model.keras")
    assert explainer.target == value
    assert type(explainer.target) is type(value)


@pytest.mark.parametrize("text", ["n_steps", "=3", "n steps=3", "rule=[1", "rule={a: b}", "estimator=3"])
def test_settings_that_cannot_be_read(text):
    with pytest.raises(ValueError, match="--set"):
        check_method(parse("--set", text))


def test_options_are_parameters():
    words = ["--method", "integrated_gradients", "--rule", "midpoint", "--seed", "3", "--max-references", "auto"]
    words += ["--layer", "a", "--layer", "b", "--classes", "ill, well", "--target", "well-ill", "--batch-size", "8"]
    options = parse(*words, "--head", "kind", "--reference", "0.5", "--set", "max_steps=7")
    check_method(options)
    explainer = make_explainer(options, "model.keras", verbose=True)
    expected = {"method": "midpoint", "random_state": 3, "max_references": "auto", "layer": ["a", "b"], "verbose": 1}
    expected |= {"class_names": ["ill", "well"], "target": {"well": 1, "ill": -1}, "batch_size": 8, "output": "kind"}
    expected |= {"reference": 0.5, "max_steps": 7, "estimator": "model.keras"}
    got = explainer.get_params(deep=False)
    assert {name: got[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "target"),
    [("auto", "auto"), ("2", 2), ("-1", -1), ("0,2", (0, 2)), ("8-3", {8: 1, 3: -1}), ("a-b", "a-b")],
)
def test_targets(text, target):
    assert make_explainer(parse("--target", text), "model.keras").target == target


def test_parameters_of_other_methods():
    with pytest.raises(ValueError, match=r"does not take --set n_steps\. It is for integrated_gradients"):
        check_method(parse("--set", "n_steps=3"))
    with pytest.raises(ValueError, match=r"--method lrp does not take --max-references\. It is for deeplift, "):
        check_method(parse("--method", "lrp", "--max-references", "3"))
    with pytest.raises(ValueError, match=r"take --set centre_logits\. Did you mean center_logits\?"):
        check_method(parse("--set", "centre_logits=true"))
