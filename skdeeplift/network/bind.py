"""What the user hands in as ``estimator=``, made into one traced network."""

import os

from skdeeplift.exceptions import ModelFileNotFoundError
from skdeeplift.network.functions import Function, can_be_called, can_be_pickled
from skdeeplift.network.inputs import complete_specs
from skdeeplift.network.keras_model import KerasModel
from skdeeplift.network.network import Network


def bind(estimator, X):
    """Bind what the user passed as ``estimator=``.

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, str, path or tuple of two paths
        A network, or the file, folder or files it is stored in.
    X : array-like, list or dict of array-like, or None
        Rows as the network takes them; they complete what it leaves open of its input's shape.

    Returns
    -------
    network : Network

    Raises
    ------
    TypeError
        If ``estimator`` is nothing that can be explained, or ``X`` is sparse or ragged.
    ValueError
        If Keras runs on another backend than TensorFlow, or ``X`` does not fit the network.
    """
    callee = _find_callee(estimator)
    network = Network(callee, complete_specs(callee, X))
    if callee.declared is None and any(spec.dtype.is_integer for spec in network.flat_specs) and not _looks_up(network):
        return Network(callee, complete_specs(callee, X, keep_integers=False))
    return network


def check_pickled(estimator):
    """Refuse to pickle or copy what has no form to be stored in.

    Raises
    ------
    TypeError
        If ``estimator`` is or holds a compiled function.
    """
    if not _is_path(estimator) and not can_be_pickled(estimator):
        raise TypeError(
            f"An explainer of a {type(estimator).__name__} can not be pickled or copied, since compiled functions can "
            "not. Save the network with tf.saved_model.save, and pass the folder as estimator=."
        )


def _looks_up(network):
    """Whether integers can be indices into a table, as those of tokens; otherwise they are numbers as any other."""
    try:
        return any(op.facts.indices is not None for op in network.graph.ops)
    except (TypeError, ValueError):
        return False


def _find_callee(estimator):
    if isinstance(estimator, (str, os.PathLike)):
        if os.path.isdir(estimator):
            from skdeeplift.network.saved_model import SavedModel

            return SavedModel(estimator)
        if not os.path.splitext(estimator)[1] and not os.path.exists(estimator):
            raise ModelFileNotFoundError(f"There is neither a file nor a SavedModel folder {os.fspath(estimator)!r}.")
    if _is_path(estimator):
        from skdeeplift.network.files import load_network_file

        return KerasModel(load_network_file(estimator))
    import keras

    if isinstance(estimator, keras.Model):
        return KerasModel(estimator)
    if can_be_called(estimator):
        return Function(estimator)
    raise TypeError(
        "estimator= takes a keras.Model, a tf.Module that can be called, a tf.function, the path of a .keras or .h5 "
        'file or of a SavedModel folder, the two paths ("model.json", "weights.h5"), or an estimator such as '
        f"MLPClassifier. A single layer becomes a model by keras.Sequential([layer]). Got {estimator!r}."
    )


def _is_path(estimator):
    return isinstance(estimator, (str, os.PathLike, tuple, list))
