"""Files for motif discovery, as `Explanation.to_modisco` writes them."""

import numpy as np
import pytest

from skdeeplift import Explanation


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
        ({"letters_axis": 0}, r"four letters.* shape \(3, 7, 4\) with the letters on axis 1"),
    ],
)
def test_explanations_that_motif_discovery_cannot_read(tmp_path, keys, message):
    explanation = Explanation(**{"X": one_hot(), "hypothetical": one_hot(), "letters_axis": 1, **keys})
    with pytest.raises(ValueError, match=message):
        explanation.to_modisco(tmp_path / "motifs")
    assert not (tmp_path / "motifs").exists()


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
