"""Compilation by XLA of parts of a function in its second run.

Compiling a part for one shape takes about as long as computing two million elements by separate ops. The first run of a
function therefore computes most parts by separate ops. A function that runs twice may run many times, so its later
runs compute them by compiled functions.
"""

from contextlib import contextmanager
from contextvars import ContextVar

import tensorflow as tf

from skdeeplift.network import devices
from skdeeplift.network.function_ops import call_one_of

# The first run of the function that is being traced; None if nothing tells its runs apart.
_first_run = ContextVar("skdeeplift_first_run", default=None)


class FirstRun:
    """The first run of a traced function, whose end the ops of the function read."""

    def __init__(self):
        self._is_read = False
        # Created before the trace, since TensorFlow traces a function twice if the function creates variables.
        self._is_over = tf.Variable(False, trainable=False)

    def is_over(self):
        """Create a tensor that tells whether the function has run before."""
        self._is_read = True
        return self._is_over.read_value()

    def end(self):
        """Note that the function has run."""
        if self._is_read:
            self._is_read = False
            self._is_over.assign(True)


@contextmanager
def traced_with(first_run):
    """Let parts of the functions that are traced inside depend on whether the function has run before.

    Parameters
    ----------
    first_run : FirstRun or None
        The first run of the traced function. By None, parts are compiled in the first run.
    """
    token = _first_run.set(first_run)
    try:
        yield
    finally:
        _first_run.reset(token)


def is_compiled_late(elements):
    """Return whether the second run of the function that is being traced compiles a part of it.

    Parameters
    ----------
    elements : int
        Number of elements that the part computes.

    Returns
    -------
    is_late : bool
        False if the first run compiles it: for many elements, and if nothing tells runs apart.
    """
    return _first_run.get() is not None and elements < devices.choices().elements_of_compiling


def call_early_or_late(early, late, tensors):
    """Create an op that calls one function in the first run, and another in later runs.

    Parameters
    ----------
    early, late : ConcreteFunction
        Functions with the same results.
    tensors : list of tensor
        Arguments.

    Returns
    -------
    results : structure of tensor
    """
    return call_one_of(_first_run.get().is_over(), late, early, tensors)


def choose_early_or_late(early, late):
    """Create the ops of one function for the first run, and those of another for later runs.

    Parameters
    ----------
    early, late : callable
        Functions without arguments that return the same structure of tensors. They may capture tensors.

    Returns
    -------
    results : structure of tensor
    """
    return tf.cond(_first_run.get().is_over(), late, early)
