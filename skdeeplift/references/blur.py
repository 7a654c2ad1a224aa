"""References that are the row itself, without its detail."""

from numbers import Integral, Real

import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.utils.validation import check_is_fitted

from skdeeplift.compat import Interval, StrOptions, fit_context
from skdeeplift.references.reference import Reference


class Blur(Reference):
    """The row itself, blurred by a Gaussian.

    Contributions then say what detail matters, such as edges and peaks, where a whole black image would say that dark
    pixels are no signal.

    .. versionadded:: 0.1

    Parameters
    ----------
    sigma : float or tuple of float, default=10.0
        The Gaussian's standard deviation in pixels or steps, for all axes that are blurred or one for each.
    axes : int or tuple of int, default=None
        Which axes are blurred, counted with that of the rows. By default all but the last one, which holds channels:
        ``(1, 2)`` of images ``(n_rows, height, width, channels)``, and 1 of series ``(n_rows, length, channels)``. Of
        rows with a single axis it has to be said, since columns of a table have no neighbours.
    mode : {"nearest", "reflect", "mirror", "wrap", "constant"}, default="nearest"
        What is taken to be beyond the edges, as `scipy.ndimage.gaussian_filter` has it.

    Attributes
    ----------
    sigma_ : tuple of float
        The standard deviation on each axis of the rows; 0 where nothing is blurred.

    References
    ----------
    Fong, R. C., & Vedaldi, A. (2017). Interpretable explanations of black boxes by meaningful perturbation. Proceedings
    of ICCV. https://arxiv.org/abs/1704.03296

    Examples
    --------
    >>> import numpy as np
    >>> from skdeeplift.references import Blur
    >>> series = np.array([[0.0, 0.0, 1.0, 0.0, 0.0]])[:, :, None]
    >>> Blur(0.5).fit(series).sample(series, 1)[0, 0, :, 0]
    array([0.0003, 0.1065, 0.7866, 0.1065, 0.0003])
    """

    per_row = True
    learns = False

    _parameter_constraints: dict = {
        "sigma": [Interval(Real, 0, None, closed="left"), tuple, list],
        "axes": [Integral, tuple, list, None],
        "mode": [StrOptions({"nearest", "reflect", "mirror", "wrap", "constant"})],
    }

    def __init__(self, sigma=10.0, *, axes=None, mode="nearest"):
        self.sigma = sigma
        self.axes = axes
        self.mode = mode

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Find out which axes are blurred.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows of floating-point numbers.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted object.

        Raises
        ------
        ValueError
            If ``X`` holds integers, or has no such axes.
        """
        X = np.asarray(X)
        if X.dtype.kind != "f":
            raise ValueError(f"Blur takes floating-point numbers; integers such as tokens have no mean. Got {X.dtype}.")
        if self.axes is None:
            if X.ndim < 3:
                raise ValueError(
                    f"Blur takes images or series, with channels last. Got an array of shape {X.shape}, whose columns "
                    "have no neighbours; if they are steps of a series, pass axes=1."
                )
            axes = tuple(range(1, X.ndim - 1))
        else:
            axes = (self.axes,) if isinstance(self.axes, Integral) else tuple(self.axes)
            if not all(isinstance(axis, Integral) and -X.ndim < axis < X.ndim and axis % X.ndim for axis in axes):
                raise ValueError(f"axes={self.axes!r} are no axes of X's features: X has shape {X.shape}, rows first.")
        sigmas = [self.sigma] * len(axes) if isinstance(self.sigma, Real) else list(self.sigma)
        if len(sigmas) != len(axes) or not all(isinstance(sigma, Real) and sigma >= 0 for sigma in sigmas):
            raise ValueError(f"sigma= takes a number, or one for each of the axes {axes}. Got {self.sigma!r}.")
        of_axes = dict(zip((axis % X.ndim for axis in axes), sigmas, strict=True))
        self.sigma_ = tuple(float(of_axes.get(axis, 0)) for axis in range(1, X.ndim))
        return self

    def sample(self, X, n_references, random_state=None):
        """Blur rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, *features)
            Rows like those in `fit`.
        n_references : int
            Ignored; each row has one.
        random_state : None
            Ignored; nothing is drawn.

        Returns
        -------
        references : ndarray of shape (n_rows, 1, *features)
            In the dtype of ``X``.
        """
        check_is_fitted(self)
        return gaussian_filter(np.asarray(X), (0, *self.sigma_), mode=self.mode)[:, None]
