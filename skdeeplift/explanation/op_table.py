"""What an explainer will do with a network, before anything is computed."""

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network.bind import bind
from skdeeplift.network.graph import BRANCHES, Op
from skdeeplift.network.trained import is_estimator, network_of, steps_of, unfrozen
from skdeeplift.propagation.integral import IntegralStep
from skdeeplift.propagation.lookups import input_sources
from skdeeplift.propagation.loops import LoopStep
from skdeeplift.propagation.plan import Plan, Step
from skdeeplift.propagation.replay import effects_of, has_effects
from skdeeplift.propagation.rules.table import Rule
from skdeeplift.propagation.rulesets import rule_set_of
from skdeeplift.targets.target_tensor import find_target_tensor

COLUMNS = ["layer", "op", "name", "family", "rule", "in_loop", "supported", "reason"]


def describe(estimator, X=None, *, rule="rescale", unsupported="raise"):
    """List the operations that differences flow through in a network, and the rule that each follows.

    Nothing is computed but the network's graph. An operation at which an explainer would raise an error, since it has
    no rule or is random, is listed with the reason. Whether a network mixes the rows of a batch, only `fit` finds out.

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        What `DeepLiftExplainer` takes as ``estimator``; an estimator in scikit-learn's manner must be fitted.
    X : array-like, or list or dict of array-like, default=None
        Some rows as the network takes them; needed only where the network does not say itself what it takes.
    rule : str or dict of str to str, default="rescale"
        As the ``rule`` of `DeepLiftExplainer`.
    unsupported : {"raise", "integrate"}, default="raise"
        As the ``unsupported`` of `DeepLiftExplainer`.

    Returns
    -------
    table : pandas.DataFrame
        One row for each operation, or for each activation of several operations, from the input to the outputs:
        ``layer`` (the innermost layer that it was made in, or ""), ``op`` (TensorFlow's types), ``name``, ``family``
        (what kind of operation it is), ``rule``, ``in_loop`` (whether it is computed once for each step of a loop),
        ``supported`` and ``reason`` (why not).

    Raises
    ------
    TypeError
        If ``estimator`` is nothing that can be explained.
    ValueError
        If the network does not say what it takes, and ``X`` is not given or does not fit.

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
        check_is_fitted(estimator)
        estimator, X = network_of(steps_of(estimator)[1]), None
    network = bind(estimator, X)
    rows = {}
    for output in network.graph.outputs:
        if not output.dtype.is_floating:
            continue
        target = find_target_tensor(network.graph, output, pre_activation=True)
        try:
            survey = _Survey(network.graph, target.value, [], rule_set)
        except UnsupportedOpError as error:
            op = network.graph.producer.get(target.value)
            rows.setdefault(op, [*_place(network.graph, op), "", "", False, False, str(error)])
            continue
        rows |= {op: row for op, row in survey.rows(survey.actions) if op not in rows}
        rows |= {op: row for op, row in _of_inputs(network.graph, target.value) if op not in rows}
    return pd.DataFrame(list(rows.values()), columns=COLUMNS).astype({"in_loop": bool, "supported": bool})


def _of_inputs(graph, target):
    """Yield what stands between the input and where differences start, or is random, and can not be explained."""
    pending = [(op, False) for op in graph.ancestors([target])]
    while pending:
        op, in_loop = pending.pop(0)
        if op.body is not None:
            pending += [(each, True) for each in op.body.ops]
        elif has_effects(op) and op.type not in BRANCHES:
            yield op, [*_place(graph, op), "", "", in_loop, False, effects_of(op)]
    try:
        input_sources(graph, target)
    except UnsupportedOpError as error:
        start = next(graph.producer[value] for value in graph.starts_before(target) if value in graph.producer)
        yield start, [*_place(graph, start), "", "", False, False, str(error)]


class _Survey(Plan):
    """A plan that notes what has no rule, and goes on."""

    def _step(self, graph, op, activations):
        try:
            return super()._step(graph, op, activations)
        except UnsupportedOpError as error:
            return Step(op, op.inputs, op.outputs, Rule(error, "", False), None)

    def _add_loop(self, section, op, activations):
        try:
            super()._add_loop(section, op, activations)
        except UnsupportedOpError as error:
            step = Step(op, op.inputs, op.outputs, Rule(error, "", False), None)
            section.actions.append(step)
            self._need(section, op.inputs)

    def rows(self, actions, in_loop=False):
        """Yield each op and its row of the table."""
        for action in actions:
            if isinstance(action, LoopStep):
                yield from self.rows(action.section.actions, in_loop=True)
            elif not isinstance(action, Op):
                yield action.op, self._row(action, in_loop)

    def _row(self, step, in_loop):
        layer, op_type, name = _place(self.graph, step.op)
        if isinstance(step, IntegralStep):
            return [layer, op_type, name, "path integral", "integrated", in_loop, True, ""]
        if isinstance(step.rule.function, Exception):
            return [layer, op_type, name, "", "", in_loop, False, str(step.rule.function)]
        if step.activation is None:
            family = step.rule.family
        else:
            family, op_type = "activation", ", ".join(op.type for op in step.activation.ops)
        return [layer, op_type, name, family, step.rule.function.__name__, in_loop, True, ""]


def _place(graph, op):
    if op is None:
        return "", "", ""
    return next(iter(graph.layers_of(op)), ""), op.type, op.name
