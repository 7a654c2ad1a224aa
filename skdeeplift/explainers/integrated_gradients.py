"""Integrated gradients."""

from numbers import Integral, Real

from skdeeplift.compat import Interval, StrOptions
from skdeeplift.execution.schedules import METHODS, Steps, schedule_of_references
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer


class IntegratedGradientsExplainer(BaseExplainer):
    """Explain a network's output by gradients, integrated on the straight path from a reference.

    A contribution is a feature's difference from its reference, times the mean of the derivative along the path. A
    row's contributions add up to ``f(x) - f(reference)``, but for the error of the quadrature.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        The trained network, or an estimator that `fit` trains, as `DeepLiftExplainer` takes it. A trained network is
        bound as it is: training it further shows in the next explanation.
    n_steps : int or "auto", default="auto"
        At how many points of the path the gradient is taken. ``"auto"`` begins with few, and takes more for those rows
        whose contributions do not add up within ``convergence_tol``, or still change with the number of points.
    method : {"gausslegendre", "midpoint", "trapezoid", "riemann_left", "riemann_right"}, default="gausslegendre"
        Where the points lie, and what each counts.
    convergence_tol : float, default=1e-2
        How far a row's contributions may be from adding up, relative to the change of the target. With
        ``n_steps="auto"`` all of them together change by at most eight times this, relative to their size, when more
        points are taken.
    max_steps : int, default=400
        How many points ``n_steps="auto"`` takes at the most.
    reference : str, Reference, callable, array-like, or list or dict of these, default="mean"
        The input that stands for "no signal", as that of `DeepLiftExplainer`; contributions are means over
        references.
    max_references : int or "auto", default=100
        How many references at the most, of those of which there are many; with ``"auto"`` as many as ``reference_tol``
        needs.
    reference_tol : float, default=None
        How large the standard error of a row's contributions may be beside them, where random references are added
        until it is as small; as that of `DeepLiftExplainer`.
    output : str or int, default=None
        Which output to explain of a network that has several: its key in a dict, its position in a list, or its
        name in Keras.
    target : str, int, tuple of int, dict, array-like of float, Profile or callable, default="auto"
        The output to explain. ``"auto"``: a single output as it is, or each row's predicted class of a softmax;
        ``"predicted"``: each row's largest output; ``"all"``: every output, on a last axis of contributions;
        ``"profile"`` or a `~skdeeplift.targets.Profile`: logits of positions, weighted by their softmax; an index into
        the output's axes; a dict of indices to weights for a weighted sum, so that ``{8: 1, 3: -1}`` is the difference
        of two classes, or an array of the output's shape with all weights; a function of TensorFlow, from the model's
        own output to one number for each row.
    class_names : array-like of shape (n_classes,), default=None
        Names of the outputs, by which targets can be chosen and columns are named; two for a single logit. By default
        the ``classes_`` of an estimator that has them, or the name of ``y`` that a regressor is trained on.
    feature_names : array-like of str of shape (n_features,), default=None
        Names of the columns of ``X``, which a table without names does not have. By default those of a DataFrame, or
        ``x0``, ``x1`` and so on.
    pre_activation : bool or "auto", default="auto"
        Whether to explain the logits under a final softmax or sigmoid, instead of its result, which saturates. By
        default, indices, classes, ``"predicted"`` and ``"all"`` mean the logits; a function or an array of weights
        means the model's own output.
    center_logits : bool, default=False
        Whether to subtract the mean over classes, on the output's last axis, from each output. A softmax ignores what
        all logits have in common; so does its explanation then (section 3.6 of the paper).
    layer : str or list of str, default=None
        Names of layers whose units to give the contributions of, instead of the input's features;
        ``"name:pre_activation"`` is the linear part before the layer's own activation. Integers, such as tokens, have
        no gradient: name the layer that looks them up. ``feature_importances_`` are those of the units then, by which
        no columns can be selected.
    to_source : bool or "auto", default="auto"
        Whether to sum contributions of columns that the earlier steps of a `Pipeline` make of one raw column, such as
        those of a one-hot encoding, to this column. ``"auto"`` does so wherever every encoded column comes from one raw
        column. True raises an error for steps that mix columns; False explains the columns that the network takes.
    max_samples : int, default=1000
        Largest number of rows that `fit` keeps for ``feature_importances_``; it keeps fewer where rows are large.
    check : {"warn", "raise", "ignore"}, default="warn"
        Action if a row's contributions do not add up within ``convergence_tol``. Checked at the inputs, and at layers
        that nothing of the change passes by.
        If those of some rows still change at ``max_steps``, a :class:`~sklearn.exceptions.ConvergenceWarning` says so.
    batch_size : int or "auto", default="auto"
        How many points of paths are computed at once.
    n_jobs : int, default=None
        How many parts of the rows are computed side by side, by joblib: in threads, unless `joblib.parallel_config`
        names another backend, such as ``"loky"`` or ``"dask"``. None stands for one, or what that says; -1 for all
        processors.
    random_state : int, RandomState instance or None, default=None
        Where the draw of the rows for ``feature_importances_``, and that of ``reference="sample"``, comes from.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (*features), or list or dict of ndarray
        Mean absolute contributions over at most ``max_samples`` rows of `fit`, and over all targets where there are
        several; computed when they are first read. Where ``target`` is the predicted class, they are means over the
        logits of all classes, less their common mean.
    network_ : Network
        The bound network.
    references_ : References
        What rows are compared with.
    n_features_in_ : int
        Number of columns, where rows are a table.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns, where rows are a DataFrame whose column names are all strings.

    See Also
    --------
    ExpectedGradientsExplainer : Averages over many references and points at once.
    DeepLiftExplainer : Adds up exactly, at the cost of one gradient.

    Notes
    -----
    What comes before the first operation that bends, such as a first dense layer, is affine, and is computed once, not
    for each step. Where the network is smooth, the error of ``"gausslegendre"`` falls exponentially with the number of
    steps. In a network of ``relu`` the gradient jumps along the path, and the error falls no faster than one over
    their number; `DeepLiftExplainer` has no such error.

    Units of a layer move on a straight line between their values; what does not depend on them stays as it is at the
    row.

    References
    ----------
    Sundararajan, M., Taly, A., & Yan, Q. (2017). Axiomatic attribution for deep networks. Proceedings of ICML 34.
    https://arxiv.org/abs/1703.01365

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import IntegratedGradientsExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="tanh")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([0.0])])
    >>> explainer = IntegratedGradientsExplainer(model, reference="zeros")
    >>> explanation = explainer.fit(np.array([[3.0, 1.0]])).explain(np.array([[3.0, 1.0]]))
    >>> explanation.contributions
    array([[ 2.28, -1.52]], dtype=float32)
    >>> explanation.n_steps
    array([15])
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **CHECK_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "n_steps": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions(set(METHODS))],
        "convergence_tol": [Interval(Real, 0, None, closed="neither")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
        *,
        n_steps="auto",
        method="gausslegendre",
        convergence_tol=1e-2,
        max_steps=400,
        reference="mean",
        max_references=100,
        reference_tol=None,
        output=None,
        target="auto",
        class_names=None,
        feature_names=None,
        pre_activation="auto",
        center_logits=False,
        layer=None,
        to_source="auto",
        max_samples=1000,
        check="warn",
        batch_size="auto",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.n_steps = n_steps
        self.method = method
        self.convergence_tol = convergence_tol
        self.max_steps = max_steps
        self.reference = reference
        self.max_references = max_references
        self.reference_tol = reference_tol
        self.output = output
        self.target = target
        self.class_names = class_names
        self.feature_names = feature_names
        self.pre_activation = pre_activation
        self.center_logits = center_logits
        self.layer = layer
        self.to_source = to_source
        self.max_samples = max_samples
        self.check = check
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _make_method(graph, target, sources, bound):
        from skdeeplift.propagation.paths import Paths

        return Paths(graph, target, sources, together=bound.layer is None)

    @staticmethod
    def _make_schedule(bound):
        names = ("method", "n_steps", "convergence_tol", "max_steps")
        return Steps(*(bound.parameters[name] for name in names), inner=schedule_of_references(bound))
