"""Shapley values."""

from numbers import Integral

from skdeeplift.compat import Interval
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer
from skdeeplift.perturbation.perturbation import Perturbation, whole_inputs


class ShapleySamplingExplainer(BaseExplainer):
    """Explain a network's output by the Shapley values of its input's features.

    Features come in one after the other, where before they had the reference's values, and each is given what the
    output changes by. The Shapley value is the mean over all orders: it shares out what features do together, and a
    row's contributions sum to ``f(x) - f(reference)`` exactly. Of up to 12 features, or groups, it is computed exactly;
    of more by a sample of orders. The network is only run, never differentiated, so that any network can be explained.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        The trained network, or an estimator that `fit` trains, as `DeepLiftExplainer` takes it. A trained network is
        bound as it is: training it further shows in the next explanation.
    n_permutations : int, default=25
        How many orders of the features are drawn for each reference. Each runs the network as often as there are
        features. Not looked at where all of at most ``2 ** 12`` sets of features are run.
    antithetic : bool, default=True
        Whether every second order is the one before it backwards, which cancels much of the noise; an odd
        ``n_permutations`` is rounded up then.
    sampling_axes : int, tuple of int, list or dict, default=None
        The axes whose positions are the players, counted with that of the rows: ``(1, 2)`` takes all channels of a
        pixel together, and shares their value out evenly over them. None takes each element by itself, and an empty
        tuple a whole input. With several inputs, or layers, a list has one entry for each, and a dict one for each
        name.
    groups : dict or array-like, default=None
        Columns that are one player, instead: a dict of names to columns, which are names or positions, or one label for
        each column. A group's value is shared out evenly over its columns, so that their contributions add up to it.
        Rows that are no table take an array of labels in the shape of a row.
    reference : str, Reference, callable, array-like, or list or dict of these, default="mean"
        The input that stands for "no signal", as that of `DeepLiftExplainer`; contributions are means over
        references. A mask that the network makes of
        tokens is made anew of the perturbed ones.
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
        The output to explain, as that of `DeepLiftExplainer`. ``"all"`` costs no more than one.
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
        Whether to subtract the mean over classes, on the output's last axis, from each output.
    layer : str or list of str, default=None
        Names of layers whose units to perturb and give the contributions of, instead of the input's features; the
        network then goes on from there. Of several layers each is perturbed by itself. ``"name:pre_activation"`` is the
        linear part before the layer's own activation.
    to_source : bool or "auto", default="auto"
        Whether to sum contributions of columns that the earlier steps of a `Pipeline` make of one raw column, such as
        those of a one-hot encoding, to this column. ``"auto"`` does so wherever every encoded column comes from one raw
        column. True raises an error for steps that mix columns; False explains the columns that the network takes.
        Columns made of one raw column are perturbed together, unless windows, axes or groups say otherwise.
    max_samples : int, default=1000
        Largest number of rows that `fit` keeps for ``feature_importances_``; it keeps fewer where rows are large.
    check : {"warn", "raise", "ignore"}, default="warn"
        Action if a row's contributions do not add up within 1e-3 of their size in float32, 1e-6 in float64, and
        2e-2 where the network computes in half precision. Checked at the inputs, and at layers that nothing of the
        change passes by.
    batch_size : int or "auto", default="auto"
        How many perturbed rows are computed at once.
    n_jobs : int, default=None
        How many parts of the rows are computed side by side, by joblib: in threads, unless `joblib.parallel_config`
        names another backend, such as ``"loky"`` or ``"dask"``. None stands for one, or what that says; -1 for all
        processors.
    random_state : int, RandomState instance or None, default=None
        Where the orders, the draws of ``reference="sample"`` and those of the rows for ``feature_importances_`` come
        from. `fit` settles the orders: all rows of all calls then have the same.
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
    OcclusionExplainer : What the output loses with each feature, in far fewer runs.

    Notes
    -----
    ``explain`` gives standard errors: over orders where there is one reference, and else over references, each of which
    has orders of its own.

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
