import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, OcclusionExplainer
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


@pytest.mark.sampled(3)
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
    with pytest.raises(ValueError, match="one entry for each row on its first axis"):
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
    with pytest.raises(ValueError, match=r"network uses X as indices.*have no multipliers.*layer=\"embedding\""):
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
    with pytest.raises(ValueError, match=rf"other rows of its batch.*Look for the op '{op_type}' .*without an axis"):
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


def two_sequences():
    inputs = [keras.Input((5, 4), name=name) for name in ("one", "other")]
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Add()(inputs))))
    letters = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(4, size=(3, 5))]
    return DeepLiftExplainer(model, reference="zeros").fit([letters, letters]), letters


def test_hypothetical_of_several_inputs():
    explainer, letters = two_sequences()
    explanation = explainer.explain([letters, letters], hypothetical=True)
    assert explanation.letters_axis == [1, 1]
    for array in explanation.hypothetical:
        np.testing.assert_allclose((array * letters).sum(-1), explanation.contributions[0].sum(-1), rtol=1e-6)
    explanation = explainer.explain({"one": letters, "other": 2 * letters}, hypothetical={"one": -1})
    assert explanation.letters_axis == {"one": 1, "other": None}
    assert explanation.hypothetical["other"] is None
    # Two letters at a position are no letter.
    assert explainer.explain([2 * letters, letters], hypothetical=True).letters_axis == [None, 1]


@pytest.mark.parametrize(
    ("hypothetical", "message"),
    [
        (2, r"names an axis of one input.*a dict such as {'one': 2}"),
        ({"three": True}, "names the input 'three', which is none of one, other"),
        ([True], "one entry for each of 2 inputs. Got 1"),
        ({"one": "yes"}, "takes True, False or an int"),
        ({"one": 1}, "is not one-hot along this axis"),
        ([False, False], "none of these holds any"),
    ],
)
def test_hypothetical_names_inputs_and_their_axes(hypothetical, message):
    explainer, letters = two_sequences()
    with pytest.raises(ValueError, match=message):
        explainer.explain([letters, letters], hypothetical=hypothetical)
    # The advice works.
    assert explainer.explain([letters, letters], hypothetical={"one": 2}).hypothetical[0].shape == letters.shape


def test_no_input_holds_letters():
    explainer, letters = two_sequences()
    with pytest.raises(ValueError, match="none of these holds any"):
        explainer.explain([letters * 0, letters * 0], hypothetical=True)


def test_means_of_a_batch_that_nothing_reads():
    """A batch normalisation returns its means and variances too, also where it only applies them."""

    @tf.function(input_signature=[tf.TensorSpec((None, 2, 2, 2), tf.float32)])
    def network(images):
        parameters = {name: [1.0, 2.0] for name in ("scale", "offset", "mean", "variance")}
        normalised, *_ = tf.compat.v1.nn.fused_batch_norm(images, **parameters, epsilon=0.0, is_training=False)
        return tf.reduce_sum(normalised, [1, 2, 3])

    images = np.random.default_rng(0).normal(size=(3, 2, 2, 2)).astype("float32")
    contributions = DeepLiftExplainer(network, reference="zeros").fit(images).transform(images)
    np.testing.assert_allclose(contributions, images * np.array([1, 2]) / np.sqrt([1, 2]), rtol=1e-5)
