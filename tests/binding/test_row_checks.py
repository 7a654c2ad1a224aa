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
    OcclusionExplainer,
)
from skdeeplift.binding.row_checks import rows_are_independent
from skdeeplift.exceptions import UnsupportedOpError
from tests.functions import streams_of

TABLE = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
TOKENS = np.array([[1, 2, 3], [4, 0, 2]], np.int32)


@pytest.fixture(scope="module")
def softmax_network():
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Dense(8, activation="gelu", name="hidden")
    return keras.Sequential([keras.Input((5,)), hidden, keras.layers.Dense(3, activation="softmax")])


ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


def mixing(function):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, activation="tanh")(inputs)
    outputs = keras.layers.Lambda(function, output_shape=(3,))(hidden)
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x - keras.ops.mean(x, axis=0),
        lambda x: x[:1] + 0 * x,
        lambda x: keras.ops.flip(x, axis=0),
        lambda x: keras.ops.roll(x, 1, axis=0),
        lambda x: keras.ops.softmax(x, axis=0),
        lambda x: keras.ops.reshape(x, (-1, 1)),
        lambda x: x[1:],
        keras.ops.sum,
        keras.ops.transpose,
        lambda x: keras.ops.tanh(x[:, :1] + keras.ops.reshape(x[:, 0], (-1,))),
    ],
)
def test_network_that_mixes_rows(function):
    with pytest.raises(ValueError, match=r"depends on the other rows|one entry for each row"):
        DeepLiftExplainer(mixing(function), target=0).fit(ROWS)


def test_batch_axis_used_for_two_branches():
    """One encoder for two versions of the row, joined along the batch axis and cut again: rows stay apart."""

    def both(x):
        first, second = keras.ops.split(keras.ops.tanh(keras.ops.concatenate([x, -2 * x], 0)), 2, 0)
        return first + 2 * second

    explanation = DeepLiftExplainer(mixing(both), target=0, reference=ROWS[:3]).fit(ROWS).explain(ROWS)
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    assert np.abs(explanation.convergence_delta).max() <= 1e-5 * change


@pytest.mark.parametrize(
    "function",
    [
        lambda output: output[:, 0] - tf.reduce_mean(output[:, 0]),
        lambda logits: logits[:, 0] / tf.reduce_sum(logits[:, 0]),
        lambda logits: tf.exp(logits[:, 0]) / tf.reduce_sum(tf.exp(logits[:, 0])),
    ],
)
@pytest.mark.parametrize("batch_size", [1, "auto"])
def test_function_that_mixes_rows(softmax_network, function, batch_size):
    with pytest.raises(ValueError, match="depends on the other rows of its batch"):
        DeepLiftExplainer(softmax_network, target=function, batch_size=batch_size).fit(TABLE)
    with pytest.raises(ValueError, match="depends on the other rows of its batch"):
        DeepLiftExplainer(softmax_network, target=0, batch_size=batch_size).fit(TABLE).explain(TABLE, target=function)


def test_rows_of_a_layer_must_come_first():
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            layers.Lambda(lambda x: tf.transpose(x, [1, 0, 2]), name="time_major"),
            layers.Lambda(lambda x: tf.nn.relu(tf.transpose(x, [1, 0, 2])), name="back"),
            layers.TimeDistributed(layers.Dense(2), name="distributed"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    rows = np.random.default_rng(0).normal(size=(5, 4, 3))
    with pytest.raises(ValueError, match="one after the other on its first axis"):
        DeepLiftExplainer(model, layer="time_major", target=0).fit(rows)
    for layer in ("back", "distributed"):
        explanation = DeepLiftExplainer(model, layer=layer, target="all").fit(rows).explain(rows)
        np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-5)


def test_hypothetical_is_for_letters(softmax_network):
    explainer = DeepLiftExplainer(softmax_network).fit(TABLE)
    with pytest.raises(ValueError, match="exactly one entry is 1"):
        explainer.explain(TABLE, hypothetical=True)
    with pytest.raises(ValueError, match="takes True, False or an int"):
        explainer.explain(TABLE, hypothetical="yes")
    with pytest.raises(ValueError, match="Fit an explainer with layer=None"):
        DeepLiftExplainer(softmax_network, layer="hidden").fit(TABLE).explain(TABLE, hypothetical=True)


@pytest.mark.parametrize("wanted", [{"multipliers": True}, {"hypothetical": True}, {"hypothetical": 1}])
def test_multipliers_are_those_of_what_is_looked_up(wanted):
    inputs = keras.Input((3,), dtype="int32")
    looked_up = keras.layers.Embedding(5, 2, name="embedding")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(looked_up)))
    fitted = DeepLiftExplainer(model, reference="zeros").fit(TOKENS)
    with pytest.raises(ValueError, match=r"X holds integers.*have no multipliers.*layer=\"embedding\""):
        fitted.explain(TOKENS, **wanted)
    of_layer = DeepLiftExplainer(model, layer="embedding").fit(TOKENS)
    assert of_layer.explain(TOKENS, multipliers=True).multipliers.shape == (2, 3, 2)


def test_random_numbers_are_no_mixing_of_rows():
    inputs = keras.Input((4,))
    noisy = keras.layers.Lambda(lambda x: x * tf.random.stateless_uniform(tf.shape(x), (1, 2)), output_shape=(4,))
    with pytest.raises(UnsupportedOpError, match=r"reads the op 'StatelessRandomUniformV2' .* random or has state"):
        DeepLiftExplainer(keras.Model(inputs, keras.layers.Dense(1)(noisy(inputs)))).fit(ROWS)


@pytest.mark.parametrize(
    ("function", "op_type"),
    [
        (lambda x: tf.clip_by_norm(x, 1e9), "Sum"),
        (lambda x: x + tf.nn.relu(tf.reduce_mean(x, 0) - 1e9), "Mean"),
        (lambda x: x / tf.maximum(tf.reduce_max(tf.abs(x)), 1e9), "Max"),
        (lambda x: x + tf.nn.relu(x[0] - 1e9), "StridedSlice"),
    ],
)
@pytest.mark.parametrize("explainer_class", [DeepLiftExplainer, OcclusionExplainer])
def test_numbers_of_several_rows_that_small_rows_do_not_show(function, op_type, explainer_class):
    inputs = keras.Input((4,))
    mixed = keras.layers.Lambda(function, output_shape=(4,))(inputs)
    with pytest.raises(ValueError, match=rf"other rows of its batch.*look for the op '{op_type}' .*without an axis"):
        explainer_class(keras.Model(inputs, keras.layers.Dense(1)(mixed)), reference="zeros").fit(ROWS)


def test_rows_that_only_large_rows_change():
    def accumulate(x):
        return x + tf.nn.relu(tf.cumsum(x, 0) - 1000)

    assert not rows_are_independent(streams_of(accumulate, (4,)), [ROWS[:1]])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.clip_by_norm(x, 1.0, axes=[1]),
        lambda x: tf.map_fn(lambda row: row - tf.reduce_mean(row), x),
        lambda x: tf.debugging.check_numerics(1e38 * x, "too large"),
        lambda x: x * tf.reduce_sum(tf.constant([1.0, 2.0])),
    ],
)
def test_networks_that_keep_rows_apart(function):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Lambda(function, output_shape=(4,))(inputs)))
    OcclusionExplainer(model, reference="zeros").fit(ROWS * 1e-3)


@pytest.mark.parametrize(
    ("function", "independent"),
    [
        (tf.nn.relu, True),
        (lambda x: tf.reduce_sum(tf.sin(x * 1000) * 1000, 1) * 1e-9, True),
        (lambda x: x - tf.reduce_mean(x, 0), False),
        (lambda x: tf.reshape(x, [-1, 2]), False),
        (lambda x: tf.reverse(x, [0]), False),
    ],
)
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_rows_alone_and_in_company(function, independent, dtype):
    row = np.random.default_rng(0).normal(size=(1, 4)).astype(dtype.as_numpy_dtype)
    for each in (row, np.zeros_like(row)):
        # A reversed batch of one row of zeros among others shows as well.
        assert rows_are_independent(streams_of(function, (4,), dtype=dtype), [each]) == independent


def test_hypothetical_is_for_one_input():
    inputs = [keras.Input((5, 4), name=name) for name in ("one", "other")]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Add()(inputs))))
    letters = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(4, size=(3, 5))]
    explainer = DeepLiftExplainer(model, reference="zeros").fit([letters, letters])
    with pytest.raises(ValueError, match=r"is for networks with one input.*the inputs .*one.*other"):
        explainer.explain([letters, letters], hypothetical=True)


OF_DERIVATIVES = [
    GradientExplainer,
    GuidedBackpropExplainer,
    LRPExplainer,
    IntegratedGradientsExplainer,
    ExpectedGradientsExplainer,
]


@pytest.mark.parametrize("kind", OF_DERIVATIVES)
def test_methods_of_derivatives_warn_of_rounding(kind):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)])
    network.quantize("int8")
    message = (
        rf"rounds numbers on the way to the target, by the op 'Round' .*, and \d more\. .* {kind.__name__} does not"
    )
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
