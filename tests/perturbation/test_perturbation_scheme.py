import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.perturbation.perturbation import Scheme
from tests.perturbation.networks import contributions, method_of


class OneHalfAfterTheOther(Scheme):
    """The first two of four features go to the reference, or the last two; each half's change is shared equally."""

    number = parts = 2

    def find_kept(self, indices, drawn):
        is_first = tf.reshape(tf.range(4) < 2, (1, 1, 4))
        return [tf.equal(is_first, tf.reshape(indices == 1, (-1, 1, 1)))]

    def compute_changes(self, values, at_input, at_reference, drawn):
        return tf.stack(tf.unstack(at_input[None] - values), -1)[None]

    def share_out(self, changes):
        return [tf.repeat(changes / 2, 2, -1)]


def test_a_scheme_of_ones_own_by_hand():
    """f = a b + c d^2 at (2, 3, 1, 4) from zeros is 6 + 16; without the first half 16, without the last 6."""
    scheme = OneHalfAfterTheOther()
    method = method_of(lambda x: x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3] ** 2, [(4,)], lambda _: [scheme])
    got = contributions(method, [np.array([[2.0, 3.0, 1.0, 4.0]])], [np.zeros((1, 4))])
    np.testing.assert_allclose(got.contributions[0], [[3, 3, 8, 8]], rtol=1e-14)
    # Nothing is drawn where nothing says so.
    assert scheme.draw(0, 5) == []
    assert scheme.draws == 1


def test_what_a_scheme_has_to_say():
    class SaysNothing(Scheme):
        pass

    with pytest.raises(TypeError, match=r"abstract methods '?compute_changes'?, '?find_kept'?, '?share_out'?"):
        SaysNothing()
