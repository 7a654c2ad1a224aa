"""Occlusion."""

from numbers import Integral

from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer
from skdeeplift.perturbation.perturbation import Perturbation, whole_inputs


class OcclusionExplainer(BaseExplainer):
    """Explain a network's output by its loss when parts of the input are taken from a reference.

    A window slides over the input, or features are taken one by one or in groups. The contribution of the covered
    elements is ``f(x) - f(x with the window from the reference)``. The network is only run, never differentiated, so
    that any network can be explained. Contributions do not sum to ``f(x) - f(reference)``: a change that needs several
    windows together counts in none of them, or in each.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        Network to explain, or an estimator that `fit` clones and trains, in any form that `DeepLiftExplainer` accepts.
        A trained network is used as it is, so that further training shows in the next explanation.
    window_shape : int, tuple of int, list or dict, default=1
        Size of the window along each axis of a row, channels included, or one size for all axes, as in scikit-image's
        ``view_as_windows``. With several inputs or layers, a list has one entry for each, and a dict one for each name.
        A window lies in one input or layer at a time.
    step : int, tuple of int, list or dict, default=1
        Distance between the starts of neighbouring windows, along each axis. It is at most the window's size, so that
        each element lies in a window. A last, smaller window covers the rest at the end of an axis.
    groups : dict or array-like, default=None
        Columns that are taken from the reference together, instead of windows: a dict of names to columns, given by
        name or position, or one label for each column. A group's change is shared evenly among its columns, so that
        their contributions sum to it. Rows that are no table take an array of labels in the shape of a row.
    normalize : {"window_size"} or None, default=None
        Further division of changes. An element's contribution is the mean of the changes of all windows that cover it.
        With ``"window_size"``, this mean is also divided by the number of elements of a window, as in DeepExplain. The
        change of a group is shared among its columns in any case.
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
    batch_size : int or "auto", default="auto"
        Number of perturbed rows that are computed at once. By default, it is predicted from the network's size and the
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
    ShapleySamplingExplainer : Contributions that share the joint effect of features among them.

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
