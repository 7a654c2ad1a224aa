"""References that are shuffled letters of the row itself; and letters at their frequencies."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeeplift.compat import fit_context
from skdeeplift.references.letters import encode, find_axis
from skdeeplift.references.reference import Reference, seed_from
from skdeeplift.references.shuffling import STEP, keys_of_rows, mixed, random_bits, random_trees, walk


class _SequenceReference(Reference):
    """Base of references that are made of the letters of each row."""

    per_row = True
    is_random = True
    learns = False

    _parameter_constraints: dict = {"axis": [Integral, None], "padding": [Integral, str, None]}

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find out where the letters are.

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
        self.axis_ = find_axis(np.asarray(X), self.axis, type(self).__name__)
        return self

    def sample(self, X, n_references, random_state=None):
        """Shuffle the letters of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), or of str of shape (n_rows,)
            Sequences like those in `fit`.
        n_references : int
            How many shuffles of each row; the first ones are the same however many there are.
        random_state : int, RandomState instance or None, default=None
            Where the order comes from. With an int, a row has the same references in whatever company.

        Returns
        -------
        references : ndarray of shape (n_rows, n_references, *features)
            In the dtype of ``X``.

        Raises
        ------
        ValueError
            If ``X`` holds no sequences like those in `fit`.
        """
        check_is_fitted(self)
        return self.sample_range(X, 0, n_references, seed_from(random_state))

    def sample_range(self, X, start, stop, seed):
        """Shuffle the letters of each row, without the first ``start`` of ``stop`` shuffles.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features), or of str of shape (n_rows,)
            Sequences like those in `fit`.
        start, stop : int
            Which of each row's shuffles.
        seed : int
            What tells apart the shuffles of equal rows.

        Returns
        -------
        references : ndarray of shape (n_rows, stop - start, *features)
            In the dtype of ``X``.
        """
        coded = encode(np.asarray(X), self.axis_, self.padding, type(self).__name__)
        keys = keys_of_rows(coded, seed)
        numbers = np.arange(start, stop, dtype=np.uint64)
        keys = mixed(keys[:, None] + (numbers + np.uint64(1)) * STEP)
        letters = np.empty((*keys.shape, coded.codes.shape[1]), coded.codes.dtype)
        letters[:] = coded.codes[:, None]
        # Rows of equal length are shuffled together.
        for length in np.unique(coded.lengths):
            if length > 1:
                rows = np.flatnonzero(coded.lengths == length)
                together = len(rows) == len(letters)
                inner = coded.starts[rows, None] + np.arange(length)
                of_rows = coded.codes if inner.size == coded.codes.size else coded.codes[rows[:, None], inner]
                shuffled = self._shuffled(of_rows, coded.n_letters, keys if together else keys[rows])
                if inner.size == coded.codes.size:
                    letters = shuffled
                else:
                    letters[rows[:, None], :, inner] = np.swapaxes(shuffled, 1, 2)
        return coded.decode(letters)


class Shuffle(_SequenceReference):
    """The letters of each row in random order.

    .. versionadded:: 0.1

    Parameters
    ----------
    axis : int, default=None
        Which axis of one-hot sequences holds the letters, counted with that of the rows; found by default.
    padding : int or str, default=None
        The token or the character that is padding at either end of a sequence, and stays there. In one-hot sequences
        that is where no letter is 1.

    Attributes
    ----------
    axis_ : int or None
        The axis of the one-hot letters; None for tokens and strings.

    See Also
    --------
    DinucleotideShuffle : Keeps the counts of pairs of neighbours, too.

    Notes
    -----
    A sequence is a row of one-hot letters, of integer tokens of shape ``(n_rows, length)``, or a string. Unknown
    one-hot letters, all zero within a sequence or all alike, count as one more letter each.

    Examples
    --------
    >>> from skdeeplift.references import Shuffle
    >>> shuffled = Shuffle().fit(["ACCGT--"]).sample(["ACCGT"], 2, random_state=0)
    >>> shuffled.shape
    (1, 2)
    >>> sorted(shuffled[0, 0])
    ['A', 'C', 'C', 'G', 'T']
    """

    def __init__(self, *, axis=None, padding=None):
        self.axis = axis
        self.padding = padding

    @staticmethod
    def _shuffled(codes, n_letters, keys):
        bits = np.uint64(int(n_letters).bit_length())
        order = random_bits(keys, codes.shape[1])
        order >>= bits
        order <<= bits
        order |= codes[:, None].astype(np.uint64)
        order.sort(-1)
        order &= (np.uint64(1) << bits) - np.uint64(1)
        return order.astype(codes.dtype)


class DinucleotideShuffle(_SequenceReference):
    """Random sequences with the same pairs of neighbouring letters as each row, and the same first and last letter.

    Every sequence that has each pair of neighbours as often as the row has it is equally probable. What is kept is
    what chance would give in DNA; what is lost are motifs.

    .. versionadded:: 0.1

    Parameters
    ----------
    axis : int, default=None
        Which axis of one-hot sequences holds the letters, counted with that of the rows; found by default.
    padding : int or str, default=None
        The token or the character that is padding at either end of a sequence, and stays there. In one-hot sequences
        that is where no letter is 1.

    Attributes
    ----------
    axis_ : int or None
        The axis of the one-hot letters; None for tokens and strings.

    See Also
    --------
    Shuffle : Keeps only the counts of letters.

    Notes
    -----
    A sequence is a row of one-hot letters, of integer tokens of shape ``(n_rows, length)``, or a string. Unknown
    one-hot letters, all zero within a sequence or all alike, count as one more letter each.

    A sequence is a path through a graph whose edges are its pairs of neighbours. Its last edges from each letter but
    the last form a tree. So a random tree is drawn by Wilson's algorithm [3]_, all other edges are put into random
    order, and the path that takes them in this order is a random one [1]_ [2]_.

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
    array([['ACAGA', 'ACAGA', 'ACAGA', 'AGACA']], dtype='<U5')
    """

    def __init__(self, *, axis=None, padding=None):
        self.axis = axis
        self.padding = padding

    @staticmethod
    def _shuffled(codes, n_letters, keys):
        (n_rows, n_references), length = keys.shape, codes.shape[1]
        row_of_pair = np.repeat(np.arange(n_rows), n_references)
        keys = keys.ravel()
        before, after = codes[:, :-1], codes[:, 1:]
        last_edges, has_last = random_trees(codes, n_letters, row_of_pair, keys)
        # Sorts by the letter before, then at random; the letter after is carried along.
        bits = np.uint64(int(n_letters).bit_length())
        top = np.uint64(64) - bits
        order = random_bits(keys, length - 1).reshape(n_rows, n_references, length - 1)
        order >>= np.uint64(2) * bits
        order <<= bits
        order |= ((before.astype(np.uint64) << top) | after)[:, None]
        order = order.reshape(-1, length - 1)
        pair, letter = np.nonzero(has_last)
        at_last = pair, last_edges[pair, letter]
        order[at_last] |= ((np.uint64(1) << (top - bits)) - np.uint64(1)) << bits
        order.sort(-1)
        order &= (np.uint64(1) << bits) - np.uint64(1)
        counts = np.zeros((n_rows, n_letters), np.intp)
        np.add.at(counts, (np.arange(n_rows)[:, None], before), 1)
        starts = np.cumsum(counts, 1) - counts
        return walk(order, starts, codes[:, 0], row_of_pair).reshape(n_rows, n_references, length)


class BackgroundFrequency(Reference):
    """One-hot letters at their frequencies in the training rows, the same at every position.

    .. versionadded:: 0.1

    Parameters
    ----------
    frequencies : array-like of shape (n_letters,), default=None
        The frequencies, where they are known; by default those of all letters of the training rows that are known.
    axis : int, default=None
        Which axis of the sequences holds the letters, counted with that of the rows; found by default.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_letters,)
        What each letter's entry is.
    axis_ : int
        The axis of the letters.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.references import BackgroundFrequency
    >>> sequences = np.eye(4)[[[0, 3, 3, 1]]]
    >>> BackgroundFrequency().fit(sequences).frequencies_
    array([0.25, 0.25, 0. , 0.5 ])
    """

    _parameter_constraints: dict = {"frequencies": ["array-like", None], "axis": [Integral, None]}

    def __init__(self, frequencies=None, *, axis=None):
        self.frequencies = frequencies
        self.axis = axis

    @property
    def learns(self):
        """Whether the frequencies are those of the training rows."""
        return self.frequencies is None

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
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
            If ``X`` is not one-hot, or the frequencies are not those of its letters.
        """
        X = np.asarray(X)
        axis = find_axis(X, self.axis, type(self).__name__, one_hot_only=True)
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

    def sample(self, X, n_references, random_state=None):
        """Return the frequencies at every position.

        Parameters
        ----------
        X : array-like
            Ignored; all rows have the same reference.
        n_references : int
            Ignored; there is one.
        random_state : None
            Ignored; nothing is drawn.

        Returns
        -------
        references : ndarray of shape (1, *features)
            In the dtype of the training rows.
        """
        check_is_fitted(self)
        return self._row[None].copy()
