"""The reference that holds the frequency of each letter at every position."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdeeplift.compat import fit_context
from skdeeplift.references.letters import find_letter_axis
from skdeeplift.references.reference import Reference


class BackgroundFrequency(Reference):
    """Frequencies of the letters in the training rows, the same at every position of a one-hot sequence.

    .. versionadded:: 0.1

    Parameters
    ----------
    frequencies : array-like of shape (n_letters,), default=None
        Frequency of each letter; they sum to one. By default the frequencies in the training rows, where unknown
        letters are not counted.
    axis : int, default=None
        Axis of the sequences that holds the letters; axis 0 is that of the rows. By default the only axis that holds
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

    def __init__(self, frequencies=None, *, axis=None):
        self.frequencies = frequencies
        self.axis = axis

    @property
    def learns(self):
        """True if the frequencies are those of the training rows."""
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
            If ``X`` is not one-hot, or there is not one frequency for each letter.
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

    def sample(self, X, n_references, random_state=None):
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
