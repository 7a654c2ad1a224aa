import tensorflow as tf

from skdeeplift.propagation.difference import Difference


def test_spread_is_optional():
    assert Difference(tf.zeros(3)).spread is None
