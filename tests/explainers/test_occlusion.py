"""Occlusion as users hold it."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from sklearn.base import clone
from sklearn.feature_selection import SelectFromModel

from skdeeplift import OcclusionExplainer

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(9, 6)).astype(np.float32)
IMAGES = GENERATOR.normal(size=(4, 6, 5, 2)).astype(np.float32)


def dense(dtype="float32", outputs=3):
    keras.utils.set_random_seed(0)
    hidden = layers.Dense(8, activation="tanh", dtype=dtype, name="hidden")
    squashed = [layers.Softmax(dtype=dtype)] if outputs > 1 else []
    return keras.Sequential([keras.Input((6,), dtype=dtype), hidden, layers.Dense(outputs, dtype=dtype), *squashed])


def convolutional():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            layers.Conv2D(3, 2, activation="relu", name="convolution"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )


def logits(model):
    return keras.Model(model.inputs[0], model.layers[-2].output)


def occluded(predict, rows, references, sets):
    """Return the change by each set of elements, from separate calls of the network; means over references."""
    changes = []
    for elements in sets:
        change = 0
        for reference in references:
            perturbed = rows.reshape(len(rows), -1).copy()
            perturbed[:, elements] = reference.ravel()[elements]
            change = change + predict(rows) - predict(perturbed.reshape(rows.shape))
        changes.append(change / len(references))
    return np.array(changes)


@pytest.fixture(scope="module")
def fitted():
    return OcclusionExplainer(dense(), reference=ROWS[:3], target="all", pre_activation=True).fit(ROWS)


def test_each_column_by_itself(fitted):
    model = logits(fitted.estimator)
    expected = occluded(lambda x: np.asarray(model(x)), ROWS, ROWS[:3], [[each] for each in range(6)])
    explanation = fitted.explain(ROWS)
    np.testing.assert_allclose(explanation.contributions, np.moveaxis(expected, 0, 1), rtol=0, atol=1e-5)
    np.testing.assert_allclose(fitted.transform(ROWS), np.moveaxis(expected, 0, 1).reshape(9, 18), rtol=0, atol=1e-5)
    importances = np.abs(fitted.transform(ROWS)).mean(0).reshape(6, 3).mean(1)
    np.testing.assert_allclose(fitted.feature_importances_, importances, rtol=1e-5)
    assert explanation.standard_error.shape == explanation.contributions.shape
    # What does not sum is reported, and no warning is given.
    left = explanation.prediction - explanation.reference_value - explanation.contributions.sum(1)
    np.testing.assert_allclose(explanation.convergence_delta, left, rtol=0, atol=1e-5)
    assert np.abs(left).max() > 1e-3


@pytest.mark.parametrize(
    "target", [0, "auto", {2: 1, 0: -1}, np.array([0.5, 0.0, -2.0]), lambda output: output[:, 1] - output[:, 2]]
)
def test_any_target_is_one_of_all(fitted, target):
    together = fitted.explain(ROWS)
    alone = fitted.explain(ROWS, target=target)
    weights = {0: np.eye(3)[[0] * 9]}.get(target) if isinstance(target, int) else None
    if isinstance(target, str):
        weights = np.eye(3)[together.prediction.argmax(1)]
    elif isinstance(target, dict):
        weights = np.array([[-1.0, 0, 1]])
    elif isinstance(target, np.ndarray):
        weights = target[None]
    elif callable(target):
        weights = np.array([[0, 1.0, -1]])
    expected = (together.contributions * weights[:, None]).sum(-1)
    np.testing.assert_allclose(alone.contributions, expected, rtol=0, atol=2e-5)
    np.testing.assert_allclose(alone.prediction, (together.prediction * weights).sum(-1), rtol=0, atol=2e-5)


def test_targets_of_rows_and_centred_logits(fitted):
    together = fitted.explain(ROWS)
    targets = np.arange(9) % 3
    of_rows = fitted.explain(ROWS, target=targets).contributions
    np.testing.assert_allclose(of_rows, together.contributions[np.arange(9), :, targets], rtol=0, atol=1e-5)
    centred = OcclusionExplainer(fitted.estimator, reference=ROWS[:3], target=1, center_logits=True).fit(ROWS)
    expected = together.contributions[..., 1] - together.contributions.mean(-1)
    np.testing.assert_allclose(centred.transform(ROWS), expected, rtol=0, atol=1e-5)
    probabilities = OcclusionExplainer(fitted.estimator, pre_activation=False, reference=ROWS[:3], target=1).fit(ROWS)
    expected = occluded(lambda x: np.asarray(fitted.estimator(x))[:, 1], ROWS, ROWS[:3], [[each] for each in range(6)])
    np.testing.assert_allclose(probabilities.transform(ROWS), expected.T, rtol=0, atol=1e-6)


def test_references_of_rows(fitted):
    references = GENERATOR.normal(size=(9, 2, 6)).astype(np.float32)
    together = fitted.explain(ROWS, reference=references)
    single = fitted.explain(ROWS[[4]], reference=references[[4]])
    np.testing.assert_allclose(together.contributions[[4]], single.contributions, rtol=0, atol=1e-6)
    shared = fitted.explain(ROWS[[4]], reference=references[4])
    np.testing.assert_allclose(together.contributions[[4]], shared.contributions, rtol=0, atol=1e-6)
    np.testing.assert_allclose(together.standard_error[[4]], shared.standard_error, rtol=1e-3, atol=1e-6)


def test_groups_of_a_frame():
    frame = pd.DataFrame(ROWS, columns=list("abcdef"), index=np.arange(100, 109))
    groups = {"first": ["a", "c"], "second": "b", "rest": ["d", "e", "f"]}
    model = dense()
    explainer = OcclusionExplainer(model, groups=groups, reference="zeros", target=1).set_output(transform="pandas")
    got = explainer.fit(frame).transform(frame)
    sets = [[0, 2], [1], [3, 4, 5]]
    expected = occluded(lambda x: np.asarray(logits(model)(x))[:, 1], ROWS, np.zeros((1, 6)), sets)
    for columns, change in zip(sets, expected, strict=True):
        np.testing.assert_allclose(
            got.iloc[:, columns], np.repeat(change[:, None] / len(columns), len(columns), 1), atol=1e-6
        )
    assert list(got.columns) == list("abcdef")
    assert got.index.equals(frame.index)
    for same in ([0, 1, 0, 2, 2, 2], {"x": [0, 2], "y": [1], "z": [3, 4, 5]}):
        again = clone(explainer).set_params(groups=same).fit(frame).transform(frame)
        np.testing.assert_array_equal(again, got)
    with pytest.raises(ValueError, match="columns of this table have no names"):
        clone(explainer).fit(ROWS)


@pytest.mark.slow
def test_windows_over_images():
    model = convolutional()
    explainer = OcclusionExplainer(model, window_shape=(3, 2, 2), step=(2, 1, 2)).fit(IMAGES)
    positions = np.arange(60).reshape(6, 5, 2)
    starts = [(row, column) for row in (0, 2) for column in range(4)]
    # The rest of the last window lies over the edge.
    starts += [(4, column) for column in range(4)]
    sets = [positions[row : row + 3, column : column + 2].ravel() for row, column in starts]
    changes = occluded(lambda x: np.asarray(model(x))[:, 0], IMAGES, IMAGES.mean(0)[None], sets)
    total, count = np.zeros((4, 60)), np.zeros(60)
    for elements, change in zip(sets, changes, strict=True):
        total[:, elements] += change[:, None]
        count[elements] += 1
    got = explainer.transform(IMAGES)
    np.testing.assert_allclose(got, (total / count).reshape(IMAGES.shape), rtol=0, atol=1e-5)
    # The last row of pixels lies in a smaller window.
    assert (got[:, 5] != 0).any()
    assert explainer.feature_importances_.shape == (6, 5, 2)


def test_segments_of_images():
    model = convolutional()
    labels = np.arange(60).reshape(6, 5, 2) // 7
    got = OcclusionExplainer(model, groups=labels, reference="zeros").fit(IMAGES).transform(IMAGES)
    sets = [np.flatnonzero(labels.ravel() == each) for each in range(9)]
    changes = occluded(lambda x: np.asarray(model(x))[:, 0], IMAGES, np.zeros((1, 60)), sets)
    for elements, change in zip(sets, changes, strict=True):
        np.testing.assert_allclose(got.reshape(4, 60)[:, elements].sum(1), change, rtol=0, atol=1e-5)


def two_inputs():
    keras.utils.set_random_seed(0)
    numbers, image = keras.Input((3,), name="numbers"), keras.Input((4, 4, 1), name="image")
    joined = layers.Concatenate()([numbers, layers.Flatten()(layers.Conv2D(2, 2, activation="relu")(image))])
    return keras.Model({"numbers": numbers, "image": image}, layers.Dense(1)(layers.Dense(5, "tanh")(joined)))


def test_several_inputs():
    model = two_inputs()
    X = {"numbers": ROWS[:, :3], "image": GENERATOR.normal(size=(9, 4, 4, 1)).astype(np.float32)}
    explainer = OcclusionExplainer(model, window_shape={"numbers": 1, "image": (2, 2, 1)}, step=1, reference="zeros")
    got = explainer.fit(X).transform(X)
    for column in range(3):
        without = X["numbers"].copy()
        without[:, column] = 0
        change = np.asarray(model(X) - model({**X, "numbers": without}))[:, 0]
        np.testing.assert_allclose(got["numbers"][:, column], change, rtol=0, atol=1e-6)
    corner = X["image"].copy()
    corner[:, :2, :2] = 0
    np.testing.assert_allclose(
        got["image"][:, 0, 0, 0], np.asarray(model(X) - model({**X, "image": corner}))[:, 0], atol=1e-6
    )
    assert set(explainer.feature_importances_) == {"numbers", "image"}


def test_tokens():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5,), dtype="int32", name="tokens")
    hidden = layers.LSTM(4)(layers.Embedding(7, 3, mask_zero=True)(inputs))
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    model.set_weights([5 * weights for weights in model.get_weights()])
    rows = GENERATOR.integers(1, 7, size=(6, 5))
    got = OcclusionExplainer(model).fit(rows).transform(rows)
    assert got.dtype == np.float32
    expected = occluded(
        lambda x: np.asarray(model(x))[:, 0], rows, np.zeros((1, 5), int), [[each] for each in range(5)]
    )
    np.testing.assert_allclose(got, expected.T, rtol=0, atol=2e-6)
    assert np.abs(got).max() > 0.1
    by_name = OcclusionExplainer(model, layer="tokens").fit(rows).transform(rows)
    np.testing.assert_array_equal(by_name, got)


def test_a_network_that_no_rule_follows():
    """The product of all columns, and whole numbers that are computed from them: both can be run."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    looked_up = layers.Embedding(3, 1)(keras.ops.argmax(inputs[:, :3], -1, keepdims=True))
    outputs = keras.ops.prod(inputs[:, 2:], 1, keepdims=True) + layers.Flatten()(looked_up)
    model = keras.Model(inputs, outputs)
    got = OcclusionExplainer(model, reference="zeros").fit(ROWS).transform(ROWS)
    expected = occluded(lambda x: np.asarray(model(x))[:, 0], ROWS, np.zeros((1, 6)), [[each] for each in range(6)])
    np.testing.assert_allclose(got, expected.T, rtol=0, atol=1e-6)


def test_units_of_layers():
    model = dense()
    explainer = OcclusionExplainer(model, layer=["hidden", "hidden:pre_activation"], target=2, reference="zeros")
    explanation = explainer.fit(ROWS).explain(ROWS)
    weights, bias = model.layers[0].get_weights()
    units, references = np.tanh(ROWS @ weights + bias), np.tanh(bias)
    after = model.layers[1].get_weights()[0][:, 2]
    for got in explanation.contributions:
        np.testing.assert_allclose(got, (units - references) * after, rtol=0, atol=1e-5)
    assert explanation.positive_multipliers is None
    alone = OcclusionExplainer(model, layer="hidden", target=2, reference="zeros", groups=[0, 0, 1, 1, 1, 1, 1, 1])
    got = alone.fit(ROWS).transform(ROWS)
    np.testing.assert_allclose(got[:, 0] + got[:, 1], explanation.contributions[0][:, :2].sum(1), rtol=0, atol=1e-5)
    assert alone.get_feature_names_out()[3] == "hidden_3"
    image = OcclusionExplainer(convolutional(), layer="convolution", window_shape=(2, 2, 3)).fit(IMAGES)
    assert image.transform(IMAGES).shape == (4, 5, 4, 3)


def test_a_network_with_one_batch_size():
    free = dense()
    fixed = keras.Sequential([keras.Input(batch_shape=(4, 6)), *free.layers])
    for target in (1, "all"):
        expected, got = (
            OcclusionExplainer(model, reference=ROWS[:2], target=target).fit(ROWS).transform(ROWS)
            for model in (free, fixed)
        )
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_batch_size_and_other_rows_do_not_matter():
    model = dense("float64")
    expected = OcclusionExplainer(model, target="all", window_shape=2).fit(ROWS).transform(ROWS)
    for batch_size in (1, 3, 40):
        explainer = OcclusionExplainer(model, target="all", window_shape=2, batch_size=batch_size).fit(ROWS)
        np.testing.assert_allclose(explainer.transform(ROWS[::-1])[::-1], expected, rtol=0, atol=1e-14)
        np.testing.assert_allclose(explainer.transform(ROWS[2:3]), expected[2:3], rtol=0, atol=1e-14)


def test_selection_copies_and_parameters(fitted):
    assert 0 < SelectFromModel(OcclusionExplainer(dense(outputs=1), window_shape=2)).fit(ROWS).get_support().sum() < 6
    copied = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(copied.transform(ROWS), fitted.transform(ROWS), rtol=1e-5, atol=1e-6)
    for wanted in ({"multipliers": True}, {"hypothetical": True}):
        with pytest.raises(
            ValueError, match="OcclusionExplainer compares the network's outputs, and has neither multipliers"
        ):
            fitted.explain(ROWS, **wanted)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"window_shape": 7}, r"window_shape= \(7,\) is larger than a row"),
        ({"window_shape": "3"}, "'window_shape' parameter"),
        ({"step": 0}, "step= takes whole numbers of at least 1"),
        ({"window_shape": (2, 2)}, "window_shape= has 2 entries"),
        ({"groups": {"a": [0, 1]}}, r"leaves out the columns \[2, 3, 4, 5\]"),
        ({"groups": [1, 2]}, r"Got shape \(2,\)"),
        ({"groups": [0, 0, 1, 1, 2, 2], "window_shape": 2}, "not both"),
        ({"normalize": "size"}, "'normalize' parameter"),
        ({"layer": "hidden", "window_shape": 9}, r"larger than a row of 'hidden', which has shape \(8,\)"),
    ],
)
def test_bad_parameters(parameters, message):
    explainer = OcclusionExplainer(dense(outputs=1), **parameters)
    with pytest.raises(ValueError, match=message):
        explainer.fit(ROWS)
    assert not hasattr(explainer, "network_")


WEIGHTS = np.sin(np.arange(1, 25)).reshape(6, 4), np.full(4, 0.1), np.cos(np.arange(1, 9)).reshape(4, 2), np.zeros(2)
TABLE, REFERENCE = np.cos(np.arange(12) * 1.7).reshape(2, 6), 0.25 * np.sin(np.arange(6))


def table_of_captum():
    model = keras.Sequential(
        [keras.Input((6,), dtype="float64"), layers.Dense(4, "relu", dtype="float64"), layers.Dense(2, dtype="float64")]
    )
    model.set_weights(WEIGHTS)
    return model


def test_windows_of_captum():
    """The numbers are those of captum 0.9.0: Occlusion with windows of two, one apart."""
    expected = [
        [-0.5758469105, -0.0871267542, 0.5183623433, 0.6612948775, 0.9235399365, 1.1596213579],
        [0.3012785614, 0.1518335938, -0.0076697073, -0.0231196228, 0.0723928809, 0.1732969731],
    ]
    explainer = OcclusionExplainer(table_of_captum(), window_shape=2, reference=REFERENCE, target=1).fit(TABLE)
    # Captum adds up in single precision.
    np.testing.assert_allclose(explainer.transform(TABLE), expected, rtol=1e-6, atol=1e-7)


def test_groups_of_captum():
    """FeatureAblation with a mask of features gives each column its group's whole change, here it is shared out."""
    expected = [
        [-0.5758468995, -0.5758468995, 1.6000981624, 1.6000981624, 1.6000981624, 0.2445281163],
        [0.3012785642, 0.3012785642, -0.006309301, -0.006309301, -0.006309301, 0.1618782407],
    ]
    explainer = OcclusionExplainer(table_of_captum(), groups=[0, 0, 1, 1, 1, 2], reference=REFERENCE, target=1).fit(
        TABLE
    )
    got = explainer.transform(TABLE) * [2, 2, 3, 3, 3, 1]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


def test_windows_over_images_of_captum():
    """Windows of two by three, two apart, which reach every pixel of four by five."""
    expected = [[-1.9875456095, -1.9875456095, -2.0871241093, -2.1867027283, -2.1867027283]] * 2
    expected += [[-2.8689603806, -2.8689603806, 1.5333832502, 5.9357266426, 5.9357266426]] * 2
    model = keras.Sequential(
        [
            keras.Input((4, 5, 1), dtype="float64"),
            layers.Conv2D(2, 2, activation="relu", use_bias=False, dtype="float64"),
            layers.Flatten(dtype="float64"),
            layers.Dense(1, use_bias=False, dtype="float64"),
        ]
    )
    model.set_weights([np.sin(np.arange(1, 9) * 0.7).reshape(2, 2, 1, 2), np.cos(np.arange(1, 25) * 0.3)[:, None]])
    image = np.cos(np.arange(20) * 0.9).reshape(1, 4, 5, 1)
    explainer = OcclusionExplainer(model, window_shape=(2, 3, 1), step=(2, 2, 1), reference="zeros").fit(image)
    np.testing.assert_allclose(explainer.transform(image)[0, ..., 0], expected, rtol=1e-6, atol=1e-7)


def test_a_rest_of_the_columns_is_covered_too():
    """f = x0 + 2 x1 + 4 x2 at (1, 2, 3) against zero, by windows of two, two apart: 5 for two, 12 for the rest."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.set_weights([np.array([[1.0], [2.0], [4.0]]), np.zeros(1)])
    row = np.array([[1.0, 2.0, 3.0]])
    explainer = OcclusionExplainer(model, window_shape=2, step=2, reference="zeros").fit(row)
    np.testing.assert_allclose(explainer.transform(row), [[5, 5, 12]], rtol=1e-6)
    with pytest.raises(ValueError, match=r"step= \(2,\) is larger .* Pass a step up to the window's size"):
        explainer.set_params(window_shape=1).fit(row)
    np.testing.assert_allclose(explainer.set_params(step=1).fit(row).transform(row), [[1, 4, 12]], rtol=1e-6)
