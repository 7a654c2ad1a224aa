"""Gradients: plain, absolute, and times the input."""

from numbers import Integral, Real

from skdeeplift.compat import Interval, StrOptions
from skdeeplift.execution.schedules import ONCE, Noise
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer


class GradientExplainer(BaseExplainer):
    """Explain a network's output by its derivatives.

    A derivative says how much the output changes with a small change of a feature; it is zero where an activation is
    saturated, however much the feature did to saturate it.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        The trained network, or an estimator that `fit` trains, as `DeepLiftExplainer` takes it. A trained network is
        bound as it is: training it further shows in the next explanation.
    kind : {"gradient_x_input", "gradient", "saliency"}, default="gradient_x_input"
        ``"gradient"`` is the derivative itself, ``"saliency"`` its absolute value, and ``"gradient_x_input"`` its
        product with the feature.
    noise_scale : float, default=0.0
        Standard deviation of normal noise that is added to the rows, in their own units; what ``kind`` says is then
        averaged over noisy copies of each row (SmoothGrad). A tenth to a fifth of the range of ``X`` is usual.
    n_draws : int, default=50
        How many noisy copies there are, if there is noise. All rows get the same noise, so that what is said of a row
        does not depend on the rows beside it.
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
    batch_size : int or "auto", default="auto"
        How many rows, or noisy copies of rows, are computed at once.
    n_jobs : int, default=None
        How many parts of the rows are computed side by side, by joblib: in threads, unless `joblib.parallel_config`
        names another backend, such as ``"loky"`` or ``"dask"``. None stands for one, or what that says; -1 for all
        processors.
    random_state : int, RandomState instance or None, default=None
        Where the draw of the rows for ``feature_importances_`` and that of the noise comes from.
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
    n_features_in_ : int
        Number of columns, where rows are a table.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns, where rows are a DataFrame whose column names are all strings.

    See Also
    --------
    IntegratedGradientsExplainer : Derivatives averaged on the way from a reference.
    DeepLiftExplainer : Differences from a reference, which saturation does not hide.

    Notes
    -----
    The derivative is that of the function that the network computes. ``tf.stop_gradient`` and custom gradients, which
    are for training, are not looked at.

    References
    ----------
    Simonyan, K., Vedaldi, A., & Zisserman, A. (2014). Deep inside convolutional networks: Visualising image
    classification models and saliency maps. https://arxiv.org/abs/1312.6034

    Smilkov, D., Thorat, N., Kim, B., Viégas, F., & Wattenberg, M. (2017). SmoothGrad: removing noise by adding noise.
    https://arxiv.org/abs/1706.03825

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import GradientExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> GradientExplainer(model).fit_transform(np.array([[4.0, 0.5]]))
    array([[ 4., -1.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        "kind": [StrOptions({"gradient", "saliency", "gradient_x_input"})],
        "noise_scale": [Interval(Real, 0, None, closed="left")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
        *,
        kind="gradient_x_input",
        noise_scale=0.0,
        n_draws=50,
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
        self.kind = kind
        self.noise_scale = noise_scale
        self.n_draws = n_draws
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
        from skdeeplift.propagation.gradients import Gradients

        return Gradients(graph, target, sources, bound.parameters["kind"])

    @staticmethod
    def _make_schedule(bound):
        scale = bound.parameters["noise_scale"]
        return ONCE if scale == 0 else Noise(scale, bound.parameters["n_draws"], bound.seed)
