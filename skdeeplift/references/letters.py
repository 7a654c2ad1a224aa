"""Sequences of letters, one-hot, tokens or text, and the small integers that stand for them."""

from typing import NamedTuple

import numpy as np


def are_letters(X, axis):
    """Whether each position holds one letter, none, or all alike for one that is not known."""
    binary = ((X == 0) | (X == 1)).all(axis) & (X.sum(axis) <= 1)
    return binary | np.isclose(X, 1 / X.shape[axis]).all(axis)


def find_axis(X, axis, owner, one_hot_only=False):
    """Find the axis of one-hot letters, counted with that of the rows; None where X holds tokens or strings."""
    if not one_hot_only and (
        (X.ndim == 1 and (X.dtype.kind == "U" or all(isinstance(each, str) for each in X)))
        or (X.ndim == 2 and X.dtype.kind in "iu")
    ):
        return None
    takes = "one-hot letters" if one_hot_only else "one-hot letters, integer tokens (n_rows, length) or strings"
    got = f"Got an array of shape {X.shape} and {X.dtype}"
    if X.ndim < 3 or X.dtype.kind not in "biuf":
        raise ValueError(f"{owner} takes {takes}. {got}.")
    if axis is not None:
        if not -X.ndim <= axis < X.ndim or axis % X.ndim == 0:
            raise ValueError(f"{owner} with axis={axis} takes sequences with their letters on that axis. {got}.")
        found = [axis % X.ndim] if are_letters(X, axis).all() else []
    else:
        found = [each for each in range(1, X.ndim) if X.shape[each] > 1 and are_letters(X, each).all()]
    if not found:
        along = "any axis" if axis is None else f"axis {axis}"
        raise ValueError(
            f"{owner} takes {takes}. {got}, which does not hold one 1 and zeros elsewhere, or all entries alike where "
            f"a letter is not known, along {along}."
        )
    if len(found) > 1:
        raise ValueError(f"{owner} can not tell on which of the axes {found} of X the letters are. Pass axis=.")
    if sum(size > 1 for position, size in enumerate(X.shape) if position not in (0, found[0])) > 1:
        raise ValueError(f"{owner} takes one sequence for each row. {got}, whose letters are on axis {found[0]}.")
    return found[0]


class Coded(NamedTuple):
    """Sequences as small integers; those from ``starts`` on, ``lengths`` of them, are not padding."""

    codes: np.ndarray
    n_letters: int
    starts: np.ndarray
    lengths: np.ndarray
    # Makes of codes (n_rows, n_references, length) what they stand for.
    decode: object


def encode(X, axis, padding, owner):
    """Turn sequences, whose one-hot letters are on an axis or which are tokens or text, into small integers."""
    if axis is not None:
        return _encode_one_hot(X, axis, owner)
    is_text = X.dtype.kind in "UO"
    tokens = np.array(X, dtype=str) if is_text else X
    if is_text:
        # A character each, with zeros behind the shorter ones.
        tokens = tokens.view(np.uint32).reshape(len(tokens), -1)
    inside = np.ones(tokens.shape, bool)
    if is_text:
        inside &= tokens != 0
    if padding is not None:
        if isinstance(padding, str) != is_text or (is_text and len(padding) != 1):
            raise ValueError(
                f"padding= takes {'one character' if is_text else 'an integer'}, as X does. Got {padding!r}."
            )
        inside &= tokens != (ord(padding) if is_text else padding)
    # Numbered within each row, so that a row's letters are the same in whatever company.
    order = tokens.argsort(1, kind="stable")
    in_order = np.take_along_axis(tokens, order, 1)
    ranks = np.zeros(tokens.shape, np.uint16 if tokens.shape[1] < 2**16 else np.uint32)
    ranks[:, 1:] = np.cumsum(in_order[:, 1:] != in_order[:, :-1], 1)
    codes = np.empty_like(ranks)
    np.put_along_axis(codes, order, ranks, 1)
    alphabet = np.zeros((len(tokens), int(ranks.max(initial=0)) + 1), tokens.dtype)
    np.put_along_axis(alphabet, ranks.astype(np.intp), in_order, 1)

    def decode(letters):
        """Turn codes back into tokens or text."""
        flat = letters.reshape(len(letters), -1).astype(np.intp)
        decoded = np.take_along_axis(alphabet, flat, 1).reshape(letters.shape)
        return decoded.view(f"U{letters.shape[2]}")[..., 0] if is_text else decoded

    return Coded(codes, alphabet.shape[1], *_without_ends(inside), decode)


def _encode_one_hot(X, axis, owner):
    if X.ndim <= axis or not are_letters(X, axis).all():
        raise ValueError(
            f"{owner} was fitted on one-hot letters on axis {axis}. Got an array of shape {X.shape} that does not hold "
            "one 1 and zeros elsewhere along it, or all entries alike where a letter is not known."
        )
    n_letters, shape = X.shape[axis], np.moveaxis(X, axis, -1).shape
    columns = np.moveaxis(X, axis, -1).reshape(len(X), -1, n_letters)
    is_letter, is_zero = (columns == 1).any(-1), (columns == 0).all(-1)
    codes = np.where(is_letter, columns.argmax(-1), np.where(is_zero, n_letters, n_letters + 1)).astype(np.uint16)
    rows = np.eye(n_letters + 2, n_letters, dtype=X.dtype)
    # The column itself, as it may be rounded.
    unknown = ~is_letter & ~is_zero
    rows[n_letters + 1] = columns[unknown][0] if unknown.any() else 0
    rows[n_letters] = 0

    def decode(letters):
        """Turn codes back into one-hot letters."""
        decoded = _rows_of(rows, letters).reshape(*letters.shape[:2], *shape[1:])
        return np.moveaxis(decoded, -1, axis + 1)

    return Coded(codes, n_letters + 2, *_without_ends(~is_zero), decode)


def _rows_of(table, indices):
    """Take rows of a table, each as one item, which is several times faster than number by number."""
    items = table.view(np.dtype((np.void, table.itemsize * table.shape[1])))[:, 0]
    return items.take(indices).view(table.dtype).reshape(*indices.shape, table.shape[1])


def _without_ends(inside):
    """Where each sequence starts, and its length, without what is not inside at both ends."""
    any_inside = inside.any(1)
    starts = np.where(any_inside, inside.argmax(1), 0)
    stops = np.where(any_inside, inside.shape[1] - inside[:, ::-1].argmax(1), 0)
    return starts, stops - starts
