"""DeepLIFT."""

from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer

RULE_NAMES = {"rescale", "reveal_cancel", "genomics_default", "pass_through", "guided_backprop_rescale"}


class DeepLiftExplainer(BaseExplainer):
    """Explain a network's output by how the input differs from a reference (DeepLIFT).

    A contribution says how much of ``f(x) - f(reference)`` comes from one feature's difference from its reference; a
    row's contributions add up to that change. An activation passes contributions on by ``delta_out / delta_in``, so
    that a feature keeps its contribution where the gradient is zero because the activation is saturated.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        An estimator that `fit` clones and trains: `MLPClassifier`, `MLPRegressor`, Keras's `SKLearnClassifier` or
        `SKLearnRegressor`, another whose ``model_`` is a Keras model once it is fitted, an ensemble of these, or a
        `Pipeline` that ends in one of these. The output of an ensemble, such as `BaggingClassifier`, is the mean of its
        members' outputs or logits. `FrozenEstimator` holds one that is trained already. A `Pipeline` of a fitted
        encoder and a trained network, ``make_pipeline(encoder, model)``, is taken as it is. Or the trained network: a
        Keras model, functional or subclassed; a ``tf.Module`` that can be called, a ``tf.function``, or what
        ``tf.saved_model.load`` returns; the path of a ``.keras`` or ``.h5`` file or of a SavedModel folder; or the
        paths of its architecture and its weights ``("model.json", "weights.h5")``. It is bound as it is: training it
        further shows in the next explanation. Of several signatures it is ``"serving_default"`` that is explained. What
        has no signature takes the shape of the rows in `fit`, and integers where they are integers.
    rule : str or dict of str to str, default="rescale"
        What an activation does to a difference. ``"rescale"`` scales it by ``delta_out / delta_in``;
        ``"reveal_cancel"`` sends its positive and its negative part through one after the other, so that parts that
        cancel are both seen; ``"genomics_default"`` is ``"reveal_cancel"`` after dense layers and ``"rescale"`` after
        convolutions. Contributions by these sum to ``f(x) - f(reference)``, by the other two they do not:
        ``"pass_through"`` hands differences on unscaled, and ``"guided_backprop_rescale"`` is ``"rescale"`` without
        negative multipliers. A dict has the rules of some layers' activations by the layers' names; all others follow
        ``"rescale"``.
    reference : str, Reference, callable, array-like, or list or dict of these, default="mean"
        The input that stands for "no signal": an object of `skdeeplift.references`, or its shorthand:

        - ``"mean"``, ``"median"`` and ``"minimum"`` of the rows in `fit`, feature by feature, or ``"zeros"``;
        - ``"sample"``, rows of `fit`; ``"kmeans"``, one row for each cluster of them, which counts by the cluster's
          size; ``"permuted"``, such rows with each column shuffled by itself;
        - ``"nearest_other"``, the nearest row of `fit` of which another class is predicted;
        - ``"blur"``, the row itself, blurred; ``"shuffle"`` and ``"dinucleotide_shuffle"``, the row's letters in
          another order; ``"background_frequency"``, the letters' frequencies in place of letters;
        - ``"held"``, for one input among several: the row's own values, so that the input contributes zero.

        An array has shape ``(*features)``, ``(n_references, *features)`` or ``(n_rows, n_references, *features)``; a
        number stands for a row of it. A function takes rows, and a RandomState if it has a second argument, and returns
        ``(n_rows, n_references, *features)``; where it is random, what it draws depends on which rows it is given
        together. Contributions are means over references. Of a network with several inputs a list or dict has one for
        each, of any kinds; one name, object or function for all chooses the same rows of all inputs. Integers, such as
        tokens, have no mean, median or minimum: theirs is 0, the usual padding token. A row's padding mask also holds
        for its references. An input that is a mask, and would hide all others at 0, is held instead.
    max_references : int or "auto", default=100
        How many references at the most, of those of which there are many. With ``"auto"``, as many as
        ``reference_tol`` needs.
    reference_tol : float, default=None
        How large the standard error of a row's contributions may be, as the root of the sum of squares beside theirs.
        References that are drawn at random are added until it is as small, for each row by itself, and
        ``n_references`` of an explanation says how many these were. By default all ``max_references`` are used; with
        ``max_references="auto"`` the default is 0.05, and there are 1024 at the most.
    output : str or int, default=None
        Which output to explain of a network that has several: its key in a dict, its position in a list, or its
        name in Keras.
    target : str, int, tuple of int, dict, array-like of float, Profile or callable, default="auto"
        The output to explain. ``"auto"``: a single output as it is, or each row's predicted class of a softmax;
        ``"predicted"``: each row's largest output; ``"all"``: every output, on a last axis of contributions;
        ``"profile"`` or a `~skdeeplift.targets.Profile`: logits of positions, weighted by their softmax; an index into
        the output's axes; a dict of indices to weights for a weighted sum, so that ``{8: 1, 3: -1}`` is the difference
        of two classes, or an array of the output's shape with all weights; a function of TensorFlow, from the model's
        own output to one number for each row. Where there are ``classes_``, class labels stand for indices; of two
        classes and one logit the second has the logit, and the first its negative.
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
        ``"name:pre_activation"`` is the linear part before the layer's own activation. An embedding's are those of each
        of a token's dimensions, where the input's are those of the token. ``feature_importances_`` are
        those of the units then, by which no columns can be selected.
    to_source : bool or "auto", default="auto"
        Whether to sum contributions of columns that the earlier steps of a `Pipeline` make of one raw column, such as
        those of a one-hot encoding, to this column. ``"auto"`` does so wherever every encoded column comes from one raw
        column. True raises an error for steps that mix columns; False explains the columns that the network takes.
    max_samples : int, default=1000
        Largest number of rows that `fit` keeps for ``feature_importances_``; it keeps fewer where rows are large.
    unsupported : {"raise", "integrate", "secant"}, default="raise"
        What to do at an operation of TensorFlow without a rule; it changes nothing for operations with one.
        "integrate" integrates its derivatives along the straight path from the reference to the input numerically,
        which keeps contributions adding up to the error of the quadrature. "secant" needs no derivative, and is the
        coarsest rule: all elements of all varying inputs of a row share every output's change in proportion to their
        squared differences, whether the output depends on them or not. It always sums. By default, such an operation is
        an error, which says which of the two would help. `skdeeplift.describe` lists such operations.
    check : {"warn", "raise", "ignore"}, default="warn"
        Action if a row's contributions do not add up within 1e-3 of their size in float32, 1e-6 in float64, and
        2e-2 where the network computes in half precision. Checked for rules that make them add up: at the inputs, and
        at layers that nothing of the change passes by.
    batch_size : int or "auto", default="auto"
        How many pairs of a row and a reference are computed at once.
    n_jobs : int, default=None
        How many parts of the rows are computed side by side, by joblib: in threads, unless `joblib.parallel_config`
        names another backend, such as ``"loky"`` or ``"dask"``. None stands for one, or what that says; -1 for all
        processors.
    random_state : int, RandomState instance or None, default=None
        Where random references and the draw of the rows for ``feature_importances_`` come from.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (*features), or list or dict of ndarray
        Mean absolute contributions over at most ``max_samples`` rows of `fit`, and over all targets where there are
        several; computed when they are first read. Where ``target`` is the predicted class, they are means over the
        logits of all classes, less their common mean.
    estimator_ : estimator
        The trained estimator, where ``estimator`` is one of scikit-learn's kind; ``predict``, ``predict_proba``,
        ``decision_function`` and ``score`` are its own.
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes, where the estimator has them.
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
    skdeeplift.references.reference_report : Tell how many references are enough.
    sklearn.feature_selection.SelectFromModel : Select features by ``feature_importances_``.

    Notes
    -----
    Rules hang on the operations of the traced TensorFlow graph, not on layers, and nothing of TensorFlow or of the
    model is changed. An operation without a rule is an error.

    References
    ----------
    Shrikumar, A., Greenside, P., & Kundaje, A. (2017). Learning important features through propagating activation
    differences. Proceedings of ICML 34. https://arxiv.org/abs/1704.02685

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.array([[3.0, 0.5]]))
    >>> explainer.transform(np.array([[3.0, 0.5]]))
    array([[ 1.5, -0.5]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        **CHECK_CONSTRAINTS,
        **REFERENCE_CONSTRAINTS,
        "rule": [StrOptions(RULE_NAMES), dict],
        "unsupported": [StrOptions({"raise", "integrate", "secant"})],
    }

    def __init__(
        self,
        estimator,
        *,
        rule="rescale",
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
        unsupported="raise",
        check="warn",
        batch_size="auto",
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.rule = rule
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
        self.unsupported = unsupported
        self.check = check
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @staticmethod
    def _make_method(graph, target, sources, bound):
        from skdeeplift.propagation.rulesets import rule_set_of
        from skdeeplift.propagation.streams import Streams

        rule_set = rule_set_of(bound.parameters["rule"], bound.parameters["unsupported"])
        parts = bound.layer is not None
        return Streams(graph, target, sources, rule_set, bound.owner, parts=parts)
