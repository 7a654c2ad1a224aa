"""Types of public parameters and results, for editors and type checkers.

While a program runs, each of these names is ``Any``, because the packages of the types take seconds to import.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Literal, Protocol, TypeAlias

    import numpy as np
    from keras import Layer, Model
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, DTypeLike
    from pandas import DataFrame, Series

    from skdeeplift.explainers.base import BaseExplainer as Explainer
    from skdeeplift.explanation.explanation import Explanation
    from skdeeplift.metrics.scorers import ExplanationScorer
    from skdeeplift.plotting.plot_accessor import PlotAccessor
    from skdeeplift.references.reference import Reference
    from skdeeplift.selection.column_scores import ContributionScore
    from skdeeplift.targets.profile import Profile

    class Estimator(Protocol):
        """Object with a method ``fit``, such as an estimator of scikit-learn."""

        @property
        def fit(self) -> Callable[..., Any]:
            """Return the method that trains."""

    class Batches(Protocol):
        """Batches of rows by their numbers, such as a Keras ``PyDataset``."""

        def __len__(self) -> int: ...

        def __getitem__(self, index: int) -> Any: ...

    FilePath: TypeAlias = str | os.PathLike[str]
    NetworkFiles: TypeAlias = FilePath | Sequence[FilePath]
    # Keras models and functions of TensorFlow are callable.
    NetworkLike: TypeAlias = Callable[..., Any] | Estimator | NetworkFiles
    RuleName: TypeAlias = Literal[
        "rescale", "reveal_cancel", "genomics_default", "pass_through", "guided_backprop_rescale"
    ]
    # Arrays and tables are iterable, and so are lists and dicts of arrays, and batches.
    Rows: TypeAlias = Iterable[Any] | Batches
    # The float is a weight.
    TargetLike: TypeAlias = str | ArrayLike | Mapping[Any, float] | Profile | Callable[..., Any]
    ReferenceLike: TypeAlias = str | ArrayLike | Mapping[str, Any] | Reference | Callable[..., Any]
    GroupsLike: TypeAlias = ArrayLike | Mapping[Any, Any] | Callable[..., Any]
    ExplainersLike: TypeAlias = Explainer | Mapping[str, Explainer]
    ContributionsLike: TypeAlias = Explanation | ArrayLike | Mapping[str, ArrayLike]
    # Numbers for all inputs of the network, or for each input.
    PerInput: TypeAlias = int | Sequence[Any] | Mapping[str, Any]
    RandomState: TypeAlias = int | np.random.RandomState
    Vocabulary: TypeAlias = Sequence[str] | Mapping[Any, str] | Layer | Callable[..., Any]

    # An array for rows in an array. Several inputs give a list or dict, lazy rows a lazy array, `set_output` a table.
    Contributions: TypeAlias = Any
    # A float, or an array with ``per_row=True``.
    Score: TypeAlias = Any
    # None for some methods. ``Any`` stands for None, so that users of other methods need no test.
    ArrayOfMethod: TypeAlias = np.ndarray | Any
else:
    ArrayLike = ArrayOfMethod = Axes = Contributions = ContributionScore = ContributionsLike = DataFrame = Any
    DTypeLike = Estimator = Explainer = ExplainersLike = Explanation = ExplanationScorer = FilePath = GroupsLike = (
        Layer
    ) = Model = Any
    NetworkFiles = NetworkLike = PerInput = PlotAccessor = RandomState = ReferenceLike = Rows = RuleName = Score = Any
    Series = TargetLike = Vocabulary = Any
