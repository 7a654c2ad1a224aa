"""Parameters and attributes that several explainers have, described once.

The docstring of an explainer takes an entry from here by a placeholder, a line with the name of the entry:

    %(target)s

Sentences that hold for this explainer alone follow below the placeholder.

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
      estimator whose ``model_`` is a Keras model after its `fit`;
    - an ensemble of such estimators, such as `BaggingClassifier`, explained by the mean of its members' outputs or
      logits;
    - a `Pipeline` that ends in such an estimator or ensemble, or ``make_pipeline(encoder, model)`` of a fitted
      encoder and a trained network, which is used as it is.

    A trained network is not copied, so that further training shows in the next explanation. Wrap an estimator that is
    already trained in `FrozenEstimator`. A callable without a signature is traced with the shape of the rows passed to
    `fit`, and with integers if the rows are integers.
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
    tokens, have no mean, median or minimum: 0, the usual padding token, takes its place. An input that is a mask, and
    would hide all other inputs at 0, is held instead.
max_references : int or "auto", default=100
    Largest number of references of each row. Applies to references that are sampled, such as ``"sample"`` and
    ``"shuffle"``. With ``"auto"``, each row has as many as ``reference_tol`` needs.
reference_tol : float, default=None
    Largest standard error of a row's contributions, as a fraction of their size. Both are roots of sums of squares over
    the features. Random references are added to a row until its error is small enough, and ``n_references`` of the
    explanation counts them. None uses all ``max_references``, except that ``max_references="auto"`` has a tolerance of
    0.05 and at most 1024 references.
groups : dict or array-like, default=None
    Columns that are taken from the reference together: a dict of names to columns, given by name or position, or one
    label for each column. By default, each column is taken by itself. A group's contribution is shared evenly among its
    columns, so that theirs sum to it. If rows are not a table, the labels are an array in the shape of a row.
output : str or int, default=None
    Output to explain, if the network has several: its key in a dict, its position in a list, or its name in Keras.
    None is for networks with one output.
target : str, int, tuple of int, dict, array-like of float, Profile or callable, default="auto"
    Target to explain, one number for each row, or several for ``"all"``:

    - ``"auto"``: the single output, or each row's predicted class under a softmax; any other output needs a choice;
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
    then importances of units, and cannot select columns.
to_source : bool or "auto", default="auto"
    Whether to sum the contributions of encoded columns, such as those of a one-hot encoding, to the raw column that
    the earlier steps of a `Pipeline` made them from. With ``"auto"``, this is done if every encoded column comes
    from one raw column. True raises an error for steps that mix columns. False explains the columns that the
    network takes.
max_samples : int, default=1000
    Largest number of rows that `fit` keeps for ``feature_importances_``. Fewer are kept if rows are large.
check : {"warn", "raise", "ignore"}, default="warn"
    Action if a row's contributions do not sum to the change of the target within 1e-3 of their size in float32,
    1e-6 in float64, or 2e-2 where the network computes in half precision. Contributions are checked at the inputs,
    and at layers that the whole change passes through.
batch_size : int or "auto", default="auto"
    Number of rows that are computed at once. By default, it is predicted from the network's size and the free
    memory.
n_jobs : int, default=None
    Number of parts of the rows that joblib computes in parallel, in threads unless `joblib.parallel_config` names
    another backend, such as ``"loky"`` or ``"dask"``. None means one, or the number set in
    `joblib.parallel_config`. -1 means all processors.
random_state : int, RandomState instance or None, default=None
    Source of random numbers, which chooses the rows kept for ``feature_importances_``. Pass an int to get the same
    results from every `fit`.
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
"""
