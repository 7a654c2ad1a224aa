"""Guided backpropagation and the deconvolutional network."""

from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer


class GuidedBackpropExplainer(BaseExplainer):
    """Explain a network's output by a backward pass that keeps positive evidence only.

    Both rules change what the backward pass does at activations, and give sharper pictures than the gradient. They show
    the input more than what the network makes of it: with random weights they look much the same.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        The trained network, or an estimator that `fit` trains, as `DeepLiftExplainer` takes it. A trained network is
        bound as it is: training it further shows in the next explanation.
    rule : {"guided_backprop", "deconvnet"}, default="guided_backprop"
        What an activation does to what comes back to it. ``"guided_backprop"`` drops what is negative, and multiplies
        by the derivative; ``"deconvnet"`` applies the activation itself, so that ``relu`` drops what is negative and
        looks at nothing else. Only rectifiers, such as ``relu``, ``elu``, ``gelu`` and ``prelu``, are applied, and
        ``tanh`` and ``sigmoid`` as in the original implementation; other functions, such as squares, ``log`` and
        ``exp``, keep their derivative. The cap of ``relu6`` does not cap what comes back.
    multiply_by_input : bool, default=False
        Whether to multiply the result by the input.
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
        How many rows are computed at once.
    n_jobs : int, default=None
        How many parts of the rows are computed side by side, by joblib: in threads, unless `joblib.parallel_config`
        names another backend, such as ``"loky"`` or ``"dask"``. None stands for one, or what that says; -1 for all
        processors.
    random_state : int, RandomState instance or None, default=None
        Where the draw of the rows for ``feature_importances_`` comes from.
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
    GradientExplainer : The gradient as it is.
    DeepLiftExplainer : Has ``rule="guided_backprop_rescale"``.

    Notes
    -----
    Activations are found in the traced graph, whatever layer or function they were written as: those of several
    operations, such as GELU, count as one, and those inside of recurrent layers as any other. Adebayo, J., et al.
    (2018), Sanity checks for saliency maps, https://arxiv.org/abs/1810.03292, show what the results are not good for.

    References
    ----------
    Springenberg, J. T., Dosovitskiy, A., Brox, T., & Riedmiller, M. (2015). Striving for simplicity: The all
    convolutional net. https://arxiv.org/abs/1412.6806

    Zeiler, M. D., & Fergus, R. (2014). Visualizing and understanding convolutional networks. ECCV.
    https://arxiv.org/abs/1311.2901

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import GuidedBackpropExplainer
    >>> layers = [keras.layers.Dense(2, activation="relu"), keras.layers.Dense(1)]
    >>> model = keras.Sequential([keras.Input((2,)), *layers])
    >>> model.set_weights([np.eye(2), np.zeros(2), np.array([[3.0], [-2.0]]), np.zeros(1)])
    >>> GuidedBackpropExplainer(model).fit_transform(np.array([[1.0, 1.0]]))
    array([[3., 0.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        "rule": [StrOptions({"guided_backprop", "deconvnet"})],
        "multiply_by_input": ["boolean"],
    }

    def __init__(
        self,
        estimator,
        *,
        rule="guided_backprop",
        multiply_by_input=False,
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
        self.rule = rule
        self.multiply_by_input = multiply_by_input
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
        from skdeeplift.propagation import gradients

        form = "gradient_x_input" if bound.parameters["multiply_by_input"] else "gradient"
        return gradients.Gradients(graph, target, sources, form, getattr(gradients, bound.parameters["rule"]))
