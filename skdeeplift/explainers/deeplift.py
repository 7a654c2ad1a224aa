"""DeepLIFT."""

from sklearn.utils._param_validation import StrOptions

from skdeeplift.explainers.base import BaseExplainer


class DeepLiftExplainer(BaseExplainer):
    """Explain a network's output by how the input differs from a reference (DeepLIFT).

    A contribution says how much of ``f(x) - f(reference)`` comes from one feature's difference from its reference; a
    row's contributions add up to that change. An activation passes contributions on by ``delta_out / delta_in``, so
    that a feature keeps its contribution where the gradient is zero because the activation is saturated.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : keras.Model, str, path or tuple of two paths
        The trained network, the path of its ``.keras`` or ``.h5`` file, or of its architecture and its weights
        ``("model.json", "weights.h5")``. A model is bound as it is: training it further shows in the next explanation.
    rule : {"rescale"}, default="rescale"
        What an activation does to a difference.
    reference : {"mean", "median", "zeros", "sample"}, array-like, or list or dict of array-like, default="mean"
        The input that stands for "no signal": the mean or median of the rows in `fit`, zeros, at most
        ``max_references`` of the rows, or an array of shape ``(*features)``, ``(n_references, *features)`` or
        ``(n_rows, n_references, *features)``. Contributions are means over references.
    max_references : int, default=100
        How many rows ``reference="sample"`` draws at the most.
    target : {"auto", "predicted"}, int, tuple of int or dict, default="auto"
        The output to explain. ``"auto"``: a single output as it is, or each row's predicted class of a softmax;
        ``"predicted"``: each row's largest output; an index into the output's axes; a dict of indices to weights for a
        weighted sum, so that ``{8: 1, 3: -1}`` is the difference of two classes.
    pre_activation : bool, default=True
        Whether to explain the logits under a final softmax or sigmoid, rather than its result, which saturates.
    max_samples : int, default=1000
        How many rows `fit` computes ``feature_importances_`` on at the most; fewer where rows are large.
    check : {"warn", "raise", "ignore"}, default="warn"
        What to do if a row's contributions do not add up within 1e-3 of their size in float32 and 1e-6 in float64.
    batch_size : int or "auto", default="auto"
        How many pairs of a row and a reference are computed at once.
    random_state : int, RandomState instance or None, default=None
        Where the draws of ``reference="sample"`` and of the rows for ``feature_importances_`` come from.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    feature_importances_ : ndarray of shape (*features), or list or dict of ndarray
        Mean absolute contributions over the rows of `fit`.
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

    _parameter_constraints: dict = {**BaseExplainer._parameter_constraints, "rule": [StrOptions({"rescale"})]}

    def __init__(
        self,
        estimator,
        *,
        rule="rescale",
        reference="mean",
        max_references=100,
        target="auto",
        pre_activation=True,
        max_samples=1000,
        check="warn",
        batch_size="auto",
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.rule = rule
        self.reference = reference
        self.max_references = max_references
        self.target = target
        self.pre_activation = pre_activation
        self.max_samples = max_samples
        self.check = check
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose

    def _rule_set(self, parameters):
        from skdeeplift.propagation.rulesets import RULES

        return RULES[parameters["rule"]]
