"""What `explain` returns."""

import numpy as np
from sklearn.utils import Bunch

from skdeeplift.explanation.long_table import find_parts, long_table, only
from skdeeplift.explanation.modisco import write_modisco
from skdeeplift.explanation.npz_file import read_explanation, write_explanation


class Explanation(Bunch):
    """Contributions of some rows, and what they were made from.

    A dictionary whose keys are attributes too. With several inputs, what is one array here is a list or dict of arrays,
    in the form in which ``X`` came; with several layers a list, in their order. If every output is a target, all but
    differences have a last axis of targets.

    Parameters
    ----------
    **fields : object
        The attributes below; others are kept as well.

    Attributes
    ----------
    contributions : ndarray of shape X.shape
        Means over the references; each row's sum to ``prediction - reference_value``. Of a layer's units, where the
        explainer has one; these sum to it where all ways to the output pass the layer.
    multipliers : ndarray of shape X.shape or None
        Contribution per unit of difference, the mean of those of its positive and its negative part, means over the
        references; where they were asked for.
    positive_multipliers, negative_multipliers : ndarray or None
        Contribution per unit of the positive and of the negative part of a layer's difference.
    positive_difference, negative_difference : ndarray or None
        The parts of a layer's difference, as carried there from the network's input, means over the references.
    hypothetical : ndarray of shape X.shape or None
        What each possible letter would contribute, where it was asked for: its difference from the reference, with the
        multipliers of the letter that is there.
    letters_axis : int or None
        Where the one-hot letters are in ``X``, without the axis of the rows, for ``hypothetical``.
    reference_value : ndarray of shape (n_rows,) or None
        The target at the reference, its mean where there are several; None where the method has no reference.
    reference_spread : ndarray of shape (n_rows,) or None
        The standard deviation of the target over the references; None where the method has no reference.
    prediction : ndarray of shape (n_rows,)
        The target at the row.
    target : ndarray of shape (n_rows,), dict, "all", callable or None
        The index that was explained of each row where rows have targets of their own; otherwise what was asked for, and
        None for a single output.
    convergence_delta : ndarray of shape (n_rows,) or None
        ``prediction - reference_value - sum(contributions)``; None where the method has no reference.
    standard_error : ndarray of shape X.shape or None
        Of each contribution as a mean over references, or over orders of features, drawn at random; None where there
        is but one reference and nothing is drawn, and NaN where only one reference counts. Where a few references give
        most of a contribution, an interval of Student's t around it is too narrow.
    n_references : ndarray of int of shape (n_rows,) or None
        How many references each row was compared with; None where the method has none.
    n_steps : ndarray of shape (n_rows,) or None
        How many gradients were computed of each row against each reference, those of coarser tries included; None where
        the method integrates none.
    X : ndarray of shape (n_rows, ...)
        The rows as they were given.
    feature_names : ndarray of str or None
        The names of a table's columns.
    class_names : ndarray or None
        The classes' labels, where they are known, in the order of the network's outputs.
    index : pandas.Index or None
        The rows' labels, where ``X`` is a DataFrame.

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
    """

    def __init__(self, **fields):
        super().__init__(**{"class_names": None, **fields})

    def __repr__(self):
        shapes = self.contributions
        if isinstance(shapes, dict):
            shape = ", ".join(f"{name}: {array.shape}" for name, array in shapes.items())
        elif isinstance(shapes, (list, tuple)):
            shape = ", ".join(str(array.shape) for array in shapes)
        else:
            shape = str(shapes.shape)
        delta = ""
        if self.convergence_delta is not None:
            delta = f", convergence delta <= {float(np.abs(self.convergence_delta).max()):.2g}"
        return f"<Explanation of {len(self.prediction)} rows: contributions {shape}{delta}>"

    def to_modisco(self, folder):
        """Write the two files that motif discovery by TF-MoDISco (modisco-lite) reads.

        ``sequences.npz`` holds the one-hot sequences and ``hypothetical.npz`` their hypothetical contributions, each as
        the array ``arr_0`` of shape ``(n_rows, 4, length)``.

        Parameters
        ----------
        folder : str or path
            Where to write them; made if it is not there.

        Returns
        -------
        paths : tuple of Path
            Of the sequences and of the hypothetical contributions.

        Raises
        ------
        ValueError
            If there are no hypothetical contributions, or not those of one target for sequences of four letters.
        """
        if self.get("hypothetical") is None:
            raise ValueError("to_modisco needs hypothetical contributions. Use explain(X, hypothetical=True).")
        return write_modisco(folder, np.asarray(only(self.X)), only(self.hypothetical), self.letters_axis)

    def to_frame(self):
        """Write contributions below each other, one line for each.

        Returns
        -------
        frame : DataFrame
            With the columns ``row``, the row's label or number; ``feature``, the name or number of a table's column, or
            ``feature_0``, ``feature_1`` and so on, positions on the axes of anything else; ``class``, the target's
            name or number, where there are several; ``value``, that of ``X``; ``contribution``; and
            ``standard_error`` where there is one. ``input`` says which of several inputs a line is about, and ``layer``
            which of several layers; a layer's units have no ``value``.

        Examples
        --------
        >>> import numpy as np
        >>> from skdeeplift import Explanation
        >>> contributions = np.array([[0.5, -1.0], [0.0, 2.0]])
        >>> Explanation(contributions=contributions, feature_names=["age", "height"]).to_frame()
           row feature  contribution
        0    0     age           0.5
        1    0  height          -1.0
        2    1     age           0.0
        3    1  height           2.0
        """
        return long_table(self)

    def to_shap(self):
        """Give the explanation the form that the plots of the ``shap`` package take.

        Returns
        -------
        explanation : shap.Explanation, or list or dict of shap.Explanation
            With ``values``, the contributions; ``base_values``, the target at the reference; ``data``, the rows;
            ``feature_names``, and with several targets ``output_names``. One for each of several inputs or layers;
            their contributions make up the change from the same base value together.

        Raises
        ------
        ImportError
            If ``shap`` is not installed.
        """
        try:
            import shap
        except ImportError as error:
            raise ImportError(
                "to_shap needs the package shap, which is not installed. Use pip install shap."
            ) from error
        kind, parts = find_parts(self)
        several = np.ndim(self.get("prediction")) == 2
        class_names = self.get("class_names")
        explanations = [
            shap.Explanation(
                values=part.contributions,
                base_values=self.get("reference_value"),
                data=part.values,
                feature_names=None if self.get("feature_names") is None else list(self.feature_names),
                output_names=list(class_names) if several and class_names is not None else None,
            )
            for part in parts
        ]
        if kind is None:
            return explanations[0]
        if isinstance(self.contributions, dict):
            return dict(zip(self.contributions, explanations, strict=True))
        return explanations

    def save(self, path):
        """Write everything to one ``.npz`` file, which `load` reads.

        It holds no pickled objects, so that a file from elsewhere can do no harm. DataFrames, their index, lists, dicts
        and ``None`` come back as they were; tensors come back as NumPy arrays.

        Parameters
        ----------
        path : str or path
            The file. One that is there is replaced once the new one is whole, and kept if anything fails.

        Raises
        ------
        TypeError
            If there is something that can not be written, such as a function as the target.
        """
        write_explanation(path, self)

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        explanation : Explanation
            As it was saved.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it holds no explanation, or is damaged.
        """
        return cls(**read_explanation(path))
