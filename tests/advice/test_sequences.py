"""Advice about profiles, both strands of sequences, inputs that hold letters, and strings."""

import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer, GradientExplainer
from skdeeplift.metrics import sensitivity_n
from skdeeplift.sequences import one_hot, reverse_complement
from skdeeplift.targets import Profile
from tests.advice.following import contributions, follow

ROWS = one_hot(["ACGTAC", "GGATCA", "TTTACG"])
TRACKS = np.random.default_rng(0).normal(size=(3, 6, 2)).astype("float32")
INPUTS = {"sequence": ROWS, "control": TRACKS}
pytestmark = pytest.mark.advice


@pytest.fixture(scope="module")
def profile():
    """Logits of the shape (4, 2), and log-counts."""
    sequence = keras.Input((6, 4))
    hidden = layers.Conv1D(3, 2, activation="relu")(sequence)
    counts = layers.Dense(1, name="counts")(layers.GlobalAveragePooling1D()(hidden))
    return keras.Model(sequence, {"profile": layers.Conv1D(2, 2, name="profile")(hidden), "counts": counts})


@pytest.fixture(scope="module")
def beside_tracks():
    inputs = [keras.Input((6, 4), name="sequence"), keras.Input((6, 2), name="control")]
    return keras.Model(inputs, layers.Dense(1)(layers.Flatten()(layers.Concatenate()(inputs))))


def explained(network, rows=INPUTS, **call):
    return DeepLiftExplainer(network, reference="zeros").fit(rows).explain(rows, **call)


def test_profiles_of_several_positions(profile):
    options = {"reference": "zeros", "target": "profile"}
    follow(
        "Pass output= to choose the profile of a network with several outputs, axis= to choose its positions, or "
        "target='auto' to explain a single output such as the log-counts",
        lambda: contributions(profile, ROWS, output="counts", **options),
        lambda: contributions(profile, ROWS, output="profile", **options),
        lambda: contributions(profile, ROWS, output="profile", reference="zeros", target=Profile(axis=2)),
        lambda: contributions(profile, ROWS, output="counts", reference="zeros", target="auto"),
    )
    follow(
        "Pass center_logits=False",
        lambda: contributions(profile, ROWS, output="profile", center_logits=True, **options),
        lambda: contributions(profile, ROWS, output="profile", center_logits=False, **options),
    )


def test_profiles_of_another_softmax():
    network = keras.Sequential([keras.Input((6, 4)), layers.Conv1D(3, 2, activation="softmax")])
    follow(
        "Pass axis=2, the axis that the positions of one softmax are on",
        lambda: contributions(network, ROWS, target="profile", reference="zeros"),
        lambda: contributions(network, ROWS, target=Profile(axis=2), reference="zeros"),
    )


def test_weights_of_each_reference(profile):
    def explainer(weights, cls=GradientExplainer, **options):
        return cls(profile, output="profile", target=Profile(weights=weights), **options).fit(ROWS)

    follow(
        "Pass Profile(weights='row'), which computes weights from the row alone",
        lambda: explainer("mean").transform(ROWS),
        lambda: explainer("row").transform(ROWS),
    )
    options = {"cls": DeepLiftExplainer, "reference": "zeros"}
    follow(
        "Pass Profile(weights='row'), which computes weights from the row alone",
        lambda: sensitivity_n(explainer("mean", **options), ROWS, random_state=0),
        lambda: sensitivity_n(explainer("row", **options), ROWS, random_state=0),
    )


def test_inputs_on_both_strands(beside_tracks):
    follow(
        "Pass True for an input that holds one-hot letters",
        lambda: explained(beside_tracks, both_strands=[False, False]),
        lambda: explained(beside_tracks, both_strands=[True, False]),
    )
    follow(
        "with one entry for each, such as {'sequence': True, 'control': True}; False leaves an input as it is",
        lambda: explained(beside_tracks, both_strands=True),
        lambda: explained(beside_tracks, both_strands={"sequence": True, "control": False}),
    )
    follow(
        "such as both_strands='ACGT', or both_strands=(1, 2) to reverse the positions and strands of tracks",
        lambda: explained(beside_tracks, both_strands={"sequence": True, "control": True}),
        lambda: explained(beside_tracks, both_strands={"sequence": "ACGT", "control": (1, 2)}),
    )


def test_alphabets_with_complements():
    network = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(1)])
    follow(
        "Pass an alphabet of these letters, in the order of the columns",
        lambda: explained(network, ROWS, both_strands="ABCD"),
        lambda: explained(network, ROWS, both_strands="ATGC"),
        lambda: reverse_complement(ROWS, "ATGC"),
    )
    square = keras.Sequential([keras.Input((None, 4)), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    explainer = DeepLiftExplainer(square, reference="zeros").fit(ROWS)
    assert explainer.explain(ROWS[:, :4], both_strands="ATGC").contributions.shape == (3, 4, 4)
    fixed = keras.Sequential([keras.Input((4, 4)), layers.Flatten(), layers.Dense(1)])
    follow(
        "Pass sequences of another length",
        lambda: explained(fixed, ROWS[:, :4], both_strands="ATGC"),
        lambda: explained(network, ROWS, both_strands="ATGC"),
    )


def test_networks_on_both_strands():
    network = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(2, name="hidden"), layers.Dense(1)])
    follow(
        "Fit an explainer with layer=None",
        lambda: DeepLiftExplainer(network, layer="hidden").fit(ROWS).explain(ROWS, both_strands=True),
        lambda: DeepLiftExplainer(network, layer=None).fit(ROWS).explain(ROWS, both_strands=True),
    )
    fixed = keras.Sequential([keras.Input(batch_shape=(3, 6, 4)), layers.Flatten(), layers.Dense(1)])
    follow(
        "Pass a network that takes any number of rows",
        lambda: explained(fixed, ROWS, both_strands=True),
        lambda: explained(network, ROWS, both_strands=True),
    )


def test_integers_beside_both_strands():
    sequence, tissue = keras.Input((6, 4), name="sequence"), keras.Input((1,), dtype="int32", name="tissue")
    vector = layers.Flatten()(layers.Embedding(3, 2)(tissue))
    joined = layers.Concatenate()([layers.Flatten()(sequence), vector])
    network = keras.Model([sequence, tissue], layers.Dense(1)(joined))
    rows = {"sequence": ROWS, "tissue": np.array([[0], [1], [2]])}

    def mean_of_two():
        other = explained(network, {**rows, "sequence": reverse_complement(ROWS)}).contributions["sequence"]
        return (explained(network, rows).contributions["sequence"] + reverse_complement(other)) / 2

    follow(
        "Explain the rows and their reverse_complement in two calls, and take the mean of both",
        lambda: explained(network, rows, both_strands={"sequence": True, "tissue": False}),
        mean_of_two,
    )


def test_inputs_that_hold_letters(beside_tracks, tmp_path):
    follow(
        "Pass True, or a dict such as {'sequence': 2}",
        lambda: explained(beside_tracks, hypothetical=2),
        lambda: explained(beside_tracks, hypothetical=True),
        lambda: explained(beside_tracks, hypothetical={"sequence": 2}),
    )
    follow(
        "Pass rows with one 1 and zeros elsewhere for each letter, or a dict of the input's name to its axis of",
        lambda: explained(beside_tracks, {**INPUTS, "sequence": 2 * ROWS}, hypothetical=True),
        lambda: explained(beside_tracks, INPUTS, hypothetical=True),
        lambda: explained(beside_tracks, INPUTS, hypothetical={"sequence": 2}),
    )
    arrays, others = ({name: np.zeros_like(array) for name, array in INPUTS.items()} for _ in range(2))
    follow(
        "which holds no letters. Pass None",
        lambda: explained(beside_tracks, out={"contributions": arrays, "hypothetical": others}),
        lambda: explained(
            beside_tracks,
            out={"contributions": arrays, "hypothetical": {"sequence": np.zeros_like(ROWS), "control": None}},
        ),
    )
    one = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(1)])
    of_one = explained(one, ROWS, hypothetical=True)
    follow(
        "Leave part= at None",
        lambda: of_one.to_modisco(tmp_path, part=0),
        lambda: list(map(str, of_one.to_modisco(tmp_path))) and of_one,
    )
    explanation = explained(beside_tracks, hypothetical=True)
    follow(
        "Pass part='sequence'",
        lambda: explanation.to_modisco(tmp_path, part="control"),
        lambda: list(map(str, explanation.to_modisco(tmp_path, part="sequence"))) and explanation,
    )


def test_references_of_batches(beside_tracks):
    network = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(1)])
    explainer = DeepLiftExplainer(network, reference="shuffle", max_references=3, random_state=0).fit(ROWS)
    follow(
        "explainer.explain(X[row : row + 1]).references(0)",
        lambda: explainer.explain(iter([ROWS[:2], ROWS[2:]])).references(1),
        lambda: explainer.explain(ROWS[1:2]).references(0),
    )


def test_strings_of_several_lengths():
    follow(
        "Pass length= to fill the rows up with zeros, or sequences of one length",
        lambda: one_hot(["ACG", "A"]),
        lambda: one_hot(["ACG", "A"], length=3),
        lambda: one_hot(["ACG", "AAA"]),
    )
