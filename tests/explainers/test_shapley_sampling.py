"""Shapley values as users hold them."""

import itertools
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from sklearn.base import clone

from skdeeplift import DeepLiftExplainer, ShapleySamplingExplainer

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(6, 15))
SMALL = ROWS[:, :5]


def dense(n_features, dtype="float64", activation="tanh"):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((n_features,), dtype=dtype),
            layers.Dense(8, activation, dtype=dtype, name="hidden"),
            layers.Dense(3, dtype=dtype),
        ]
    )


def over_all_orders(predict, row, reference, players):
    """The mean over all orders of what each player changes when it comes in."""
    n, total = players.max() + 1, 0
    orders = list(itertools.permutations(range(n)))
    known = {}
    for order in orders:
        changes = np.zeros(n)
        for position, player in enumerate(order):
            for members in (frozenset(order[:position]), frozenset(order[: position + 1])):
                if members not in known:
                    known[members] = predict(np.where(np.isin(players, list(members)), row, reference)[None]).item()
            changes[player] = known[frozenset(order[: position + 1])] - known[frozenset(order[:position])]
        total = total + changes / len(orders)
    return total


@pytest.fixture(scope="module")
def fitted():
    return ShapleySamplingExplainer(dense(15), reference=ROWS[:2], target="all", random_state=0).fit(ROWS)


def test_few_columns_exactly():
    model = dense(5)
    explainer = ShapleySamplingExplainer(model, reference=SMALL[0], target=1, check="raise").fit(SMALL)
    explanation = explainer.explain(SMALL)
    expected = [over_all_orders(lambda x: np.asarray(model(x))[:, 1], row, SMALL[0], np.arange(5)) for row in SMALL]
    np.testing.assert_allclose(explanation.contributions, expected, rtol=0, atol=1e-13)
    assert explanation.standard_error is None
    assert np.abs(explanation.convergence_delta).max() < 1e-13


def test_values_of_captum():
    """The numbers are those of captum 0.9.0: ShapleyValues, over all orders."""
    weights = np.sin(np.arange(1, 25)).reshape(6, 4), np.full(4, 0.1), np.cos(np.arange(1, 9)).reshape(4, 2)
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="float64"),
            layers.Dense(4, "relu", dtype="float64"),
            layers.Dense(2, use_bias=False, dtype="float64"),
        ]
    )
    model.set_weights(weights)
    rows = np.cos(np.arange(12) * 1.7).reshape(2, 6)
    explainer = ShapleySamplingExplainer(model, reference=0.25 * np.sin(np.arange(6)), target=1).fit(rows)
    expected = [
        [-0.46596038, -0.28079787, 0.7424191, 0.0004082435, 0.5535945, 0.28551257],
        [0.026742252, 0.15318124, -0.05534424, -0.068773046, -0.019169787, -0.17941803],
    ]
    # Captum adds up in single precision.
    np.testing.assert_allclose(explainer.transform(rows), expected, rtol=1e-5, atol=1e-6)


def test_contributions_sum_to_the_change(fitted):
    explanation = fitted.explain(ROWS)
    change = np.asarray(fitted.estimator(ROWS)) - np.asarray(fitted.estimator(ROWS[:2])).mean(0)
    np.testing.assert_allclose(explanation.contributions.sum(1), change, rtol=0, atol=1e-12)
    np.testing.assert_allclose(explanation.prediction - explanation.reference_value, change, rtol=0, atol=1e-12)
    assert explanation.standard_error.shape == (6, 15, 3)
    for target in range(3):
        alone = fitted.explain(ROWS, target=target)
        np.testing.assert_allclose(alone.contributions, explanation.contributions[..., target], rtol=0, atol=1e-13)
        np.testing.assert_allclose(alone.standard_error, explanation.standard_error[..., target], rtol=0, atol=1e-8)


def test_linear_networks_have_no_noise():
    """Each order says the same, and so do all rules of DeepLIFT."""
    model = dense(15, activation="linear")
    explanation = ShapleySamplingExplainer(model, reference="zeros", n_permutations=4, target=0).fit(ROWS).explain(ROWS)
    expected = DeepLiftExplainer(model, reference="zeros", target=0).fit(ROWS).transform(ROWS)
    np.testing.assert_allclose(explanation.contributions, expected, rtol=0, atol=1e-12)
    assert explanation.standard_error.max() < 1e-7


def test_neither_batches_nor_other_rows_matter(fitted):
    expected = fitted.transform(ROWS)
    np.testing.assert_array_equal(fitted.transform(ROWS), expected)
    np.testing.assert_allclose(fitted.transform(ROWS[::-1])[::-1], expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(fitted.transform(ROWS[3:4]), expected[3:4], rtol=0, atol=1e-13)
    for batch_size in (1, 30):
        explainer = clone(fitted).set_params(batch_size=batch_size, max_samples=1).fit(ROWS)
        np.testing.assert_allclose(explainer.transform(ROWS[:3]), expected[:3], rtol=0, atol=1e-13)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(fitted)).transform(ROWS), expected, rtol=0, atol=1e-13)


def test_orders_come_from_the_random_state(fitted):
    expected = fitted.transform(ROWS)
    again, other, unseeded = (clone(fitted).set_params(random_state=seed).fit(ROWS) for seed in (0, 1, None))
    np.testing.assert_array_equal(again.transform(ROWS), expected)
    assert np.abs(other.transform(ROWS) - expected).max() > 1e-4
    np.testing.assert_array_equal(unseeded.transform(ROWS), unseeded.transform(ROWS))
    of_rows = np.broadcast_to(ROWS[:2], (6, 2, 15))
    got = fitted.explain(ROWS, reference=of_rows).contributions.reshape(6, 45)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13)


def test_groups_of_a_frame():
    frame = pd.DataFrame(ROWS, columns=[f"x{each}" for each in range(15)])
    groups = {"a": ["x0", "x4"], "b": frame.columns[5:], "c": ["x1", "x2", "x3"]}
    players = np.array([0, 2, 2, 2, 0, *[1] * 10])
    model = dense(15)
    got = ShapleySamplingExplainer(model, groups=groups, reference="zeros", target=2).fit(frame).transform(frame)
    for row, contributions in zip(ROWS, got, strict=True):
        expected = over_all_orders(lambda x: np.asarray(model(x))[:, 2], row, np.zeros(15), players)
        np.testing.assert_allclose(contributions, (expected / [2, 10, 3])[players], rtol=0, atol=1e-13)


def test_channels_of_a_pixel_are_one_player():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            layers.Conv2D(4, 2, activation="relu"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    images = GENERATOR.normal(size=(3, 2, 2, 3)).astype(np.float32)
    got = ShapleySamplingExplainer(model, sampling_axes=(1, 2), reference="zeros").fit(images).transform(images)
    players = np.repeat(np.arange(4).reshape(2, 2, 1), 3, 2)
    for image, contributions in zip(images, got, strict=True):
        expected = over_all_orders(lambda x: np.asarray(model(x)), image, np.zeros((2, 2, 3), np.float32), players)
        np.testing.assert_allclose(contributions, (expected / 3)[players], rtol=0, atol=1e-6)
    whole = ShapleySamplingExplainer(model, sampling_axes=(), reference="zeros").fit(images).transform(images)
    change = np.asarray(model(images) - model(np.zeros((1, 2, 2, 3), np.float32)))[:, 0]
    np.testing.assert_allclose(whole, np.broadcast_to(change.reshape(3, 1, 1, 1) / 12, whole.shape), rtol=0, atol=1e-6)


@pytest.mark.slow
def test_several_inputs_play_together():
    keras.utils.set_random_seed(0)
    first, second = keras.Input((2,), name="first"), keras.Input((3, 2), name="second")
    joined = layers.Concatenate()([first, layers.LSTM(3)(second)])
    model = keras.Model([first, second], layers.Dense(1)(layers.Dense(4, "tanh")(joined)))
    X = [GENERATOR.normal(size=(3, 2)).astype(np.float32), GENERATOR.normal(size=(3, 3, 2)).astype(np.float32)]
    explainer = ShapleySamplingExplainer(model, sampling_axes={"first": 1, "second": (1,)}, reference="zeros").fit(X)
    got = explainer.transform(X)

    def predict(flat):
        return np.asarray(model([flat[:, :2].astype("float32"), flat[:, 2:].reshape(-1, 3, 2).astype("float32")]))

    players = np.array([0, 1, 2, 2, 3, 3, 4, 4])
    for number in range(3):
        row = np.concatenate([X[0][number], X[1][number].ravel()])
        expected = over_all_orders(predict, row, np.zeros(8), players)
        np.testing.assert_allclose(got[0][number], expected[:2], rtol=0, atol=1e-6)
        np.testing.assert_allclose(got[1][number], np.repeat(expected[2:, None] / 2, 2, 1), rtol=0, atol=1e-6)


def test_tokens():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,), dtype="int32")
    model = keras.Model(inputs, layers.Dense(1)(layers.LSTM(4)(layers.Embedding(7, 3, mask_zero=True)(inputs))))
    model.set_weights([5 * weights for weights in model.get_weights()])
    rows = GENERATOR.integers(1, 7, size=(3, 5))
    got = ShapleySamplingExplainer(model).fit(rows).transform(rows)
    for row, contributions in zip(rows, got, strict=True):
        expected = over_all_orders(lambda x: np.asarray(model(x)), row, np.zeros(5, int), np.arange(5))
        np.testing.assert_allclose(contributions, expected, rtol=0, atol=5e-6)
    assert np.abs(got).max() > 0.1


def test_units_of_layers():
    """All ways pass the layer, so that its units' contributions sum to the change too; each layer by itself."""
    model = dense(15)
    explainer = ShapleySamplingExplainer(model, layer=["hidden:pre_activation", "hidden"], target=0, reference="zeros")
    explanation = explainer.fit(ROWS).explain(ROWS)
    change = explanation.prediction - explanation.reference_value
    for contributions in explanation.contributions:
        assert contributions.shape == (6, 8)
        np.testing.assert_allclose(contributions.sum(1), change, rtol=0, atol=1e-12)
    hidden = np.tanh(ROWS @ model.layers[0].get_weights()[0])
    expected = hidden * model.layers[1].get_weights()[0][:, 0]
    for contributions in explanation.contributions:
        np.testing.assert_allclose(contributions, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_permutations": 0}, "'n_permutations' parameter"),
        ({"n_permutations": -3}, "'n_permutations' parameter"),
        ({"antithetic": "yes"}, "'antithetic' parameter"),
        ({"sampling_axes": 2}, "sampling_axes= takes different axes .* from 1 to 1"),
        ({"sampling_axes": 1, "groups": [0] * 5}, "Pass sampling_axes= or groups=, not both"),
        ({"groups": {"a": [0, 1, 2, 3], "b": [3, 4]}}, "the column 3 twice, in the groups 'a' and 'b'"),
        ({"groups": {"a": [0, 1, 2, 3], "b": ["age"]}}, "the column 'age' in the group 'b'"),
    ],
)
def test_bad_parameters(parameters, message):
    explainer = ShapleySamplingExplainer(dense(5), target=0, **parameters)
    with pytest.raises(ValueError, match=message):
        explainer.fit(SMALL)
    assert not hasattr(explainer, "network_")
