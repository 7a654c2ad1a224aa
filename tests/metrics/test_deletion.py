import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from sklearn.compose import make_column_transformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skdeeplift import DeepLiftExplainer, GradientExplainer, IntegratedGradientsExplainer
from skdeeplift.metrics import deletion_curve, deletion_score, insertion_curve, insertion_score, log_odds_change
from skdeeplift.references import Blur, TrainingSample
from tests.metrics.networks import both_or_none, classifier, linear
from tests.test_examples import FIGURE_4, MNIST, definitions_of

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(40, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    return DeepLiftExplainer(classifier(), reference="zeros").fit(ROWS)


def zeros(model, rows):
    return DeepLiftExplainer(model, reference="zeros").fit(rows)


def logits(model):
    last = layers.Dense(3)
    network = keras.Sequential([keras.Input((6,)), *model.layers[:-1], last])
    last.set_weights(model.layers[-1].get_weights())
    return network


def test_curves_of_a_linear_network():
    """Contributions 3, -2 and 4 of f = 5: without the 4 it is 1, without the 3 as well -2, without all 0."""
    rows = np.array([[3.0, 1.0, 1.0], [3.0, 5.0, 1.0]])
    explainer = zeros(linear(1, -2, 4), rows)
    curve = deletion_curve(explainer, rows)
    np.testing.assert_allclose(curve.fraction, [0, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(curve.value, [[5, 1, -2, 0], [-3, -7, -10, 0]], atol=1e-6)
    np.testing.assert_allclose(insertion_curve(explainer, rows).value, [[0, 4, 7, 5], [0, 4, 7, -3]], atol=1e-6)
    by_size = deletion_curve(explainer, rows, absolute=True)
    np.testing.assert_allclose(by_size.value, [[5, 1, -2, 0], [-3, 7, 3, 0]], atol=1e-6)
    areas = [(0 + 4) / 6 + (4 + 7) / 6 + (7 + 5) / 6, (0 + 4) / 6 + (4 + 7) / 6 + (7 - 3) / 6]
    np.testing.assert_allclose(deletion_score(explainer, rows, per_row=True), areas, rtol=1e-6)
    np.testing.assert_allclose(insertion_score(explainer, rows, per_row=True), areas, rtol=1e-6)
    assert deletion_score(explainer, rows) == pytest.approx(np.mean(areas))


def test_steps_and_several_fills():
    """relu(a + b - 1) is 1 at (1, 1), and without a 0 at b = 1 and 1 at a = 1 in its place."""
    rows = np.ones((1, 2))
    explainer = zeros(both_or_none(), rows)
    np.testing.assert_allclose(deletion_curve(explainer, rows).value, [[1, 0, 0]])
    curve = deletion_curve(explainer, rows, fill=np.array([[0.0, 0.0], [1.0, 3.0]]))
    np.testing.assert_allclose(curve.value, [[1, 0.5, (0 + 3) / 2]])
    curve = deletion_curve(explainer, rows, n_steps=1)
    np.testing.assert_allclose(curve.fraction, [0, 1])
    np.testing.assert_allclose(curve.value, [[1, 0]])
    many = np.arange(1.0, 8.0)[None]
    curve = deletion_curve(zeros(linear(*[1] * 7), many), many, n_steps=3)
    np.testing.assert_allclose(curve.fraction, [0, 2 / 7, 5 / 7, 1])
    np.testing.assert_allclose(curve.value, [[28, 28 - 13, 3, 0]])


@pytest.mark.parametrize("fill", ["zeros", "mean", TrainingSample(n_clusters=None), lambda X, _: X[:, None] / 2])
def test_each_point_is_what_the_network_says(fitted, fill):
    """Compared with erasing row by row; the predicted class stays that of the whole row."""
    model, rows = logits(fitted.estimator), ROWS[:5]
    curve = deletion_curve(fitted, rows, fill=fill, n_steps=4)
    order = np.argsort(-fitted.transform(rows), axis=1, kind="stable")
    references = fitted.bound_.learn_references(fitted, fill, [rows])
    references = references.of_rows([rows], 0, 5)(0, len(references.weights))[0]
    references = np.broadcast_to(references, (5, *references.shape[-2:]))
    classes = np.argmax(model(rows).numpy(), 1)
    changes = False
    for row, values in enumerate(curve.value):
        for count, value in zip(np.round(np.arange(5) * 6 / 4).astype(int), values, strict=True):
            erased = np.repeat(rows[[row]], len(references[row]), 0)
            erased[:, order[row, :count]] = references[row][:, order[row, :count]]
            outputs = model(erased).numpy()
            changes |= (outputs.argmax(1) != classes[row]).any()
            np.testing.assert_allclose(value, outputs[:, classes[row]].mean(), rtol=1e-4, atol=1e-5)
    assert changes


def test_scores_are_of_the_explained_target(fitted):
    rows, last = ROWS[:7], logits(fitted.estimator)
    outputs = last(rows).numpy()
    for target, expected in [
        (2, outputs[:, 2]),
        ({0: 1, 2: -1}, outputs[:, 0] - outputs[:, 2]),
        (np.arange(7) % 3, outputs[np.arange(7), np.arange(7) % 3]),
        # A function takes the network's own output, after the softmax.
        (lambda output: output[:, 1] * 2, 2 * fitted.estimator(rows).numpy()[:, 1]),
        ("all", outputs),
    ]:
        value = deletion_curve(fitted, rows, target=target).value
        np.testing.assert_allclose(value[:, 0], expected, rtol=1e-5, atol=1e-6)
        # An explanation of another target than the explainer's own brings that along.
        again = deletion_curve(fitted, rows, explanation=fitted.explain(rows, target=target)).value
        np.testing.assert_array_equal(value, again)
    every = deletion_score(fitted, rows, target="all", per_row=True)
    one = deletion_score(fitted, rows, target=1, per_row=True)
    np.testing.assert_allclose(every[:, 1], one, rtol=1e-5, atol=1e-6)
    assert every.shape == (7, 3)
    assert deletion_score(fitted, rows, target="all") == pytest.approx(every.mean())


def test_probabilities_and_centred_logits():
    for parameters in (dict(pre_activation=False, check="ignore"), dict(center_logits=True)):
        explainer = DeepLiftExplainer(classifier(), reference="zeros", **parameters).fit(ROWS)
        explanation = explainer.explain(ROWS)
        curve = deletion_curve(explainer, ROWS, n_steps=2)
        np.testing.assert_allclose(curve.value[:, 0], explanation.prediction, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(curve.value[:, -1], explanation.reference_value, rtol=1e-5, atol=1e-6)


def test_rescale_beats_random_contributions(fitted):
    own = deletion_score(fitted, ROWS, per_row=True)
    others = [
        deletion_score(fitted, ROWS, explanation=np.random.default_rng(seed).normal(size=ROWS.shape), per_row=True)
        for seed in range(5)
    ]
    assert own.mean() > 1.3 * np.mean(others)
    assert insertion_score(fitted, ROWS) > 1.1 * insertion_score(fitted, ROWS, explanation=-fitted.transform(ROWS))


def test_batches_do_not_matter(fitted):
    expected = deletion_curve(fitted, ROWS).value
    explainer = DeepLiftExplainer(fitted.estimator, reference="zeros", batch_size=3).fit(ROWS)
    np.testing.assert_allclose(deletion_curve(explainer, ROWS).value, expected, rtol=1e-5, atol=1e-6)
    for rows in ([4], [3, 1]):
        np.testing.assert_allclose(deletion_curve(fitted, ROWS[rows]).value, expected[rows], rtol=1e-5, atol=1e-6)


def test_images_by_pixel_and_blur():
    """Pixels of two channels are erased together: all that is left of the sum is what is not erased."""
    images = GENERATOR.normal(size=(3, 4, 5, 2)).astype(np.float32)
    model = keras.Sequential([keras.Input((4, 5, 2)), layers.Flatten(), layers.Dense(1, kernel_initializer="ones")])
    explainer = zeros(model, images)
    of_pixels = np.sort(images.sum(-1).reshape(3, -1), 1)[:, ::-1]
    expected = images.sum((1, 2, 3))[:, None] - np.cumsum(of_pixels, 1)
    value = deletion_curve(explainer, images, axes=(1, 2)).value
    np.testing.assert_allclose(value[:, 1:], expected, rtol=0, atol=1e-5)
    assert deletion_curve(explainer, images, n_steps=1000).value.shape == (3, 41)
    blurred = Blur(2.0).fit(images).sample(images, 1)[:, 0]
    value = deletion_curve(explainer, images, fill=Blur(2.0), axes=(1, 2)).value
    np.testing.assert_allclose(value[:, -1], blurred.sum((1, 2, 3)), rtol=0, atol=1e-4)


def test_sequences_of_letters_and_of_tokens():
    letters = np.eye(4, dtype=np.float32)[[[0, 1, 2, 2, 3], [3, 3, 1, 0, 0]]]
    model = keras.Sequential(
        [keras.Input((5, 4)), layers.Conv1D(3, 2, activation="relu"), layers.Flatten(), layers.Dense(1)]
    )
    explainer = DeepLiftExplainer(model, reference="shuffle", max_references=5, random_state=0).fit(letters)
    curve = deletion_curve(explainer, letters, axes=1)
    explanation = explainer.explain(letters)
    assert curve.value.shape == (2, 6)
    np.testing.assert_allclose(curve.value[:, 0], explanation.prediction, rtol=1e-5)
    np.testing.assert_allclose(curve.value[:, -1], explanation.reference_value, rtol=1e-5)

    tokens = np.array([[1, 2, 3, 0], [4, 4, 1, 2]])
    embedding = layers.Embedding(5, 1, weights=[np.array([[0.0], [1.0], [-2.0], [5.0], [3.0]])])
    model = keras.Sequential([keras.Input((4,), dtype="int32"), embedding, layers.Flatten(), layers.Dense(1)])
    model.layers[-1].set_weights([np.ones((4, 1)), np.zeros(1)])
    explainer = DeepLiftExplainer(model).fit(tokens)
    # 1 - 2 + 5 + 0 and 3 + 3 + 1 - 2, largest first, against the padding token.
    np.testing.assert_allclose(deletion_curve(explainer, tokens).value, [[4, -1, -2, -2, 0], [5, 2, -1, -2, 0]])


def test_several_inputs_and_a_fixed_batch():
    first, second = keras.Input((2,), batch_size=4, name="b"), keras.Input((1,), batch_size=4, name="a")
    joined = layers.Concatenate()([first, second])
    model = keras.Model([first, second], layers.Dense(1, use_bias=False)(joined))
    model.set_weights([np.array([[1.0], [10.0], [100.0]])])
    rows = [np.ones((3, 2)), np.array([[1.0], [0.05], [-1.0]])]
    expected = [[111, 11, 1, 0], [16, 6, 1, 0], [-89, -99, -100, 0]]
    explainer = zeros(model, rows)
    np.testing.assert_allclose(deletion_curve(explainer, rows).value, expected, rtol=1e-5)
    named = dict(zip("ba", rows, strict=True))
    np.testing.assert_allclose(deletion_curve(explainer, named).value, expected, rtol=1e-5)
    contributions = explainer.explain(named).contributions
    np.testing.assert_allclose(deletion_curve(explainer, named, explanation=contributions).value, expected, rtol=1e-5)
    together = deletion_curve(explainer, rows, axes=[(1,), (1,)])
    np.testing.assert_allclose(together.value, expected, rtol=1e-5)


def test_an_encoded_column_is_erased_as_a_whole():
    frame = pd.DataFrame({"size": np.linspace(-1, 1, 60), "colour": ["red", "green", "blue"] * 20})
    y = np.where(frame["colour"] == "red", "yes", "no")
    encoder = make_column_transformer((OneHotEncoder(sparse_output=False), ["colour"]), remainder="passthrough")
    network = make_pipeline(encoder, MLPClassifier((6,), max_iter=1500, random_state=0))
    explainer = DeepLiftExplainer(network, to_source=True).fit(frame, y)
    curve = deletion_curve(explainer, frame[:6])
    assert curve.value.shape == (6, 3)
    explanation = explainer.explain(frame[:6])
    np.testing.assert_allclose(curve.value[:, 0], explanation.prediction, rtol=1e-5)
    np.testing.assert_allclose(curve.value[:, -1], explanation.reference_value, rtol=1e-5)
    # Of red rows the colour goes first, and takes almost all along.
    change = curve.value[::3, 0] - curve.value[::3, 1]
    assert (change > 0.7 * (explanation.prediction - explanation.reference_value)[::3]).all()
    with pytest.raises(ValueError, match="these are the parts of a row"):
        deletion_curve(explainer, frame[:6], axes=1)


def test_log_odds_change():
    """Logits (x + 4 z, 2 y + 3 z): the log-odds of the first are x - 2 y + z, of which only x and z are erased."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, use_bias=False), layers.Softmax()])
    model.set_weights([np.array([[1.0, 0.0], [0.0, 2.0], [4.0, 3.0]])])
    rows = np.array([[3.0, 1.0, 2.0], [-1.0, 4.0, 5.0]])
    explainer = zeros(model, rows)
    change = [log_odds_change(explainer, rows, target={0: 1, 1: -1}, n_erased=n, per_row=True) for n in (1, 2, 3)]
    np.testing.assert_allclose(change, [[3, 5], [5, 5], [5, 5]], atol=1e-5)
    assert log_odds_change(explainer, rows, target={0: 1, 1: -1}, n_erased=0.34) == pytest.approx(4)
    assert log_odds_change(explainer, rows, target=0, n_erased=1) == pytest.approx((8 + 20) / 2)
    every = log_odds_change(explainer, rows, target="all", n_erased=1, per_row=True)
    np.testing.assert_allclose(every, [[8, 6], [20, 15]], rtol=1e-5)


def test_errors(fitted):
    rows = ROWS[:4]
    with pytest.raises(ValueError, match="compares rows with no reference"):
        deletion_score(GradientExplainer(fitted.estimator).fit(ROWS), rows)
    assert deletion_score(GradientExplainer(fitted.estimator).fit(ROWS), rows, fill="mean") > 0
    with pytest.raises(ValueError, match="filling would change nothing"):
        deletion_score(fitted, rows[:1], fill="mean")
    with pytest.raises(ValueError, match="layer='hidden'"):
        deletion_score(DeepLiftExplainer(fitted.estimator, layer="hidden").fit(ROWS), rows)
    with pytest.raises(ValueError, match=r"of shape \(4, 6\). Got shape \(3, 6\)"):
        deletion_score(fitted, rows, explanation=rows[:3])
    with pytest.raises(ValueError, match="Got NaN"):
        deletion_score(fitted, rows, explanation=np.full((4, 6), np.nan))
    with pytest.raises(ValueError, match="holds its own target"):
        deletion_score(fitted, rows, explanation=fitted.explain(rows), target=1)
    with pytest.raises(ValueError, match="axes= takes different axes"):
        deletion_score(fitted, rows, axes=2)
    with pytest.raises(ValueError, match="'n_steps' parameter"):
        deletion_score(fitted, rows, n_steps=0)
    with pytest.raises(ValueError, match="'n_erased' parameter"):
        log_odds_change(fitted, rows, n_erased=1.5)
    with pytest.raises(TypeError, match="take a fitted explainer"):
        deletion_score(fitted.estimator, rows)


@pytest.mark.slow
def test_figure_4_of_the_paper():
    mnist = definitions_of(MNIST)
    network, images, labels = mnist.load()
    for rule in ("rescale", "reveal_cancel"):
        explainer = mnist.make_explainer(network, rule, images)
        means = {
            (digit, other): log_odds_change(explainer, images[labels == digit], target={digit: 1, other: -1})
            for digit, other in mnist.PAIRS
        }
        assert means == pytest.approx(FIGURE_4[rule], rel=5e-3)


@pytest.mark.slow
def test_integrated_gradients_come_close_to_rescale_on_digits():
    mnist = definitions_of(MNIST)
    network, images, labels = mnist.load()
    eights = images[labels == 8][:100]
    rescale = mnist.make_explainer(network, "rescale", images)
    gradients = IntegratedGradientsExplainer(network, reference="zeros", target=0, check="ignore").fit(images[:1])
    scores = [deletion_score(each, eights, target={8: 1, 3: -1}) for each in (rescale, gradients)]
    np.testing.assert_allclose(*scores, rtol=0.02)
    noise = np.random.default_rng(0).normal(size=eights.shape)
    # The target of mere contributions is that which is named.
    assert scores[0] > 1.5 * deletion_score(rescale, eights, target={8: 1, 3: -1}, explanation=noise)
