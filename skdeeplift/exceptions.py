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
    """Warned when memory runs out, and a call goes on with fewer pairs of rows and references at once."""


class JitCompileWarning(UserWarning):
    """Warned when XLA can not compile a network, which is then run without it."""


class UnsupportedOpError(ValueError):
    """Raised when a network contains an op that no rule covers.

    An op without a rule is an error rather than a silent fall-back to the plain gradient,
    which would give contributions that do not sum to the output's difference-from-reference.
    """


class SummationToDeltaWarning(UserWarning):
    """Warned when contributions miss ``f(x) - f(reference)`` by more than the tolerance."""


class SummationToDeltaError(ValueError):
    """Raised in place of `SummationToDeltaWarning` by an explainer with ``check="raise"``."""


class ModelFileError(ValueError):
    """Raised when a file does not hold a network that can be read."""


class ModelFileNotFoundError(ModelFileError, FileNotFoundError):
    """Raised when the file that should hold a network does not exist."""
