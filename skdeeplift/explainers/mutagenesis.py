"""In-silico saturation mutagenesis."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from skdeeplift.annotations import ArrayLike, NetworkLike, PerInput, RandomState, TargetLike
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

    .. versionadded:: 1.0

    Parameters
    ----------
    %(estimator)s
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
    %(output)s
    %(target)s
        ``"all"`` needs no more runs of the network than one output.
    %(class_names)s
    %(feature_names)s
    %(pre_activation)s
    %(center_logits)s
    layer : str or list of str, default=None
        Names of layers whose one-hot units to replace, such as a layer that encodes tokens. By default, the input's
        letters are replaced. The network is run from the replaced units on. Each of several layers is changed by
        itself.
    %(to_source)s
    %(max_samples)s
    %(batch_size)s
        Each mutated row counts as a row; of windows, as many more are computed as take the same memory.
    %(n_jobs)s
    %(random_state)s
    %(verbose)s

    Attributes
    ----------
    %(feature_importances_)s
        Contributions are the entries that `transform` returns.
    %(estimator_)s
    %(classes_)s
    %(network_)s
    %(n_features_in_)s
    %(feature_names_in_)s

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
        estimator: NetworkLike,
        *,
        kind: Literal["change", "centered", "contribution"] = "change",
        positions: slice | PerInput | ArrayLike | None = None,
        letters_axis: Literal["auto"] | PerInput | None = "auto",
        deletions: bool = False,
        output: str | int | None = None,
        target: TargetLike = "auto",
        class_names: ArrayLike | None = None,
        feature_names: ArrayLike | None = None,
        pre_activation: bool | Literal["auto"] = "auto",
        center_logits: bool = False,
        layer: str | Sequence[str] | None = None,
        to_source: bool | Literal["auto"] = "auto",
        max_samples: int = 1000,
        batch_size: int | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        random_state: RandomState | None = None,
        verbose: int = 0,
    ) -> None:
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
