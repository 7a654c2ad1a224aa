"""Integrated gradients."""

from numbers import Integral, Real

from skdeeplift.compat import Interval, StrOptions
from skdeeplift.execution.schedules import METHODS, Steps, schedule_of_references
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer


class IntegratedGradientsExplainer(BaseExplainer):
    r"""Explain a network's output by gradients integrated along the straight path from a reference.

    A contribution is a feature's difference from its reference, times the mean derivative along the path:

    .. math:: \phi_i = (x_i - r_i) \int_0^1 \frac{\partial f(r + \alpha (x - r))}{\partial x_i} \, d\alpha

    A row's contributions sum to ``f(x) - f(reference)``, up to the error of the quadrature.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        Network to explain, or an estimator that `fit` clones and trains, in any form that `DeepLiftExplainer` accepts.
        A trained network is used as it is, so that further training shows in the next explanation.
    n_steps : int or "auto", default="auto"
        Number of points on the path at which the gradient is computed. By default, few points come first, and more are
        added for rows whose contributions do not sum within ``convergence_tol``, or still change with the number of
        points.
    method : {"gausslegendre", "midpoint", "trapezoid", "riemann_left", "riemann_right"}, default="gausslegendre"
        Quadrature, which chooses the points and their weights.
    convergence_tol : float, default=1e-2
        Largest difference between the sum of a row's contributions and the change of the target, relative to that
        change. With ``n_steps="auto"``, a row is finished when more points also change its contributions together by at
        most eight times this tolerance, relative to their size.
    max_steps : int, default=400
        Largest number of points with ``n_steps="auto"``.
    reference : str, Reference, callable, array-like, list or dict, default="mean"
        Input that stands for "no signal", in any form that `DeepLiftExplainer` accepts. Contributions are means over
        references.
    max_references : int or "auto", default=100
        Largest number of references of each row. Applies to references that are sampled, such as ``"sample"`` and
        ``"shuffle"``. With ``"auto"``, each row has as many as ``reference_tol`` needs.
    reference_tol : float, default=None
        Largest standard error of a row's contributions, relative to the contributions; each is the root of a sum of
        squares over the features. Random references are added to each row until its error is small enough, and
        ``n_references`` of the explanation counts them. None uses all ``max_references``, except that
        ``max_references="auto"`` has a tolerance of 0.05 and at most 1024 references.
    output : str or int, default=None
        Output to explain, if the network has several: its key in a dict, its position in a list, or its name in Keras.
        None is for networks with one output.
    target : str, int, tuple of int, dict, array-like of float, Profile or callable, default="auto"
        Target to explain, one number for each row, or several for ``"all"``:

        - ``"auto"``: the single output, or each row's predicted class under a softmax;
        - ``"predicted"``: each row's largest output;
        - ``"all"``: every output, on a last axis of contributions;
        - ``"profile"`` or a `~skdeeplift.targets.Profile`: the sum of the logits of positions, weighted by their
          softmax;
        - int or tuple of int: the output at this index into the output's axes;
        - dict of indices to weights: a weighted sum, such as ``{8: 1, 3: -1}`` for the difference of two classes;
        - array of float: a weighted sum with the weights of all outputs, in the output's shape;
        - callable: a TensorFlow function that maps the model's own output to one number for each row.

        Class labels replace indices if the estimator has ``classes_`` or ``class_names`` are passed. With two classes
        and one logit, the second class has the logit and the first class its negative.
    class_names : array-like of shape (n_classes,), default=None
        Names of the outputs, two for a single logit. Targets are chosen by these names, and columns of contributions
        are named after them. By default, the ``classes_`` of the estimator, or the name of the ``y`` that a regressor
        is trained on.
    feature_names : array-like of str of shape (n_features,), default=None
        Names of the columns of ``X``, for a table without column names. By default, the column names of a DataFrame, or
        else ``x0``, ``x1`` and so on.
    pre_activation : bool or "auto", default="auto"
        Whether to explain the logits before a final softmax or sigmoid, instead of its result, which saturates. By
        default, indices, classes, ``"predicted"`` and ``"all"`` mean the logits. A function or an array of weights
        means the model's own output.
    center_logits : bool, default=False
        Whether to subtract the mean over classes, along the output's last axis, from each output. A softmax ignores a
        number that is added to all logits; a centered explanation ignores it too (section 3.6 of the DeepLIFT paper).
    layer : str or list of str, default=None
        Names of layers whose units to explain. By default, the input's features are explained. The name
        ``"name:pre_activation"`` means the linear part before the layer's own activation. ``feature_importances_`` are
        then importances of units, and cannot select columns. Integer inputs, such as tokens, have no gradient: name the
        layer that embeds them.
    to_source : bool or "auto", default="auto"
        Whether to sum the contributions of encoded columns, such as those of a one-hot encoding, to the raw column that
        the earlier steps of a `Pipeline` made them from. With ``"auto"``, this is done if every encoded column comes
        from one raw column. True raises an error for steps that mix columns. False explains the columns that the
        network takes.
    max_samples : int, default=1000
        Largest number of rows that `fit` keeps for ``feature_importances_``. Fewer are kept if rows are large.
    check : {"warn", "raise", "ignore"}, default="warn"
        Action if a row's contributions do not sum to the change of the target within ``convergence_tol``. Contributions
        are checked at the inputs, and at layers that the whole change passes through. A
        :class:`~sklearn.exceptions.ConvergenceWarning` tells if contributions of some rows still change at
        ``max_steps``.
    batch_size : int or "auto", default="auto"
        Number of points of paths that are computed at once. By default, it is predicted from the network's size and the
        free memory.
    n_jobs : int, default=None
        Number of parts of the rows that joblib computes in parallel, in threads unless `joblib.parallel_config` names
        another backend, such as ``"loky"`` or ``"dask"``. None means one, or the number set in
        `joblib.parallel_config`. -1 means all processors.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers for random references and the rows kept for ``feature_importances_``. Pass an int to
        get the same results from every `fit`.
    verbose : int, default=0
        Whether to show a progress bar; 0 shows none.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (*features), or list or dict of ndarray
        Mean absolute contributions over at most ``max_samples`` rows of `fit`, and over all targets if there are
        several. They are computed when the attribute is first read. If ``target`` is the predicted class, they are
        means over the logits of all classes, after subtracting the logits' common mean.
    network_ : Network
        Network that the explainer is bound to.
    references_ : References
        References that rows are compared with.
    n_features_in_ : int
        Number of columns. Only set if rows are a table.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns. Only set if rows are a DataFrame whose column names are all strings.

    See Also
    --------
    ExpectedGradientsExplainer : Mean over many references and points at once.
    DeepLiftExplainer : Contributions that sum exactly, at the cost of one gradient.

    Notes
    -----
    The affine operations before the first nonlinear operation, such as a first dense layer, are computed once and not
    for each step. If the network is smooth, the error of ``"gausslegendre"`` falls exponentially with the number of
    steps. In a network of ``relu`` the gradient jumps along the path, and the error falls no faster than one over the
    number of steps. `DeepLiftExplainer` has no such error.

    With ``layer``, the units of the layer move on a straight line between their values at the reference and at the
    row. Values that do not depend on these units stay at those of the row.

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
