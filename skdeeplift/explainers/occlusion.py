"""Occlusion."""

from numbers import Integral

from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer
from skdeeplift.perturbation.perturbation import Perturbation, whole_inputs


class OcclusionExplainer(BaseExplainer):
    """Explain a network's output by what it loses when parts of the input are taken from a reference.

    A window slides over the input, or features are taken one by one or in groups. The contribution of what it covers is
    ``f(x) - f(x with the window from the reference)``. The network is only run, never differentiated, so that any
    network can be explained. Contributions do not sum to ``f(x) - f(reference)``: what only several windows together
    change is in none of them, or in each.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        The trained network, or an estimator that `fit` trains, as `DeepLiftExplainer` takes it. A trained network is
        bound as it is: training it further shows in the next explanation.
    window_shape : int, tuple of int, list or dict, default=1
        Size of the window along each axis of a row, channels included, or one size for all of them, as in
        scikit-image's ``view_as_windows``. With several inputs, or layers, a list has one entry for each, and a dict
        one for each name; windows lie in one of them at a time.
    step : int, tuple of int, list or dict, default=1
        How far one window begins after the other, along each axis; at most the window's size, so that each element lies
        in a window. Where windows and steps leave a rest at the end of an axis, a last, smaller window covers it.
    groups : dict or array-like, default=None
        Columns that are taken from the reference together, instead of windows: a dict of names to columns, which are
        names or positions, or one label for each column. A group's change is shared out evenly over its columns, so
        that their contributions add up to it. Rows that are no table take an array of labels in the shape of a row.
    normalize : {"window_size"} or None, default=None
        An element's contribution is the mean of the changes of all windows that cover it; ``"window_size"`` divides
        this by the number of elements of a window too, as DeepExplain does. Groups are shared out in any case.
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
    batch_size : int or "auto", default="auto"
        How many perturbed rows are computed at once.
    n_jobs : int, default=None
        How many parts of the rows are computed side by side, by joblib: in threads, unless `joblib.parallel_config`
        names another backend, such as ``"loky"`` or ``"dask"``. None stands for one, or what that says; -1 for all
        processors.
    random_state : int, RandomState instance or None, default=None
        Where the draws of ``reference="sample"`` and of the rows for ``feature_importances_`` come from.
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
    ShapleySamplingExplainer : Contributions that share out what features do together.

    References
    ----------
    Zeiler, M. D., & Fergus, R. (2014). Visualizing and understanding convolutional networks. ECCV 2014.
    https://arxiv.org/abs/1311.2901

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import OcclusionExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> explainer = OcclusionExplainer(model, reference="zeros").fit(np.array([[3.0, 0.5]]))
    >>> explainer.transform(np.array([[3.0, 0.5]]))
    array([[ 1., -1.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "window_shape": [Integral, tuple, list, dict],
        "step": [Integral, tuple, list, dict],
        "groups": [dict, "array-like", None],
        "normalize": [StrOptions({"window_size"}), None],
    }
    _find_sources = staticmethod(whole_inputs)

    def __init__(
        self,
        estimator,
        *,
        window_shape=1,
        step=1,
        groups=None,
        normalize=None,
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
        batch_size="auto",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.window_shape = window_shape
        self.step = step
        self.groups = groups
        self.normalize = normalize
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
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _make_method(graph, target, sources, bound):
        from skdeeplift.perturbation.windows import OneByOne, make_covers

        covers = make_covers(sources, bound.source_names, bound.input_columns, bound.parameters)
        schemes = [OneByOne(covers)] if bound.layer is None else [OneByOne([cover]) for cover in covers]
        return Perturbation(graph, target, sources, schemes)
