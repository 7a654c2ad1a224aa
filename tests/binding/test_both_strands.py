"""Means over a sequence and its reverse complement, against two explanations of a network that is not symmetric."""

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
    MutagenesisExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)
from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.sequences import one_hot, reverse_complement
from skdeeplift.targets import Profile

RNG = np.random.default_rng(0)
ROWS = one_hot(["".join(each) for each in RNG.choice(list("ACGT"), (3, 12))])
OTHERS = reverse_complement(ROWS)
# Shuffles of each row.
REFERENCES = np.stack([row[RNG.permutation(12)] for row in np.repeat(ROWS, 4, 0)]).reshape(3, 4, 12, 4)


def network_of(*further, lstm=False, n_letters=4, length=12):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    first = layers.LSTM(5, return_sequences=True) if lstm else layers.Conv1D(5, 3, activation="relu")
    network = keras.Sequential([keras.Input((length, n_letters)), first, *further])
    network.set_weights([RNG.normal(size=each.shape) for each in network.get_weights()])
    return network


@pytest.fixture(scope="module")
def one_output():
    return network_of(keras.layers.Flatten(), keras.layers.Dense(4, "tanh", name="hidden"), keras.layers.Dense(1))


@pytest.fixture(scope="module")
def three_classes():
    return network_of(keras.layers.Flatten(), keras.layers.Dense(3, "softmax"))


@pytest.fixture(scope="module")
def profile():
    return network_of(keras.layers.Conv1D(2, 3))


def flipped(array):
    return np.flip(array, (1, 2))


def check_means(explainer, strands, others, **options):
    """Compare with the means of two explanations, the second of which is mapped back."""
    names = [name for name in ("multipliers", "hypothetical") if options.get(name)]
    for name in ("contributions", *names):
        expected = (strands[name] + flipped(others[name])) / 2
        np.testing.assert_allclose(explainer[name], expected, rtol=1e-3, atol=1e-5)
    for name in ("prediction", "reference_value", "convergence_delta"):
        if strands[name] is not None:
            np.testing.assert_allclose(explainer[name], (strands[name] + others[name]) / 2, rtol=1e-4, atol=1e-4)


EXPLAINERS = {
    "deeplift": DeepLiftExplainer,
    "reveal_cancel": lambda *arguments, **options: DeepLiftExplainer(*arguments, rule="genomics_default", **options),
    "integrated": lambda *arguments, **options: IntegratedGradientsExplainer(
        *arguments, n_steps=20, check="ignore", **options
    ),
    "occlusion": OcclusionExplainer,
    "gradient": lambda network, reference: GradientExplainer(network, kind="gradient"),
    "mutagenesis": lambda network, reference: MutagenesisExplainer(network),
    "times input": lambda network, reference: GradientExplainer(network),
    "guided": lambda network, reference: GuidedBackpropExplainer(network),
    "lrp": lambda network, reference: LRPExplainer(network),
}


@pytest.mark.sampled(8)
@pytest.mark.parametrize("reference", ["zeros", "own"])
@pytest.mark.parametrize("name", EXPLAINERS)
def test_means_over_both_strands(one_output, name, reference):
    given = "zeros" if reference == "zeros" else REFERENCES
    mapped = "zeros" if reference == "zeros" else np.flip(REFERENCES, (2, 3))
    explainer = EXPLAINERS[name](one_output, reference=given).fit(ROWS)
    options = {} if name in ("occlusion", "mutagenesis") else {"multipliers": True, "hypothetical": True}
    found = explainer.explain(ROWS, both_strands=True, **options)
    plain = explainer.explain(ROWS, **options)
    others = EXPLAINERS[name](one_output, reference=mapped).fit(OTHERS).explain(OTHERS, **options)
    check_means(found, plain, others, **options)
    # One row is explained as in company, and the explainer itself is what it was.
    alone = explainer.explain(
        ROWS[1:2],
        both_strands=True,
        **({} if reference == "zeros" or found.n_references is None else {"reference": REFERENCES[1:2]}),
    )
    np.testing.assert_allclose(alone.contributions, found.contributions[1:2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(explainer.explain(ROWS).contributions, plain.contributions, rtol=1e-6)
    assert np.abs(found.contributions - plain.contributions).max() > 1e-3


@pytest.mark.slow
def test_draws_add_up(one_output):
    shapley = ShapleySamplingExplainer(one_output, reference="zeros", random_state=0).fit(ROWS)
    explanation = shapley.explain(ROWS, both_strands=True)
    assert np.abs(explanation.convergence_delta).max() < 1e-4
    expected = ExpectedGradientsExplainer(one_output, reference="zeros", n_draws=4000, random_state=0).fit(ROWS)
    together = expected.explain(ROWS, both_strands=True)
    integrated = IntegratedGradientsExplainer(one_output, reference="zeros").fit(ROWS)
    plain, others = integrated.explain(ROWS).contributions, integrated.explain(OTHERS).contributions
    np.testing.assert_allclose(together.contributions, (plain + flipped(others)) / 2, atol=0.15)


def test_shuffles_are_those_of_the_row_on_both_strands(one_output):
    explainer = DeepLiftExplainer(one_output, reference="dinucleotide_shuffle", max_references=6, random_state=0)
    explanation = explainer.fit(ROWS).explain(ROWS, both_strands=True, hypothetical=True)
    assert explanation.standard_error.shape == ROWS.shape
    for row in range(3):
        references = explanation.references(row)
        parts = [
            DeepLiftExplainer(one_output, reference=each).fit(ROWS).explain(rows[[row]], hypothetical=True)
            for each, rows in ((references, ROWS), (reverse_complement(references), OTHERS))
        ]
        for name in ("contributions", "hypothetical"):
            expected = (parts[0][name] + flipped(parts[1][name])) / 2
            np.testing.assert_allclose(explanation[name][[row]], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_means_over_strands_behind_recurrent_layers_are_those_of_both():
    network = network_of(keras.layers.Flatten(), keras.layers.Dense(1), lstm=True)
    for make in (DeepLiftExplainer, IntegratedGradientsExplainer, GradientExplainer):
        options = {} if make is GradientExplainer else {"reference": "zeros"}
        explainer = make(network, **options).fit(ROWS)
        found = explainer.explain(ROWS, both_strands=True)
        check_means(found, explainer.explain(ROWS), explainer.explain(OTHERS))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("mean", [False, True])
def test_each_strand_has_the_weights_of_its_own_profile(profile, mean):
    target = Profile(weights="mean") if mean else "profile"
    for make in (DeepLiftExplainer, OcclusionExplainer, EXPLAINERS["integrated"]):
        explainer = make(profile, target=target, reference=REFERENCES[0]).fit(ROWS)
        mapped = make(profile, target=target, reference=np.flip(REFERENCES[0], (1, 2))).fit(ROWS)
        found = explainer.explain(ROWS, both_strands=True)
        check_means(found, explainer.explain(ROWS), mapped.explain(OTHERS))
    one_task = DeepLiftExplainer(profile, target=Profile(task=1), reference="zeros").fit(ROWS)
    check_means(one_task.explain(ROWS, both_strands=True), one_task.explain(ROWS), one_task.explain(OTHERS))


def test_means_over_strands_are_those_of_each_target(three_classes):
    explainer = DeepLiftExplainer(three_classes, target="all", reference="zeros").fit(ROWS)
    every = explainer.explain(ROWS, both_strands=True)
    check_means(every, explainer.explain(ROWS), explainer.explain(OTHERS))
    for target in (1, {0: 1.0, 2: -1.0}, np.array([2, 0, 1]), np.array([0.5, 0.5, -1.0])):
        given = explainer.explain(ROWS, target=target)
        found = explainer.explain(ROWS, target=target, both_strands=True)
        check_means(found, given, explainer.explain(OTHERS, target=target))
    # The predicted class is that of both strands together.
    predicted = explainer.explain(ROWS, target="predicted", both_strands=True)
    np.testing.assert_array_equal(predicted.target, every.prediction.argmax(1))
    rows = np.arange(3)
    np.testing.assert_allclose(
        predicted.contributions, every.contributions[rows, :, :, predicted.target], rtol=1e-4, atol=1e-5
    )


def test_functions_are_of_each_strand(three_classes):
    def held(output):
        return tf.reduce_sum(tf.stop_gradient(output) * tf.math.log(output), 1)

    for make in (DeepLiftExplainer, OcclusionExplainer):
        explainer = make(three_classes, target=held, reference=REFERENCES[0, :2]).fit(ROWS)
        mapped = make(three_classes, target=held, reference=np.flip(REFERENCES[0, :2], (1, 2))).fit(ROWS)
        found = explainer.explain(ROWS, both_strands=True)
        check_means(found, explainer.explain(ROWS), mapped.explain(OTHERS))


@pytest.mark.slow
def test_padding_is_that_of_each_strand():
    """Steps without a letter are masked; on the other strand they are those at the other end."""
    rows = ROWS.copy()
    rows[0, 8:], rows[1, 10:] = 0, 0
    keras.utils.set_random_seed(3)
    network = keras.Sequential(
        [keras.Input((12, 4)), keras.layers.Masking(), keras.layers.LSTM(4), keras.layers.Dense(1)]
    )
    references = rows[:, None, ::-1]
    explainer = DeepLiftExplainer(network, reference=np.concatenate([references, references * 0.5], 1)).fit(rows)
    turned = np.flip(np.concatenate([references, references * 0.5], 1), (2, 3))
    mapped = DeepLiftExplainer(network, reference=turned).fit(flipped(rows))
    found = explainer.explain(rows, both_strands=True)
    check_means(found, explainer.explain(rows), mapped.explain(flipped(rows)))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("letters", ["AGCT", "ACGTN", "ATGC", "UCGA"])
def test_letters_in_another_order(letters):
    size = len(letters)
    network = network_of(keras.layers.Flatten(), keras.layers.Dense(1), n_letters=size)
    rows = np.eye(size, dtype="float32")[RNG.integers(0, size, (2, 12))]
    others = reverse_complement(rows, letters)
    explainer = DeepLiftExplainer(network, reference="zeros").fit(rows)
    found = explainer.explain(rows, both_strands=letters, hypothetical=True)
    plain, mapped = explainer.explain(rows, hypothetical=True), explainer.explain(others, hypothetical=True)
    for name in ("contributions", "hypothetical"):
        expected = (plain[name] + reverse_complement(mapped[name], letters)) / 2
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-5)


def test_letters_first_and_any_length():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((4, None)),
            layers.Permute((2, 1)),
            layers.Conv1D(3, 3, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1),
        ]
    )
    explainer = DeepLiftExplainer(network, reference="zeros").fit(np.swapaxes(ROWS, 1, 2))
    for rows in (ROWS, ROWS[:, :9]):
        rows = np.swapaxes(rows, 1, 2)
        found = explainer.explain(rows, both_strands=True)
        check_means(found, explainer.explain(rows), explainer.explain(flipped(rows)))


def test_control_tracks_and_further_inputs():
    sequence, control = keras.Input((12, 4), name="sequence"), keras.Input((12, 2), name="control")
    tissue = keras.Input((2,), name="tissue")
    keras.utils.set_random_seed(0)
    hidden = keras.layers.Conv1D(3, 3, padding="same", activation="relu")(sequence)
    joined = keras.layers.Flatten()(keras.layers.Concatenate()([hidden, control]))
    output = keras.layers.Dense(2)(keras.layers.Concatenate()([joined, tissue]))
    network = keras.Model([sequence, control, tissue], keras.layers.Dense(1)(keras.ops.relu(output)))
    tracks, tissues = RNG.normal(size=(3, 12, 2)).astype("float32"), RNG.normal(size=(3, 2)).astype("float32")
    rows = {"sequence": ROWS, "control": tracks, "tissue": tissues}
    others = {"sequence": OTHERS, "control": flipped(tracks), "tissue": tissues}
    explainer = DeepLiftExplainer(network, reference={"sequence": 0, "control": "held", "tissue": 0}).fit(rows)
    strands = {"sequence": True, "control": (1, 2), "tissue": False}
    found = explainer.explain(rows, both_strands=strands, hypothetical=True)
    plain, mapped = explainer.explain(rows, hypothetical=True), explainer.explain(others, hypothetical=True)
    for name in ("contributions", "hypothetical"):
        expected = (plain[name]["sequence"] + flipped(mapped[name]["sequence"])) / 2
        np.testing.assert_allclose(found[name]["sequence"], expected, rtol=1e-4, atol=1e-5)
    expected = (plain.contributions["tissue"] + mapped.contributions["tissue"]) / 2
    np.testing.assert_allclose(found.contributions["tissue"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found.contributions["control"], 0)
    in_list = explainer.explain(list(rows.values()), both_strands=list(strands.values()))
    np.testing.assert_allclose(in_list.contributions[0], found.contributions["sequence"], rtol=1e-6)
    with pytest.raises(
        ValueError,
        match=r"as a dict with one entry for each, such as {'sequence': True, 'control': True, 'tissue': True}",
    ):
        explainer.explain(rows, both_strands=True)
    with pytest.raises(ValueError, match="one entry for each of the inputs sequence, control, tissue"):
        explainer.explain(rows, both_strands={"sequence": True})
    with pytest.raises(ValueError, match="is False for all inputs"):
        explainer.explain(rows, both_strands=[False, False, False])
    with pytest.raises(ValueError, match=r"or both_strands=\(1, 2\) to reverse"):
        explainer.explain(rows, both_strands={**strands, "control": True})


def test_in_blocks_and_side_by_side(one_output):
    explainer = DeepLiftExplainer(one_output, reference="shuffle", max_references=3, random_state=0).fit(ROWS)
    expected = explainer.explain(ROWS, both_strands=True)
    out = np.zeros(ROWS.shape, "float32")
    explainer.explain(iter([ROWS[:2], ROWS[2:]]), both_strands=True, out=out)
    np.testing.assert_allclose(out, expected.contributions, rtol=1e-4, atol=1e-6)
    explainer.set_params(n_jobs=2)
    together = explainer.explain(ROWS, both_strands=True)
    np.testing.assert_allclose(together.contributions, expected.contributions, rtol=1e-4, atol=1e-6)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("both_strands", "message"),
    [
        ("ACGTN", "an axis of 5 letters"),
        ("ACDE", "'A' has no complement"),
        (3, r"the axes to reverse, from 1 to 2. Got 3"),
        ((1, "x"), "the axes to reverse"),
        (1.5, "the axes to reverse"),
    ],
)
def test_says_what_is_no_sequence(one_output, both_strands, message):
    explainer = DeepLiftExplainer(one_output, reference="zeros").fit(ROWS)
    with pytest.raises(ValueError, match=message):
        explainer.explain(ROWS, both_strands=both_strands)
    # The advice works.
    assert explainer.explain(ROWS, both_strands="ACGT").contributions.shape == ROWS.shape


def test_says_where_strands_cannot_be_put_side_by_side(one_output):
    with pytest.raises(ValueError, match="layer=None"):
        DeepLiftExplainer(one_output, layer="hidden", reference="zeros").fit(ROWS).explain(ROWS, both_strands=True)
    table = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="and an axis of positions"):
        DeepLiftExplainer(table).fit(ROWS[0]).explain(ROWS[0], both_strands=True)
    square = network_of(keras.layers.Flatten(), keras.layers.Dense(1), length=4)
    with pytest.raises(ValueError, match=r"which of the axes \[1, 2\]"):
        DeepLiftExplainer(square).fit(ROWS[:, :4]).explain(ROWS[:, :4], both_strands="ATGC")
    fixed = keras.Sequential([keras.Input(batch_shape=(3, 12, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="batches of exactly 3 rows"):
        DeepLiftExplainer(fixed, reference="zeros").fit(ROWS).explain(ROWS, both_strands=True)


def test_integers_that_are_looked_up_beside_a_sequence():
    sequence, tissue = keras.Input((12, 4), name="sequence"), keras.Input((2,), dtype="int32", name="tissue")
    keras.utils.set_random_seed(0)
    vector = keras.layers.Flatten()(keras.layers.Embedding(5, 3)(tissue))
    hidden = keras.layers.Flatten()(keras.layers.Conv1D(3, 3, activation="relu")(sequence))
    joined = keras.layers.Dense(4, "tanh")(keras.layers.Concatenate()([hidden, vector]))
    network = keras.Model([sequence, tissue], keras.layers.Dense(1)(joined))
    rows = {"sequence": ROWS, "tissue": np.array([[1, 2], [3, 4], [0, 1]])}
    strands = {"sequence": True, "tissue": False}
    explainer = OcclusionExplainer(network, reference="zeros").fit(rows)
    found = explainer.explain(rows, both_strands=strands)
    plain, mapped = explainer.explain(rows), explainer.explain({**rows, "sequence": OTHERS})
    expected = (plain.contributions["tissue"] + mapped.contributions["tissue"]) / 2
    np.testing.assert_allclose(found.contributions["tissue"], expected, rtol=1e-4, atol=1e-5)
    expected = (plain.contributions["sequence"] + flipped(mapped.contributions["sequence"])) / 2
    np.testing.assert_allclose(found.contributions["sequence"], expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(UnsupportedOpError, match="reverse_complement in two calls"):
        DeepLiftExplainer(network, reference="zeros").fit(rows).explain(rows, both_strands=strands)
