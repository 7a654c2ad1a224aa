"""Guided backpropagation and the deconvolutional network."""

from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer


class GuidedBackpropExplainer(BaseExplainer):
    """Explain a network's output by a backward pass that keeps positive evidence only.

    Both rules change the backward pass at activations, and give sharper pictures than the gradient. The pictures show
    the input more than the network: with random weights, they look much the same.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        Network to explain, or an estimator that `fit` clones and trains, in any form that `DeepLiftExplainer` accepts.
        A trained network is used as it is, so that further training shows in the next explanation.
    rule : {"guided_backprop", "deconvnet"}, default="guided_backprop"
        Rule by which an activation passes on the gradient that comes back to it:

        - ``"guided_backprop"`` drops negative gradients, and multiplies by the derivative;
        - ``"deconvnet"`` applies the activation itself to the gradient, so that ``relu`` drops negative gradients and
          ignores its own input.

        The rule ``"deconvnet"`` applies rectifiers, such as ``relu``, ``elu``, ``gelu`` and ``prelu``, and also
        ``tanh`` and ``sigmoid``, as in the original implementation. Other functions, such as squares, ``log`` and
        ``exp``, keep their derivative. The cap of ``relu6`` does not cap the gradient.
    multiply_by_input : bool, default=False
        Whether to multiply the result by the input.
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
        Number of rows that are computed at once. By default, it is predicted from the network's size and the free
        memory.
    n_jobs : int, default=None
        Number of parts of the rows that joblib computes in parallel, in threads unless `joblib.parallel_config` names
        another backend, such as ``"loky"`` or ``"dask"``. None means one, or the number set in
        `joblib.parallel_config`. -1 means all processors.
    random_state : int, RandomState instance or None, default=None
        Source of random numbers for the rows kept for ``feature_importances_``. Pass an int to get the same results
        from every `fit`.
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
    GradientExplainer : The unchanged gradient.
    DeepLiftExplainer : Guided backpropagation of differences, with ``rule="guided_backprop_rescale"``.

    Notes
    -----
    Activations are found in the traced graph, so that any layer or function may contain them. An activation of several
    operations, such as GELU, counts as one. Activations inside recurrent layers follow the rule like all others.
    Adebayo, J., et al. (2018), Sanity checks for saliency maps, https://arxiv.org/abs/1810.03292, show the limits of
    such results.

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
