"""What flows through the third stream: differences-from-reference."""

import enum
from typing import NamedTuple

import tensorflow as tf


class Difference(NamedTuple):
    """A difference-from-reference over pairs of rows and references.

    ``delta`` is the value at the input minus the value at the reference. ``spread``, where a rule tells positive and
    negative parts apart, is the positive part minus the negative part, so that ``delta = positive + negative``.
    ``signed_spread``, carried where parts are asked for, is what becomes of the spread if a part keeps its name also
    where a function that falls turns its sign, as in the original implementation.
    """

    delta: tf.Tensor
    spread: tf.Tensor | None = None
    signed_spread: tf.Tensor | None = None


def itself(tensor):
    """The coefficient of a difference; its absolute value is that of the spread."""
    return tensor


class Purpose(enum.Enum):
    """What is read of a pass over the network."""

    # The spreads, for each pair; differences are known from the first two streams where they are read.
    SPREADS = "spreads"
    # The gradient, for each target.
    GRADIENT = "gradient"
    # The differences themselves.
    DIFFERENCES = "differences"
