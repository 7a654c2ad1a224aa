"""Simulated DNA has its motifs where it says, as often as it says."""

import numpy as np
import pytest

from skdeeplift.datasets import make_motif_sequences
from skdeeplift.datasets.simulations import KNOWN_MOTIFS


def test_strings_are_planted_where_the_mask_says():
    motifs = {"E-box": "CACGTG", "TATA": "TATAAA"}
    dataset = make_motif_sequences(200, length=30, motifs=motifs, max_sites=2, random_state=0)
    assert dataset.data.shape == (200, 30, 4)
    assert dataset.data.dtype == np.float32
    assert dataset.planted.shape == (200, 30, 2)
    assert (dataset.planted.sum(2) <= 1).all()
    np.testing.assert_array_equal(dataset.planted.any(1), dataset.target == 1)
    n_sites = []
    for sequence, planted in zip(dataset.sequences, dataset.planted, strict=True):
        for motif, mask in zip(motifs.values(), planted.T, strict=True):
            letters = "".join(np.array(list(sequence))[mask])
            assert letters == motif * (len(letters) // 6)
            n_sites.append(len(letters) // 6)
    assert set(n_sites) == {0, 1, 2}
    # Half of 400 have the motif, and of these half two sites: standard deviations 10 and about 7.
    assert abs(np.count_nonzero(n_sites) - 200) < 45
    assert abs(n_sites.count(2) - 100) < 40


def test_letters_are_one_hot_in_their_order():
    dataset = make_motif_sequences(3, length=25, random_state=0)
    assert dataset.letters == "ACGT"
    np.testing.assert_array_equal(dataset.data, np.eye(4)[[[*map("ACGT".index, row)] for row in dataset.sequences]])


def test_frequencies_of_letters_are_those_asked_for():
    dataset = make_motif_sequences(
        4000, length=20, motifs=("TAL1",), proportion=1, background=(0.1, 0.2, 0.3, 0.4), random_state=0
    )
    planted = dataset.planted[..., 0]
    assert (planted.sum(1) == 10).all()
    np.testing.assert_allclose(dataset.data[~planted].mean(0), [0.1, 0.2, 0.3, 0.4], atol=0.01)
    np.testing.assert_allclose(
        dataset.data[planted].reshape(4000, 10, 4).mean(0), np.array(KNOWN_MOTIFS["TAL1"]), atol=0.035
    )
    assert list(dataset.motifs) == ["TAL1"]


def test_a_letter_of_probability_zero_is_never_drawn():
    dataset = make_motif_sequences(
        500, length=9, motifs={"half": [[0, 0.5, 0, 0.5]] * 9}, proportion=1, background=(1, 0, 0, 0), random_state=0
    )
    assert {*"".join(dataset.sequences)} == {"C", "T"}


def test_proportion_is_of_each_motif_by_itself():
    target = make_motif_sequences(2000, length=25, proportion=0.3, random_state=0).target
    np.testing.assert_allclose(target.mean(0), 0.3, atol=0.04)
    np.testing.assert_allclose(target.all(1).mean(), 0.09, atol=0.025)
    assert not make_motif_sequences(5, proportion=0, random_state=0).planted.any()


def test_a_seed_gives_the_same_sequences():
    first, again, other = (make_motif_sequences(5, random_state=seed).sequences for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).all()


def test_sites_that_just_fit():
    dataset = make_motif_sequences(50, length=40, proportion=1, max_sites=2, random_state=0)
    assert dataset.planted.sum((1, 2)).max() == 40


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"motifs": ("GATA1", "MYC")}, "names 'GATA1', 'TAL1'.*MYC"),
        ({"motifs": "GATA1"}, "'motifs' parameter"),
        ({"motifs": {"x": "ACGU"}}, "motif 'x' takes the letters A, C, G and T. Got 'ACGU'"),
        ({"motifs": {"x": ""}}, "motif 'x' takes the letters"),
        ({"motifs": {"x": [[0.5, 0.5, 0.5, 0.5]]}}, "motif 'x' takes the probabilities"),
        ({"motifs": {"x": [0.25, 0.25, 0.25, 0.25]}}, "motif 'x' takes the probabilities"),
        ({"background": (0.5, 0.5)}, "background= takes the probabilities"),
        ({"length": 19}, "length=19 is too short .* 20 letters"),
        ({"n_sequences": 0}, "n_sequences"),
        ({"proportion": 2}, "proportion"),
    ],
)
def test_what_can_not_be_simulated(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_motif_sequences(**{"n_sequences": 2, **parameters})
