"""DeepLIFT."""

from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import CHECK_CONSTRAINTS, COMMON_CONSTRAINTS, REFERENCE_CONSTRAINTS, BaseExplainer

RULE_NAMES = {"rescale", "reveal_cancel", "genomics_default", "pass_through", "guided_backprop_rescale"}


class DeepLiftExplainer(BaseExplainer):
    """Explain a network's output by the difference of the input from a reference (DeepLIFT).

    A contribution is the part of ``f(x) - f(reference)`` that comes from one feature's difference from its reference. A
    row's contributions sum to this change. An activation scales contributions by ``delta_out / delta_in``, so that a
    feature keeps its contribution if the activation is saturated and the gradient zero.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        Network to explain, or an estimator that `fit` clones and trains:

        - a Keras model, functional or subclassed;
        - a ``tf.Module`` that can be called, a ``tf.function``, or the object that ``tf.saved_model.load`` returns,
          explained by its signature ``"serving_default"`` if it has several signatures;
        - the path of a ``.keras`` or ``.h5`` file or of a SavedModel folder, or the paths of an architecture and its
          weights, ``("model.json", "weights.h5")``;
        - an estimator: `MLPClassifier`, `MLPRegressor`, Keras's `SKLearnClassifier` or `SKLearnRegressor`, or another
          whose ``model_`` is a Keras model after its `fit`;
        - an ensemble of such estimators, such as `BaggingClassifier`, explained by the mean of its members' outputs or
          logits;
        - a `Pipeline` that ends in such an estimator or ensemble, or ``make_pipeline(encoder, model)`` of a fitted
          encoder and a trained network, which is used as it is.

        A trained network is used as it is, so that further training shows in the next explanation. `FrozenEstimator`
        holds an estimator that is already trained. A callable without a signature is traced with the shape of the rows
        passed to `fit`, and with integers if the rows are integers.
    rule : str or dict of str to str, default="rescale"
        Rule by which an activation passes on a difference from the reference:

        - ``"rescale"`` scales it by ``delta_out / delta_in``;
        - ``"reveal_cancel"`` passes its positive and its negative part through the activation one after the other, so
          that parts that cancel each other are both seen;
        - ``"genomics_default"`` is ``"reveal_cancel"`` after dense layers and ``"rescale"`` after convolutions;
        - ``"pass_through"`` passes it on unscaled;
        - ``"guided_backprop_rescale"`` is ``"rescale"`` without negative multipliers.

        Contributions sum to ``f(x) - f(reference)`` by the first three rules, and not by the last two. A dict maps
        names of layers to the rules of these layers' activations; all other activations follow ``"rescale"``.
    reference : str, Reference, callable, array-like, list or dict, default="mean"
        Input that stands for "no signal": an object of `skdeeplift.references`, or its shorthand:

        - ``"mean"``, ``"median"`` and ``"minimum"`` of the rows in `fit`, feature by feature, or ``"zeros"``;
        - ``"sample"``, rows of `fit`; ``"kmeans"``, one row for each of their clusters, weighted by the cluster's size;
          ``"permuted"``, rows of `fit` with each column shuffled by itself;
        - ``"nearest_other"``, the nearest row of `fit` with another predicted class;
        - ``"blur"``, the row itself, blurred; ``"shuffle"`` and ``"dinucleotide_shuffle"``, the row's letters in
          another order; ``"background_frequency"``, the letters' frequencies in place of letters;
        - ``"held"``, for one input among several: the row's own values, so that the input contributes zero.

        An array has shape ``(*features)``, ``(n_references, *features)`` or ``(n_rows, n_references, *features)``. A
        number stands for a row filled with this number. A function takes rows, and a RandomState if it has a second
        argument, and returns an array of shape ``(n_rows, n_references, *features)``. The draws of a random function
        depend on the rows that are passed together.

        Contributions are means over references. For a network with several inputs, a list or dict has one reference for
        each, of any kinds. A single name, object or function chooses the same rows of all inputs. Integers, such as
        tokens, have no mean, median or minimum: 0, the usual padding token, takes its place. The padding mask of a row
        also applies to its references. An input that is a mask, and would hide all other inputs at 0, is held instead.
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
        then importances of units, and cannot select columns. Contributions of an embedding layer have one entry for
        each dimension of a token; those of the input have one for each token.
    to_source : bool or "auto", default="auto"
        Whether to sum the contributions of encoded columns, such as those of a one-hot encoding, to the raw column that
        the earlier steps of a `Pipeline` made them from. With ``"auto"``, this is done if every encoded column comes
        from one raw column. True raises an error for steps that mix columns. False explains the columns that the
        network takes.
    max_samples : int, default=1000
        Largest number of rows that `fit` keeps for ``feature_importances_``. Fewer are kept if rows are large.
    unsupported : {"raise", "integrate", "secant"}, default="raise"
        Action at an operation of TensorFlow without a rule, as listed by `skdeeplift.describe`:

        - ``"raise"`` raises an error that names the choice that would help;
        - ``"integrate"`` integrates the operation's derivatives numerically along the straight path from the reference
          to the input, so that contributions sum up to the error of the quadrature;
        - ``"secant"`` shares the change of each output among all elements of all varying inputs of a row, in proportion
          to their squared differences, whether or not the output depends on them. It is the coarsest rule, needs no
          derivative, and its contributions always sum.

        Operations with a rule are not affected.
    check : {"warn", "raise", "ignore"}, default="warn"
        Action if a row's contributions do not sum to the change of the target within 1e-3 of their size in float32,
        1e-6 in float64, or 2e-2 where the network computes in half precision. Only rules whose contributions sum are
        checked, at the inputs, and at layers that the whole change passes through.
    batch_size : int or "auto", default="auto"
        Number of pairs of a row and a reference that are computed at once. By default, it is predicted from the
        network's size and the free memory.
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
    estimator_ : estimator
        Trained estimator, whose ``predict``, ``predict_proba``, ``decision_function`` and ``score`` the explainer has.
        Only set if ``estimator`` is an estimator of scikit-learn's kind.
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes. Only set if the estimator has them.
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
    skdeeplift.references.reference_report : Number of references that is enough.
    sklearn.feature_selection.SelectFromModel : Select features by ``feature_importances_``.

    Notes
    -----
    Rules are attached to the operations of the traced TensorFlow graph, not to layers. Neither TensorFlow nor the model
    is changed. An operation without a rule raises an error by default.

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
