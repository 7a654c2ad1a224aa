"""Table of a network's operations, with the rule that an explainer applies to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import DataFrame, NetworkLike, Rows, RuleName
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.bind import bind
from skdeeplift.network.effects import find_effects
from skdeeplift.network.graph import BRANCHES
from skdeeplift.network.masks import find_hiding_masks, only_decides
from skdeeplift.network.trained import is_estimator, network_of, steps_of, unfrozen
from skdeeplift.propagation.lookups import input_sources
from skdeeplift.propagation.plan import Plan
from skdeeplift.propagation.rulesets import rule_set_of
from skdeeplift.propagation.steps import Step
from skdeeplift.targets.target_tensor import find_target_tensor

COLUMNS = ["layer", "op", "name", "family", "rule", "in_loop", "supported", "reason"]


def describe(
    estimator: NetworkLike,
    X: Rows | None = None,
    *,
    rule: RuleName | Mapping[str, RuleName] = "rescale",
    unsupported: Literal["raise", "integrate", "secant"] = "raise",
) -> DataFrame:
    """List the operations that differences pass through in a network, with the rule of each operation.

    Only the network's graph is read; nothing is computed. An operation without a rule, or a random one, raises an error
    in an explainer; the table lists it with the reason. Whether a network mixes the rows of a batch is only known after
    `fit`.

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        The network, as the parameter ``estimator`` of `DeepLiftExplainer`. A scikit-learn estimator must be fitted.
    X : array-like, or list or dict of array-like, default=None
        Some rows of the network's input. None if the network knows the shape of its input, which most networks do.
    rule : str or dict of str to str, default="rescale"
        The parameter ``rule`` of `DeepLiftExplainer`.
    unsupported : {"raise", "integrate", "secant"}, default="raise"
        The parameter ``unsupported`` of `DeepLiftExplainer`.

    Returns
    -------
    table : pandas.DataFrame
        One row for each operation, or for each activation made of several operations, from the input to the outputs.
        The columns are:

        - ``layer``: the innermost layer of the operation, or "";
        - ``op``: the operation's type in TensorFlow;
        - ``name``: the operation's name;
        - ``family``: the kind of operation;
        - ``rule``: the operation's rule;
        - ``in_loop``: whether the operation is computed at each step of a loop;
        - ``supported``: whether an explainer can handle the operation;
        - ``reason``: the reason if not.

        An input that reaches the outputs through truth values alone, as a mask does, has a row at the top. The
        ``reason`` of this row tells how to hold the input, or that it is held by default.

    Raises
    ------
    TypeError
        If ``estimator`` is not a network or an estimator that can be explained.
    ValueError
        If the shape of the network's input is not known and ``X`` is None, or ``X`` does not fit the network.

    Examples
    --------
    >>> import keras
    >>> from skdeeplift import describe
    >>> hidden = keras.layers.Dense(3, activation="gelu", name="hidden")
    >>> model = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1, name="last")])
    >>> table = describe(model, rule="reveal_cancel")
    >>> print(table[["layer", "family", "rule"]].to_string(index=False))
     layer      family          rule
    hidden      linear apply_weights
    hidden affine join           add
    hidden  activation reveal_cancel
      last      linear apply_weights
      last affine join           add
    """
    estimator, rule_set = unfrozen(estimator), rule_set_of(rule, unsupported)
    if is_estimator(estimator):
        encoder, last = steps_of(estimator)
        check_is_fitted(encoder if not is_estimator(unfrozen(last)) and encoder is not None else estimator)
        estimator, X = network_of(last), None
    network = bind(estimator, X)
    rows = dict(_of_masks(network))
    for output in network.graph.outputs:
        if not output.dtype.is_floating:
            continue
        graph, target = find_target_tensor(network.graph, output, pre_activation=True)
        try:
            survey = _Survey(graph, target.value, [], rule_set)
        except UnsupportedOpError as error:
            op = graph.producer.get(target.value)
            rows.setdefault(op, [*_place(graph, op), "", "", False, False, str(error)])
            continue
        rows |= {op: row for op, row in survey.rows(survey.steps) if op not in rows}
        rows |= {op: row for op, row in _of_inputs(graph, target.value) if op not in rows}
    return pd.DataFrame(list(rows.values()), columns=COLUMNS).astype({"in_loop": bool, "supported": bool})


def _of_masks(network):
    """Yield inputs that reach each output through truth values alone, with their table rows."""
    graph = network.graph
    for name, value, hides in zip(network.input_names, graph.inputs, find_hiding_masks(graph), strict=True):
        if len(graph.inputs) > 1 and all(only_decides(graph, value, output) for output in graph.outputs):
            held = "leaves it at the values of the row" + (", and is its default" if hides else "")
            reason = (
                f"The input reaches the output through truth values alone, as a mask does. reference={{{name!r}: "
                f'"held"}} {held}.'
            )
            yield value, ["", "Placeholder", str(name), "input", "", False, True, reason]


def _of_inputs(graph, target):
    """Yield operations that are random, or that cut the input off from the first differences, with their table rows."""
    for op, in_loop, reason in find_effects(graph, [target]):
        if op.type not in BRANCHES:
            yield op, [*_place(graph, op), "", "", in_loop, False, reason]
    try:
        input_sources(graph, target)
    except UnsupportedOpError as error:
        start = next(graph.producer[value] for value in graph.starts_before(target) if value in graph.producer)
        yield start, [*_place(graph, start), "", "", False, False, str(error)]


class _Survey(Plan):
    """Plan that records operations without a rule instead of raising an error."""

    def _step(self, section, op, activations):
        try:
            return super()._step(section, op, activations)
        except UnsupportedOpError as error:
            return _UnsupportedStep(op, op.inputs, op.outputs, str(error))

    def _add_loop(self, section, op, activations):
        try:
            super()._add_loop(section, op, activations)
        except UnsupportedOpError as error:
            section.steps.append(_UnsupportedStep(op, op.inputs, op.outputs, str(error)))
            self._require_values(section, op.inputs)

    def rows(self, steps, in_loop=False):
        """Yield each op and its row of the table."""
        for step in steps:
            yield from self.rows(step.inner_steps, in_loop=True)
            if step.has_rule:
                layer, _, name = _place(self.graph, step.op)
                types = ", ".join(op.type for op in step.ops)
                row = [layer, types, name, step.family, step.rule_name, in_loop, not step.reason, step.reason]
                yield step.op, row


@dataclass(frozen=True, eq=False)
class _UnsupportedStep(Step):
    """Step that is listed and never run."""

    reason: str

    def carry(self, streams, incoming):
        """Raise an error, because the table lists ops without running them."""
        raise UnsupportedOpError(self.reason)


def _place(graph, op):
    if op is None:
        return "", "", ""
    return next(iter(graph.layers_of(op)), ""), op.type, op.name
