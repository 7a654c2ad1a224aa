"""One-hot encoding of strings, its inverse, and reverse complements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from skdeeplift.annotations import ArrayLike, DTypeLike, Rows
from skdeeplift.dtypes import kind_of

DNA, RNA, PROTEIN = "ACGT", "ACGU", "ACDEFGHIKLMNPQRSTVWY"
# IUPAC's ambiguity codes, letters that mean one of several letters: for nucleotides (with T) and for amino acids.
_OF_NUCLEOTIDES = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}
_OF_AMINO_ACIDS = {"B": "DN", "Z": "EQ", "J": "IL", "X": PROTEIN}
_GAPS = "-.*"
_COMPLEMENTS = dict(zip("ACGTUN", "TGCAAN", strict=True))
AMBIGUOUS = ("zeros", "frequencies", "raise")


def one_hot(
    sequences: Rows,
    alphabet: str | Sequence[str] = DNA,
    *,
    ambiguous: Literal["zeros", "frequencies", "raise"] = "zeros",
    length: int | None = None,
    dtype: DTypeLike = np.float32,
) -> np.ndarray:
    """Encode strings as one-hot letters.

    Lower-case letters count as upper-case letters, unless the alphabet has lower-case letters. If the alphabet has T
    but no U, U counts as T. If it has U but no T, T counts as U.

    .. versionadded:: 1.0

    Parameters
    ----------
    sequences : array-like of str of shape (n_rows,)
        Sequences. Their lengths must be equal unless ``length`` is set.
    alphabet : str, default="ACGT"
        Letters in the order of the columns: `DNA`, `RNA`, `PROTEIN` or any other string of different letters.
    ambiguous : {"zeros", "frequencies", "raise"}, default="zeros"
        Encoding of IUPAC's ambiguity codes, such as N for any letter or R for A or G: zeros, equal frequencies, or an
        error. With ``"frequencies"``, N is 0.25 for each letter, and R is 0.5 for A and for G. Gaps (``-``, ``.``,
        ``*``) are zeros, or an error with ``"raise"``.
    length : int, default=None
        Length of the rows. Shorter sequences are padded with zeros at the end; longer sequences raise an error.
    dtype : dtype, default=numpy.float32
        Dtype of the array.

    Returns
    -------
    X : ndarray of shape (n_rows, length, n_letters)
        One-hot letters.

    Raises
    ------
    TypeError
        If ``sequences`` is a single string, or holds other objects than strings.
    ValueError
        If sequences have unequal lengths and ``length`` is not set, or contain an unknown letter.

    See Also
    --------
    decode : Decode one-hot letters to strings.

    Examples
    --------
    >>> from skdeeplift.sequences import one_hot
    >>> one_hot(["aCN"])
    array([[[1., 0., 0., 0.],
            [0., 1., 0., 0.],
            [0., 0., 0., 0.]]], dtype=float32)
    >>> one_hot(["R"], ambiguous="frequencies")
    array([[[0.5, 0. , 0.5, 0. ]]], dtype=float32)
    """
    check_alphabet(alphabet)
    if ambiguous not in AMBIGUOUS:
        raise ValueError(f"ambiguous= takes {', '.join(map(repr, AMBIGUOUS))}. Got {ambiguous!r}.")
    strings = _as_strings(sequences)
    lengths = sorted({len(each) for each in strings})
    if length is None and len(lengths) > 1:
        raise ValueError(
            f"The sequences have {len(lengths)} lengths, from {lengths[0]} to {lengths[-1]}. Pass length= to fill the "
            "rows up with zeros, or sequences of one length."
        )
    length = (lengths[0] if lengths else 0) if length is None else length
    if lengths and lengths[-1] > length:
        raise ValueError(f"length={length} is too short for sequences of up to {lengths[-1]} letters. Cut them first.")
    columns, of_codes = _columns_of_letters(alphabet, ambiguous)
    # Pad with the code of a gap.
    codes = np.full((len(strings), length), ord("-"), np.uint32)
    for row, each in enumerate(strings):
        codes[row, : len(each)] = np.frombuffer(each.encode("utf-32-le"), np.uint32)
    places = of_codes[codes.clip(max=len(of_codes) - 1)]
    unknown = places < 0
    if ambiguous == "raise":
        unknown |= ~columns.any(1)[places]
        unknown &= np.arange(length) < np.array([len(each) for each in strings]).reshape(-1, 1)
    if unknown.any():
        row, position = np.argwhere(unknown)[0]
        raise ValueError(
            f"Sequence {row} has {chr(codes[row, position])!r} at position {position}, which is no letter of the "
            f"alphabet {alphabet!r}{_advice(alphabet, ambiguous)}."
        )
    return columns.astype(dtype)[places]


def decode(
    X: ArrayLike, alphabet: str | Sequence[str] = DNA, *, axis: int = -1, missing: str | None = None
) -> np.ndarray:
    """Decode one-hot letters to strings.

    .. versionadded:: 1.0

    Parameters
    ----------
    X : array-like of shape (n_rows, length, n_letters)
        One-hot letters. Equal frequencies of several letters, such as (0.5, 0, 0.5, 0), are decoded to IUPAC's
        ambiguity codes.
    alphabet : str, default="ACGT"
        Letters in the order of the columns.
    axis : int, default=-1
        Axis of the letters.
    missing : str, default=None
        Character for a position of zeros. By default N for nucleotides, X for proteins, and ``-`` for other alphabets.

    Returns
    -------
    sequences : ndarray of str of shape (n_rows,)
        Strings of equal length.

    Raises
    ------
    ValueError
        If the number of letters in ``X`` differs from the alphabet, or a position of ``X`` cannot be decoded.

    See Also
    --------
    one_hot : Encode strings as one-hot letters.

    Examples
    --------
    >>> from skdeeplift.sequences import decode, one_hot
    >>> decode(one_hot(["ACGT", "TTNA"]))
    array(['ACGT', 'TTNA'], dtype='<U4')
    """
    check_alphabet(alphabet)
    X = np.moveaxis(np.asarray(X), axis, -1)
    if X.ndim != 3 or X.shape[2] != len(alphabet):
        raise ValueError(
            f"decode takes an array of shape (n_rows, length, {len(alphabet)}) for the alphabet {alphabet!r}, or with "
            f"the letters on axis=. Got letters last in shape {X.shape}."
        )
    # A position means the set of letters with equal, positive entries.
    sets = X > 0
    sizes = sets.sum(-1, keepdims=True)
    is_equal = np.isclose(X, sets / np.maximum(sizes, 1), atol=1e-3).all(-1)
    many = _ambiguous_letters(alphabet)
    whole = next((letter for letter, stands_for in many.items() if set(stands_for) == set(alphabet)), "-")
    letters = {frozenset(stands_for): letter for letter, stands_for in many.items()}
    letters |= {frozenset(letter): letter for letter in alphabet} | {frozenset(): whole if missing is None else missing}
    # Few different sets occur, so look up each set only once.
    packed = np.ascontiguousarray(np.packbits(sets, -1)).reshape(-1, -(-len(alphabet) // 8))
    _, first, places = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    places = places.reshape(X.shape[:2])
    decoded = [
        letters.get(frozenset(letter for letter, is_in in zip(alphabet, each, strict=True) if is_in))
        for each in sets.reshape(-1, len(alphabet))[first]
    ]
    is_known = is_equal & np.array([each is not None for each in decoded], bool)[places]
    if not is_known.all():
        row, position = np.argwhere(~is_known)[0]
        raise ValueError(
            f"Row {row} holds {X[row, position].tolist()} at position {position}, which is no letter of {alphabet!r}. "
            "Expected one 1 and zeros elsewhere, or equal frequencies of letters that have a code."
        )
    if not X.size:
        return np.full(len(X), "")
    return np.array(decoded, "U1")[places].view(f"U{X.shape[1]}").reshape(len(X))


def reverse_complement(X: ArrayLike, alphabet: str | Sequence[str] = DNA, *, axis: int = -1) -> np.ndarray:
    """Return the reverse complement of sequences: letters in reverse order, each replaced by its complement.

    .. versionadded:: 1.0

    Parameters
    ----------
    X : array-like of str of shape (n_rows,), or array-like of shape (n_rows, *features)
        Strings, or one-hot letters.
    alphabet : str, default="ACGT"
        Letters in the order of the columns.
    axis : int, default=-1
        Axis of one-hot letters. All other axes except the axis of rows are reversed.

    Returns
    -------
    X : ndarray
        Sequences in the form of ``X``.

    Raises
    ------
    ValueError
        If the alphabet has no complements, or the number of letters in ``X`` differs from the alphabet.

    Examples
    --------
    >>> from skdeeplift.sequences import reverse_complement
    >>> reverse_complement(["AACG", "NGTT"])
    array(['CGTT', 'AACN'], dtype='<U4')
    """
    order = order_of_complements(alphabet)
    if isinstance(X, str) or kind_of(np.asarray(X).dtype) in "UO":
        pairs = {letter: alphabet[place] for letter, place in zip(alphabet, order, strict=True)}
        pairs |= {letter.lower(): other.lower() for letter, other in pairs.items() if letter.lower() not in pairs}
        many = _ambiguous_letters(alphabet)
        by_set = {frozenset(stands_for): letter for letter, stands_for in many.items()}
        for letter, stands_for in many.items():
            other = by_set[frozenset(pairs[each] for each in stands_for)]
            pairs |= {letter: other, letter.lower(): other.lower()}
        table = str.maketrans(pairs)
        return np.array([each[::-1].translate(table) for each in _as_strings(X)], dtype=str)
    X = np.asarray(X)
    if X.ndim < 3 or axis % X.ndim == 0 or X.shape[axis] != len(alphabet):
        raise ValueError(
            f"reverse_complement takes strings, or one-hot letters with {len(alphabet)} entries on axis={axis}. Got an "
            f"array of shape {X.shape}."
        )
    axis %= X.ndim
    reversed_ = np.flip(X, [each for each in range(1, X.ndim) if each != axis])
    return np.take(reversed_, order, axis)


def order_of_complements(alphabet):
    """Return the position of the complement of each letter of an alphabet.

    Parameters
    ----------
    alphabet : str
        Letters in the order of the columns: A, C, G, and T or U in any order, optionally with N.

    Returns
    -------
    order : list of int
        Position of each letter's complement.

    Raises
    ------
    ValueError
        If a letter has no complement in the alphabet.
    """
    check_alphabet(alphabet)
    upper = alphabet.upper()
    order = []
    for letter in upper:
        other = _COMPLEMENTS.get(letter)
        if letter == "A" and "U" in upper and "T" not in upper:
            other = "U"
        if other is None or other not in upper:
            raise ValueError(
                f"The letter {letter!r} has no complement in the alphabet {alphabet!r}. Complements are those of "
                "nucleotides: A and T or U, C and G, and N of itself. Pass an alphabet of these letters, in the order "
                "of the columns."
            )
        order.append(upper.index(other))
    return order


def check_alphabet(alphabet):
    """Raise an error unless an alphabet is a string of different letters."""
    if not isinstance(alphabet, str) or not alphabet or len(set(alphabet)) < len(alphabet):
        raise ValueError(f"An alphabet is a string of different letters, such as 'ACGT'. Got {alphabet!r}.")


def _as_strings(sequences):
    if isinstance(sequences, (str, bytes)):
        raise TypeError(f"Expected a list of strings, one for each row. Got a single one: {sequences[:20]!r}.")
    strings = list(sequences)
    for row, each in enumerate(strings):
        if not isinstance(each, str):
            raise TypeError(f"Expected a list of strings, one for each row. Row {row} is a {type(each).__name__}.")
    return strings


def _is_of_nucleotides(alphabet):
    return set(alphabet) in (set(DNA), set(RNA))


def _ambiguous_letters(alphabet):
    """Return the ambiguity codes of an alphabet, each with the letters that it may mean."""
    if _is_of_nucleotides(alphabet):
        return {
            letter: stands_for.replace("T", alphabet[_place_of_t(alphabet)])
            for letter, stands_for in _OF_NUCLEOTIDES.items()
        }
    return _OF_AMINO_ACIDS if set(alphabet) == set(PROTEIN) else {}


def _place_of_t(alphabet):
    return next(place for place, letter in enumerate(alphabet) if letter in "TU")


def _columns_of_letters(alphabet, ambiguous):
    """Return the encodings of all known characters, and the position of each code point among them, or -1."""
    letters = {letter: [letter] for letter in alphabet}
    if _is_of_nucleotides(alphabet):
        letters |= {letter: [alphabet[_place_of_t(alphabet)]] for letter in "TU"}
    shared = _ambiguous_letters(alphabet)
    letters = {letter: list(stands_for) for letter, stands_for in shared.items()} | letters
    letters = {gap: [] for gap in _GAPS} | letters
    letters = {letter.lower(): stands_for for letter, stands_for in letters.items()} | letters
    known = sorted(letters)
    columns = np.zeros((len(known), len(alphabet)))
    for row, letter in enumerate(known):
        stands_for = letters[letter]
        if len(stands_for) == 1 or ambiguous == "frequencies":
            for each in stands_for:
                columns[row, alphabet.index(each)] = 1 / len(stands_for)
    of_codes = np.full(ord(known[-1]) + 2, -1)
    of_codes[[ord(letter) for letter in known]] = np.arange(len(known))
    return columns, of_codes


def _advice(alphabet, ambiguous):
    """Return advice about the characters that are accepted besides the letters of an alphabet."""
    many = "".join(_ambiguous_letters(alphabet))
    return f", nor one of {many} or a gap" if many and ambiguous != "raise" else ""
