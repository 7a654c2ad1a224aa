"""Ops with their values over all pairs, as rules see them."""

import tensorflow as tf

from skdeeplift.network.constants import constant_value
from skdeeplift.propagation import replay
from skdeeplift.propagation.pairing import Difference, Mode, Purpose, identity, to_difference_dtype
from skdeeplift.propagation.rules.rescale import SIGNED, SMOOTH, derivative, smooth_derivative


class PairedOp:
    """An op or an activation, with the values of its streams over all pairs.

    Parameters
    ----------
    step : Step
        The step of the op or activation.
    streams : StreamValues
        Values of the streams.

    Attributes
    ----------
    at_input, at_reference : dict of Value to tensor
        The values of the first two streams that are known here.
    spreads : dict of Value to tensor
        The spreads of values over all pairs, as they were carried from the network's inputs.
    """

    def __init__(self, step, streams):
        self.step, self.streams, self.pairing = step, streams, streams.pairing
        self.type, self.inputs, self.outputs = step.op.type, step.inputs, step.outputs
        self.at_input, self.at_reference, self.spreads = streams.at_input, streams.at_reference, streams.spreads

    def attribute(self, name):
        """Return the value of an attribute of the op."""
        return self.step.op.attribute(name)

    def static(self, position):
        """Return the value of an operand that is known before the network runs, such as a list of axes."""
        return constant_value(self.step.op.definition.inputs[position])

    def constant(self, position):
        """Return an operand without a difference: it does not vary, or is a mask or an index of the row."""
        return self.streams.constant(self.inputs[position])

    def shape(self, value):
        """Return the static shape of a value in the third stream, as far as it is known."""
        return self.streams.shape(value)

    def operands(self, differences, constant=identity):
        """Return all operands: the differences, and ``constant`` of operands of the same kind without one.

        Operands of another kind, such as axes and shapes, stay as they are.
        """
        kinds = [name or value.dtype for name, value in zip(self.step.op.input_types, self.inputs, strict=True)]
        of_differences = {kind for kind, each in zip(kinds, differences, strict=True) if each is not None}
        if "element_dtype" in self.step.op.attributes:
            of_differences |= {"element_dtype", tf.variant}

        def operand(position, kind):
            tensor = self.constant(position)
            return constant(to_difference_dtype(tensor)) if kind in of_differences else tensor

        return [
            operand(position, kind) if difference is None else difference
            for position, (kind, difference) in enumerate(zip(kinds, differences, strict=True))
        ]

    def run(self, operands):
        """Run the op on other operands."""
        return replay.create(self.step.op, operands, of_differences=True)

    def combine(self, function, *values, at_input=(), at_reference=(), at_pairs=(), differences=(), pairing=None):
        """Apply a function to values of all pairs, at the batch size of the third stream; see `Pairing.combine`.

        The function takes, in this order, the tensors ``differences`` and ``at_pairs``, the ``values`` at the input and
        the tensors ``at_input``, and the ``values`` at the reference and the tensors ``at_reference``. By default, the
        ``pairing`` is that of the third stream.
        """
        at_input = [*(self.at_input[value] for value in values), *at_input]
        at_reference = [*(self.at_reference[value] for value in values), *at_reference]
        return (pairing or self.pairing).combine(function, at_input, at_reference, at_pairs, differences)

    def is_small(self, value):
        """Return whether a value of the network is so small that only rounding counts as no difference."""
        return value in self.streams.settings.small

    def may_be_hidden(self, value):
        """Return whether a condition may put infinite numbers in place of a value's numbers."""
        return value in self.streams.settings.hidden

    def at_both_ends(self, value):
        """Return a value at the row and at the reference of each pair."""
        return self.combine(lambda x, r: (x + tf.zeros_like(r), r + tf.zeros_like(x)), value)

    def combine_pairs(self, function, *values, at_pairs=()):
        """Apply a function as `combine` does, once for each pair and not for each target."""
        return self.combine(function, *values, at_pairs=at_pairs, pairing=self.pairing._replace(targets=1))

    def coefficient(self, function, *values):
        """Apply a function to values as `combine` does; inside of a loop, to all steps at once."""
        if self.streams.at_step is None:
            return self.combine(function, *values)
        [coefficient] = self._of_all_steps(lambda op: [op.combine(function, *values)])
        return self.pairing.combine(identity, at_pairs=[coefficient])

    def scale(self, product, differences, *values, limits=None, pairs=None, of_spread=False):
        """Multiply differences by slopes, which the backward pass computes again; see `RecomputedProduct`.

        Results that are not read in this pass over the network are not computed. The functions ``limits`` and ``pairs``
        take the op, and return further tensors at the reference and of all pairs. With ``of_spread``, the result is a
        spread.
        """
        if self.streams.at_step is not None and not self.step.operands:

            def slopes(op):
                return op.combine(product.slopes_of, *values, at_reference=op.once(limits), at_pairs=op.once(pairs))

            return self.pairing.combine(
                product.of_known_slopes, at_pairs=self._of_all_steps(slopes), differences=differences
            )
        if self.streams.purpose is Purpose.SPREADS:
            function = product.forward if of_spread else product.shape_only
        else:
            function = product.linear if self.streams.purpose is Purpose.DIFFERENCES else product.gradient_only
        both = dict(at_reference=self.once(limits), at_pairs=self.once(pairs))
        return self.combine(function, *values, **both, differences=differences)

    def signed(self, difference, position):
        """Let the spread of an input start afresh, as the size of its difference."""
        spread = self.scale(SIGNED, [difference.delta], self.inputs[position], of_spread=True)
        return Difference(difference.delta, spread, spread if self.streams.settings.tells_parts else None)

    def once(self, function):
        """Compute tensors by a function of the op, once for all passes over the op; return none without a function."""
        if function is None:
            return ()
        key = function, self.outputs[0]
        if key not in self.streams.computed:
            self.streams.computed[key] = function(self)
        return self.streams.computed[key]

    @property
    def is_at_pair_size(self):
        """True if all values have one entry for each pair, wherever the batch is in them."""
        return self.pairing.mode is Mode.PAIR_SIZE

    def derivative(self, at_reference):
        """Compute the left derivative of an activation at the reference."""
        if self._is_smooth:
            return smooth_derivative(self.type, at_reference, self.at_reference[self.outputs[0]])
        operands = self._operands(self.at_reference.__getitem__)
        return derivative(lambda tensor: self._activation(tensor, operands), at_reference, side=-1)

    def at_pairs(self, tensor):
        """Compute an activation at other values of its root, one for each pair, and its right derivative there."""
        operands = self._operands(lambda value: self.combine_pairs(lambda _, r: r, value))

        def function(value):
            return self._activation(value, operands)

        result = function(tensor)
        if self._is_smooth:
            return result, smooth_derivative(self.type, tensor, result)
        return result, derivative(function, tensor, side=1)

    @property
    def _is_smooth(self):
        return self.type in SMOOTH and len(self.step.activation.ops) == 1

    def _operands(self, of_batch):
        """Return the operands of an activation; ``of_batch`` returns those with the batch in their shape."""
        return [
            of_batch(value) if value in self.at_reference else self.streams.constant(value)
            for value in self.step.operands
        ]

    def _activation(self, tensor, operands):
        """Compute the activation at a value of its root."""
        return to_difference_dtype(replay.run_activation(self.step.activation, tensor, operands))

    def _of_all_steps(self, function):
        """Apply a function to the op in all steps of the loop around it."""
        return self.streams.at_step(lambda streams: function(PairedOp(self.step, streams)))
