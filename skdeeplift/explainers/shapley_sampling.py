"""Shapley values."""

from numbers import Integral

from skdeeplift.compat import Interval
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer
from skdeeplift.perturbation.perturbation import Perturbation, whole_inputs


class ShapleySamplingExplainer(BaseExplainer):
    """Explain a network's output by the Shapley values of its input's features.

    All features start at the reference, and take the row's values one after the other. Each feature gets the change of
    the output at its step. The Shapley value is the mean over all orders of the features: it shares the joint effect of
    features among them, and a row's contributions sum to ``f(x) - f(reference)`` exactly. For up to 12 features or
    groups it is computed exactly, for more from a sample of orders. The network is only run, never differentiated, so
    that any network can be explained.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        Network to explain, or an estimator that `fit` clones and trains, in any form that `DeepLiftExplainer` accepts.
        A trained network is used as it is, so that further training shows in the next explanation.
    n_permutations : int, default=25
        Number of orders of the features that are drawn for each reference. Each order runs the network once for each
        feature. Ignored if all sets of features are run, which are at most ``2 ** 12``.
    antithetic : bool, default=True
        Whether every second order is the reverse of the order before it, which cancels much of the noise. An odd
        ``n_permutations`` is then rounded up.
    sampling_axes : int, tuple of int, list or dict, default=None
        Axes whose positions are the players, counted with the axis of rows: ``(1, 2)`` takes all channels of a pixel
        together, and shares their value evenly among them. None makes each element a player, and an empty tuple a whole
        input. With several inputs or layers, a list has one entry for each, and a dict one for each name.
    groups : dict or array-like, default=None
        Columns that are one player, instead of one column each: a dict of names to columns, given by name or position,
        or one label for each column. A group's value is shared evenly among its columns, so that their contributions
        sum to it. Rows that are no table take an array of labels in the shape of a row.
    reference : str, Reference, callable, array-like, list or dict, default="mean"
        Input that stands for "no signal", in any form that `DeepLiftExplainer` accepts. Contributions are means over
        references. A mask that the network computes from tokens is computed again from the perturbed tokens.
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
        and one logit, the second class has the logit and the first class its negative. ``"all"`` needs no more runs of
        the network than one output.
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
        Names of layers whose units to perturb and explain. By default, the input's features are explained. The name
        ``"name:pre_activation"`` means the linear part before the layer's own activation. ``feature_importances_`` are
        then importances of units, and cannot select columns. The network is run from the perturbed units on. Each of
        several layers is perturbed by itself.
    to_source : bool or "auto", default="auto"
        Whether to sum the contributions of encoded columns, such as those of a one-hot encoding, to the raw column that
        the earlier steps of a `Pipeline` made them from. With ``"auto"``, this is done if every encoded column comes
        from one raw column. True raises an error for steps that mix columns. False explains the columns that the
        network takes. Columns made from one raw column are perturbed together, unless windows, axes or groups say
        otherwise.
    max_samples : int, default=1000
        Largest number of rows that `fit` keeps for ``feature_importances_``. Fewer are kept if rows are large.
    check : {"warn", "raise", "ignore"}, default="warn"
        Action if a row's contributions do not sum to the change of the target within 1e-3 of their size in float32,
        1e-6 in float64, or 2e-2 where the network computes in half precision. Contributions are checked at the inputs,
        and at layers that the whole change passes through.
    batch_size : int or "auto", default="auto"
        Number of perturbed rows that are computed at once. By default, it is predicted from the network's size and the
        free memory.
    n_jobs : int, default=None
        Number of parts of the rows that joblib computes in parallel, in threads unless `joblib.parallel_config` names
        another backend, such as ``"loky"`` or ``"dask"``. None means one, or the number set in
        `joblib.parallel_config`. -1 means all processors.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers for the orders, random references and the rows kept for ``feature_importances_``. `fit`
        draws the orders, so that all rows of all calls have the same. Pass an int to get the same results from every
        `fit`.
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
    OcclusionExplainer : Loss of the output without each feature, in far fewer runs.

    Notes
    -----
    ``explain`` returns standard errors. With one reference, they are those over orders. With several references, they
    are those over references, and each reference has its own orders.

    References
    ----------
    Castro, J., Gómez, D., & Tejada, J. (2009). Polynomial calculation of the Shapley value based on sampling. Computers
    & Operations Research, 36(5). https://doi.org/10.1016/j.cor.2008.04.004

    Mitchell, R., Cooper, J., Frank, E., & Holmes, G. (2022). Sampling permutations for Shapley value estimation. JMLR,
    23(43). https://arxiv.org/abs/2104.12199

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import ShapleySamplingExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> explainer = ShapleySamplingExplainer(model, reference="zeros").fit(np.array([[3.0, 0.5]]))
    >>> explainer.transform(np.array([[3.0, 0.5]]))
    array([[ 1.5, -0.5]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **CHECK_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "antithetic": ["boolean"],
        "sampling_axes": [Integral, tuple, list, dict, None],
        "groups": [dict, "array-like", None],
    }
    _find_sources = staticmethod(whole_inputs)

    def __init__(
        self,
        estimator,
        *,
        n_permutations=25,
        antithetic=True,
        sampling_axes=None,
        groups=None,
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
        self.n_permutations = n_permutations
        self.antithetic = antithetic
        self.sampling_axes = sampling_axes
        self.groups = groups
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
        from skdeeplift.perturbation.permutations import make_games

        schemes = make_games(sources, bound.source_names, bound.input_columns, bound.parameters, bound.seed)
        return Perturbation(graph, target, sources, schemes, sums_to_delta=True)
