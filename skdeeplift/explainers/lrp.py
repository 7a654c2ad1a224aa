"""Layer-wise relevance propagation."""

from numbers import Real

from skdeeplift.compat import Interval
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer


class LRPExplainer(BaseExplainer):
    """Explain a network's output by epsilon-LRP, as a modified gradient times the input.

    At every activation ``f`` the derivative is replaced by ``f(x) / (x + epsilon * sign(x))``, its slope as seen from
    zero.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        The trained network, or an estimator that `fit` trains, as `DeepLiftExplainer` takes it. A trained network is
        bound as it is: training it further shows in the next explanation.
    epsilon : float, default=1e-4
        Keeps the quotient finite where ``x`` is nearly zero; zero counts as positive.
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
    GradientExplainer : The gradient as it is, times the input.
    DeepLiftExplainer : Mean slopes from any reference.

    Notes
    -----
    As ``epsilon`` goes to zero, this equals the gradient times the input for networks of ``relu``, and the rescale rule
    of DeepLIFT with a reference of zeros where there are no biases and activations are zero at zero. An activation that
    is not, such as the sigmoid, has a slope as large as ``1 / epsilon`` near zero.

    References
    ----------
    Bach, S., Binder, A., Montavon, G., Klauschen, F., Müller, K.-R., & Samek, W. (2015). On pixel-wise explanations for
    non-linear classifier decisions by layer-wise relevance propagation. PLOS ONE 10(7).
    https://doi.org/10.1371/journal.pone.0130140

    Ancona, M., Ceolini, E., Öztireli, C., & Gross, M. (2018). Towards better understanding of gradient-based
    attribution methods for deep neural networks. ICLR. https://arxiv.org/abs/1711.06104

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import LRPExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> LRPExplainer(model, epsilon=1.0).fit_transform(np.array([[4.0, 0.5]]))
    array([[ 2.67, -0.67]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        "epsilon": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        estimator,
        *,
        epsilon=1e-4,
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
        self.epsilon = epsilon
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
        from skdeeplift.propagation.gradients import EpsilonLRP, Gradients

        return Gradients(graph, target, sources, "gradient_x_input", EpsilonLRP(bound.parameters["epsilon"]))
