"""Gradients: plain, absolute, and times the input."""

from numbers import Integral, Real

from skdeeplift.compat import Interval, StrOptions
from skdeeplift.execution.schedules import ONCE, Noise
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer


class GradientExplainer(BaseExplainer):
    """Explain a network's output by its derivatives.

    A derivative tells how much the output changes with a small change of a feature. It is zero if an activation is
    saturated, no matter how much the feature did to saturate it.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        Network to explain, or an estimator that `fit` clones and trains, in any form that `DeepLiftExplainer` accepts.
        A trained network is used as it is, so that further training shows in the next explanation.
    kind : {"gradient_x_input", "gradient", "saliency"}, default="gradient_x_input"
        Quantity to return: the derivative itself for ``"gradient"``, its absolute value for ``"saliency"``, or its
        product with the feature for ``"gradient_x_input"``.
    noise_scale : float, default=0.0
        Standard deviation of normal noise, in the unit of ``X``. The result is then the mean of ``kind`` over noisy
        copies of each row (SmoothGrad). A tenth to a fifth of the range of ``X`` is usual; 0 adds no noise.
    n_draws : int, default=50
        Number of noisy copies of each row, if ``noise_scale`` is positive. All rows get the same noise, so that a row's
        result does not depend on the rows beside it.
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
        Number of rows, or of noisy copies of rows, that are computed at once. By default, it is predicted from the
        network's size and the free memory.
    n_jobs : int, default=None
        Number of parts of the rows that joblib computes in parallel, in threads unless `joblib.parallel_config` names
        another backend, such as ``"loky"`` or ``"dask"``. None means one, or the number set in
        `joblib.parallel_config`. -1 means all processors.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers for the noise and the rows kept for ``feature_importances_``. Pass an int to get the
        same results from every `fit`.
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
    n_features_in_ : int
        Number of columns. Only set if rows are a table.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns. Only set if rows are a DataFrame whose column names are all strings.

    See Also
    --------
    IntegratedGradientsExplainer : Mean derivatives along the path from a reference.
    DeepLiftExplainer : Differences from a reference, which saturation does not hide.

    Notes
    -----
    The derivative is that of the function that the network computes. ``tf.stop_gradient`` and custom gradients are
    ignored, since they are meant for training.

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
