import numpy as np
import pytest

from skdeeplift.plotting.target_text import TargetText, describe_target, plural_unit, target_name
from skdeeplift.targets import Profile
from tests.plotting.explanations import of_classes, table

CATS, TUMOURS, DIGITS = np.array(["cat", "dog"]), np.array(["benign", "malignant"]), np.arange(10)


@pytest.mark.parametrize(
    ("unit", "target", "labels", "quantity"),
    [
        # The unit of a network's output, and the class.
        ("logit", 3, None, "logit of class 3"),
        ("logit", 8, DIGITS, "logit of class 8"),
        ("logit", "dog", CATS, "logit of dog"),
        ("logit", 1, CATS, "logit of dog"),
        ("probability", 0, CATS, "probability of cat"),
        ("log-odds", 3, None, "log-odds of output 3"),
        ("log-probability", "cat", CATS, "log-probability of cat"),
        ("centered logit", "cat", CATS, "logit of cat minus the mean over classes"),
        ("centered value", 2, None, "output 2 minus the mean over classes"),
        ("value", 3, None, "output 3"),
        ("value", None, np.array(["price"]), "price"),
        ("value", None, None, ""),
        (None, None, None, ""),
        (None, "dog", CATS, "dog"),
        # Labels that are neither text nor whole numbers.
        ("logit", True, np.array([False, True]), "logit of class True"),
        ("logit", 0.5, np.array([0.0, 0.5]), "logit of class 0.5"),
        # Sums of outputs.
        ("logit", {8: 1, 3: -1}, DIGITS, "log-odds of class 8 to class 3"),
        ("centered logit", {"cat": 1, "dog": -1}, CATS, "log-odds of cat to dog"),
        ("logit", {8: 1, 3: -0.5}, DIGITS, "logit of class 8 − 0.5 × logit of class 3"),
        ("value", {8: 1, 3: -1}, None, "output 8 − output 3"),
        ("value", {1: -0.5}, CATS, "− 0.5 × dog"),
        ("logit", np.array([0.5, 0.25]), CATS, "logit of each row's class"),
        ("logit", np.array([[0.5, 0.25]]), CATS, "weighted sum of logits"),
        # Other targets.
        ("logit", (2, 1), None, "logit of output 2, 1"),
        ("value", len, None, "len"),
        ("value", lambda output: output, None, "the target function"),
        ("value", "predicted", None, ""),
        ("logit", "profile", None, "profile"),
        ("value", Profile(task=0), None, "profile"),
        ("value", np.array([[0, 1], [1, 1]]), None, "each row's target"),
    ],
)
def test_quantities(unit, target, labels, quantity):
    if isinstance(target, np.ndarray) and target.ndim == 1:
        target = labels[[0, 1]]
    explanation = table(target_unit=unit, target=target, class_names=labels)
    assert describe_target(explanation).quantity == quantity


@pytest.mark.parametrize(("target", "low", "high"), [(None, "benign", "malignant"), ("benign", "malignant", "benign")])
def test_a_single_logit_speaks_for_one_of_two_classes(target, low, high):
    explanation = table(target_unit="log-odds", n_outputs=1, class_names=TUMOURS, target=target)
    assert describe_target(explanation) == TargetText(f"log-odds of {high}", low, high)
    # An index of a class, too.
    if target == "benign":
        assert describe_target(explanation, 0) == describe_target(explanation)


def test_the_first_class_has_the_negative_of_the_probability():
    explanation = table(target_unit="probability", n_outputs=1, class_names=TUMOURS, target="benign")
    assert describe_target(explanation) == TargetText("minus probability of malignant", "malignant", "benign")


def test_two_outputs_are_not_two_sides():
    explanation = table(target_unit="log-odds", n_outputs=2, class_names=TUMOURS, target="malignant")
    assert describe_target(explanation) == TargetText("log-odds of malignant")


def test_the_difference_of_two_classes_has_sides():
    explanation = table(target_unit="logit", class_names=DIGITS, target={8: 1, 3: -1}, n_outputs=10)
    assert describe_target(explanation)[1:] == ("class 3", "class 8")


def test_an_unnamed_sigmoid_is_class_1():
    explanation = table(target_unit="log-odds", n_outputs=1)
    assert describe_target(explanation).quantity == "log-odds of class 1"


def test_labels_of_axes():
    assert TargetText().contribution == "contribution to the output"
    text = TargetText("price")
    assert text.with_sides(text.contribution) == "contribution to price"
    lines = TargetText("log-odds of b", "a", "b").with_sides("label").split("\n")
    assert [lines[0], *lines[1].split()] == ["label", "←", "more", "a", "more", "b", "→"]


def test_several_targets():
    explanation = of_classes(target_unit="centered logit")
    assert plural_unit(explanation) == "logits"
    assert plural_unit(table()) == "outputs"
    assert plural_unit(table(target_unit="log-probability")) == "log-probabilities"
    assert target_name(explanation, "dog") == "dog"
    assert target_name(table(target_unit="logit"), 3) == "class 3"
