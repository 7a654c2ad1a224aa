"""Networks that round numbers, which methods of derivatives do not see."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
)

ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
OF_DERIVATIVES = [
    GradientExplainer,
    GuidedBackpropExplainer,
    LRPExplainer,
    IntegratedGradientsExplainer,
    ExpectedGradientsExplainer,
]


@pytest.mark.sampled(3)
@pytest.mark.advice
@pytest.mark.parametrize("kind", OF_DERIVATIVES)
def test_methods_of_derivatives_warn_of_rounding(kind):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)])
    network.quantize("int8")
    message = rf"rounds numbers on the way to the target, by the op 'Round' .*, and \d more\. .* {kind.__name__} misses"
    with pytest.warns(RuntimeWarning, match=message):
        kind(network).fit(ROWS)
    # The advice: differences see these steps.
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert DeepLiftExplainer(network, check="raise").fit(ROWS).transform(ROWS).any()


@pytest.mark.parametrize(
    "function",
    [
        # Steps that only decide, or find a place, leave a derivative that is right where nothing is decided anew.
        lambda x: tf.where(tf.round(x) > 0, x, 0.1 * x),
        lambda x: x * tf.gather(x, tf.argmax(x, 1), batch_dims=1)[:, None],
        # This one's derivative is that of the identity.
        tf.quantization.fake_quant_with_min_max_args,
        lambda x: x * tf.cast(tf.cast(x, tf.bool), tf.float32),
        lambda x: tf.round(tf.ones_like(x)) * x,
    ],
)
def test_methods_of_derivatives_do_not_warn_of_other_steps(function):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(function)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        GradientExplainer(network, target=0).fit(ROWS)


def test_rounding_in_a_loop_and_before_a_layer():
    def loop(x):
        return tf.while_loop(lambda step, _: step < 2, lambda step, y: (step + 1, tf.round(3 * y) / 3), [0, x])[1]

    after = keras.layers.Dense(2, "tanh", name="after")
    network = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(loop), after, keras.layers.Dense(1)])
    with pytest.warns(RuntimeWarning, match=r"by the op 'Round'"):
        GradientExplainer(network).fit(ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        GradientExplainer(network, layer="after").fit(ROWS)
