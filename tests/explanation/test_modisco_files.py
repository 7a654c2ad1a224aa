"""Files for motif discovery, as `Explanation.to_modisco` writes them."""

import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer, Explanation


def one_hot(letters_last=True):
    X = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (3, 7))]
    return X if letters_last else np.moveaxis(X, 2, 1)


@pytest.mark.parametrize("letters_last", [True, False])
def test_files_for_motif_discovery(tmp_path, letters_last):
    X = one_hot(letters_last)
    explanation = Explanation(X=X, hypothetical=2 * X, letters_axis=1 if letters_last else 0)
    paths = explanation.to_modisco(tmp_path / "motifs")
    assert [path.name for path in paths] == ["sequences.npz", "hypothetical.npz"]
    assert sorted(path.name for path in (tmp_path / "motifs").iterdir()) == ["hypothetical.npz", "sequences.npz"]
    for path, factor in zip(paths, (1, 2), strict=True):
        with np.load(path) as file:
            assert file.files == ["arr_0"]
            np.testing.assert_array_equal(file["arr_0"], factor * np.moveaxis(one_hot(), 2, 1))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"hypothetical": np.zeros((3, 7, 4, 2))}, "to one target, not 2"),
        ({"hypothetical": np.zeros((2, 7, 4))}, r"rows that were explained, of shape \(2, 7, 4\). X has .*\(3, 7, 4\)"),
        ({"X": None}, r"needs the rows, which this explanation does not hold. Pass them as X="),
        ({"letters_axis": 0}, r"four letters.* shape \(3, 7, 4\) with the letters on axis 1"),
    ],
)
def test_explanations_that_motif_discovery_cannot_read(tmp_path, keys, message):
    explanation = Explanation(**{"X": one_hot(), "hypothetical": one_hot(), "letters_axis": 1, **keys})
    with pytest.raises(ValueError, match=message):
        explanation.to_modisco(tmp_path / "motifs")
    assert not (tmp_path / "motifs").exists()


def test_one_input_has_no_parts(tmp_path):
    explanation = Explanation(X=one_hot(), hypothetical=one_hot(), letters_axis=1)
    with pytest.raises(ValueError, match=r"about one input. Leave part= at None, not 'sequence'"):
        explanation.to_modisco(tmp_path, part="sequence")


def test_nothing_is_half_written(tmp_path, monkeypatch):
    explanation = Explanation(X=one_hot(), hypothetical=one_hot(), letters_axis=1)
    explanation.to_modisco(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    calls = []

    def fail_second(path, array):
        calls.append(path)
        if len(calls) == 2:
            raise OSError("disk full")
        np.savez(path, array)

    monkeypatch.setattr(np, "savez_compressed", fail_second)
    with pytest.raises(OSError, match="disk full"):
        explanation.to_modisco(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_an_explanation_of_batches_is_handed_over_with_its_rows(tmp_path, dtype):
    """f(x) is a weighted sum, whose hypothetical contributions from zeros are the weights, 1 to 28."""
    X = one_hot()
    model = keras.Sequential([keras.Input((7, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.set_weights([np.arange(1.0, 29)[:, None], np.zeros(1)])
    explainer = DeepLiftExplainer(model, reference="zeros").fit(X)
    out = {name: np.zeros(X.shape, dtype) for name in ("contributions", "hypothetical")}
    explanation = explainer.explain(iter([X[:2], X[2:]]), out=out)
    with pytest.raises(ValueError, match=r"Pass them as X="):
        explanation.to_modisco(tmp_path)
    sequences, hypothetical = map(np.load, explanation.to_modisco(tmp_path, X=X))
    np.testing.assert_array_equal(sequences["arr_0"], np.moveaxis(X, 2, 1))
    expected = np.broadcast_to(np.arange(1.0, 29).reshape(7, 4).T, (3, 4, 7))
    np.testing.assert_array_equal(hypothetical["arr_0"], expected)


def test_columns_that_are_no_letter(tmp_path):
    """They contribute as they are, and have the hypothetical contributions of whole letters, against shuffles too.

    f(x) is a weighted sum with the weights 1 to 28, so that a whole letter contributes its weight less those of the
    reference's column, and a column the sum of its entries.
    """
    X = one_hot()
    X[0, 2], X[1, 3], X[2, 4] = 0, 0.25, [0.5, 0, 0.5, 0]
    weights = np.arange(1.0, 29).reshape(7, 4)
    model = keras.Sequential([keras.Input((7, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.set_weights([weights.reshape(28, 1), np.zeros(1)])
    explainer = DeepLiftExplainer(model, reference="shuffle", max_references=5, random_state=0).fit(X)
    explanation = explainer.explain(X, hypothetical=True)
    for row in range(3):
        references = explanation.references(row)
        means = (references * weights).sum(-1, keepdims=True).mean(0)
        np.testing.assert_allclose(explanation.hypothetical[row], weights - means, rtol=1e-5)
        np.testing.assert_allclose(explanation.contributions[row], (X[row] - references.mean(0)) * weights, atol=1e-5)
    explanation.to_modisco(tmp_path)
