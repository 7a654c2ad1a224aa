"""Explanations as functions of TensorFlow: in a program, in a Keras layer, and in a SavedModel without this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skdeeplift.annotations import FilePath, Layer, PerInput, TargetLike
from skdeeplift.binding.estimators import with_attributes


class ExportMixin:
    """Explanations for TensorFlow programs: as a function, as a layer, and as files."""

    def as_function(
        self,
        *,
        target: TargetLike | None = None,
        target_per_row: bool = False,
        multipliers: bool = False,
        hypothetical: bool | PerInput = False,
        standard_errors: bool = False,
        both_strands: bool | str | PerInput = False,
        lengths: Sequence[int | tuple[int, ...]] | None = None,
    ) -> Callable[..., Any]:
        """Return a function of TensorFlow that explains rows.

        The function has derivatives by the network's weights, so that a training loop can penalise contributions, and
        reads the weights at each call. The page :ref:`deployment` lists the values that it holds constant.

        Parameters
        ----------
        target : str, int, tuple, dict, array-like, Profile or callable, default=None
            Target to explain, as in `explain`, but the same for all rows; by default the ``target`` of the explainer.
        target_per_row : bool, default=False
            Whether the function takes the target of each row as a second argument, ``target``. A target is the index
            of an output, a tuple of indices for an output of several axes, or a class if the explainer knows classes.
        multipliers : bool, default=False
            Whether to also return multipliers.
        hypothetical : bool, int, list or dict, default=False
            Whether to also return the contribution that each possible letter would have, as in `explain`. True means
            the only axis of four letters. An int is the axis of letters, counted with the axis of rows.
        standard_errors : bool, default=False
            Whether to also return the standard errors of means over references.
        both_strands : bool, str, int, tuple of int, list or dict, default=False
            Whether to explain the mean over each sequence and its reverse complement, as in `explain`.
        lengths : list of int or of tuple of int, default=None
            Lengths of rows, if the network takes any length along some axes: one for all of these axes, or a tuple of
            one for each. By default only the lengths of the rows in `fit`. Each length makes the function larger.

        Returns
        -------
        function : tf.function
            Takes rows in the form that the network takes, as a tensor or a list or dict of tensors. Returns a dict of
            tensors: ``"contributions"`` in the form of the rows, ``"prediction"``, ``"reference_value"`` and the
            additional terms that were requested.

        Raises
        ------
        ValueError
            If Python is needed for each row: for the steps before a network in a pipeline, for references that
            TensorFlow cannot make, or for numbers of references, draws or steps that depend on rows.
        """
        import tensorflow as tf

        explain = self._as_tensor_explanation(
            target, target_per_row, multipliers, hypothetical, standard_errors, both_strands, lengths
        )
        return tf.function(explain, autograph=False, reduce_retracing=True)

    def as_layer(
        self,
        *,
        target: TargetLike | None = None,
        target_per_row: bool = False,
        multipliers: bool = False,
        hypothetical: bool | PerInput = False,
        standard_errors: bool = False,
        both_strands: bool | str | PerInput = False,
        lengths: Sequence[int | tuple[int, ...]] | None = None,
    ) -> Layer:
        """Return a Keras layer that explains rows, for a model that returns reasons with its predictions.

        Parameters
        ----------
        target, target_per_row, multipliers, hypothetical, standard_errors, both_strands, lengths : object
            As in `as_function`.

        Returns
        -------
        layer : keras.Layer
            Takes rows in the form that the network takes, and returns the dict that `as_function` returns. An explained
            Keras model is a part of the layer, with its weights.

        Raises
        ------
        ValueError
            As in `as_function`.
        """
        explain = self._as_tensor_explanation(
            target, target_per_row, multipliers, hypothetical, standard_errors, both_strands, lengths
        )
        return _make_layer(explain)

    def export(
        self,
        folder: FilePath,
        *,
        target: TargetLike | None = None,
        target_per_row: bool = False,
        multipliers: bool = False,
        hypothetical: bool | PerInput = False,
        standard_errors: bool = False,
        both_strands: bool | str | PerInput = False,
        lengths: Sequence[int | tuple[int, ...]] | None = None,
    ) -> None:
        """Write a SavedModel that explains rows without this package, such as in TensorFlow Serving.

        The weights, the references and the rules are those at the time of the call. Rows have the shape of the rows in
        `fit`, or the ``lengths``.

        Parameters
        ----------
        folder : str or path
            Folder to write. An existing SavedModel, or an empty folder, is replaced once all files are written.
        target, target_per_row, multipliers, hypothetical, standard_errors, both_strands, lengths : object
            As in `as_function`.

        Raises
        ------
        ValueError
            As in `as_function`.
        FileExistsError
            If the folder holds other files than a SavedModel.
        FileNotFoundError
            If the folder that is to hold ``folder`` does not exist.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> import keras
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> from skdeeplift import DeepLiftExplainer
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.set_weights([np.array([[1.0], [-2.0]]), np.array([0.5])])
        >>> explainer = DeepLiftExplainer(model, reference="zeros").fit(np.zeros((1, 2)))
        >>> with TemporaryDirectory() as folder:
        ...     explainer.export(folder)
        ...     explain = tf.saved_model.load(folder).signatures["serving_default"]
        >>> results = explain(rows=tf.constant([[3.0, 1.0]]))
        >>> results["contributions"].numpy(), results["prediction"].numpy(), results["reference_value"].numpy()
        (array([[ 3., -2.]], dtype=float32), array([1.5], dtype=float32), array([0.5], dtype=float32))
        """
        # Imported here, because the module imports TensorFlow.
        from skdeeplift.binding.saved_models import save_function

        explain = self._as_tensor_explanation(
            target, target_per_row, multipliers, hypothetical, standard_errors, both_strands, lengths
        )
        save_function(explain, folder)

    def _as_tensor_explanation(self, *choices):
        """Return the function of a copy of the fitted explainer, so that a later `fit` does not change it."""
        check_is_fitted(self)
        self._check_call_parameters()
        from skdeeplift.binding.tensor_explanation import Asked, TensorExplanation

        return TensorExplanation(with_attributes(self), Asked(*choices))


def _make_layer(explain):
    """Return a Keras layer that calls a function of rows."""
    import keras

    class ExplanationLayer(keras.layers.Layer):
        """Layer that maps rows to their explanation, with the weights of the explained network."""

        def __init__(self):
            super().__init__()
            # XLA needs known sizes, but the number of blocks of rows is only known in a call.
            self.supports_jit = False
            if isinstance(explain.network.model, keras.Model):
                self.network = explain.network.model
            # Tracked, so that variables and tables are saved with a model that contains the layer.
            self.resources = explain.resources
            self.built = True

        def call(self, rows, target=None):
            return explain(rows, target)

    return ExplanationLayer()
