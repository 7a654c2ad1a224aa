"""Expected gradients."""

from numbers import Integral, Real

from skdeeplift.compat import Interval, StrOptions
from skdeeplift.execution.schedules import Draws
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer


class ExpectedGradientsExplainer(BaseExplainer):
    """Explain a network's output by integrated gradients, averaged over many references.

    Each draw takes a random reference, and a random point on the path from this reference to the row. The mean over
    draws converges to integrated gradients, averaged over the references. Standard errors estimate the distance from
    this limit.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        Network to explain, or an estimator that `fit` clones and trains, in any form that `DeepLiftExplainer` accepts.
        A trained network is used as it is, so that further training shows in the next explanation.
    n_draws : int or "auto", default=200
        Number of draws. All rows have the same draws, so that a row's contributions do not depend on the rows beside
        it. With ``"auto"``, draws are added until the standard errors are within ``reference_tol``.
    reference_tol : float, default=0.05
        Largest standard error of a row's contributions with ``n_draws="auto"``, relative to the contributions; each is
        the root of a sum of squares over the features.
    reference : str, Reference, callable, array-like, list or dict, default="sample"
        Input that stands for "no signal", in any form that `DeepLiftExplainer` accepts. Each draw takes one of its
        references. A row's padding mask also applies along the path from the reference.
    max_references : int or "auto", default=1000
        Largest number of references to draw from. Applies to references that are sampled, such as ``"sample"`` and
        ``"shuffle"``. With ``"auto"``, it is 1024.
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
    batch_size : int or "auto", default="auto"
        Number of draws of rows that are computed at once. By default, it is predicted from the network's size and the
        free memory.
    n_jobs : int, default=None
        Number of parts of the rows that joblib computes in parallel, in threads unless `joblib.parallel_config` names
        another backend, such as ``"loky"`` or ``"dask"``. None means one, or the number set in
        `joblib.parallel_config`. -1 means all processors.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers for the draws of references and points, and for the rows kept for
        ``feature_importances_``. Pass an int to get the same results from every `fit`.
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
    IntegratedGradientsExplainer : Many points on the path from each reference.

    Notes
    -----
    A :class:`~sklearn.exceptions.ConvergenceWarning` has one of two reasons. With ``n_draws="auto"``, the standard
    errors of some rows do not come within ``reference_tol``. With any number of draws, the draws may miss much of the
    change of the target, by more than their standard errors show. A saturated probability, for example, changes in a
    small part of the path, and no draw may lie there. Then raise ``n_draws``, or explain the logit with
    ``pre_activation=True``.

    References
    ----------
    Erion, G., Janizek, J. D., Sturmfels, P., Lundberg, S. M., & Lee, S.-I. (2021). Improving performance of deep
    learning models with axiomatic attribution priors and expected gradients. Nature Machine Intelligence 3.
    https://arxiv.org/abs/1906.10670

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import ExpectedGradientsExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([0.0])])
    >>> explainer = ExpectedGradientsExplainer(model, reference=np.array([[0.0, 0.0], [0.0, 1.0]]), random_state=0)
    >>> explainer.fit_transform(np.array([[3.0, 1.0]])).round()
    array([[ 3., -1.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "n_draws": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "reference_tol": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        estimator,
        *,
        n_draws=200,
        reference_tol=0.05,
        reference="sample",
        max_references=1000,
        output=None,
        target="auto",
        class_names=None,
        feature_names=None,
        pre_activation="auto",
        center_logits=False,
        layer=None,
        to_source="auto",
        max_samples=1000,
        batch_size="auto",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.n_draws = n_draws
        self.reference_tol = reference_tol
        self.reference = reference
        self.max_references = max_references
        self.output = output
        self.target = target
        self.class_names = class_names
        self.feature_names = feature_names
        self.pre_activation = pre_activation
        self.center_logits = center_logits
        self.layer = layer
        self.to_source = to_source
        self.max_samples = max_samples
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _make_method(graph, target, sources, bound):
        from skdeeplift.propagation.paths import Paths

        method = Paths(graph, target, sources, together=bound.layer is None)
        # A mean over draws sums to the change of the target only in the limit.
        method.sums_to_delta = False
        return method

    @staticmethod
    def _make_schedule(bound):
        return Draws(bound.parameters["n_draws"], bound.parameters["reference_tol"], bound.seed)
