"""One-hot letters of strings and back, ambiguous letters, and reverse complements."""

import numpy as np
import pytest

from skdeeplift.sequences import DNA, PROTEIN, RNA, decode, one_hot, reverse_complement
from skdeeplift.sequences.one_hot import order_of_complements


def test_letters_become_rows_of_one():
    X = one_hot(["ACGT", "ttga"])
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X.argmax(-1), [[0, 1, 2, 3], [3, 3, 2, 0]])
    np.testing.assert_array_equal(X.sum(-1), 1)
    np.testing.assert_array_equal(one_hot(["AT"], "TA", dtype=np.int8), [[[0, 1], [1, 0]]])
    np.testing.assert_array_equal(one_hot(np.array(["AU"]), RNA), one_hot(["AT"]))
    np.testing.assert_array_equal(one_hot(["AU"]), one_hot(["AT"]))
    assert one_hot([], length=5).shape == (0, 5, 4)
    # An alphabet that has both cases tells them apart.
    np.testing.assert_array_equal(one_hot(["aA"], "Aa").argmax(-1), [[1, 0]])


@pytest.mark.parametrize(
    ("letter", "column"),
    [
        ("R", [0.5, 0, 0.5, 0]),
        ("y", [0, 0.5, 0, 0.5]),
        ("K", [0, 0, 0.5, 0.5]),
        ("M", [0.5, 0.5, 0, 0]),
        ("S", [0, 0.5, 0.5, 0]),
        ("W", [0.5, 0, 0, 0.5]),
        ("B", [0, 1 / 3, 1 / 3, 1 / 3]),
        ("D", [1 / 3, 0, 1 / 3, 1 / 3]),
        ("H", [1 / 3, 1 / 3, 0, 1 / 3]),
        ("V", [1 / 3, 1 / 3, 1 / 3, 0]),
        ("N", [0.25, 0.25, 0.25, 0.25]),
        ("-", [0, 0, 0, 0]),
    ],
)
def test_ambiguous_letters_become_frequencies(letter, column):
    np.testing.assert_allclose(one_hot([letter], ambiguous="frequencies"), [[column]], rtol=1e-6)
    np.testing.assert_array_equal(one_hot([letter]), np.zeros((1, 1, 4)))
    with pytest.raises(ValueError, match=f"Sequence 1 has {letter!r} at position 2"):
        one_hot(["ACGT", "AC" + letter + "T"], ambiguous="raise")
    expected = {"-": "N"}.get(letter, letter.upper())
    assert decode(one_hot(["A" + letter], ambiguous="frequencies")) == ["A" + expected]


def test_letters_of_proteins_become_rows_of_one():
    X = one_hot([PROTEIN, "BZJX*" * 4], PROTEIN, ambiguous="frequencies")
    np.testing.assert_array_equal(X[0], np.eye(20))
    assert X[1, 0, PROTEIN.index("D")] == X[1, 0, PROTEIN.index("N")] == 0.5
    np.testing.assert_allclose(X[1, 3], 0.05)
    np.testing.assert_array_equal(X[1, 4], 0)
    assert decode(X, PROTEIN)[1][:5] == "BZJXX"
    assert decode(X, PROTEIN, missing="-")[1][:5] == "BZJX-"


def test_lengths():
    X = one_hot(["ACG", "A"], length=4)
    assert decode(X, missing="-").tolist() == ["ACG-", "A---"]
    np.testing.assert_array_equal(one_hot(["A"], length=2, ambiguous="raise")[0, 1], 0)
    with pytest.raises(ValueError, match=r"2 lengths, from 1 to 3. Pass length="):
        one_hot(["ACG", "A"])
    with pytest.raises(ValueError, match="length=2 is too short for sequences of up to 3"):
        one_hot(["ACG", "A"], length=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("ACGT",), TypeError, "Got a single one: 'ACGT'"),
        ((["AC", 3],), TypeError, "Row 1 is a int"),
        ((["AC", "A7"],), ValueError, "Sequence 1 has '7' at position 1.*nor one of RYSWKMBDHVN or a gap"),
        ((["Aé"],), ValueError, "'é' at position 1"),
        ((["AC"], "AAC"), ValueError, "different letters"),
        ((["AN"], "ACGTX"), ValueError, "'N' at position 1, which is no letter of the alphabet 'ACGTX'"),
    ],
)
def test_says_what_is_no_sequence(arguments, error, message):
    with pytest.raises(error, match=message):
        one_hot(*arguments)
    with pytest.raises(ValueError, match="ambiguous= takes 'zeros', 'frequencies', 'raise'"):
        one_hot(["A"], ambiguous="keep")


def test_decoding():
    rng = np.random.default_rng(0)
    strings = ["".join(each) for each in rng.choice(list("ACGTN"), (20, 30))]
    for ambiguous in ("zeros", "frequencies"):
        X = one_hot(strings, ambiguous=ambiguous)
        assert decode(X).tolist() == strings
        assert decode(np.moveaxis(X, 2, 1), axis=1).tolist() == strings
    assert decode(np.zeros((2, 0, 4))).tolist() == ["", ""]
    large = "".join(map(chr, range(200, 300)))
    assert decode(one_hot([large], large), large) == [large]
    X = one_hot(["ACGT"])
    X[0, 2] = [0.2, 0.2, 0.2, 0.4]
    with pytest.raises(ValueError, match=r"Row 0 holds .* at position 2"):
        decode(X)
    with pytest.raises(ValueError, match=r"no letter of 'WXYZ'"):
        decode(np.array([[[0.5, 0.5, 0, 0]]]), "WXYZ")
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\)"):
        decode(X, "AC")


def test_reverse_complements():
    assert reverse_complement(["AACG", "rnKt"]).tolist() == ["CGTT", "aMny"]
    assert reverse_complement(["AU"], RNA).tolist() == ["AU"]
    X = one_hot(["AACG", "NGTR"], ambiguous="frequencies")
    np.testing.assert_array_equal(reverse_complement(X), X[:, ::-1, ::-1])
    assert decode(reverse_complement(X)).tolist() == ["CGTT", "YACN"]
    channels_first = np.moveaxis(X, 2, 1)
    np.testing.assert_array_equal(reverse_complement(channels_first, axis=1), np.moveaxis(X[:, ::-1, ::-1], 2, 1))
    other = "AGCT"
    X = one_hot(["AACG"], other)
    np.testing.assert_array_equal(reverse_complement(X, other), one_hot(["CGTT"], other))
    np.testing.assert_array_equal(reverse_complement(reverse_complement(X, other), other), X)
    with pytest.raises(ValueError, match="'D' has no complement"):
        reverse_complement(["A"], PROTEIN)
    with pytest.raises(ValueError, match="takes strings, or one-hot letters with 4 entries"):
        reverse_complement(np.zeros((2, 5, 3)))


def test_order_of_complements():
    assert order_of_complements(DNA) == [3, 2, 1, 0]
    assert order_of_complements("AGCTN") == [3, 2, 1, 0, 4]
    assert order_of_complements("ATGC") == [1, 0, 3, 2]
    assert order_of_complements("UCGA") == [3, 2, 1, 0]
    with pytest.raises(ValueError, match="'C' has no complement in the alphabet 'ACT'"):
        order_of_complements("ACT")
