"""The secant of an op without a rule: values by hand, layouts of rows, loops, and the ways out that errors name."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from skdeeplift import DeepLiftExplainer, describe
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.propagation.rulesets import rule_set_of
from tests.functions import streams_of

GENERATOR = np.random.default_rng(0)


def network(function, before=(), dtype="float64"):
    return keras.Sequential(
        [keras.Input((4,), dtype=dtype), *before, layers.Lambda(function, dtype=dtype, name="lambda")]
    )


def test_by_hand():
    """The angle of (3, 4) is sorted in at 2 of (1, 2, 5); the change is shared by squared differences."""

    def places(x):
        return tf.cast(
            tf.searchsorted(tf.constant([[1.0, 2.0, 5.0]], tf.float64), tf.reshape(x[:, :2], (1, -1))), x.dtype
        )

    def function(x):
        return tf.reshape(places(x), (-1, 2))

    explainer = DeepLiftExplainer(network(function), reference="zeros", target=1, unsupported="secant")
    with pytest.raises(UnsupportedOpError, match="its elements cannot be assigned to rows"):
        explainer.fit([[3.0, 4.0, 0, 0]])

    def by_row(x):
        bounds = tf.tile(tf.constant([[1.0, 2.0, 5.0]], tf.float64), [tf.shape(x)[0], 1])
        return tf.cast(tf.searchsorted(bounds, x), x.dtype)

    explainer = DeepLiftExplainer(network(by_row), reference="zeros", target=1, unsupported="secant")
    # From 0 to 2: 9 / 25 of it by the first number, though the output does not depend on it, and 16 / 25 by the second.
    found = explainer.fit([[3.0, 4.0, 0, 0]]).transform([[3.0, 4.0, 0, 0]])
    np.testing.assert_allclose(found, [[2 * 9 / 25, 2 * 16 / 25, 0, 0]])


FUNCTIONS = {
    "Qr": lambda x: tf.linalg.qr(tf.reshape(x, (-1, 2, 2))).q,
    "LogMatrixDeterminant": lambda x: tf.math.real(
        tf.linalg.slogdet(tf.reshape(tf.complex(x, 1 - x**2), (-1, 2, 2)))[1][:, None] + 0j
    ),
    "UpperBound": lambda x: tf.cast(tf.searchsorted(tf.sort(x), tf.tanh(x), side="right"), x.dtype),
    "Betainc": lambda x: tf.math.betainc(tf.abs(x) + 1, x**2 + 2, tf.nn.sigmoid(x)),
    "AdjustContrastv2": lambda x: tf.cast(tf.image.adjust_contrast(tf.reshape(x, (-1, 4, 1, 1)), 2.0), x.dtype),
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel", {"last": "reveal_cancel"}])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_contributions_sum_and_each_row_stands_alone(name, rule):
    keras.utils.set_random_seed(0)
    dense = [layers.Dense(4, "tanh", dtype="float64"), layers.Flatten(dtype="float64")]
    after = [layers.Flatten(dtype="float64"), layers.Dense(3, "tanh", dtype="float64", name="last")]
    after = [*after, layers.Dense(2, dtype="float64")]
    model = keras.Sequential([keras.Input((4,), dtype="float64"), *network(FUNCTIONS[name], dense).layers, *after])
    model.build((None, 4))
    X, reference = GENERATOR.normal(size=(2, 6, 4))
    assert name in set(describe(model).op[~describe(model).supported])
    assert describe(model, unsupported="secant").supported.all()
    explainer = DeepLiftExplainer(
        model, rule=rule, target="all", reference=reference[:2], unsupported="secant", check="raise"
    )
    explanation = explainer.fit(X).explain(X)
    change = np.abs(explanation.prediction - explanation.reference_value).max()
    tolerance = (1e-6 if name == "AdjustContrastv2" else 1e-10) * change
    np.testing.assert_allclose(explanation.convergence_delta, np.zeros((6, 2)), atol=tolerance)
    np.testing.assert_allclose(explainer.explain(X[[2]]).contributions[0], explanation.contributions[2], atol=tolerance)


def sums_to_the_change(function, rows, references):
    streams = streams_of(function, rows.shape[1:], rule_set=rule_set_of("rescale", "secant"))
    return streams.first_departure([rows], [references], 1e-10) is None


def test_where_the_rows_are_not_the_first_axis():
    rows, references = GENERATOR.normal(size=(2, 5, 3, 2))

    def time_major(x):
        steps = tf.transpose(x, [1, 0, 2])
        found = tf.math.betainc(tf.abs(steps) + 1, steps**2 + 2, tf.nn.sigmoid(steps))
        return tf.reshape(tf.transpose(found, [1, 0, 2]), (-1, 6))

    def folded(x):
        flat = tf.reshape(x, (-1, 2))
        return tf.reshape(tf.math.betainc(tf.abs(flat) + 1, flat**2 + 2, tf.nn.sigmoid(flat)), (-1, 6))

    streams = streams_of(time_major, (3, 2), rule_set=rule_set_of("rescale", "secant"))
    assert streams.needs_pair_size
    for function in (time_major, folded):
        assert sums_to_the_change(function, rows, references)


@pytest.mark.parametrize("rule", ["rescale", pytest.param("reveal_cancel", marks=pytest.mark.slow)])
def test_in_a_loop_over_rows_and_in_a_loop_over_steps(rule):
    def over_rows(x):
        return tf.map_fn(lambda row: tf.tanh(tf.roll(row, tf.cast(tf.round(row[0]), tf.int32), 0)), x)

    def over_steps(x):
        def step(number, state):
            return number + 1, tf.tanh(tf.cast(tf.searchsorted(tf.sort(x), state + x), x.dtype) - 2)

        return tf.while_loop(lambda number, _: number < 3, step, (0, tf.zeros_like(x)))[1]

    rows, references = 2 * GENERATOR.normal(size=(2, 6, 4))
    for function in (over_rows, over_steps):
        streams = streams_of(function, (4,), rule_set=rule_set_of(rule, "secant"))
        assert streams.first_departure([rows], [references], 1e-10) is None
        x = keras.Input((4,), dtype="float64")
        hidden = layers.Reshape((4,), dtype="float64")(layers.Lambda(function, output_shape=(4,), dtype="float64")(x))
        model = keras.Model(x, layers.Dense(1, dtype="float64")(hidden))
        explainer = DeepLiftExplainer(model, rule=rule, reference=references[:2], unsupported="secant", check="raise")
        explanation = explainer.fit(rows).explain(rows)
        np.testing.assert_allclose(explainer.transform(rows[[1]])[0], explanation.contributions[1], atol=1e-10)


def test_an_error_names_the_ways_out_that_there_are():
    def message(function, unsupported="raise"):
        with pytest.raises(UnsupportedOpError) as caught:
            DeepLiftExplainer(network(function), target=0, unsupported=unsupported).fit(np.ones((3, 4)))
        return str(caught.value)

    of_decomposition = message(FUNCTIONS["Qr"])
    assert "pass unsupported='integrate'" in of_decomposition
    assert "pass unsupported='secant'" in of_decomposition
    of_places = message(FUNCTIONS["UpperBound"])
    assert "integrate" not in of_places
    assert "pass unsupported='secant'" in of_places
    assert "unsupported='integrate' cannot help" in message(FUNCTIONS["UpperBound"], "integrate")

    def kept(x):
        return tf.scatter_nd(tf.where(x > 0), tf.gather_nd(x, tf.where(x > 0)), tf.shape(x, tf.int64))

    of_selection = message(kept)
    assert "unsupported" not in of_selection
    assert "the size of its result depends on values" in of_selection
    assert "unsupported='secant' cannot help" in message(kept, "secant")


@pytest.mark.slow
def test_it_changes_nothing_where_there_is_a_rule():
    model = network(lambda x: tf.gather(tf.where(x > 0, x, -2 * x), tf.argmax(x, 1), batch_dims=1)[:, None])
    rows, references = GENERATOR.normal(size=(2, 5, 4))
    raising, by_secant, integrating = (
        DeepLiftExplainer(model, reference=references[:1], unsupported=unsupported).fit(rows).transform(rows)
        for unsupported in ("raise", "secant", "integrate")
    )
    np.testing.assert_array_equal(by_secant, raising)
    np.testing.assert_array_equal(integrating, raising)
