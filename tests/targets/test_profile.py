"""Profiles: logits over positions, weighted by their softmax, which is held; against the formula by hand."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax
from sklearn.base import clone

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    Explanation,
    GradientExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    MutagenesisExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)
from skdeeplift.metrics import deletion_score, insertion_score, sensitivity_n, summation_to_delta_error
from skdeeplift.targets import Profile

RNG = np.random.default_rng(0)
# Logits of three positions are sums of two inputs, so that all methods agree.
WEIGHTS = RNG.normal(size=(2, 3))
ROWS = RNG.normal(size=(5, 2)).astype("float32")
REFERENCES = RNG.normal(size=(4, 2)).astype("float32")


def linear(activation=None):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation=activation)])
    network.set_weights([WEIGHTS, np.array([0.1, -0.2, 0.3])])
    return network


def held_softmax(logits):
    """The same target as a function."""
    middle = logits - tf.reduce_mean(logits, 1, keepdims=True)
    return tf.reduce_sum(tf.stop_gradient(tf.nn.softmax(logits, 1)) * middle, range(1, logits.shape.rank))


def logits_of(rows):
    return rows @ WEIGHTS + [0.1, -0.2, 0.3]


def centred(logits):
    return logits - logits.mean(-1, keepdims=True)


def by_hand(rows, references, mean=False):
    """Contributions to the sum of softmax times centred logits, with the softmax held, as means over references."""
    total = 0
    for reference in references:
        held = softmax(logits_of(rows), -1)
        if mean:
            held = (held + softmax(logits_of(reference[None]), -1)) / 2
        total = total + (rows - reference) * (held @ centred(WEIGHTS).T)
    return total / len(references)


@pytest.fixture(scope="module")
def network():
    return linear()


@pytest.fixture(scope="module")
def two_strands():
    """A convolution over 12 letters, with logits of shape (8, 2)."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential([keras.Input((12, 4)), layers.Conv1D(5, 3, activation="relu"), layers.Conv1D(2, 3)])
    network.set_weights([RNG.normal(size=each.shape) for each in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def sequences():
    return np.eye(4, dtype="float32")[RNG.integers(0, 4, (3, 12))]


COMPARING = {
    "deeplift": DeepLiftExplainer,
    "reveal_cancel": lambda *arguments, **options: DeepLiftExplainer(*arguments, rule="reveal_cancel", **options),
    "integrated": IntegratedGradientsExplainer,
    "occlusion": OcclusionExplainer,
    "shapley": ShapleySamplingExplainer,
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mean", [False, True], ids=["row", "mean"])
@pytest.mark.parametrize("name", COMPARING)
def test_is_the_formula_by_hand(network, name, mean):
    target = Profile(weights="mean" if mean else "row")
    explainer = COMPARING[name](network, target=target, reference=REFERENCES).fit(ROWS)
    explanation = explainer.explain(ROWS)
    np.testing.assert_allclose(explanation.contributions, by_hand(ROWS, REFERENCES, mean), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-5)
    alone = explainer.explain(ROWS[2:3])
    np.testing.assert_allclose(alone.contributions, explanation.contributions[2:3], rtol=1e-5, atol=1e-6)
    held = softmax(logits_of(ROWS), -1)
    if not mean:
        np.testing.assert_allclose(explanation.prediction, (held * centred(logits_of(ROWS))).sum(1), rtol=1e-5)
        at_references = held @ centred(logits_of(REFERENCES)).T
        np.testing.assert_allclose(explanation.reference_value, at_references.mean(1), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(explanation.reference_spread, at_references.std(1), rtol=1e-4)
    np.testing.assert_allclose(explainer.transform(ROWS), explanation.contributions, rtol=1e-5, atol=1e-6)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("mean", [False, True], ids=["row", "mean"])
def test_references_of_each_row_and_in_pieces(network, mean):
    """Also where references, or rows, come one after the other."""
    target, of_rows = Profile(weights="mean" if mean else "row"), RNG.normal(size=(5, 7, 2)).astype("float32")
    expected = np.concatenate([by_hand(ROWS[[row]], of_rows[row], mean) for row in range(5)])
    for batch_size in ("auto", 2):
        explainer = DeepLiftExplainer(network, target=target, reference=of_rows, batch_size=batch_size).fit(ROWS)
        explanation = explainer.explain(ROWS)
        np.testing.assert_allclose(explanation.contributions, expected, rtol=1e-4, atol=1e-5)
        change = explanation.prediction - explanation.reference_value
        np.testing.assert_allclose(change, expected.sum(1), rtol=1e-4, atol=1e-5)
        assert np.abs(explanation.convergence_delta).max() < 1e-5


@pytest.mark.sampled(2)
@pytest.mark.parametrize("mean", [False, True], ids=["row", "mean"])
def test_references_until_they_are_precise(network, mean):
    target = Profile(weights="mean" if mean else "row")
    many = RNG.normal(size=(200, 2)).astype("float32")
    explainer = DeepLiftExplainer(network, target=target, reference="sample", max_references=200, reference_tol=0.5)
    explanation = explainer.fit(many).explain(ROWS)
    assert (explanation.n_references < 200).any()
    assert np.abs(explanation.convergence_delta).max() < 1e-5


def test_methods_without_a_reference(network):
    """The gradient of the logits, with their weights; smoothed by noise too."""
    held = softmax(logits_of(ROWS), -1) @ centred(WEIGHTS).T
    gradient = GradientExplainer(network, target="profile", kind="gradient").fit(ROWS)
    np.testing.assert_allclose(gradient.transform(ROWS), held, rtol=1e-4, atol=1e-6)
    noisy = GradientExplainer(network, target="profile", kind="gradient", noise_scale=0.1, n_draws=4).fit(ROWS)
    np.testing.assert_allclose(noisy.transform(ROWS), held, rtol=1e-4, atol=1e-6)
    lrp = LRPExplainer(network, target=Profile()).fit(ROWS)
    np.testing.assert_allclose(lrp.transform(ROWS), held * ROWS, rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match="compares rows with no reference"):
        GradientExplainer(network, target=Profile(weights="mean")).fit(ROWS).transform(ROWS)


def test_expected_gradients_add_up(network):
    explainer = ExpectedGradientsExplainer(network, target=Profile(), reference=REFERENCES, random_state=0).fit(ROWS)
    explanation = explainer.explain(ROWS)
    # The network is linear, so that only the references that are drawn differ.
    np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-5)


def test_is_the_function_that_holds_its_softmax(two_strands, sequences):
    options = dict(reference="dinucleotide_shuffle", max_references=5, random_state=0)
    by_function = DeepLiftExplainer(two_strands, target=held_softmax, **options).fit(sequences).explain(sequences)
    explanation = DeepLiftExplainer(two_strands, target="profile", **options).fit(sequences).explain(sequences)
    for name in ("contributions", "prediction", "reference_value", "standard_error"):
        np.testing.assert_allclose(explanation[name], by_function[name], rtol=1e-4, atol=1e-5)


def test_axes_and_tasks(two_strands, sequences):
    logits = two_strands.predict(sequences, verbose=0).astype(float)

    def value(target):
        explainer = DeepLiftExplainer(two_strands, target=target, reference="zeros").fit(sequences)
        return explainer.explain(sequences).prediction

    def formula(logits):
        return (softmax(logits, -1) * centred(logits)).sum(-1)

    of_strands = [formula(logits[:, :, strand]) for strand in (0, 1)]
    np.testing.assert_allclose(value("profile"), of_strands[0] + of_strands[1], rtol=1e-5)
    np.testing.assert_allclose(value(Profile(axis=-2, task=1)), of_strands[1], rtol=1e-5)
    np.testing.assert_allclose(value(Profile(task=(-2,))), of_strands[0], rtol=1e-5)
    together = formula(logits.reshape(3, -1))
    np.testing.assert_allclose(value(Profile(axis=None)), together, rtol=1e-5)
    np.testing.assert_allclose(value(Profile(axis=(1, 2))), together, rtol=1e-5)
    np.testing.assert_allclose(value(Profile(axis=2)), formula(logits).sum(1), rtol=1e-5)


def test_logits_are_found_under_a_softmax(network):
    """Whatever ``pre_activation`` says: weights of probabilities would be those of another number."""
    expected = DeepLiftExplainer(network, target="profile", reference="zeros").fit(ROWS).transform(ROWS)
    for pre_activation in ("auto", True, False):
        of_softmax = DeepLiftExplainer(
            linear("softmax"), target="profile", reference="zeros", pre_activation=pre_activation
        )
        np.testing.assert_allclose(of_softmax.fit(ROWS).transform(ROWS), expected, rtol=1e-5)


def test_one_of_several_outputs(sequences):
    layers = keras.layers
    given = keras.Input((12, 4))
    hidden = layers.Conv1D(5, 3, activation="relu")(given)
    profile = layers.Flatten(name="profile")(layers.Conv1D(1, 3)(hidden))
    counts = layers.Dense(1, name="counts")(layers.GlobalAveragePooling1D()(hidden))
    network = keras.Model(given, {"profile": profile, "counts": counts})
    explainer = DeepLiftExplainer(network, output="profile", target=Profile(), reference="zeros").fit(sequences)
    logits = network.predict(sequences, verbose=0)["profile"].astype(float)
    expected = (softmax(logits, 1) * centred(logits)).sum(1)
    np.testing.assert_allclose(explainer.explain(sequences).prediction, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="has 1 along axis=1"):
        DeepLiftExplainer(network, output="counts", target=Profile(), reference="zeros").fit(sequences)
    followed = DeepLiftExplainer(network, output="counts", target="auto", reference="zeros").fit(sequences)
    assert followed.transform(sequences).shape == sequences.shape


def test_in_a_call_in_fit_cloned_and_pickled(network, tmp_path):
    explainer = DeepLiftExplainer(network, target={0: 1}, reference="zeros").fit(ROWS, target="profile")
    expected = by_hand(ROWS, np.zeros((1, 2)))
    np.testing.assert_allclose(explainer.transform(ROWS, target=Profile()), expected, rtol=1e-4, atol=1e-6)
    explanation = explainer.explain(ROWS, target=Profile(task=None, axis=(1,)))
    np.testing.assert_allclose(explanation.contributions, expected, rtol=1e-4, atol=1e-6)
    explanation.save(tmp_path / "explanation.npz")
    loaded = Explanation.load(tmp_path / "explanation.npz").target
    assert loaded.get_params() == {"axis": (1,), "task": None, "weights": "row"}
    explainer = DeepLiftExplainer(network, target=Profile(weights="mean"), reference="zeros")
    for each in (clone(explainer).fit(ROWS), pickle.loads(pickle.dumps(explainer.fit(ROWS)))):
        assert each.target.get_params() == Profile(weights="mean").get_params()
        np.testing.assert_allclose(each.transform(ROWS), by_hand(ROWS, np.zeros((1, 2)), True), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        explainer.feature_importances_, np.abs(by_hand(ROWS, np.zeros((1, 2)), True)).mean(0), rtol=1e-4
    )


def test_batches_and_dask(network):
    array = pytest.importorskip("dask.array")
    explainer = DeepLiftExplainer(network, target=Profile(weights="mean"), reference=REFERENCES).fit(ROWS)
    expected = by_hand(ROWS, REFERENCES, True)
    batches = tf.data.Dataset.from_tensor_slices(ROWS).batch(2)
    np.testing.assert_allclose(explainer.transform(batches), expected, rtol=1e-4, atol=1e-6)
    lazy = explainer.transform(array.from_array(ROWS, chunks=(2, 2)))
    np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-4, atol=1e-6)


def test_metrics_look_at_the_same_weights(network):
    explainer = DeepLiftExplainer(network, target=Profile(), reference="zeros").fit(ROWS)
    assert summation_to_delta_error(explainer, ROWS) < 1e-5
    assert sensitivity_n(explainer, ROWS, random_state=0) > 0.999
    # A function that holds its softmax is the same target, also where parts are erased.
    by_function = DeepLiftExplainer(network, target=held_softmax, reference="zeros").fit(ROWS)
    for metric in (deletion_score, insertion_score):
        expected = metric(by_function, ROWS, fill="zeros", per_row=True)
        np.testing.assert_allclose(metric(explainer, ROWS, fill="zeros", per_row=True), expected, rtol=1e-4, atol=1e-7)
    explainer = DeepLiftExplainer(network, target=Profile(weights="mean"), reference="zeros").fit(ROWS)
    with pytest.raises(ValueError, match="computes weights from each row and its references"):
        sensitivity_n(explainer, ROWS, random_state=0)


def test_mutations_change_what_the_row_weights(two_strands, sequences):
    explanation = MutagenesisExplainer(two_strands, target="profile").fit(sequences).explain(sequences)
    mutant = sequences[:1].copy()
    mutant[0, 3] = [0, 0, 1, 0]
    before, after = (np.swapaxes(two_strands.predict(X, verbose=0), 1, 2)[0] for X in (sequences[:1], mutant))
    expected = (softmax(before, -1) * (centred(after) - centred(before))).sum()
    np.testing.assert_allclose(explanation.contributions[0, 3, 2], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mean", [False, True], ids=["row", "mean"])
def test_batches_of_one_size(mean):
    """Rows and references are run pair by pair."""
    fixed = keras.Sequential([keras.Input(batch_shape=(4, 2)), keras.layers.Dense(3)])
    fixed.set_weights([WEIGHTS, np.array([0.1, -0.2, 0.3])])
    for make in (DeepLiftExplainer, OcclusionExplainer):
        explainer = make(fixed, target=Profile(weights="mean" if mean else "row"), reference=REFERENCES).fit(ROWS)
        explanation = explainer.explain(ROWS)
        np.testing.assert_allclose(explanation.contributions, by_hand(ROWS, REFERENCES, mean), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(explanation.convergence_delta, 0, atol=1e-5)
