"""In-silico saturation mutagenesis."""

from numbers import Integral

from skdeeplift.compat import StrOptions
from skdeeplift.explainers.base import COMMON_CONSTRAINTS, BaseExplainer
from skdeeplift.perturbation.perturbation import whole_inputs


class MutagenesisExplainer(BaseExplainer):
    """Explain a network's output by what it changes when each letter of a sequence is replaced by each other letter.

    The entry of a position and a letter is ``f(x with that letter there) - f(x)``, and zero for the letter that is
    there. The network is only run, never differentiated, so that any network can be explained. Of convolutions,
    pooling, and functions of each position, only what a mutation reaches is computed anew.

    A position without a single letter, such as N as zeros or 0.25, is replaced by each letter in turn, so that all
    of its entries are changes. So is the one position of a row of a table, whose columns are the letters.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, estimator, str, path or tuple of two paths
        The trained network, or an estimator that `fit` trains, as `DeepLiftExplainer` takes it. A trained network is
        bound as it is: training it further shows in the next explanation.
    kind : {"change", "centered", "contribution"}, default="change"
        ``"change"`` is the change of the target. ``"centered"`` subtracts the mean over the letters of a position, so
        that each entry says how much better this letter is than all of them on average, like hypothetical
        contributions. ``"contribution"`` keeps of these the entries of the letters in the row, times their
        frequencies, and is zero elsewhere; logos and metrics take them as contributions of the row.
    positions : slice, range, array-like of int, list or dict of these, default=None
        Positions to mutate; all by default. Entries of the others are NaN, since zero would say that a mutation
        changes nothing there. With several inputs, or layers, a list has one choice for each, and a dict one for each
        name. Where positions lie along several axes, they are counted in C order.
    letters_axis : "auto", int or None, or list or dict of these, default="auto"
        Axis of the one-hot letters, counted with that of the rows; by default the one along which the rows of `fit`
        hold single letters or frequencies that sum to one. With several inputs, or layers, a list has one axis for
        each, and a dict one for each name. Those for which it is None, or in which no letters are found, are held at
        the row's values, and their entries are NaN.
    deletions : bool, default=False
        Whether `explain` also returns, as ``deletions`` of shape ``(n_rows, n_positions)``, what the target changes
        by without each position. What is behind the position moves there, and zeros come in at the end.
    output : str or int, default=None
        Which output to explain of a network that has several: its key in a dict, its position in a list, or its
        name in Keras.
    target : str, int, tuple of int, dict, array-like of float, Profile or callable, default="auto"
        The output to explain, as that of `DeepLiftExplainer`. ``"all"`` costs no more than one.
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
        Whether to subtract the mean over classes, on the output's last axis, from each output.
    layer : str or list of str, default=None
        Names of layers whose one-hot units to replace, such as one that encodes tokens, instead of the input's; the
        network then goes on from there. Of several layers each is changed by itself.
    to_source : bool or "auto", default="auto"
        Whether to sum contributions of columns that the earlier steps of a `Pipeline` make of one raw column, such as
        those of a one-hot encoding, to this column. ``"auto"`` does so wherever every encoded column comes from one raw
        column. True raises an error for steps that mix columns; False explains the columns that the network takes.
    max_samples : int, default=1000
        Largest number of rows that `fit` keeps for ``feature_importances_``; it keeps fewer where rows are large.
    batch_size : int or "auto", default="auto"
        How many mutated rows are computed at once; of windows as many more as take the same memory.
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
        Mean absolute entries over at most ``max_samples`` rows of `fit`, and over all targets where there are
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
    OcclusionExplainer : Changes of the target when parts are taken from a reference.
    skdeeplift.plotting.SequenceLogoDisplay : Letters as high as their contributions.

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
