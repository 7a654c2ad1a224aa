"""References that are training rows, or rows with columns of several training rows."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin, pairwise_distances_chunked
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import ArrayLike, RandomState, Rows
from skdeeplift.compat import Interval, StrOptions, fit_context
from skdeeplift.references.reference import Reference, RowChooser, drop_weightless
from skdeeplift.references.reservoir import Reservoir

# Mini-batch k-means replaces k-means above this number of rows, because k-means takes too long.
MANY_ROWS = 10_000
# Maximum number of rows that `partial_fit` keeps; an explainer draws as many references by default.
MOST_KEPT = 1024


class TrainingSample(RowChooser):
    """Rows of the training data: random rows, or one row for each cluster.

    Contributions are means over these rows. The row of a cluster is weighted by the cluster's share of the training
    rows.

    .. versionadded:: 1.0

    Parameters
    ----------
    method : {"random", "kmeans"}, default="random"
        Choice of rows: ``"random"`` draws rows without replacement, and ``"kmeans"`` takes the row nearest to the
        centre of each cluster. The centre itself may be impossible as a row, such as half a letter.
    n_clusters : int, default=None
        Number of clusters. By default the number of references that the explainer asks for, or the number of different
        rows if it is smaller.

    Attributes
    ----------
    rows_ : ndarray of shape (n_rows, *features)
        The training rows.
    weights_ : ndarray of shape (n_rows,) or None
        Weights of the training rows; None if all rows have the same weight.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.references import TrainingSample
    >>> rows = np.array([[0.0], [0.1], [0.2], [9.0]])
    >>> positions, weights = TrainingSample("kmeans", n_clusters=2).fit(rows).choose(rows, 10, random_state=0)
    >>> rows[positions][:, 0], weights
    (array([0.1, 9. ]), array([0.75, 0.25]))
    """

    _parameter_constraints: dict = {
        "method": [StrOptions({"random", "kmeans"})],
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, method: Literal["random", "kmeans"] = "random", *, n_clusters: int | None = None) -> None:
        self.method = method
        self.n_clusters = n_clusters

    @property
    def is_random(self):
        """True if rows are drawn at random."""
        return self.method == "random"

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Store the training rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Training rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows. By default all rows have the same weight. Rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If ``X`` has fewer different rows than ``n_clusters``.
        """
        rows, weights = drop_weightless(np.array(X), sample_weight)
        if self.method == "kmeans" and self.n_clusters is not None:
            n_different = len(np.unique(rows.reshape(len(rows), -1), axis=0))
            if self.n_clusters > n_different:
                raise ValueError(
                    f"n_clusters={self.n_clusters} asks for more clusters than the {n_different} different rows of X. "
                    "Pass a smaller n_clusters=, or more rows."
                )
        self.rows_, self.weights_ = rows, weights
        vars(self).pop("_reservoir", None)
        return self

    @available_if(lambda self: self.is_random)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Rows, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Store further training rows, and keep a random sample of 1024 of all rows if there are more.

        `fit` and the first call after `fit` start anew. Clusters are not available, because they need all rows at once.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Some of the training rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows, as in `fit`.

        Returns
        -------
        self : object
            The fitted object.
        """
        rows, weights = drop_weightless(np.asarray(X), sample_weight)
        weights = np.ones(len(rows)) if weights is None else weights
        reservoir = getattr(self, "_reservoir", Reservoir(MOST_KEPT)).add([rows, weights], weights)
        self._reservoir, (self.rows_, weights) = reservoir, reservoir.arrays
        # Rows of a sample have equal weights, because they were drawn with probabilities proportional to the weights.
        has_equal = not reservoir.has_all or len(weights) == 0 or np.ptp(weights) == 0
        self.weights_ = None if has_equal else weights
        return self

    def choose(
        self, X: Rows, n_references: int, random_state: RandomState | None = None, y: ArrayLike | None = None
    ) -> np.ndarray:
        """Choose training rows by their position.

        Parameters
        ----------
        X : array-like
            Ignored; all rows have the same references.
        n_references : int
            Largest number of references.
        random_state : int, RandomState instance or None, default=None
            Source of the draws and of the initial centres of clusters. Pass an int to get the same rows in every call.
        y : None
            Ignored.

        Returns
        -------
        positions : ndarray of int of shape (n,)
            Positions of random rows in random order, or of the clusters' rows in the order of the training rows.
        weights : ndarray of shape (n,)
            Shares of the clusters in the training rows, or equal weights. The weights sum to one.
        """
        check_is_fitted(self)
        random_state, n_rows = check_random_state(random_state), len(self.rows_)
        if self.method == "kmeans":
            return self._choose_representatives(n_references, random_state)
        if self.weights_ is None or np.ptp(self.weights_) == 0:
            chosen = random_state.permutation(n_rows)[:n_references]
        elif n_rows <= n_references:
            return np.arange(n_rows), self.weights_ / self.weights_.sum()
        else:
            # Draw with replacement, so that the probability of a row in each draw is proportional to its weight.
            chosen = random_state.choice(n_rows, n_references, p=self.weights_ / self.weights_.sum())
        return chosen, np.full(len(chosen), 1 / len(chosen))

    def _choose_representatives(self, n_references, random_state):
        """Choose the row nearest to the centre of each cluster, with the cluster's share of the training rows."""
        flat = self.rows_.reshape(len(self.rows_), -1)
        # k-means cannot find more clusters than different rows.
        n_different = len(np.unique(flat, axis=0))
        number = min(n_different, n_references, self.n_clusters or n_references)
        flat = flat.astype(np.float32 if flat.dtype == np.float32 else np.float64, copy=False)
        kind = KMeans if len(flat) <= MANY_ROWS else MiniBatchKMeans
        clusters = kind(number, n_init=1 if kind is KMeans else 3, random_state=random_state)
        clusters.fit(flat, sample_weight=self.weights_)
        # Mini-batch k-means may leave a cluster without rows.
        filled, positions = np.unique(clusters.labels_), []
        for cluster in filled:
            members = np.flatnonzero(clusters.labels_ == cluster)
            nearest = pairwise_distances_argmin(clusters.cluster_centers_[[cluster]], flat[members])[0]
            positions.append(members[nearest])
        weights, order = np.bincount(clusters.labels_, self.weights_), np.argsort(positions)
        return np.take(positions, order), (weights / weights.sum())[filled[order]]


class NearestOther(RowChooser):
    """Training rows nearest to each row, among those for which the network predicts another class.

    Contributions then show what distinguishes a row from the most similar rows with another prediction.

    .. versionadded:: 1.0

    Parameters
    ----------
    n_neighbors : int, default=1
        Number of training rows for each row. An explainer uses at most ``max_references`` of the training rows.
    metric : str, default="euclidean"
        Name of a distance of `sklearn.metrics.pairwise_distances`, such as ``"hamming"`` for tokens. Most distances
        require columns of the same scale.

    Attributes
    ----------
    rows_ : ndarray of shape (n_rows, *features)
        The training rows.
    classes_of_rows_ : ndarray of shape (n_rows,)
        Predicted class of each training row.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.references import NearestOther
    >>> rows = np.array([[0.0], [1.0], [4.0], [6.0]])
    >>> nearest = NearestOther().fit(rows, [0, 0, 1, 1])
    >>> nearest.sample([[0.5], [7.0]], 1, y=[0, 1])[:, 0, 0]
    array([4., 1.])
    """

    per_row = True
    needs_classes = True

    _parameter_constraints: dict = {"n_neighbors": [Interval(Integral, 1, None, closed="left")], "metric": [str]}

    def __init__(self, n_neighbors: int = 1, *, metric: str = "euclidean") -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Rows, y: ArrayLike | None = None) -> Self:
        """Store the training rows and their predicted classes.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Training rows.
        y : array-like of shape (n_rows,)
            Class that the network predicts for each row. An explainer passes the position of the largest output. With
            a single output, the explainer passes whether the output is above zero, or above 0.5 for a probability.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If ``y`` is missing, or a row has fewer rows of other classes than ``n_neighbors``.
        """
        if y is None:
            raise ValueError("NearestOther needs the predicted classes of the rows. Pass them as fit(X, y).")
        rows, classes = np.array(X), np.array(y)
        if classes.shape != (len(rows),):
            raise ValueError(f"y takes one class for each of the {len(rows)} rows of X. Got shape {classes.shape}.")
        _, counts = np.unique(classes, return_counts=True)
        n_others = len(rows) - counts.max()
        if n_others < self.n_neighbors:
            raise ValueError(
                f"NearestOther looks for {self.n_neighbors} training rows of another class, and for some rows there "
                f"are only {n_others}. Pass more rows, or a smaller n_neighbors=."
            )
        self.rows_, self.classes_of_rows_ = rows, classes
        return self

    def choose(
        self, X: Rows, n_references: int, random_state: RandomState | None = None, y: ArrayLike | None = None
    ) -> np.ndarray:
        """Choose training rows by their position.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows to explain.
        n_references : int
            Largest number of references.
        random_state : None
            Ignored; nothing is drawn.
        y : array-like of shape (n_rows,)
            Class that the network predicts for each row.

        Returns
        -------
        positions : ndarray of int of shape (n_rows, n)
            Positions of the nearest training rows for each row, nearest first.
        weights : ndarray of shape (n,)
            Equal weights that sum to one.
        """
        check_is_fitted(self)
        if y is None:
            raise ValueError("NearestOther needs the predicted classes of the rows. Pass them as y.")
        number, classes = min(self.n_neighbors, n_references), np.asarray(y)
        flat, training = (np.reshape(array, (len(array), -1)) for array in (np.asarray(X), self.rows_))

        def find_nearest(distances, start):
            """Return the positions of the nearest training rows of other classes, for a chunk of rows."""
            is_same = classes[start : start + len(distances), None] == self.classes_of_rows_
            return np.argsort(np.where(is_same, np.inf, distances), 1, kind="stable")[:, :number]

        chunks = pairwise_distances_chunked(flat, training, reduce_func=find_nearest, metric=self.metric)
        return np.concatenate(list(chunks)), np.full(number, 1 / number)


class Permuted(Reference):
    """Training rows whose features are permuted independently of each other.

    Each feature keeps its distribution, but no longer depends on the other features.

    .. versionadded:: 1.0

    Attributes
    ----------
    rows_ : ndarray of shape (n_rows, *features)
        The training rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.references import Permuted
    >>> rows = np.array([[1, 10], [2, 20], [3, 30]])
    >>> np.sort(Permuted().fit(rows).sample(rows, 3, random_state=0), axis=0)
    array([[ 1, 10],
           [ 2, 20],
           [ 3, 30]])
    """

    is_random = True

    def fit(self, X: Rows, y: Any = None) -> Self:
        """Store the training rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Training rows.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted object.
        """
        self.rows_ = np.array(X)
        return self

    def sample(self, X: Rows, n_references: int, random_state: RandomState | None = None) -> np.ndarray:
        """Permute each feature among the training rows.

        Parameters
        ----------
        X : array-like
            Ignored; all rows have the same references.
        n_references : int
            Number of references. If this number exceeds the number of training rows, they are permuted several times.
        random_state : int, RandomState instance or None, default=None
            Source of the permutations. Pass an int to get the same references in every call.

        Returns
        -------
        references : ndarray of shape (n_references, *features)
            Permuted rows in the dtype of the training rows.
        """
        check_is_fitted(self)
        generator = np.random.default_rng(check_random_state(random_state).randint(2**31, size=4))
        n_rows = len(self.rows_)
        times = -(-n_references // n_rows)
        return np.concatenate([generator.permuted(self.rows_, axis=0) for _ in range(times)])[:n_references]
