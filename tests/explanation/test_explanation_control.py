"""Sequences beside control tracks: the same contributions as of one input with the tracks built in."""

from functools import partial

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, IntegratedGradientsExplainer
from skdeeplift.plotting import SequenceLogoDisplay
from skdeeplift.rows import blocks
from skdeeplift.targets import Profile

RNG = np.random.default_rng(0)
LETTERS = np.eye(4, dtype="float32")[RNG.integers(0, 4, (3, 20))]
# One track for all rows, so that it can be built in.
TRACK = np.broadcast_to(RNG.poisson(2.0, (1, 20, 2)), (3, 20, 2)).astype("float32")
ROWS = {"sequence": LETTERS, "control": TRACK}


@pytest.fixture(scope="module")
def networks():
    """BPNet in small: profile logits of two strands, which see the control tracks; and the same with tracks inside."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    hidden_layer, profile_layer = layers.Conv1D(6, 5, padding="same", activation="relu"), layers.Conv1D(2, 3)
    mixed = layers.Conv1D(2, 1)

    def output(sequence, control):
        hidden = hidden_layer(sequence)
        joined = layers.Concatenate()([profile_layer(hidden), control[:, 1:-1]])
        return mixed(keras.ops.relu(joined))

    sequence, control = keras.Input((20, 4), name="sequence"), keras.Input((20, 2), name="control")
    two = keras.Model([sequence, control], output(sequence, control))
    alone = keras.Input((20, 4))
    built_in = keras.ops.zeros_like(alone[:, :, :2]) + TRACK[:1]
    return two, keras.Model(alone, output(alone, built_in))


REFERENCES = ["zeros", "dinucleotide_shuffle", "background_frequency"]


@pytest.mark.sampled(6)
@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("make", [DeepLiftExplainer, partial(IntegratedGradientsExplainer, n_steps=4, check="ignore")])
def test_is_one_input_with_the_tracks_built_in(networks, make, reference):
    options = dict(target=Profile(weights="mean"), max_references=2, random_state=0)
    both = make(networks[0], reference={"sequence": reference, "control": "held"}, **options).fit(ROWS)
    one = make(networks[1], reference=reference, **options).fit(LETTERS)
    found, expected = both.explain(ROWS, hypothetical=True), one.explain(LETTERS, hypothetical=True)
    assert found.letters_axis == {"sequence": 1, "control": None}
    for name in ("contributions", "hypothetical"):
        np.testing.assert_allclose(found[name]["sequence"], expected[name], rtol=1e-4, atol=1e-5)
    for name in ("prediction", "reference_value"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.contributions["control"], 0)
    assert found.hypothetical["control"] is None


@pytest.mark.parametrize("in_list", [True, False])
def test_files_for_motif_discovery(networks, tmp_path, in_list):
    reference = {"sequence": "zeros", "control": "held"}
    explainer = DeepLiftExplainer(networks[0], reference=reference, target=Profile()).fit(ROWS)
    explanation = explainer.explain(list(ROWS.values()) if in_list else ROWS, hypothetical=True)
    with np.load(explanation.to_modisco(tmp_path)[0]) as file:
        np.testing.assert_array_equal(file["arr_0"], np.moveaxis(LETTERS, 2, 1))
    part = 0 if in_list else "sequence"
    with np.load(explanation.to_modisco(tmp_path, part=part)[1]) as file:
        np.testing.assert_array_equal(file["arr_0"], np.moveaxis(explanation.hypothetical[part], 2, 1))
    with pytest.raises(ValueError, match="Pass part="):
        explanation.to_modisco(tmp_path, part=1 if in_list else "control")
    explanation.save(tmp_path / "explanation.npz")
    loaded = type(explanation).load(tmp_path / "explanation.npz")
    np.testing.assert_array_equal(loaded.hypothetical[part], explanation.hypothetical[part])
    pytest.importorskip("matplotlib")
    SequenceLogoDisplay.from_explanation(loaded, row=0, part=part, hypothetical=True)
    with pytest.raises(ValueError, match="which holds no letters"):
        SequenceLogoDisplay.from_explanation(loaded, row=0, part=1 if in_list else "control", hypothetical=True)


def test_in_blocks_into_arrays(networks, tmp_path):
    explainer = DeepLiftExplainer(
        networks[0], reference={"sequence": "zeros", "control": "held"}, target=Profile()
    ).fit(ROWS)
    expected = explainer.explain(ROWS, hypothetical=True)
    out = {
        "contributions": {"sequence": np.zeros(LETTERS.shape, "float16"), "control": np.zeros(TRACK.shape)},
        "hypothetical": {"sequence": np.zeros(LETTERS.shape, "float16")},
    }
    batches = [{name: array[start : start + 2] for name, array in ROWS.items()} for start in (0, 2)]
    streamed = explainer.explain(iter(batches), out=out)
    np.testing.assert_allclose(out["hypothetical"]["sequence"], expected.hypothetical["sequence"], rtol=1e-2, atol=1e-2)
    streamed.to_modisco(tmp_path, X=ROWS)
    with pytest.raises(ValueError, match="of the input 'control', which holds no letters"):
        explainer.explain(iter(batches), out={**out, "hypothetical": {"control": np.zeros(TRACK.shape)}})
    joined = explainer.explain(iter(batches), hypothetical=True)
    assert joined.hypothetical["control"] is None
    np.testing.assert_allclose(joined.hypothetical["sequence"], expected.hypothetical["sequence"], rtol=1e-5, atol=1e-6)


def test_integers_beside_letters_need_no_multipliers():
    """A table of tissues that are looked up has contributions, but no hypothetical ones."""
    sequence, tissue = keras.Input((6, 4), name="sequence"), keras.Input((1,), dtype="int32", name="tissue")
    vector = keras.layers.Flatten()(keras.layers.Embedding(3, 2)(tissue))
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(sequence), vector])
    network = keras.Model([sequence, tissue], keras.layers.Dense(1)(joined))
    rows = {"sequence": LETTERS[:, :6], "tissue": np.array([[0], [1], [2]])}
    explanation = DeepLiftExplainer(network, reference="zeros").fit(rows).explain(rows, hypothetical=True)
    assert explanation.letters_axis == {"sequence": 1, "tissue": None}
    kernel = network.layers[-1].get_weights()[0][:24].reshape(6, 4)
    np.testing.assert_allclose(explanation.hypothetical["sequence"], np.broadcast_to(kernel, (3, 6, 4)), rtol=1e-5)
    with pytest.raises(ValueError, match="as indices of a lookup"):
        DeepLiftExplainer(network, reference="zeros").fit(rows).explain(rows, multipliers=True)


@pytest.mark.advice
def test_blocks_of_rows_agree_on_letters(networks, monkeypatch):
    """A track with one count at each position looks like letters, and one without any does not."""
    monkeypatch.setattr(blocks, "NUMBERS_OF_BLOCK", 2 * 120)
    track = np.zeros_like(TRACK)
    track[:2, :, 0] = 1
    explainer = DeepLiftExplainer(networks[0], reference="zeros", target=Profile()).fit(ROWS)
    batches = [{"sequence": LETTERS[rows], "control": track[rows]} for rows in (slice(2), slice(2, 3))]
    with pytest.raises(ValueError, match=r"in some blocks of rows.*hypothetical={'sequence': True}"):
        explainer.explain(iter(batches), hypothetical=True)
    explanation = explainer.explain(iter(batches), hypothetical={"sequence": True})
    assert explanation.hypothetical["control"] is None
    assert explanation.hypothetical["sequence"].shape == LETTERS.shape
