"""In-silico saturation mutagenesis."""

from numbers import Integral

from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer
from skdeeplift.perturbation.perturbation import whole_inputs


class MutagenesisExplainer(BaseExplainer):
    """Explain a network's output by its changes when each letter of a sequence is replaced by each other letter.

    The entry of a position and a letter is ``f(x with this letter there) - f(x)``, so it is zero for the letter of the
    row. The network is only run, never differentiated, so that any network can be explained. Convolutions, pooling and
    functions of single positions are computed again only at the positions that a mutation reaches.

    A position without a single letter, such as an N encoded as zeros or as 0.25, is replaced by each letter in turn, so
    that all of its entries are changes. A row of a table is one such position, and its columns are the letters.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        Network to explain, or an estimator that `fit` clones and trains, in any form that `DeepLiftExplainer` accepts.
        A trained network is used as it is, so that further training shows in the next explanation.
    kind : {"change", "centered", "contribution"}, default="change"
        Entries to return:

        - ``"change"``: the change of the target;
        - ``"centered"``: the change, less the mean over the letters of its position. Each entry tells how much better
          this letter is than the average letter, like hypothetical contributions;
        - ``"contribution"``: the centered entries of the letters in the row, times their frequencies, and zero
          elsewhere. Logos and metrics take them as contributions of the row.
    positions : slice, range, array-like of int, list or dict, default=None
        Positions to mutate; by default all. Entries of other positions are NaN, since zero would tell that a mutation
        changes nothing. With several inputs or layers, a list has one choice for each, and a dict one for each name.
        Positions along several axes are counted in C order.
    letters_axis : "auto", int, None, list or dict, default="auto"
        Axis of the one-hot letters, counted with the axis of rows. By default, it is the axis along which the rows of
        `fit` hold single letters, or frequencies that sum to one. With several inputs or layers, a list has one axis
        for each, and a dict one for each name. An input or layer with None, or without letters, is held at the row's
        values, and its entries are NaN.
    deletions : bool, default=False
        Whether `explain` also returns the change of the target without each position, as ``deletions`` of shape
        ``(n_rows, n_positions)``. Positions behind the deleted one move up, and zeros come in at the end.
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
        Names of layers whose one-hot units to replace, such as a layer that encodes tokens. By default, the input's
        letters are replaced. The network is run from the replaced units on. Each of several layers is changed by
        itself.
    to_source : bool or "auto", default="auto"
        Whether to sum the contributions of encoded columns, such as those of a one-hot encoding, to the raw column that
        the earlier steps of a `Pipeline` made them from. With ``"auto"``, this is done if every encoded column comes
        from one raw column. True raises an error for steps that mix columns. False explains the columns that the
        network takes.
    max_samples : int, default=1000
        Largest number of rows that `fit` keeps for ``feature_importances_``. Fewer are kept if rows are large.
    batch_size : int or "auto", default="auto"
        Number of mutated rows that are computed at once; of windows, as many more as take the same memory. By default,
        it is predicted from the network's size and the free memory.
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
        Mean absolute entries over at most ``max_samples`` rows of `fit`, and over all targets if there are several.
        They are computed when the attribute is first read. If ``target`` is the predicted class, they are means over
        the logits of all classes, after subtracting the logits' common mean.
    network_ : Network
        Network that the explainer is bound to.
    n_features_in_ : int
        Number of columns. Only set if rows are a table.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns. Only set if rows are a DataFrame whose column names are all strings.

    See Also
    --------
    OcclusionExplainer : Changes of the target when parts of the input are taken from a reference.
    skdeeplift.plotting.SequenceLogoDisplay : Logo whose letters are as high as their contributions.

    References
    ----------
    Zhou, J., & Troyanskaya, O. G. (2015). Predicting effects of noncoding variants with deep learning-based sequence
    model. Nature Methods, 12. https://doi.org/10.1038/nmeth.3547

    Nair, S., Shrikumar, A., Schreiber, J., & Kundaje, A. (2022). fastISM: performant in silico saturation mutagenesis
    for convolutional neural networks. Bioinformatics, 38(9). https://doi.org/10.1093/bioinformatics/btac135

    Examples
    --------
    A network that finds "AC":

    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import MutagenesisExplainer
    >>> model = keras.Sequential(
    ...     [keras.Input((4, 4)), keras.layers.Conv1D(1, 2, activation="relu"), keras.layers.GlobalMaxPooling1D()]
    ... )
    >>> kernel = np.zeros((2, 4, 1))
    >>> kernel[0, 0] = kernel[1, 1] = 1
    >>> model.set_weights([kernel, np.array([-1.0])])
    >>> rows = np.eye(4)[[[2, 0, 1, 2]]]
    >>> explainer = MutagenesisExplainer(model).fit(rows)
    >>> explainer.transform(rows)
    array([[[ 0.,  0.,  0.,  0.],
            [ 0., -1., -1., -1.],
            [-1.,  0., -1., -1.],
            [ 0.,  0.,  0.,  0.]]], dtype=float32)
    """

    _parameter_constraints: dict = {
        **COMMON_CONSTRAINTS,
        "kind": [StrOptions({"change", "centered", "contribution"})],
        "positions": [slice, range, "array-like", dict, None],
        "letters_axis": [StrOptions({"auto"}), Integral, list, dict, None],
        "deletions": ["boolean"],
    }
    _find_sources = staticmethod(whole_inputs)

    def __init__(
        self,
        estimator,
        *,
        kind="change",
        positions=None,
        letters_axis="auto",
        deletions=False,
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
        self.positions = positions
        self.letters_axis = letters_axis
        self.deletions = deletions
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
        from skdeeplift.perturbation.mutagenesis_method import Mutagenesis
        from skdeeplift.perturbation.partition import expand_over_sources

        names, parameters = bound.source_names, bound.parameters
        positions = expand_over_sources(parameters["positions"], names, "positions=")
        return Mutagenesis(
            graph,
            target,
            sources,
            names,
            parameters["kind"],
            positions,
            deletions=parameters["deletions"],
            fixed=bound.network.batch_size,
        )
