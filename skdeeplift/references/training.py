"""References that are rows of the training data, or made of their columns."""

from numbers import Integral

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin, pairwise_distances_chunked
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdeeplift.compat import Interval, StrOptions, fit_context
from skdeeplift.references.reference import Reference, RowChooser

# More rows than these are clustered in batches.
MANY_ROWS = 10_000


class TrainingSample(RowChooser):
    """Rows of the training data: some at random, or one for each of some clusters.

    Contributions are means over them; a cluster's row counts by the share of the training rows in the cluster.

    .. versionadded:: 0.1

    Parameters
    ----------
    method : {"random", "kmeans"}, default="random"
        ``"random"`` draws rows without replacement. ``"kmeans"`` takes, for each cluster that k-means finds, the row
        nearest to its centre: a centre itself may be no possible row, such as half a letter.
    n_clusters : int, default=None
        How many clusters; by default as many as references are asked for, and not more than there are different rows.

    Attributes
    ----------
    rows_ : ndarray of shape (n_rows, *features)
        The training rows.
    weights_ : ndarray of shape (n_rows,) or None
        What each counts, if not the same.

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

    def __init__(self, method="random", *, n_clusters=None):
        self.method = method
        self.n_clusters = n_clusters

    @property
    def is_random(self):
        """Whether rows are drawn at random."""
        return self.method == "random"

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Keep the training rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Training rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            What each row counts; rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If there are fewer different rows than clusters.
        """
        rows, weights = np.array(X), None
        if sample_weight is not None:
            weights = np.asarray(sample_weight, np.float64)
            rows, weights = rows[weights > 0], weights[weights > 0]
        if self.method == "kmeans" and self.n_clusters is not None:
            different = len(np.unique(rows.reshape(len(rows), -1), axis=0))
            if self.n_clusters > different:
                raise ValueError(
                    f"n_clusters={self.n_clusters} asks for more clusters than the {different} different rows of X. "
                    "Pass fewer, or more rows."
                )
        self.rows_, self.weights_ = rows, weights
        return self

    def choose(self, X, n_references, random_state=None, y=None):
        """Choose training rows by their position.

        Parameters
        ----------
        X : array-like
            Ignored; all rows have the same references.
        n_references : int
            How many at the most.
        random_state : int, RandomState instance or None, default=None
            Where draws, and the first centres of clusters, come from.
        y : None
            Ignored.

        Returns
        -------
        positions : ndarray of int of shape (n,)
            At random in random order, or in the order of the training rows for clusters.
        weights : ndarray of shape (n,)
            The shares of the clusters, or all the same.
        """
        check_is_fitted(self)
        random_state, n_rows = check_random_state(random_state), len(self.rows_)
        if self.method == "kmeans":
            return self._representatives(n_references, random_state)
        if self.weights_ is None or np.ptp(self.weights_) == 0:
            chosen = random_state.permutation(n_rows)[:n_references]
        elif n_rows <= n_references:
            return np.arange(n_rows), self.weights_ / self.weights_.sum()
        else:
            # With replacement, so that each draw is a row with the chance of its weight.
            chosen = random_state.choice(n_rows, n_references, p=self.weights_ / self.weights_.sum())
        return chosen, np.full(len(chosen), 1 / len(chosen))

    def _representatives(self, n_references, random_state):
        flat = self.rows_.reshape(len(self.rows_), -1)
        # Integers, and equal rows, are no matter for distances, but for how many clusters there can be.
        different = len(np.unique(flat, axis=0))
        number = min(different, n_references, self.n_clusters or n_references)
        flat = flat.astype(np.float32 if flat.dtype == np.float32 else np.float64, copy=False)
        kind = KMeans if len(flat) <= MANY_ROWS else MiniBatchKMeans
        clusters = kind(number, n_init=1 if kind is KMeans else 3, random_state=random_state)
        clusters.fit(flat, sample_weight=self.weights_)
        positions = np.empty(number, int)
        for cluster, centre in enumerate(clusters.cluster_centers_):
            members = np.flatnonzero(clusters.labels_ == cluster)
            nearest = pairwise_distances_argmin(centre[None], flat[members])[0] if len(members) else 0
            positions[cluster] = members[nearest] if len(members) else -1
        weights = np.bincount(clusters.labels_, self.weights_, minlength=number)
        weights = weights / weights.sum()
        order = [each for each in np.argsort(positions) if weights[each] > 0]
        return positions[order], weights[order]


class NearestOther(RowChooser):
    """For each row the nearest training rows of which the network predicts another class.

    Contributions then say what tells a row from the most similar one that is judged differently.

    .. versionadded:: 0.1

    Parameters
    ----------
    n_neighbors : int, default=1
        How many rows; an explainer takes at most ``max_references``.
    metric : str, default="euclidean"
        The distance, of those of `sklearn.metrics.pairwise_distances`; ``"hamming"`` for tokens. Columns of a table
        should have the same scale.

    Attributes
    ----------
    rows_ : ndarray of shape (n_rows, *features)
        The training rows.
    classes_of_rows_ : ndarray of shape (n_rows,)
        The predicted class of each.

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

    def __init__(self, n_neighbors=1, *, metric="euclidean"):
        self.n_neighbors = n_neighbors
        self.metric = metric

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Keep the training rows and what the network predicts of them.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Training rows.
        y : array-like of shape (n_rows,)
            The class that the network predicts of each. An explainer passes the position of its largest output, or of
            a single one whether it is above zero (above one half, for a probability).

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If there are no classes, only one, or fewer rows of other classes than neighbours.
        """
        if y is None:
            raise ValueError("NearestOther needs the predicted classes of the rows. Pass them as fit(X, y).")
        rows, classes = np.array(X), np.array(y)
        if classes.shape != (len(rows),):
            raise ValueError(f"y holds one class for each of the {len(rows)} rows of X. Got shape {classes.shape}.")
        _, counts = np.unique(classes, return_counts=True)
        others = len(rows) - counts.max()
        if others < self.n_neighbors:
            raise ValueError(
                f"NearestOther looks for {self.n_neighbors} training rows of another class, and for some rows there "
                f"are only {others}. Pass more rows, or a smaller n_neighbors."
            )
        self.rows_, self.classes_of_rows_ = rows, classes
        return self

    def choose(self, X, n_references, random_state=None, y=None):
        """Choose training rows by their position.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows that are explained.
        n_references : int
            How many at the most.
        random_state : None
            Ignored; nothing is drawn.
        y : array-like of shape (n_rows,)
            The class that the network predicts of each row.

        Returns
        -------
        positions : ndarray of int of shape (n_rows, n)
            The nearest first.
        weights : ndarray of shape (n,)
            All the same.
        """
        check_is_fitted(self)
        if y is None:
            raise ValueError("NearestOther needs the predicted classes of the rows. Pass them as y.")
        number, classes = min(self.n_neighbors, n_references), np.asarray(y)
        flat, training = (np.reshape(array, (len(array), -1)) for array in (np.asarray(X), self.rows_))

        def nearest(distances, start):
            """The nearest training rows of other classes, of some of the rows."""
            same = classes[start : start + len(distances), None] == self.classes_of_rows_
            return np.argsort(np.where(same, np.inf, distances), 1, kind="stable")[:, :number]

        found = pairwise_distances_chunked(flat, training, reduce_func=nearest, metric=self.metric)
        return np.concatenate(list(found)), np.full(number, 1 / number)


class Permuted(Reference):
    """Rows whose columns are each drawn from the training rows, independently of the others.

    Each feature keeps its distribution, and has nothing to do with the others any more.

    .. versionadded:: 0.1

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

    def fit(self, X, y=None):
        """Keep the training rows.

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

    def sample(self, X, n_references, random_state=None):
        """Permute each feature among the training rows.

        Parameters
        ----------
        X : array-like
            Ignored; all rows have the same references.
        n_references : int
            How many references; of more than there are training rows, these are permuted several times.
        random_state : int, RandomState instance or None, default=None
            Where the permutations come from.

        Returns
        -------
        references : ndarray of shape (n_references, *features)
            In the dtype of the training rows.
        """
        check_is_fitted(self)
        generator = np.random.default_rng(check_random_state(random_state).randint(2**31, size=4))
        n_rows = len(self.rows_)
        times = -(-n_references // n_rows)
        return np.concatenate([generator.permuted(self.rows_, axis=0) for _ in range(times)])[:n_references]
