"""Ops without a rule, integrated numerically along the straight path from the reference to the input."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.propagation import replay
from skdeeplift.propagation.paired_op import PairedOp
from skdeeplift.propagation.pairing import Difference, Purpose
from skdeeplift.propagation.steps import Step

POSITIONS, WEIGHTS = ((np.polynomial.legendre.leggauss(8)[part] + (1 - part)) / 2 for part in (0, 1))


@dataclass(frozen=True, eq=False)
class IntegralStep(Step):
    """An op whose mean derivative along a path carries differences.

    The path leads from the op's inputs at the reference to those at the row (integrated gradients of one op:
    Sundararajan, Taly and Yan 2017, arXiv:1703.01365). The mean is a Gauss-Legendre quadrature of eight points.
    """

    # Positions of the inputs that have differences, and of the outputs.
    positions: tuple
    results: tuple
    # Description of the op for an error.
    described: str
    carries_spread: bool = False

    family = "path integral"
    rule_name = "integrated"

    def reads(self, graph):
        """List the values of the first two streams at both ends of the path."""
        return [*(self.inputs[place] for place in self.positions), *(self.outputs[place] for place in self.results)]

    def carry(self, streams, incoming):
        """Make the differences of the outputs from their values, and compute gradients apart."""
        op = PairedOp(self, streams)
        integral = _Integral(op, [incoming[position].delta for position in self.positions])
        if streams.purpose is Purpose.GRADIENT:
            streams.apart.append(integral)
        after = dict(zip(self.results, integral.outputs, strict=True))
        return [self._difference_of(streams, value, after.get(place)) for place, value in enumerate(self.outputs)]

    def _difference_of(self, streams, value, delta):
        """Make the difference of an output, with a spread if it is needed."""
        if delta is None:
            return None
        if not self.carries_spread:
            return Difference(delta)
        # Parts of a difference do not pass through the op. Behind it they start afresh from the sign of the difference.
        sign = tf.sign(streams.delta(value))
        return Difference(delta, sign * delta, sign * delta if streams.settings.tells_parts else None)


class _Integral:
    """One pass over an op, which computes its gradient itself."""

    def __init__(self, op, inputs):
        self.op, self.inputs = op, inputs
        self.outputs = [op.streams.delta(op.outputs[place]) for place in op.step.results]

    def gradients(self, of_outputs):
        """Compute the gradients by the inputs: the mean of the op's gradient along the path."""
        op, step = self.op, self.op.step
        filled = [
            tf.zeros_like(delta) if each is None else each for each, delta in zip(of_outputs, self.outputs, strict=True)
        ]
        total = [0] * len(step.positions)
        for position, weight in zip(POSITIONS, WEIGHTS, strict=True):
            points = [
                op.combine(lambda x, r, position=position: r + position * (x - r), step.inputs[place])
                for place in step.positions
            ]
            operands = [
                points[step.positions.index(place)] if place in step.positions else op.constant(place)
                for place in range(len(step.inputs))
            ]
            results = replay.create(step.op, operands)
            try:
                found = tf.gradients([results[place] for place in step.results], points, filled)
            except LookupError as error:
                raise UnsupportedOpError(
                    f"There is no rule for {step.described}, and unsupported='integrate' can not help: TensorFlow has "
                    "no derivative of it."
                ) from error
            total = [
                so_far if each is None else so_far + weight * each for so_far, each in zip(total, found, strict=True)
            ]
        return [tf.zeros_like(delta) + each for delta, each in zip(self.inputs, total, strict=True)]
