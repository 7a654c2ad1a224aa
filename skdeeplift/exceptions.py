"""Errors and warnings of skdeeplift."""

__all__ = [
    "BatchSizeWarning",
    "JitCompileWarning",
    "ModelFileError",
    "ModelFileNotFoundError",
    "ReferenceWarning",
    "SummationToDeltaError",
    "SummationToDeltaWarning",
    "UnsupportedOpError",
]


class BatchSizeWarning(UserWarning):
    """Warning that memory ran out and the call continues with fewer pairs of rows and references at once.

    The contributions are the same, but the call takes longer. Turn the warning into an error to stop such a call.

    Examples
    --------
    >>> import warnings
    >>> import keras
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.exceptions import BatchSizeWarning
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", BatchSizeWarning)
    ...     DeepLiftExplainer(model).fit_transform([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """


class JitCompileWarning(UserWarning):
    """Warning that XLA cannot compile a network, so that the network runs without XLA.

    The contributions are the same. Ignore the warning if you expect it, for example for one network among several.

    Examples
    --------
    >>> import warnings
    >>> import keras
    >>> from skdeeplift import DeepLiftExplainer, config_context
    >>> from skdeeplift.exceptions import JitCompileWarning
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with warnings.catch_warnings(), config_context(jit_compile=True):
    ...     warnings.simplefilter("ignore", JitCompileWarning)
    ...     DeepLiftExplainer(model).fit_transform([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """


class ReferenceWarning(UserWarning):
    """Warning that shuffles of a row equal the row itself, so that they cannot explain the row.

    If all shuffles of a row equal the row, all of its contributions are zero.

    Examples
    --------
    No other sequence has the same pairs of neighbours as "ACACA":

    >>> import warnings
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> from skdeeplift.exceptions import ReferenceWarning
    >>> model = keras.Sequential([keras.Input((5, 4)), keras.layers.Flatten(), keras.layers.Dense(1)])
    >>> rows = np.eye(4)[[[0, 1, 0, 1, 0]]]
    >>> explainer = DeepLiftExplainer(model, reference="dinucleotide_shuffle", max_references=20).fit(rows)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     contributions = explainer.transform(rows)
    >>> caught[0].category is ReferenceWarning
    True
    """


class UnsupportedOpError(ValueError):
    """Error for a network that contains an op without a rule.

    With the plain gradient of the op instead of a rule, contributions would not sum to the output's
    difference-from-reference, so the explainer raises this error.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> inputs = keras.Input((2, 2))
    >>> model = keras.Model(inputs, keras.ops.norm(inputs, ord=2, axis=(1, 2), keepdims=True))
    >>> rows = np.array([[[3.0, 1.0], [1.0, 5.0]]])
    >>> DeepLiftExplainer(model).fit(rows)
    Traceback (most recent call last):
    skdeeplift.exceptions.UnsupportedOpError: ... 'Svd' ...

    ``unsupported="integrate"`` integrates such an op numerically. For an op without a derivative, pass
    ``unsupported="secant"``:

    >>> integrating = DeepLiftExplainer(model, unsupported="integrate", reference="zeros")
    >>> integrating.fit(rows).transform(rows).round(2)
    array([[[0.44, 0.35],
            [0.35, 4.27]]], dtype=float32)
    """


class SummationToDeltaWarning(UserWarning):
    """Warning that contributions do not sum to ``f(x) - f(reference)`` within the tolerance.

    Examples
    --------
    The slope of ``relu(x - 1)`` is 1 halfway from 0 to 3. With this single step, the contribution is 3 times the slope,
    but the output changes by 2:

    >>> import warnings
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import IntegratedGradientsExplainer
    >>> from skdeeplift.exceptions import SummationToDeltaWarning
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "relu")])
    >>> model.set_weights([np.array([[1.0]]), np.array([-1.0])])
    >>> explainer = IntegratedGradientsExplainer(model, reference="zeros", n_steps=1)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     contributions = explainer.fit([[3.0]]).transform([[3.0]])
    >>> contributions
    array([[3.]], dtype=float32)
    >>> caught[-1].category is SummationToDeltaWarning
    True
    """


class SummationToDeltaError(ValueError):
    """Error instead of `SummationToDeltaWarning`, raised by an explainer with ``check="raise"``.

    Examples
    --------
    A single step is too few for integrated gradients of ``relu(x - 1)``:

    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import IntegratedGradientsExplainer
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "relu")])
    >>> model.set_weights([np.array([[1.0]]), np.array([-1.0])])
    >>> explainer = IntegratedGradientsExplainer(model, reference="zeros", n_steps=1, check="raise").fit([[3.0]])
    >>> explainer.transform([[3.0]])
    Traceback (most recent call last):
    skdeeplift.exceptions.SummationToDeltaError: ...
    """


class ModelFileError(ValueError):
    """Error for a file that does not hold a readable network.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skdeeplift import DeepLiftExplainer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "model.keras"
    ...     n_written = path.write_text("no network")
    ...     DeepLiftExplainer(path).fit([[1.0, 2.0]])
    Traceback (most recent call last):
    skdeeplift.exceptions.ModelFileError: ...
    """


class ModelFileNotFoundError(ModelFileError, FileNotFoundError):
    """Error for a network's file that does not exist.

    Examples
    --------
    >>> from skdeeplift import DeepLiftExplainer
    >>> DeepLiftExplainer("nowhere/model.keras").fit([[1.0, 2.0]])
    Traceback (most recent call last):
    skdeeplift.exceptions.ModelFileNotFoundError: ...
    """
