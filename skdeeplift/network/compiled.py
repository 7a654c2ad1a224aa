"""Functions of TensorFlow as the package makes them: free of effects, so that no order of their ops has to be found."""

import tensorflow as tf

# Automatic control dependencies keep reads and writes of state in order, and take as long as creating the ops. The
# attribute's name is TensorFlow's own affair; where it goes, TensorFlow refuses it by an error.
_WITHOUT_ORDER = {"_disable_acd": True}


def compiled(function, *, attributes=None, **options):
    """Return a function of TensorFlow that is only read, or that reads state and never writes it.

    Parameters
    ----------
    function : callable
        Takes and returns structures of tensors.
    attributes : dict, default=None
        Attributes of the function, beside that one.
    **options
        As `tf.function` takes them.

    Returns
    -------
    function : tf.function
    """
    attributes = {**_WITHOUT_ORDER, **(attributes or {})}
    return tf.function(function, autograph=False, experimental_attributes=attributes, **options)
