"""Errors and warnings that skdeeplift raises."""

__all__ = [
    "BatchSizeWarning",
    "JitCompileWarning",
    "ModelFileError",
    "ModelFileNotFoundError",
    "SummationToDeltaError",
    "SummationToDeltaWarning",
    "UnsupportedOpError",
]


class BatchSizeWarning(UserWarning):
    """Warned when memory runs out, and a call goes on with fewer pairs of rows and references at once.

    The numbers are the same, and the call takes longer. A program that is not to slow down unnoticed makes it an error.

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
    """Warned when XLA can not compile a network, which is then run without it.

    The numbers are the same. Where one network of several can not be compiled, it may be known and need no warning.

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


class UnsupportedOpError(ValueError):
    """Raised when a network contains an op that no rule covers.

    An op without a rule is an error rather than a silent fall-back to the plain gradient,
    which would give contributions that do not sum to the output's difference-from-reference.

    Examples
    --------
    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import DeepLiftExplainer
    >>> inputs = keras.Input((2,))
    >>> model = keras.Model(inputs, keras.ops.prod(inputs, axis=1, keepdims=True))
    >>> DeepLiftExplainer(model).fit([[1.0, 2.0]])
    Traceback (most recent call last):
    skdeeplift.exceptions.UnsupportedOpError: ... 'Prod' ...

    Its path from the reference can be integrated:

    >>> integrating = DeepLiftExplainer(model, unsupported="integrate", reference="zeros")
    >>> integrating.fit([[1.0, 2.0]]).transform([[1.0, 2.0]]).round(3)
    array([[1., 1.]], dtype=float32)
    """


class SummationToDeltaWarning(UserWarning):
    """Warned when contributions miss ``f(x) - f(reference)`` by more than the tolerance.

    Examples
    --------
    Of ``relu(x - 1)``, the slope is 1 in the middle of the way from 0 to 3, and 3 times this is not the change, 2:

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
    """Raised in place of `SummationToDeltaWarning` by an explainer with ``check="raise"``.

    Examples
    --------
    One step is too few for integrated gradients of ``relu(x - 1)``:

    >>> import keras
    >>> import numpy as np
    >>> from skdeeplift import IntegratedGradientsExplainer
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "relu")])
    >>> model.set_weights([np.array([[1.0]]), np.array([-1.0])])
    >>> IntegratedGradientsExplainer(model, reference="zeros", n_steps=1, check="raise").fit([[3.0]])
    Traceback (most recent call last):
    skdeeplift.exceptions.SummationToDeltaError: ...
    """


class ModelFileError(ValueError):
    """Raised when a file does not hold a network that can be read.

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
    """Raised when the file that should hold a network does not exist.

    Examples
    --------
    >>> from skdeeplift import DeepLiftExplainer
    >>> DeepLiftExplainer("nowhere/model.keras").fit([[1.0, 2.0]])
    Traceback (most recent call last):
    skdeeplift.exceptions.ModelFileNotFoundError: ...
    """
