"""References for one-hot sequences: shuffles of their letters, and background frequencies."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import ArrayLike, RandomState, Rows
from skdeeplift.compat import fit_context
from skdeeplift.references.random_paths import (
    COUNTER_STEP,
    draw_bits,
    draw_trees,
    encode_sequences,
    find_letter_axis,
    hash_rows,
    mix_bits,
    walk_paths,
)
from skdeeplift.references.reference import Reference, seed_of_explainer


class SequenceShuffle(Reference):
    """Base class of references that shuffle the letters of each row."""

    per_row = True
    is_random = True
    learns = False

    _parameter_constraints: dict = {"axis": [Integral, None], "padding": [Integral, str, None]}

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: Any = None) -> Self:
        """Find the axis of the letters.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), or of str of shape (n_rows,)
            Sequences.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If ``X`` holds neither one-hot letters nor tokens nor strings.
        """
        self.axis_ = find_letter_axis(np.asarray(X), self.axis, type(self).__name__)
        return self

    def sample(self, X: Rows, n_references: int, random_state: RandomState | None = None) -> np.ndarray:
        """Shuffle the letters of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), or of str of shape (n_rows,)
            Sequences like those passed to `fit`.
        n_references : int
            Number of shuffles of each row. The first shuffles do not depend on this number.
        random_state : int, RandomState instance or None, default=None
            Source of the random order. With an int, the references of a row do not depend on the other rows. An
            explainer of one input with the same ``random_state`` draws the same references.

        Returns
        -------
        references : ndarray of shape (n_rows, n_references, *features)
            Shuffled sequences in the dtype of ``X``.

        Raises
        ------
        ValueError
            If ``X`` does not hold sequences like those passed to `fit`.
        """
        check_is_fitted(self)
        return self.sample_range(X, 0, n_references, seed_of_explainer(random_state))

    def sample_range(self, X: Rows, start: int, stop: int, seed: int) -> np.ndarray:
        """Make the shuffles from ``start`` to ``stop`` of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), or of str of shape (n_rows,)
            Sequences like those passed to `fit`.
        start, stop : int
            Position of the first shuffle, and one more than the position of the last shuffle.
        seed : int
            Seed of the random order.

        Returns
        -------
        references : ndarray of shape (n_rows, stop - start, *features)
            Shuffled sequences in the dtype of ``X``.
        """
        coded = encode_sequences(np.asarray(X), self.axis_, self.padding, type(self).__name__)
        numbers = np.arange(start + 1, stop + 1, dtype=np.uint64)
        keys = mix_bits(hash_rows(coded, seed)[:, None] + numbers * COUNTER_STEP)
        letters = np.empty((*keys.shape, coded.codes.shape[1]), coded.codes.dtype)
        letters[:] = coded.codes[:, None]
        # Shuffle rows of equal length in one call.
        for length in np.unique(coded.lengths[coded.lengths > 1]):
            rows = np.flatnonzero(coded.lengths == length)
            inner = coded.starts[rows, None] + np.arange(length)
            shuffled = self._shuffle(coded.codes[rows[:, None], inner], coded.n_letters, keys[rows])
            if inner.size == coded.codes.size:
                letters = shuffled
            else:
                letters[rows[:, None], :, inner] = np.swapaxes(shuffled, 1, 2)
        return coded.decode(letters)


class Shuffle(SequenceShuffle):
    """Letters of each row in random order.

    .. versionadded:: 1.0

    Parameters
    ----------
    axis : int, default=None
        Axis of one-hot sequences that holds the letters; axis 0 is the axis of rows. By default the only axis that
        holds one-hot letters.
    padding : int or str, default=None
        Token or character that pads sequences at either end. Padding is not moved. By default no token or character
        counts as padding. In one-hot sequences, positions at the ends without a letter are always padding.

    Attributes
    ----------
    axis_ : int or None
        Axis of the one-hot letters; None for tokens and strings.

    See Also
    --------
    DinucleotideShuffle : Also keeps the counts of pairs of neighbours.

    Notes
    -----
    A sequence is a row of one-hot letters, a row of integer tokens of shape ``(n_rows, length)``, or a string. One-hot
    sequences may hold columns that are no single letter; each kind of them is shuffled as one more letter:

    - a position within the sequence without a letter;
    - an unknown letter, with equal entries for all letters;
    - frequencies of letters that sum to one, such as (0.5, 0, 0.5, 0) for A or G.

    Examples
    --------
    >>> from skdeeplift.references import Shuffle
    >>> shuffled = Shuffle().fit(["ACCGT--"]).sample(["ACCGT"], 2, random_state=0)
    >>> shuffled.shape
    (1, 2)
    >>> sorted(shuffled[0, 0])
    ['A', 'C', 'C', 'G', 'T']
    """

    def __init__(self, *, axis: int | None = None, padding: int | str | None = None) -> None:
        self.axis = axis
        self.padding = padding

    @staticmethod
    def _shuffle(codes, n_letters, keys):
        """Shuffle letters by sorting random numbers that carry a letter in their lowest bits."""
        bits = np.uint64(int(n_letters).bit_length())
        order = draw_bits(keys, codes.shape[1])
        order >>= bits
        order <<= bits
        order |= codes[:, None].astype(np.uint64)
        order.sort(-1)
        order &= (np.uint64(1) << bits) - np.uint64(1)
        return order.astype(codes.dtype)


class DinucleotideShuffle(SequenceShuffle):
    """Random sequences with the same pairs of neighbouring letters as each row, and the same first and last letter.

    Every sequence with the same count of each pair is equally probable. Some pairs are frequent in DNA by chance. The
    shuffle keeps their frequencies and destroys motifs.

    .. versionadded:: 1.0

    Parameters
    ----------
    axis : int, default=None
        Axis of one-hot sequences that holds the letters; axis 0 is the axis of rows. By default the only axis that
        holds one-hot letters.
    padding : int or str, default=None
        Token or character that pads sequences at either end. Padding is not moved. By default no token or character
        counts as padding. In one-hot sequences, positions at the ends without a letter are always padding.

    Attributes
    ----------
    axis_ : int or None
        Axis of the one-hot letters; None for tokens and strings.

    See Also
    --------
    Shuffle : Keeps the counts of letters only.

    Notes
    -----
    A sequence is a row of one-hot letters, a row of integer tokens of shape ``(n_rows, length)``, or a string. One-hot
    sequences may hold columns that are no single letter; each kind of them is shuffled as one more letter:

    - a position within the sequence without a letter;
    - an unknown letter, with equal entries for all letters;
    - frequencies of letters that sum to one, such as (0.5, 0, 0.5, 0) for A or G.

    A sequence is a path through a graph whose edges are the pairs of neighbours. The last edges from each letter,
    except from the last letter of the sequence, form a tree. Wilson's algorithm [3]_ draws a random tree, and all other
    edges are put into random order. The path that takes the edges in this order is then a random path [1]_ [2]_.

    References
    ----------
    .. [1] Altschul, S. F., & Erickson, B. W. (1985). Significance of nucleotide sequence alignments: a method for
       random sequence permutation that preserves dinucleotide and codon usage. Molecular Biology and Evolution 2(6).
    .. [2] Kandel, D., Matias, Y., Unger, R., & Winkler, P. (1996). Shuffling biological sequences. Discrete Applied
       Mathematics 71.
    .. [3] Wilson, D. B. (1996). Generating random spanning trees more quickly than the cover time. Proceedings of STOC.

    Examples
    --------
    >>> from skdeeplift.references import DinucleotideShuffle
    >>> DinucleotideShuffle().fit(["ACAGA"]).sample(["ACAGA"], 4, random_state=0)
    array([['AGACA', 'AGACA', 'ACAGA', 'ACAGA']], dtype='<U5')
    """

    def __init__(self, *, axis: int | None = None, padding: int | str | None = None) -> None:
        self.axis = axis
        self.padding = padding

    @staticmethod
    def _shuffle(codes, n_letters, keys):
        """Put the edges from each letter into random order, with the tree's edge last, and walk along the edges."""
        (n_rows, n_references), length = keys.shape, codes.shape[1]
        row_of_pair = np.repeat(np.arange(n_rows), n_references)
        keys = keys.ravel()
        before, after = codes[:, :-1], codes[:, 1:]
        last_edges, has_last = draw_trees(codes, n_letters, row_of_pair, keys)
        # One sort orders the edges by the letter before (highest bits) and at random (middle bits). The lowest bits
        # carry the letter after.
        bits = np.uint64(int(n_letters).bit_length())
        top = np.uint64(64) - bits
        order = draw_bits(keys, length - 1).reshape(n_rows, n_references, length - 1)
        order >>= np.uint64(2) * bits
        order <<= bits
        order |= ((before.astype(np.uint64) << top) | after)[:, None]
        order = order.reshape(-1, length - 1)
        pair, letter = np.nonzero(has_last)
        last_of_letter = pair, last_edges[pair, letter]
        order[last_of_letter] |= ((np.uint64(1) << (top - bits)) - np.uint64(1)) << bits
        order.sort(-1)
        order &= (np.uint64(1) << bits) - np.uint64(1)
        counts = np.zeros((n_rows, n_letters), np.intp)
        np.add.at(counts, (np.arange(n_rows)[:, None], before), 1)
        starts = np.cumsum(counts, 1) - counts
        return walk_paths(order, starts, codes[:, 0], row_of_pair).reshape(n_rows, n_references, length)


class BackgroundFrequency(Reference):
    """Frequencies of the letters in the training rows, the same at every position of a one-hot sequence.

    .. versionadded:: 1.0

    Parameters
    ----------
    frequencies : array-like of shape (n_letters,), default=None
        Frequency of each letter; the frequencies sum to one. By default the frequencies in the training rows, without
        unknown letters.
    axis : int, default=None
        Axis of the sequences that holds the letters; axis 0 is the axis of rows. By default the only axis that holds
        one-hot letters.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_letters,)
        Frequency of each letter.
    axis_ : int
        Axis of the letters.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.references import BackgroundFrequency
    >>> sequences = np.eye(4)[[[0, 3, 3, 1]]]
    >>> BackgroundFrequency().fit(sequences).frequencies_
    array([0.25, 0.25, 0. , 0.5 ])
    """

    _parameter_constraints: dict = {"frequencies": ["array-like", None], "axis": [Integral, None]}

    def __init__(self, frequencies: ArrayLike | None = None, *, axis: int | None = None) -> None:
        self.frequencies = frequencies
        self.axis = axis

    @property
    def learns(self):
        """True if the frequencies are learned from the training rows."""
        return self.frequencies is None

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: Any = None) -> Self:
        """Count the letters of sequences.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            One-hot sequences.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If ``X`` is not one-hot, or ``frequencies`` does not have one number for each letter.
        """
        X = np.asarray(X)
        axis = find_letter_axis(X, self.axis, type(self).__name__, one_hot_only=True)
        letters = np.moveaxis(X, axis, -1)
        if self.frequencies is None:
            known = letters[(letters == 1).any(-1)]
            if not len(known):
                raise ValueError("BackgroundFrequency has no known letter to count in X. Pass frequencies=.")
            frequencies = known.mean(0, dtype=np.float64)
        else:
            frequencies = np.asarray(self.frequencies, np.float64)
            n_letters = X.shape[axis]
            if frequencies.shape != (n_letters,) or not (frequencies >= 0).all() or abs(frequencies.sum() - 1) > 1e-3:
                raise ValueError(
                    f"frequencies= takes {n_letters} numbers that sum to one, for the letters of X on axis {axis}. Got "
                    f"{self.frequencies!r}."
                )
        self.axis_, self.frequencies_ = axis, frequencies
        self._row = np.moveaxis(np.broadcast_to(frequencies, letters.shape[1:]), -1, axis - 1).astype(X.dtype)
        return self

    def sample(self, X: Rows, n_references: int, random_state: RandomState | None = None) -> np.ndarray:
        """Return the frequencies at every position.

        Parameters
        ----------
        X : array-like
            Ignored; all rows have the same reference.
        n_references : int
            Ignored; there is one reference.
        random_state : None
            Ignored; nothing is drawn.

        Returns
        -------
        references : ndarray of shape (1, *features)
            The reference in the dtype of the training rows.
        """
        check_is_fitted(self)
        return self._row[None].copy()
