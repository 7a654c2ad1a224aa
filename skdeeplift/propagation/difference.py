"""What flows through the third stream: differences-from-reference."""

from typing import NamedTuple

import tensorflow as tf


class Difference(NamedTuple):
    """A difference-from-reference over pairs of rows and references.

    ``delta`` is the value at the input minus the value at the reference. ``spread``, where a rule tells positive and
    negative parts apart, is the positive part minus the negative part, so that ``delta = positive + negative``.
    """

    delta: tf.Tensor
    spread: tf.Tensor | None = None
