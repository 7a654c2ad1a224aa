"""Shuffles against all sequences that there are, and counts on many."""

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from scipy.stats import chisquare
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skdeeplift.references import DinucleotideShuffle, Shuffle
from skdeeplift.references.reference import seed_of_explainer

GENERATOR = np.random.default_rng(0)


def neighbours(sequence):
    return Counter(pairwise(sequence))


def admissible(sequence):
    """All sequences with the same first letter and the same pairs of neighbours, hence the same last letter."""
    all_orders = set(permutations(sequence))
    return sorted(
        "".join(order) for order in all_orders if order[0] == sequence[0] and neighbours(order) == neighbours(sequence)
    )


def one_hot(codes, n_letters=4, dtype=np.float32):
    return np.eye(n_letters, dtype=dtype)[codes]


# With how many sequences each must be shuffled into, found by listing all orders.
SEQUENCES = {
    "ACAGATACA": 12,
    "AABABBA": 6,
    "BABBAAAB": 9,
    "AACCAACC": 9,
    "ABABABCAC": 6,
    "AAABCABCAA": 10,
    "NACNNACN": 3,
    "ABCADCBDA": 10,
    "ABCABD": 1,
    "AAAAB": 1,
}


@pytest.mark.parametrize(("sequence", "number"), SEQUENCES.items())
def test_all_admissible_sequences_are_equally_probable(sequence, number):
    expected = admissible(sequence)
    assert len(expected) == number
    shuffle = DinucleotideShuffle().fit([sequence])
    drawn = Counter(shuffle.sample([sequence], 3000 * number, random_state=1)[0].tolist())
    assert set(drawn) == set(expected)
    if number > 1:
        assert chisquare([drawn[each] for each in expected]).pvalue > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("sequence", ["ACAGATACA", "AABABBA", "ABABABCAC", "AAABAACABA", "ABCADCBDA"])
def test_probabilities_of_many_seeds(sequence):
    """Values of p of many independent chi-square tests are themselves uniform."""
    expected, shuffle = admissible(sequence), DinucleotideShuffle().fit([sequence])
    values = []
    for seed in range(300):
        drawn = Counter(shuffle.sample([sequence], 2000, random_state=seed)[0].tolist())
        values.append(chisquare([drawn[each] for each in expected]).pvalue)
    assert chisquare(np.histogram(values, 10, (0, 1))[0]).pvalue > 1e-4


def test_all_orders_of_letters_are_equally_probable():
    orders = sorted({"".join(order) for order in permutations("AABCC")})
    drawn = Counter(Shuffle().fit(["AABCC"]).sample(["AABCC"], 30_000, random_state=0)[0].tolist())
    assert set(drawn) == set(orders)
    assert chisquare([drawn[order] for order in orders]).pvalue > 1e-4


def test_shuffles_of_one_row_are_independent():
    """Pairs of successive shuffles, of one row and of two: all pairs of the six sequences are equally probable."""
    expected = admissible("AABABBA")
    drawn = DinucleotideShuffle().fit(["AABABBA"]).sample(["AABABBA"], 40_000, random_state=3)[0].tolist()
    together = Counter(zip(drawn[::2], drawn[1::2], strict=True))
    assert chisquare([together[first, second] for first in expected for second in expected]).pvalue > 1e-4


@pytest.mark.parametrize("n_letters", [2, 4, 20])
def test_counts_are_exact_on_random_sequences(n_letters):
    codes = GENERATOR.choice(n_letters, (1000, 60), p=GENERATOR.dirichlet(np.ones(n_letters)))
    X = one_hot(codes, n_letters)
    shuffled = DinucleotideShuffle().fit(X).sample(X, 2, random_state=0)
    assert shuffled.shape == (1000, 2, 60, n_letters)
    assert shuffled.dtype == X.dtype
    assert (shuffled.sum(-1) == 1).all()
    got = shuffled.argmax(-1)
    pairs = np.einsum("nla,nlb->nab", X[:, :-1], X[:, 1:])
    for reference in (0, 1):
        of_reference = shuffled[:, reference]
        np.testing.assert_array_equal(np.einsum("nla,nlb->nab", of_reference[:, :-1], of_reference[:, 1:]), pairs)
        np.testing.assert_array_equal(got[:, reference, [0, -1]], codes[:, [0, -1]])
    assert (got[:, 0] != got[:, 1]).any(1).mean() > 0.9


@pytest.mark.parametrize("kind", [Shuffle, DinucleotideShuffle])
@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), "one axis more"])
def test_layouts_of_one_hot_sequences(kind, axes):
    X = one_hot(GENERATOR.integers(0, 4, (5, 30)))
    expected = kind().fit(X).sample(X, 3, random_state=7)
    if axes == "one axis more":
        np.testing.assert_array_equal(kind().fit(X[:, None]).sample(X[:, None], 3, random_state=7)[:, :, 0], expected)
        return
    moved = X.transpose(axes)
    got = kind(axis=axes.index(2)).fit(moved).sample(moved, 3, random_state=7)
    assert got.shape == (5, 3, *moved.shape[1:])
    np.testing.assert_array_equal(got.transpose(0, 1, *[axes.index(axis) + 1 for axis in (1, 2)]), expected)


@pytest.mark.parametrize("kind", [Shuffle, DinucleotideShuffle])
def test_letters_tokens_and_text_are_shuffled_alike(kind):
    codes = GENERATOR.integers(0, 4, (6, 40))
    codes[:, :4] = [0, 1, 2, 3]
    X = one_hot(codes)
    expected = kind().fit(X).sample(X, 3, random_state=1).argmax(-1)
    alphabet = np.array(list("ACGT"))
    text = ["".join(row) for row in alphabet[codes]]
    np.testing.assert_array_equal(kind().fit(codes + 100).sample(codes + 100, 3, random_state=1), expected + 100)
    of_text = [["".join(each) for each in of_row] for of_row in alphabet[expected]]
    np.testing.assert_array_equal(kind().fit(text).sample(text, 3, random_state=1), of_text)


@pytest.mark.parametrize("kind", [Shuffle, DinucleotideShuffle])
def test_a_row_has_the_same_references_in_whatever_company(kind):
    X = one_hot(GENERATOR.integers(0, 4, (9, 50)))
    X[3, :7], X[5, -9:] = 0, 0
    shuffle = kind().fit(X)
    together = shuffle.sample(X, 5, random_state=11)
    for rows in (slice(3, 4), slice(8, 2, -1), [5, 5, 3]):
        np.testing.assert_array_equal(shuffle.sample(X[rows], 5, random_state=11), together[rows])
    np.testing.assert_array_equal(shuffle.sample_range(X, 2, 5, seed_of_explainer(11)), together[:, 2:])
    np.testing.assert_array_equal(clone(shuffle).fit(X[:1]).sample(X, 3, random_state=11), together[:, :3])
    assert not np.array_equal(shuffle.sample(X, 5, random_state=12), together)
    tokens = GENERATOR.integers(0, 1000, (9, 50))
    shuffle = kind().fit(tokens)
    together = shuffle.sample(tokens, 4, random_state=11)
    np.testing.assert_array_equal(shuffle.sample(tokens[[4]], 4, random_state=11), together[[4]])


def test_rows_are_shuffled_differently():
    """Two rows that differ in one letter do not move together."""
    codes = np.repeat(GENERATOR.integers(0, 4, (1, 200)), 2, 0)
    codes[1, 100] = (codes[1, 100] + 1) % 4
    first, second = Shuffle().fit(one_hot(codes)).sample(one_hot(codes), 1, random_state=0).argmax(-1)[:, 0]
    assert (first == second).mean() < 0.5


@pytest.mark.parametrize("kind", [Shuffle, DinucleotideShuffle])
def test_padding_stays_and_unknown_letters_move(kind):
    codes = GENERATOR.integers(0, 4, (200, 30))
    X = one_hot(codes)
    X[:, :3], X[:, 26:] = 0, 0
    X[:, 10] = 0
    X[:, 15:17] = 0.25
    shuffled = kind().fit(X).sample(X, 2, random_state=0)
    np.testing.assert_array_equal(shuffled[:, :, :3], 0)
    np.testing.assert_array_equal(shuffled[:, :, 26:], 0)
    inner = shuffled[:, :, 3:26]
    empty, alike = (inner == 0).all(-1), (inner == 0.25).all(-1)
    np.testing.assert_array_equal(empty.sum(-1), 1)
    np.testing.assert_array_equal(alike.sum(-1), 2)
    assert len(np.unique(empty.argmax(-1))) > 10
    if kind is DinucleotideShuffle:
        assert (alike[..., :-1] & alike[..., 1:]).sum() == 400


def test_padding_of_tokens_and_text():
    tokens = np.array([[0, 0, 5, 6, 0, 7, 8, 0, 0, 0]])
    for kind in (Shuffle, DinucleotideShuffle):
        shuffled = kind(padding=0).fit(tokens).sample(tokens, 50, random_state=0)[0]
        np.testing.assert_array_equal(shuffled[:, [0, 1, 7, 8, 9]], 0)
        assert (np.sort(shuffled, 1) == np.sort(tokens, 1)).all()
    assert len(np.unique(Shuffle(padding=0).fit(tokens).sample(tokens, 50, 0)[0, :, 2])) == 5
    text = ["--ACCA---", "ACAGA"]
    shuffled = Shuffle(padding="-").fit(text).sample(text, 20, random_state=0)
    assert {each[:2] + each[6:] for each in shuffled[0]} == {"-----"}
    assert {"".join(sorted(each)) for each in shuffled[1]} == {"AAACG"}


@pytest.mark.parametrize("kind", [Shuffle, DinucleotideShuffle])
@pytest.mark.parametrize("codes", [[[1], [2]], [[1, 1, 1], [2, 2, 2]], [[1, 2], [2, 1]]])
def test_sequences_of_two_and_three_letters_keep_their_letters(kind, codes):
    codes = np.asarray(codes)
    shuffled = kind().fit(codes).sample(codes, 3, random_state=0)
    np.testing.assert_array_equal(np.sort(shuffled, -1), np.sort(np.repeat(codes[:, None], 3, 1), -1))


def test_sequences_of_padding_stay_as_they_are():
    X = np.zeros((2, 8, 4))
    X[0] = one_hot(np.arange(8) % 4)
    np.testing.assert_array_equal(DinucleotideShuffle().fit(X).sample(X, 3, random_state=0)[1], 0)


@pytest.mark.parametrize("sequence", ["A" * 300 + "CG" + "A" * 300 + "T", "AC" * 300 + "G" + "AC" * 30 + "T"])
def test_walks_that_hardly_end(sequence):
    shuffled = DinucleotideShuffle().fit([sequence]).sample([sequence], 5, random_state=0)[0].tolist()
    assert all(neighbours(each) == neighbours(sequence) for each in shuffled)


@pytest.mark.parametrize("kind", [Shuffle, DinucleotideShuffle])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (GENERATOR.normal(size=(3, 20, 4)), "takes one-hot letters, integer tokens.* along any axis"),
        (2 * one_hot(GENERATOR.integers(0, 4, (3, 20))), "along any axis"),
        (np.zeros((3, 20)), r"Got an array of shape \(3, 20\) and float64"),
        (one_hot(GENERATOR.integers(0, 4, (3, 5, 6))), "one sequence for each row"),
        (one_hot([[0, 1, 2, 3]]), r"which of the axes \[1, 2\]"),
        (np.array([["A", "B"]]), r"Got an array of shape \(1, 2\)"),
    ],
)
def test_what_is_no_sequence(kind, X, message):
    with pytest.raises(ValueError, match=message):
        kind().fit(X)


def test_other_rows_than_those_in_fit():
    X = one_hot(GENERATOR.integers(0, 4, (3, 20)))
    shuffle = Shuffle().fit(X)
    with pytest.raises(ValueError, match="was fitted on one-hot letters on axis 2"):
        shuffle.sample(X + 0.5, 2)
    with pytest.raises(ValueError, match="along axis 1"):
        Shuffle(axis=1).fit(X)
    with pytest.raises(ValueError, match="letters on that axis"):
        Shuffle(axis=3).fit(X)
    with pytest.raises(ValueError, match="padding= takes an integer"):
        Shuffle(padding="-").fit(np.ones((2, 3), int)).sample(np.ones((2, 3), int), 1)
    with pytest.raises(NotFittedError):
        Shuffle().sample(X, 2)


def test_columns_that_are_no_letter_move_as_a_whole():
    """A dinucleotide shuffle keeps the counts of all pairs of neighbouring columns; other rows are what they were."""
    X = one_hot(GENERATOR.integers(0, 4, (2, 40)))
    plain = X.copy()
    X[1, [3, 9, 20]] = [0.5, 0, 0.5, 0]
    X[1, [5, 30]], X[1, 12], X[1, 17] = 0.25, 0, [0.1, 0.2, 0.3, 0.4]

    def pairs(sequence):
        found, counts = np.unique(np.hstack([sequence[:-1], sequence[1:]]), axis=0, return_counts=True)
        return found.tolist(), counts.tolist()

    for kind in (Shuffle, DinucleotideShuffle):
        references = kind().fit(plain).sample(X, 5, random_state=0)
        np.testing.assert_array_equal(references[0], kind().fit(plain).sample(plain, 5, random_state=0)[0])
        assert not np.array_equal(references[1, 0], references[1, 1])
        for reference in references[1]:
            np.testing.assert_array_equal(np.unique(reference, axis=0), np.unique(X[1], axis=0))
            if kind is DinucleotideShuffle:
                assert pairs(reference) == pairs(X[1])
        np.testing.assert_array_equal(kind().fit(X).sample(X, 5, random_state=0), references)
