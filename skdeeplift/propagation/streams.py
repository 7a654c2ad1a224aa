"""The three streams: values at the input, values at the reference, and the difference between them.

The third is a linear surrogate of the network: its output is ``f(x) - f(reference)``, and it is linear in the input's
difference. Its plain gradient with respect to that is the multiplier, and TensorFlow's own differentiation does the
whole backward pass.
"""

from functools import partial

import tensorflow as tf

from skdeeplift.network.batch_axis import batch_is_outermost
from skdeeplift.propagation import replay
from skdeeplift.propagation.difference import Difference
from skdeeplift.propagation.pairing import Mode, Pairing
from skdeeplift.propagation.plan import Plan, Step
from skdeeplift.propagation.rules.activation import derivative
from skdeeplift.propagation.sums import weighted_sums


class Streams:
    """Compiled functions that carry values and differences through a network.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        What is explained; weights over its elements make it a scalar.
    sources : list of Value
        Whose differences contributions are given for.
    rule_set : RuleSet
        What each op does to a difference.
    owner : str, default="skdeeplift"
        Who is named in errors.

    Attributes
    ----------
    plan : Plan
        The steps of the third stream.
    shown : list of Value
        What ``forward`` returns, and ``contributions`` takes.
    needs_pair_size : bool
        Whether rows and references must be run pair by pair, because the batch does not come first in all of them.
    """

    def __init__(self, graph, target, sources, rule_set, owner="skdeeplift"):
        self.graph, self.target, self.sources = graph, target, list(sources)
        self.plan = Plan(graph, target, self.sources, rule_set, owner)
        # What the first two streams hand to the third, each once.
        inputs = [value for value in graph.inputs if graph.carries_difference(value)]
        self.shown = list(dict.fromkeys([target, *inputs, *self.sources, *self.plan.reads]))
        outermost = batch_is_outermost(graph)
        self.needs_pair_size = any(value not in outermost for value in self.shown)
        specs = [tf.TensorSpec(value.shape, value.dtype) for value in graph.inputs]
        self.forward = tf.function(self._forward, autograph=False, input_signature=[specs])
        self.forward_both = tf.function(self._forward_both, autograph=False, input_signature=[specs, specs])
        self._departures = tf.function(self._find_departures, autograph=False)
        # One function for each pairing; TensorFlow would trace anew for every object that is not a tensor.
        self._compiled = {}

    def _forward(self, inputs):
        """Run the network; the target's values come first, then whatever the rules read."""
        return replay.run(self.graph, dict(zip(self.graph.inputs, inputs, strict=True)), self.shown)

    def _forward_both(self, rows, references):
        """Run the network on rows and references as one batch, which is faster than on each."""
        number, total = tf.shape(rows[0])[0], tf.shape(rows[0])[0] + tf.shape(references[0])[0]
        together = self._forward([tf.concat(pair, 0) for pair in zip(rows, references, strict=True)])
        cuts = [tf.shape(value)[0] // total * number for value in together]
        at_input = [value[:cut] for value, cut in zip(together, cuts, strict=True)]
        return at_input, [value[cut:] for value, cut in zip(together, cuts, strict=True)]

    def contributions(
        self, pairing, shown_at_input, shown_at_reference, target_weights, reference_weights, wanted=("contributions",)
    ):
        """Sum contributions, and what else is wanted, over the references of each row of a chunk.

        Parameters
        ----------
        pairing : Pairing
            How rows and references meet.
        shown_at_input, shown_at_reference : list of tensor
            What ``forward`` returned for the rows and for the references.
        target_weights : array of shape (rows or 1, *target's axes)
            Weights over the target's elements.
        reference_weights : array of shape (references,)
            What each reference counts in the sum; not looked at where there is but one.
        wanted : tuple of {"contributions", "multipliers", "squares"}, default=("contributions",)
            What to return, per source; squares are those of contributions.

        Returns
        -------
        sums : list of tuple of tensor
            One tuple per source, in the order of ``wanted``; each of shape ``(rows, *source's axes)``, in float64 where
            there is more than one reference.
        """
        key = pairing, wanted
        function = self._compiled.get(key)
        if function is None:
            function = self._compiled.setdefault(
                key, tf.function(partial(self._contributions, pairing, wanted), autograph=False)
            )
        return function(
            shown_at_input,
            shown_at_reference,
            tf.convert_to_tensor(target_weights),
            tf.convert_to_tensor(reference_weights),
        )

    def _contributions(self, pairing, wanted, shown_at_input, shown_at_reference, target_weights, reference_weights):
        at_input = dict(zip(self.shown, shown_at_input, strict=True))
        at_reference = dict(zip(self.shown, shown_at_reference, strict=True))
        differences = self.differences(pairing, at_input, at_reference)
        deltas = [differences[source].delta for source in self.sources]
        target = differences[self.target].delta
        weights = tf.broadcast_to(target_weights[:, None], (pairing.rows, pairing.references, *target.shape[1:]))
        multipliers = tf.gradients(
            target,
            deltas,
            grad_ys=tf.reshape(weights, target.shape),
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        if pairing.references == 1:
            return [
                tuple(_of_one_reference(name, multiplier, delta) for name in wanted)
                for multiplier, delta in zip(multipliers, deltas, strict=True)
            ]
        return [
            weighted_sums(
                tf.reshape(multiplier, (pairing.rows, pairing.references, *multiplier.shape[1:])),
                *pairing.spread(at_input[source], at_reference[source]),
                reference_weights,
                wanted,
            )
            for multiplier, source in zip(multipliers, self.sources, strict=True)
        ]

    def first_departure(self, rows, references, tolerance):
        """Find the first op at which the carried difference is not the true one.

        Parameters
        ----------
        rows, references : list of ndarray
            One array for each input, pair by pair.
        tolerance : float
            How far a difference may be from the true one, relative to the largest of the same value.

        Returns
        -------
        op : Op or None
        """
        given = [[tf.convert_to_tensor(array) for array in arrays] for arrays in (rows, references)]
        departs = self._departures(*given, tf.constant(tolerance, self.target.dtype)).numpy()
        return next((step.op for step, found in zip(self.plan.steps, departs, strict=True) if found), None)

    def _find_departures(self, rows, references, tolerance):
        """Say of each step whether the difference it carries is not the true one."""
        outputs = [step.outputs[0] for step in self.plan.steps]
        streams = [dict(zip(self.graph.inputs, inputs, strict=True)) for inputs in (rows, references)]
        for values in streams:
            replay.run(self.graph, values, [*self.shown, *outputs])
        differences = self.differences(Pairing(Mode.PAIR_SIZE, rows[0].shape[0], 1), *streams)
        departs = []
        for value in outputs:
            change = streams[0][value] - streams[1][value]
            departure = tf.abs(differences[value].delta - change)
            limit = tf.cast(tolerance, change.dtype) * tf.reduce_max(tf.abs(change))
            # Not ">", so that what is not a number departs.
            departs.append(~(tf.reduce_max(departure) <= limit))
        return tf.stack(departs)

    def differences(self, pairing, at_input, at_reference):
        """Carry differences from the network's inputs through all steps.

        Parameters
        ----------
        pairing : Pairing
            How rows and references meet.
        at_input, at_reference : dict of Value to tensor
            The values that are read of the first two streams.

        Returns
        -------
        differences : dict of Value to Difference
        """

        def delta(value):
            return pairing.combine(lambda x, r: x - r, [at_input[value]], [at_reference[value]])

        differences = {}
        values = dict(self.graph.captures)
        for value in self.graph.inputs:
            if self.graph.carries_difference(value):
                differences[value] = Difference(delta(value))
        for action in self.plan.actions:
            if isinstance(action, Step):
                op = PairedOp(action, pairing, values, at_input, at_reference)
                incoming = [differences.get(value) for value in action.inputs]
                outgoing = action.rule.function(op, [None if d is None else d.delta for d in incoming], tf.identity)
                for value, tensor in zip(action.outputs, outgoing, strict=True):
                    if value in self.sources:
                        # Taken from the streams, a layer's difference is the same whatever lies before it.
                        tensor = delta(value)
                    if tensor is not None:
                        differences[value] = Difference(tensor)
            else:
                inputs = [values[value] if value in values else differences[value].delta for value in action.inputs]
                for value, tensor in zip(action.outputs, replay.create(action, inputs), strict=True):
                    values[value] = tensor
        return differences


def _of_one_reference(name, multiplier, delta):
    if name == "multipliers":
        return multiplier
    contribution = multiplier * delta
    return tf.square(tf.cast(contribution, tf.float64)) if name == "squares" else contribution


class PairedOp:
    """An op, or an activation of several ops, as rules see it: what it computes and what its streams hold.

    Parameters
    ----------
    step : Step
        The op and its rule.
    pairing : Pairing
        How rows and references meet.
    values : dict of Value to tensor
        What does not vary.
    at_input, at_reference : dict of Value to tensor
        What is read of the first two streams.
    """

    def __init__(self, step, pairing, values, at_input, at_reference):
        self.step, self.pairing, self.values = step, pairing, values
        self.type, self.inputs, self.outputs = step.op.type, step.inputs, step.outputs
        self._at_input, self._at_reference = at_input, at_reference

    def attribute(self, name):
        """Value of one of the op's attributes."""
        return self.step.op.attribute(name)

    def static(self, position):
        """Value of an operand that is known before the network runs, such as a list of axes."""
        return tf.get_static_value(self.step.op.definition.inputs[position])

    def constant(self, position):
        """Tensor of an operand that does not vary."""
        return self.values[self.inputs[position]]

    def operands(self, differences, constant=tf.identity):
        """All operands: the differences, and ``constant`` of those that do not vary."""
        return [
            constant(self.constant(position)) if difference is None else difference
            for position, difference in enumerate(differences)
        ]

    def run(self, operands):
        """The op again, on other operands."""
        return replay.create(self.step.op, operands)

    def at_input(self, value):
        """A value of the first stream."""
        return self._at_input[value]

    def at_reference(self, value):
        """A value of the second stream."""
        return self._at_reference[value]

    def combine(self, function, *values, at_input=(), at_reference=(), at_pairs=()):
        """Apply a function to values of all pairs; see `Pairing.combine`.

        It gets the tensors ``at_pairs``, the ``values`` at the input, the tensors ``at_input``, the ``values`` at the
        reference and the tensors ``at_reference``.
        """
        return self.pairing.combine(
            function,
            [*(self._at_input[value] for value in values), *at_input],
            [*(self._at_reference[value] for value in values), *at_reference],
            at_pairs,
        )

    def pair_shape(self, value):
        """Static shape of a value over all pairs."""
        if self.is_at_pair_size:
            return tuple(self._at_input[value].shape)
        return (self.pairing.pairs * self._fold(value), *self._at_input[value].shape[1:])

    @property
    def is_at_pair_size(self):
        """Whether all values stand pair by pair already, wherever the batch may lie in them."""
        return self.pairing.mode is Mode.PAIR_SIZE

    def rows_at_input(self, value):
        """For each pair the row of the value at the input."""
        return self.pairing.rows_at_input(self._fold(value))

    def rows_at_reference(self, value):
        """For each pair the row of the value at the reference."""
        return self.pairing.rows_at_reference(self._fold(value))

    def derivative(self, at_reference, side=-1):
        """Derivative of an activation at the reference, from the left or the right."""
        return derivative(self._activation, at_reference, side)

    def _activation(self, tensor):
        values = {self.step.activation.root: tensor}
        for value in self.step.activation.operands:
            values[value] = self.values[value] if value not in self._at_reference else self._at_reference[value]
        for op in self.step.activation.ops:
            values.update(zip(op.outputs, replay.create(op, [values[value] for value in op.inputs]), strict=True))
        return values[self.step.activation.output]

    def _fold(self, value):
        return self._at_input[value].shape[0] // self.pairing.rows
