"""Forms of softmax and sigmoid in a graph, as one op or by exponentials, and their logits."""

from typing import NamedTuple

import numpy as np

from skdeeplift.network import ops
from skdeeplift.network.graph import Value

_QUOTIENTS = ops.where(family=ops.QUOTIENT)
_RECIPROCALS = ops.where(reciprocal=True) - {"Rsqrt"}
_SUMS = ops.types_ruled_by("add")
# Maximum depth of nested ops to compare when testing whether two values are the same function.
_DEPTH = 12


class Squash(NamedTuple):
    """A softmax or sigmoid, or its logarithm."""

    # The logits, or minus the logits.
    logits: Value
    is_negative: bool = False
    # Axes of the classes of a softmax, where axis 0 is the axis of rows; None for a sigmoid.
    axes: tuple | None = None
    is_logarithm: bool = False


def has_several_classes(squash):
    """Test whether a squash is a softmax over more than one class."""
    return any(squash.logits.shape[axis] != 1 for axis in squash.axes or ())


class SpellingFinder:
    """Finder of the logits of values of a graph."""

    def __init__(self, graph):
        self.graph = graph

    def squash(self, value):
        """Return the softmax or sigmoid, or its logarithm, that computes a value; None if there is none."""
        squash = self.probabilities(value) or self.logarithms(value)
        if squash is None:
            return None
        before, after = squash.logits.shape, value.shape
        # Compare the shapes, because a constant of several elements may have broadcast the logits.
        return squash if before.rank is not None and before.as_list() == after.as_list() else None

    def probabilities(self, value):
        """Return the softmax or sigmoid that computes a value, or None."""
        op = self._producer(value)
        if op is None:
            return None
        if op.type == "Sigmoid":
            return Squash(op.inputs[0])
        if op.type == "Softmax":
            return Squash(op.inputs[0], axes=(op.inputs[0].shape.rank - 1,))
        if op.type == "Exp":
            squash = self.logarithms(op.inputs[0])
            return None if squash is None else squash._replace(is_logarithm=False)
        if op.type == "Sub" and self._is_number(op.inputs[0], 1):
            squash = self.probabilities(op.inputs[1])
            is_sigmoid = squash is not None and squash.axes is None
            return squash._replace(is_negative=not squash.is_negative) if is_sigmoid else None
        for numerator, denominator in self._quotients(op):
            squash = self._sigmoid(numerator, denominator) or self._softmax(numerator, denominator)
            if squash is not None:
                return squash
        return None

    def logarithms(self, value):
        """Return the softmax or sigmoid whose logarithm equals a value, or None."""
        op, squash = self._producer(value), None
        if op is None:
            return None
        if op.type == "LogSoftmax":
            squash = Squash(op.inputs[0], axes=(op.inputs[0].shape.rank - 1,))
        elif op.type == "Log":
            squash = self.probabilities(op.inputs[0])
        elif op.type == "Neg":
            softplus = self._producer(op.inputs[0])
            if softplus is not None and softplus.type == "Softplus":
                # log(sigmoid(z)) = -softplus(-z)
                squash = self._negated(softplus.inputs[0])
        elif op.type == "Sub":
            axes = self._axes_of_logsumexp(op.inputs[1], op.inputs[0])
            squash = None if axes is None else Squash(op.inputs[0], axes=axes)
        return None if squash is None else squash._replace(is_logarithm=True)

    def _quotients(self, op):
        """List pairs of numerator and denominator; a numerator of 1 is listed as None."""
        if op.type in _QUOTIENTS:
            numerator, denominator = op.inputs
            return [(None if self._is_number(numerator, 1) else numerator, denominator)]
        if op.type in _RECIPROCALS:
            return [(None, op.inputs[0])]
        if op.type == "Mul":
            pairs = ((op.inputs[0], op.inputs[1]), (op.inputs[1], op.inputs[0]))
            inverses = ((first, self._producer(second)) for first, second in pairs)
            return [(first, by.inputs[0]) for first, by in inverses if by is not None and by.type in _RECIPROCALS]
        return []

    def _sigmoid(self, numerator, denominator):
        """Match ``1 / (1 + exp(-z))`` and ``exp(z) / (1 + exp(z))``."""
        total = self._producer(denominator)
        if total is None or total.type not in _SUMS:
            return None
        powers = [other for one, other in (total.inputs, total.inputs[::-1]) if self._is_number(one, 1)]
        exponential = self._producer(powers[0]) if powers else None
        if exponential is None or exponential.type != "Exp":
            return None
        if numerator is None:
            return self._negated(exponential.inputs[0])
        return Squash(exponential.inputs[0]) if self._are_same(numerator, powers[0]) else None

    def _negated(self, value):
        """Return the sigmoid of minus a value."""
        op = self._producer(value)
        return Squash(op.inputs[0]) if op is not None and op.type == "Neg" else Squash(value, is_negative=True)

    def _softmax(self, numerator, denominator):
        """Match ``exp(z) / sum(exp(z))``, with or without a maximum subtracted from ``z``."""
        exponential = None if numerator is None else self._producer(numerator)
        if exponential is None or exponential.type != "Exp":
            return None
        axes = self._axes_of_sum(denominator, numerator)
        if axes is None:
            return None
        logits, difference = exponential.inputs[0], self._producer(exponential.inputs[0])
        if difference is not None and difference.type == "Sub":
            given, shift = difference.inputs
            if self._is_shared(shift, given, axes) and self._is_maximum(shift, given):
                logits = given
        return Squash(logits, axes=axes)

    def _axes_of_sum(self, total, summands, broadcast=None):
        """Return the axes of a sum if the total, or a function of the total, is broadcast over the summands."""
        op = self._producer(self._in_any_shape(total))
        if op is None or op.type != "Sum" or not self._are_same(op.inputs[0], summands):
            return None
        axes, rank = self.graph.static_value(op.inputs[1]), summands.shape.rank
        if axes is None or rank is None:
            return None
        axes = tuple(sorted({int(axis) % rank for axis in np.ravel(axes)}))
        is_shared = self._is_shared(total if broadcast is None else broadcast, summands, axes)
        return axes if axes and axes[0] > 0 and is_shared else None

    def _axes_of_logsumexp(self, value, logits):
        """Return the axes of ``log(sum(exp(logits)))`` if a value matches this expression, else None."""
        op, shift = self._producer(self._in_any_shape(value)), None
        if op is not None and op.type in _SUMS:
            # log(sum(exp(z - m))) + m
            pairs = ((self._producer(self._in_any_shape(one)), other) for one, other in (op.inputs, op.inputs[::-1]))
            op, shift = next(((one, other) for one, other in pairs if one is not None and one.type == "Log"), (None, 0))
        total = self._producer(self._in_any_shape(op.inputs[0])) if op is not None and op.type == "Log" else None
        power = self._producer(total.inputs[0]) if total is not None and total.type == "Sum" else None
        if power is None or power.type != "Exp":
            return None
        exponent = power.inputs[0]
        if shift is not None:
            difference = self._producer(exponent)
            if difference is None or difference.type != "Sub":
                return None
            exponent, subtracted = difference.inputs
            if not self._are_same(self._in_any_shape(subtracted), self._in_any_shape(shift)):
                return None
        axes = self._axes_of_sum(total.outputs[0], total.inputs[0], value)
        return axes if axes is not None and self._are_same(exponent, logits) else None

    def _is_maximum(self, value, logits):
        """Test whether a value is a maximum of the logits, perhaps with infinite maxima replaced."""
        op = self._producer(self._in_any_shape(value))
        if op is not None and op.type == "SelectV2":
            op = self._producer(op.inputs[1])
        return op is not None and op.type == "Max" and self._are_same(op.inputs[0], logits)

    def _is_shared(self, value, logits, axes):
        """Test whether a value has one number for all classes and else the shape of the logits."""
        shape = [1 if axis in axes else size for axis, size in enumerate(logits.shape)]
        return value.shape.rank == len(shape) and value.shape[1:].as_list() == shape[1:]

    def _in_any_shape(self, value):
        """Return the value before reshapes and ops that only add axes; the order of the elements is the same."""
        op = self._producer(value)
        while op is not None and op.inputs and (op.facts.hands_on == ops.RESHAPED or _only_adds_axes(op)):
            value = op.inputs[0]
            op = self._producer(value)
        return value

    def _producer(self, value):
        """Return the op that computes a value, looking through copies that layers return."""
        op = self.graph.producer.get(value)
        while op is not None and op.type == "Identity":
            op = self.graph.producer.get(op.inputs[0])
        return op

    def _is_number(self, value, number):
        """Test whether a value is a constant with a single given number."""
        static = self.graph.static_value(value)
        return static is not None and static.size == 1 and static.item() == number

    def _are_same(self, first, second, depth=_DEPTH):
        """Test whether two values are computed by the same ops from the same values."""
        if first is second:
            return True
        made, other = self._producer(first), self._producer(second)
        if made is None or other is None:
            return False
        if made is other:
            # Two copies of an op's only output.
            return len(made.outputs) == 1
        alike = made.type == other.type and len(made.outputs) == len(other.outputs) == 1 and made.body is None
        if not alike or not depth or made.facts.family is ops.RANDOM or len(made.inputs) != len(other.inputs):
            return False
        if made.attributes.keys() != other.attributes.keys():
            return False
        if any(made.attributes[name] != other.attributes[name] for name in made.attributes):
            return False
        pairs = zip(made.inputs, other.inputs, strict=True)
        return all(self._are_same(one, another, depth - 1) for one, another in pairs)


def _only_adds_axes(op):
    """Test whether an op is an index such as ``[:, None]``, which takes all elements and adds axes."""
    if op.type != "StridedSlice" or not op.attribute("new_axis_mask"):
        return False
    before, after = op.inputs[0].shape, op.outputs[0].shape
    added, rank = bin(op.attribute("new_axis_mask")).count("1"), before.rank
    whole = 2 ** (rank + added) - 1 - op.attribute("new_axis_mask") if rank is not None else None
    # Each old axis must be taken as a whole, from its begin to its end.
    taken = (op.attribute(mask) | op.attribute("ellipsis_mask") for mask in ("begin_mask", "end_mask"))
    return after.rank == (rank or 0) + added and all(mask & whole == whole for mask in taken)
