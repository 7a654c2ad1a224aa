"""Explanations: the contributions of rows, with the values that they explain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from sklearn.utils import Bunch

from skdeeplift.annotations import (
    ArrayLike,
    ArrayOfMethod,
    Contributions,
    DataFrame,
    FilePath,
    PlotAccessor,
    Vocabulary,
)
from skdeeplift.explanation.explanation_parts import count_rows, find_parts, has_targets, target_labels
from skdeeplift.explanation.frames import long_frame, wide_frame
from skdeeplift.explanation.modisco_files import write_modisco_files
from skdeeplift.explanation.npz_file import read_explanation, write_explanation
from skdeeplift.explanation.subsets import take_columns, take_rows


class Explanation(Bunch):
    """Contributions of rows, with the rows, predictions and reference values that they belong to.

    An explanation is a dict whose keys are also attributes. If the network has several inputs, each array below is a
    list or dict of arrays, in the form in which ``X`` was passed. If several layers are explained, each array is a
    list in the order of the layers. If every output is a target, attributes that depend on the target have a last axis
    of targets.

    Rows are taken by position: ``explanation[0]``, ``explanation[:10]``, ``explanation[[3, 1]]`` and
    ``explanation[mask]`` are explanations of these rows. Columns of a table are taken by names:
    ``explanation[["age", "fare"]]`` is an explanation of two columns. Its ``prediction``, ``reference_value`` and
    ``convergence_delta`` stay those of all columns, and ``other_contributions`` holds the sum of the columns left out.
    As in a DataFrame, ``len`` counts rows, while iteration, ``in`` and ``explanation["X"]`` go by name, here the name
    of a field.

    Parameters
    ----------
    **fields : object
        Values of the attributes below. Other fields are kept too, unchanged when rows or columns are taken.

    Attributes
    ----------
    contributions : ndarray of shape X.shape
        Contribution of each element of ``X``, the mean over the references. The contributions of a row sum to
        ``prediction - reference_value``. If a layer is explained, these are the contributions of its units, which have
        the same sum if every path to the output passes through the layer.
    multipliers : ndarray of shape X.shape or None
        Contribution per unit of difference, the mean over the references. Each is the mean of the multipliers of the
        positive and the negative part. None unless `explain` was called with ``multipliers=True``.
    positive_multipliers, negative_multipliers : ndarray or None
        Contribution per unit of the positive and of the negative part of a layer's difference. None unless a layer is
        explained.
    positive_difference, negative_difference : ndarray or None
        Positive and negative part of a layer's difference, as carried from the network's input to the layer, the mean
        over the references. None unless a layer is explained.
    hypothetical : ndarray of shape X.shape or None
        Hypothetical contribution of each possible letter: its difference from the reference, times the multipliers of
        the letter in ``X``. None unless `explain` was called with ``hypothetical=True``. With several inputs, also None
        for each input without letters.
    deletions : ndarray of shape (n_rows, n_positions) or None
        Change of the target without each position of a sequence. None unless `MutagenesisExplainer` has
        ``deletions=True``.
    letters_axis : int or None
        The axis of one-hot letters in ``X``, not counting the axis of rows. None without ``hypothetical``, unless
        letters are mutated. A list or dict for several inputs.
    reference_value : ndarray of shape (n_rows,) or None
        The target at the reference, or its mean over several references. None if the method has no reference.
    reference_spread : ndarray of shape (n_rows,) or None
        Standard deviation of the target over the references. None if the method has no reference.
    prediction : ndarray of shape (n_rows,)
        The target at the row.
    target : ndarray of shape (n_rows,), dict, "all", callable or None
        The index or label explained for each row, if each row has a target of its own; an array with more axes holds
        indices into several axes, or weights. Otherwise the requested target: a list for weights that all rows share,
        and None for a network with a single output.
    target_unit : str or None
        Unit of the target: ``"logit"`` under a softmax, ``"log-odds"`` under a sigmoid, ``"probability"``,
        ``"log-probability"``, or ``"value"`` for any other output. ``"centered logit"`` is a logit minus the mean over
        classes.
    n_outputs : int or None
        Number of the network's outputs that can be targets.
    layer : str, list of str or None
        The layers whose units contribute; None for the network's inputs.
    input_names : list of str or None
        Names of the network's inputs, if ``X`` is a list of several inputs with names.
    convergence_delta : ndarray of shape (n_rows,) or None
        ``prediction - reference_value - sum(contributions)``. None if the method has no reference.
    other_contributions : ndarray of shape (n_rows,) or None
        Sum of the contributions of columns that were left out. None if no column was left out.
    standard_error : ndarray of shape X.shape or None
        Standard error of each contribution, as a mean over references or over randomly drawn orders of features. NaN
        if only one reference has a weight. None if there is only one reference and nothing is drawn. If a few
        references account for most of a contribution, an interval of Student's t around it is too narrow. The standard
        error of a raw column is the sum of those of its encoded columns, an upper bound.
    n_references : ndarray of int of shape (n_rows,) or None
        Number of references that each row was compared with. None if the method has no reference.
    shared_masks : list of str or None
        Names of the network's operations that compare the row's values to find padding. References have these masks of
        the row, so that padding contributes zero. None if the network has no such operations.
    n_steps : ndarray of shape (n_rows,) or None
        Number of gradients that were computed for each row and reference, including those of coarser attempts. None if
        the method does not integrate gradients.
    X : ndarray of shape (n_rows, ...)
        The rows, as they were passed.
    holds_tokens : bool, or list or dict of bool, or None
        Whether ``X`` holds tokens; a list or dict for several inputs. None if layers of several inputs are explained.
    feature_names : ndarray of str or None
        Names of a table's columns.
    class_names : ndarray or None
        Labels of the classes, in the order of the network's outputs, or names of its outputs. A single logit of two
        classes has both labels, and stands for the second. None if the labels are not known.
    index : pandas.Index or None
        Labels of the rows. None unless ``X`` is a DataFrame.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "relu")])
    >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    >>> explainer = DeepLiftExplainer(model, reference="zeros").fit([[3.0, 0.5]])
    >>> explanation = explainer.explain([[3.0, 0.5]])
    >>> explanation
    <Explanation of 1 rows: contributions (1, 2), convergence delta <= 0>
    >>> explanation.contributions
    array([[ 1.5, -0.5]], dtype=float32)
    >>> explanation.prediction - explanation.reference_value
    array([1.])
    >>> len(explanation), explanation[["x1"]].contributions, explanation[["x1"]].other_contributions
    (1, array([[-0.5]], dtype=float32), array([1.5], dtype=float32))
    """

    # Fields, for type checkers.
    contributions: Contributions
    multipliers: Contributions
    positive_multipliers: Contributions
    negative_multipliers: Contributions
    positive_difference: Contributions
    negative_difference: Contributions
    hypothetical: Contributions
    deletions: Contributions
    standard_error: Contributions
    X: Contributions
    prediction: np.ndarray
    reference_value: ArrayOfMethod
    reference_spread: ArrayOfMethod
    convergence_delta: ArrayOfMethod
    other_contributions: ArrayOfMethod
    n_references: ArrayOfMethod
    n_steps: ArrayOfMethod
    feature_names: ArrayOfMethod
    class_names: ArrayOfMethod
    target: Any
    target_unit: str | None
    n_outputs: int | None
    layer: str | list[str] | None
    shared_masks: list[str] | None
    letters_axis: Any
    holds_tokens: Any
    index: Any

    def __init__(self, **fields: Any) -> None:
        super().__init__(**{"class_names": None, "other_contributions": None, **fields})

    # Function of a row's position; see `references`. An attribute and not a field, so that it is not saved.
    _make_references = None

    def __len__(self):
        return count_rows(self)

    def __bool__(self):
        # An explanation of no rows is not an empty dict.
        return True

    @overload
    def __getitem__(self, key: str) -> Any: ...

    @overload
    def __getitem__(self, key: Any) -> Explanation: ...

    def __getitem__(self, key):
        if isinstance(key, str):
            names, labels = self.get("feature_names"), self.get("index")
            if key not in self and names is not None and key in list(names):
                raise KeyError(f"{key!r} is a column, not a field. Use explanation[[{key!r}]].")
            if key not in self and labels is not None and key in labels:
                raise KeyError(
                    f"{key!r} is the label of a row, not a field. Use explanation[explanation.index == {key!r}]."
                )
            if key not in self:
                raise KeyError(
                    f"The explanation has no field {key!r}. Take rows by position, as explanation[:10], columns by a "
                    "list of names, and inputs from the dict explanation.contributions."
                )
            return super().__getitem__(key)
        names = list(key) if isinstance(key, (list, np.ndarray)) or hasattr(key, "array") else []
        if names and all(isinstance(name, str) for name in names):
            return type(self)(**take_columns(self, names)).remember_references(self._make_references)
        fields, positions = take_rows(self, key)
        make = self._make_references
        return type(self)(**fields).remember_references(make and (lambda row: make(int(positions[row]))))

    def __dir__(self):
        # A Bunch lists only its keys.
        return [*object.__dir__(self), *self]

    def __getstate__(self):
        # Fields are pickled and copied as items of the dict. The function is left out, since it holds the network.
        return None

    def remember_references(self, make: Callable[[int], Any] | None) -> Explanation:
        """Keep a function that makes the references of a row again, until the explanation is saved or copied.

        Parameters
        ----------
        make : callable or None
            Function of a row's position. None if there are no references.

        Returns
        -------
        explanation : Explanation
            The explanation itself.
        """
        vars(self)["_make_references"] = make
        return self

    def references(self, row: Any) -> Contributions:
        """Return the references that a row was compared with, such as its shuffles.

        References that are made from each row are not kept; the same references are made again.

        Parameters
        ----------
        row : int
            The row's position.

        Returns
        -------
        references : ndarray of shape (n_references, *features), or list or dict of ndarray
            References in the form of ``X``, as the network took them. If draws repeat a reference, as in
            `ExpectedGradientsExplainer`, it is repeated here too.

        Raises
        ------
        ValueError
            If the explainer compares rows with nothing, or the explanation was made in batches, read from a file,
            pickled or copied.
        IndexError
            If there is no such row.

        Examples
        --------
        >>> import keras
        >>> from skdeeplift import DeepLiftExplainer
        >>> from skdeeplift.sequences import decode, one_hot
        >>> X = one_hot(["GATTACAGATACCA", "CAGATTACAGGATT"])
        >>> model = keras.Sequential([keras.Input((14, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
        >>> explainer = DeepLiftExplainer(model, reference="dinucleotide_shuffle", max_references=3, random_state=0)
        >>> explanation = explainer.fit(X).explain(X)
        >>> decode(explanation.references(0))
        array(['GATACCATTACAGA', 'GATTATACCACAGA', 'GACCAGATACATTA'], dtype='<U14')
        """
        if self._make_references is None:
            if self.get("n_references") is None:
                raise ValueError("The explanation has no references: its explainer compares rows with no reference.")
            raise ValueError(
                "The explanation does not hold its references. Only explain(X) with rows in memory keeps them; "
                "batches, saved files and copies do not. Explain the row again, which draws the same references: "
                "explainer.explain(X[row : row + 1]).references(0)."
            )
        n_rows = len(self.prediction)
        if not -n_rows <= row < n_rows:
            raise IndexError(f"Row {row} is out of range: the explanation has {n_rows} rows.")
        return self._make_references(row % n_rows)

    def __repr__(self):
        arrays = self.contributions
        if isinstance(arrays, dict):
            shape = ", ".join(f"{name}: {array.shape}" for name, array in arrays.items())
        else:
            shape = ", ".join(str(array.shape) for array in (arrays if isinstance(arrays, (list, tuple)) else [arrays]))
        delta = ""
        if self.convergence_delta is not None:
            delta = f", convergence delta <= {float(np.abs(self.convergence_delta).max()):.2g}"
        return f"<Explanation of {len(self.prediction)} rows: contributions {shape}{delta}>"

    def to_modisco(
        self, folder: FilePath, X: ArrayLike | None = None, *, part: str | int | None = None
    ) -> tuple[Path, Path]:
        """Write the two input files of motif discovery by TF-MoDISco (modisco-lite).

        ``sequences.npz`` holds the one-hot sequences, and ``hypothetical.npz`` their hypothetical contributions. Each
        file has one array ``arr_0`` of shape ``(n_rows, 4, length)``.

        Parameters
        ----------
        folder : str or path
            The folder to write to. It is created if it does not exist.
        X : array-like, default=None
            The rows that were explained, in the same order. By default those of the explanation, which keeps no rows if
            they came in batches and contributions were written into ``out``.
        part : str or int, default=None
            Key or position of the input to write, if several hold letters. By default the only one.

        Returns
        -------
        paths : tuple of Path
            The paths of the sequences and of the hypothetical contributions.

        Raises
        ------
        ValueError
            If the explanation has no hypothetical contributions, several targets or no rows, or ``X`` differs in shape.
            If the sequences do not have four letters, or several inputs hold letters and none is chosen.
        """
        return write_modisco_files(folder, self, X, part)

    def to_frame(self, form: Literal["long", "wide"] = "long") -> DataFrame:
        """Return a table of the contributions.

        Parameters
        ----------
        form : {"long", "wide"}, default="long"
            Whether the table has a line for each contribution, or a line for each row and a column for each feature.

        Returns
        -------
        frame : DataFrame
            In the wide form, the index is that of the rows, and columns have the names of `transform`: the names of
            features, ``feature__class`` with several targets, and ``input__feature`` with several inputs. The long form
            has these columns:

            - ``row``: the row's label or position;
            - ``input`` or ``layer``: its name or position, if there are several inputs or layers;
            - ``feature``: the name or position of a table's column. Other inputs have ``feature_0``, ``feature_1`` and
              so on, the positions along their axes;
            - ``class``: the target's name or index, if there are several targets;
            - ``value``: the element of ``X``. Units of a layer have no value;
            - ``contribution``;
            - ``standard_error``, if known.

        Raises
        ------
        ValueError
            If there is no such form, or the wide form is asked for rows that are not a table.

        Examples
        --------
        >>> import numpy as np
        >>> from skdeeplift import Explanation
        >>> contributions = np.array([[0.5, -1.0], [0.0, 2.0]])
        >>> explanation = Explanation(contributions=contributions, feature_names=["age", "height"])
        >>> explanation.to_frame()
           row feature  contribution
        0    0     age           0.5
        1    0  height          -1.0
        2    1     age           0.0
        3    1  height           2.0
        >>> explanation.to_frame("wide")
           age  height
        0  0.5    -1.0
        1  0.0     2.0
        """
        if form not in ("long", "wide"):
            raise ValueError(f'form= takes "long" or "wide". Got {form!r}.')
        return long_frame(self) if form == "long" else wide_frame(self)

    @property
    def plot(self) -> PlotAccessor:
        """Accessor of the plots: ``explanation.plot.beeswarm()``, or ``explanation.plot()``."""
        from skdeeplift.plotting.plot_accessor import PlotAccessor

        return PlotAccessor(self)

    def _repr_html_(self):
        from skdeeplift.plotting.summary_table import summary_table

        return summary_table(self)

    def to_html(
        self,
        path: FilePath,
        *,
        title: str | None = None,
        vocabulary: Vocabulary | None = None,
        padding: int | None = None,
    ) -> None:
        """Write an HTML page with tables and plots of the explanation, to send to a colleague.

        The page is one file, which loads nothing from the internet and runs no scripts. It has a table of the largest
        contributions, and the plots that suit the rows: for up to four targets and inputs, and up to three rows each.

        Parameters
        ----------
        path : str or path
            The file. An existing file is replaced when the new one is complete, and kept if anything fails.
        title : str, default=None
            Title of the page; by default the number of rows.
        vocabulary : sequence or dict of str, keras.Layer or callable, default=None
            Words of the tokens, in the forms that ``plot.text`` accepts. None shows the ids of tokens.
        padding : int, default=None
            Token id of padding. Padding is counted and not drawn. None draws all ids.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from skdeeplift.plotting.html_page import write_page

        write_page(path, self, title, {"vocabulary": vocabulary, "padding": padding})

    def to_shap(self) -> Any:
        """Convert to explanations that the plots of the ``shap`` package accept.

        Returns
        -------
        explanation : shap.Explanation, or list or dict of shap.Explanation
            ``values`` are the contributions, ``base_values`` the target at the reference, ``data`` the rows and
            ``feature_names`` the names of columns. Several targets have ``output_names``. Several inputs or layers
            have one explanation each; their contributions together sum to the change from the same base value.

        Raises
        ------
        ImportError
            If ``shap`` is not installed.
        """
        try:
            import shap
        except ImportError as error:
            raise ImportError("to_shap needs the package shap. Use pip install shap.") from error
        kind, parts = find_parts(self)
        names, class_names = self.get("feature_names"), self.get("class_names")
        explanations = {
            part.name: shap.Explanation(
                values=part.contributions,
                base_values=self.get("reference_value"),
                data=part.values,
                feature_names=None if names is None else list(names),
                output_names=target_labels(self) if has_targets(self) and class_names is not None else None,
            )
            for part in parts
        }
        if isinstance(self.contributions, dict):
            return explanations
        return explanations[None] if kind is None else list(explanations.values())

    def save(self, path: FilePath) -> None:
        """Write all fields to one ``.npz`` file, which `load` reads.

        The file holds no pickled objects, so a file from someone else can do no harm. DataFrames, indices, lists, dicts
        and ``None`` are restored with their types; tensors are restored as NumPy arrays.

        Parameters
        ----------
        path : str or path
            The file. An existing file is replaced when the new one is complete, and kept if anything fails.

        Raises
        ------
        TypeError
            If a field cannot be written without pickle, such as a function as the target.
        """
        write_explanation(path, self)

    @classmethod
    def load(cls, path: FilePath) -> Explanation:
        """Read a file that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        explanation : Explanation
            The saved explanation.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ValueError
            If the file does not hold an explanation, or is damaged.
        """
        return cls(**read_explanation(path))
