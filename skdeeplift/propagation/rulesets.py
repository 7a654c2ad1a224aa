"""Methods as tables: the rules that all methods share, and the rule of each at an activation."""

from functools import partial
from typing import Any, NamedTuple

from skdeeplift.network import ops
from skdeeplift.network.layers import innermost_named
from skdeeplift.propagation.rules.complex_parts import COMPLEX
from skdeeplift.propagation.rules.decisions import DECISIONS
from skdeeplift.propagation.rules.factors import FACTORS
from skdeeplift.propagation.rules.linear import JOINS, LINEAR, LISTS, WEIGHTED
from skdeeplift.propagation.rules.matrices import MATRICES
from skdeeplift.propagation.rules.maxima import MAXIMA
from skdeeplift.propagation.rules.places import PLACES
from skdeeplift.propagation.rules.rescale import (
    SOFTMAX,
    ActivationRule,
    guided_backprop_rescale,
    is_restricted,
    pass_through,
    rescale,
)
from skdeeplift.propagation.rules.reveal_cancel import reveal_cancel
from skdeeplift.propagation.rules.table import RuleTable
from skdeeplift.propagation.rules.two_operands import BILINEAR, TWO_VARIABLE
from skdeeplift.propagation.rules.winners import WINNERS

SHARED = RuleTable.union(
    *(LINEAR, LISTS, JOINS, BILINEAR, FACTORS, MATRICES, TWO_VARIABLE, COMPLEX),
    *(DECISIONS, MAXIMA, WINNERS, PLACES, SOFTMAX),
)
DENSE = ops.where(family=ops.MATRIX_PRODUCT)

_RESCALE = ActivationRule(rescale)
_REVEAL_CANCEL = ActivationRule(reveal_cancel, uses_spread=True)
_GUIDED = ActivationRule(guided_backprop_rescale, sums_to_delta=False)
_PASS_THROUGH = ActivationRule(pass_through, sums_to_delta=False, reads_values=False)


class RuleSet(NamedTuple):
    """Rules of a method."""

    # Function from the graph and an activation in it to the activation's `ActivationRule`.
    activation: Any
    # Layers that have a rule by name, and so must have an activation.
    layers: tuple = ()
    # Treatment of an op without a rule: an error ("raise"), "integrate" or "secant".
    unsupported: str = "raise"


def _reveal_cancel(graph, activation):
    return _RESCALE if is_restricted(activation) else _REVEAL_CANCEL


def _genomics_default(graph, activation):
    """Return RevealCancel after dense layers, and the rescale rule after convolutions."""
    nearest = _nearest_weighted(graph, activation.root)
    return _reveal_cancel(graph, activation) if nearest and nearest <= DENSE else _RESCALE


def _nearest_weighted(graph, value):
    """Return the types of the weighted ops that lie nearest before a value, on all paths to it."""
    found, seen, pending = set(), {value}, [value]
    while pending:
        op = graph.producer.get(pending.pop())
        if op is None:
            continue
        varying = [value for value in op.inputs if graph.carries_difference(value)]
        if op.type in WEIGHTED and len(varying) == 1:
            found.add(op.type)
        else:
            pending.extend(value for value in varying if value not in seen)
            seen.update(varying)
    return found


RESCALE = RuleSet(lambda graph, activation: _RESCALE)
RULES = {
    "rescale": RESCALE,
    "reveal_cancel": RuleSet(_reveal_cancel),
    "genomics_default": RuleSet(_genomics_default),
    "pass_through": RuleSet(lambda graph, activation: _PASS_THROUGH),
    "guided_backprop_rescale": RuleSet(lambda graph, activation: _GUIDED),
}


def rule_set_of(rule, unsupported="raise"):
    """Return the rule set for the parameters of an explainer.

    Parameters
    ----------
    rule : str or dict of str to str
        Name of a rule, or a dict from layers' names to names of rules. If one layer lies in another, the innermost
        counts.
    unsupported : {"raise", "integrate", "secant"}, default="raise"
        Treatment of an op without a rule: an error, an integral along the path from the reference, or the linear map of
        least norm between its differences.

    Raises
    ------
    ValueError
        If no rule has such a name.
    """
    if isinstance(rule, dict):
        strings = all(isinstance(each, str) for pair in rule.items() for each in pair)
        if not rule or not strings or not set(RULES).issuperset(rule.values()):
            raise ValueError(
                f"rule= as a dict takes layers' names to rules, each one of {sorted(RULES)}. Got {rule!r}."
            )
    elif rule not in RULES:
        raise ValueError(f"rule= takes one of {sorted(RULES)}, or a dict of them by layers' names. Got {rule!r}.")
    rule_set = RuleSet(partial(_rule_of_layer, rule), tuple(rule)) if isinstance(rule, dict) else RULES[rule]
    return rule_set._replace(unsupported=unsupported)


def _rule_of_layer(rules, graph, activation):
    """Return the rule of the innermost layer that is named; all other activations follow the rescale rule."""
    name = innermost_named(graph.calls, activation.op.calls, rules)
    return RULES[rules.get(name, "rescale")].activation(graph, activation)
