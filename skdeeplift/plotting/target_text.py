"""Words for targets on axes and titles: the class or output, and its unit."""

from numbers import Integral
from typing import NamedTuple

import numpy as np

from skdeeplift.dtypes import kind_of
from skdeeplift.explanation.explanation_parts import has_targets, target_labels
from skdeeplift.number_text import format_number
from skdeeplift.targets.profile import is_profile

_PLURALS = {
    "logit": "logits",
    "log-odds": "log-odds",
    "probability": "probabilities",
    "log-probability": "log-probabilities",
    "value": "outputs",
}
# Units of the competing classes of a softmax.
_OF_CLASSES = ("logit", "probability", "log-probability")


class TargetText(NamedTuple):
    """Words for a target."""

    # The target with its unit, such as "log-odds of malignant". Empty if nothing is known.
    quantity: str = ""
    # The two classes that a smaller and a larger value speak for. Empty unless there are two.
    low: str = ""
    high: str = ""

    @property
    def contribution(self):
        """Label of an axis of contributions, without its sides."""
        return f"contribution to {self.quantity or 'the output'}"

    def with_sides(self, label):
        """Return the label of an axis, with a line below it that names the class on each side."""
        if not self.high:
            return label
        # The space is wider than a word's, so that the two sides do not read as one line.
        return f"{label}\n← more {self.low}        more {self.high} →"


def describe_target(explanation, choice=None):
    """Describe the target of an explanation, or one of its targets.

    Parameters
    ----------
    explanation : Explanation
        An explanation that `explain` returned.
    choice : object, default=None
        The label or index of one of several targets, or the target of a row. None takes the explanation's own.

    Returns
    -------
    text : TargetText
        Words for the target.
    """
    unit, labels = _unit_of(explanation), explanation.get("class_names")
    is_of_two = explanation.get("n_outputs") == 1 and labels is not None and len(labels) == 2
    target = explanation.get("target") if choice is None else choice
    if isinstance(target, str) and target == "all":
        target = None
    if isinstance(target, dict):
        return _describe_sum(target, explanation)
    if is_profile(target):
        return TargetText("profile")
    if isinstance(target, np.ndarray) and target.ndim and kind_of(target.dtype) != "f":
        return TargetText(_with_unit(unit, "each row's class") if unit != "value" else "each row's target")
    if isinstance(target, (np.ndarray, list)) and np.ndim(target):
        return TargetText(f"weighted sum of {plural_unit(explanation)}")
    if target is None:
        name = _name_single(labels, unit, has_targets(explanation))
    else:
        name = _name(target, labels, unit)
    if is_of_two and name:
        names = [_label(each) for each in labels]
        if name in names:
            other = names[1 - names.index(name)]
            # The first class has the negative of the output, which is a log-odds of its own but no probability.
            is_negative = name == names[0] and "probability" in unit
            return TargetText(
                f"minus {_with_unit(unit, other)}" if is_negative else _with_unit(unit, name), other, name
            )
    return TargetText(_with_unit(unit, name))


def has_classes(explanation):
    """Return whether targets are classes that compete for each row, so that a row has a predicted class."""
    return _unit_of(explanation).removeprefix("centered ") in _OF_CLASSES


def plural_unit(explanation):
    """Return the unit of several targets, such as "logits"."""
    return _PLURALS[_unit_of(explanation).removeprefix("centered ")]


def target_texts(explanation):
    """Return the words for each target on the last axis of contributions."""
    return [describe_target(explanation, label) for label in target_labels(explanation)]


def target_name(explanation, choice):
    """Return the name of one target without its unit, such as "malignant" or "class 8"."""
    return _name(choice, explanation.get("class_names"), _unit_of(explanation))


def _unit_of(explanation):
    return explanation.get("target_unit") or "value"


def _with_unit(unit, name):
    """Return a quantity such as "logit of cat"; values have no unit."""
    base = unit.removeprefix("centered ")
    quantity = name if base == "value" else f"{base} of {name}" if name else base
    return f"{quantity} minus the mean over classes" if base != unit and quantity else quantity


def _name_single(labels, unit, has_axis):
    """Return the name of the only output."""
    if labels is not None and len(labels) in (1, 2):
        return _label(labels[-1])
    if has_axis:
        return ""
    return "class 1" if unit in ("log-odds", "probability") else ""


def _name(target, labels, unit):
    """Return the name of a target that is chosen by label or index."""
    if callable(target):
        name = getattr(target, "__name__", type(target).__name__)
        return "the target function" if name == "<lambda>" else name
    if isinstance(target, tuple):
        return f"output {', '.join(map(str, target))}"
    if labels is not None:
        is_index = isinstance(target, Integral) and kind_of(np.asarray(labels).dtype) not in "biuf"
        return _label(labels[target] if is_index else target)
    if isinstance(target, Integral):
        return f"{'class' if unit.removeprefix('centered ') in _OF_CLASSES else 'output'} {target}"
    return "" if isinstance(target, str) and target in ("auto", "predicted") else _label(target)


def _label(label):
    """Return the name of a class: its label, if that is text."""
    if isinstance(label, str):
        return str(label)
    is_number = isinstance(label, (int, float, np.number)) and not isinstance(label, bool)
    return f"class {format_number(label) if is_number else label}"


def _describe_sum(weights, explanation):
    """Describe a weighted sum of outputs; the difference of two logits of a softmax is log-odds of their classes."""
    unit, labels = _unit_of(explanation), explanation.get("class_names")
    names = {_name(index, labels, unit): weight for index, weight in weights.items()}
    if unit.endswith("logit") and sorted(names.values()) == [-1, 1]:
        low, high = sorted(names, key=names.get)
        return TargetText(f"log-odds of {high} to {low}", low, high)
    terms = []
    for name, weight in names.items():
        size = "" if abs(weight) == 1 else f"{format_number(abs(weight))} × "
        terms.append(f"{'−' if weight < 0 else '+'} {size}{_with_unit(unit.removeprefix('centered '), name)}")
    return TargetText(" ".join(terms).removeprefix("+ "))
