"""Networks from SavedModel folders, as TensorFlow, Keras 3's ``export`` and Keras 2 write them."""

import os

import tensorflow as tf

from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.functions import Function, can_be_called
from skdeeplift.network.ops import SESSION_VARIABLE, facts_of


class SavedModel(Function):
    """How to call the network in a SavedModel folder; a pickle holds the folder's path.

    Parameters
    ----------
    path : str or os.PathLike
        The folder.

    Raises
    ------
    ModelFileError
        If the folder holds no SavedModel, one that can not be loaded, or nothing that can be called.
    ValueError
        If it has several signatures, of which none is the default.
    """

    def __init__(self, path):
        self.path = os.path.abspath(os.fsdecode(path))
        super().__init__(_load(self.path))
        if self.concrete is not None:
            _check_variables(self.concrete.graph, self.path)

    def __reduce__(self):
        return SavedModel, (self.path,)


class _StaleOptimizer(tf.Module):
    """Stands for an optimizer of Keras 2 or TensorFlow 1, whose state nothing here needs."""

    def add_slot(self, var, slot_name):
        """Take the place of what training kept for a variable."""
        return tf.Module()


def _load(path):
    if not any(os.path.isfile(os.path.join(path, name)) for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise ModelFileError(
            f"The folder {path!r} holds no SavedModel: it has no saved_model.pb. Expected a folder that "
            "keras.Model.export or tf.saved_model.save wrote."
        )
    try:
        loaded = _load_whatever_trained_it(path)
    except Exception as error:
        raise ModelFileError(
            f"TensorFlow can not load the SavedModel in {path!r}: {error}. If it is damaged, copy or save it again; if "
            "it uses ops of another package, import that first."
        ) from error
    if not can_be_called(loaded):
        raise ModelFileError(
            f"The SavedModel in {path!r} has no signature. Save it again with tf.saved_model.save(model, folder, "
            "signatures=...)."
        )
    return loaded


def _check_variables(graph, path):
    if any(facts_of(op.type).family is SESSION_VARIABLE for op in graph.get_operations()):
        raise ModelFileError(
            f"The SavedModel in {path!r} is of TensorFlow 1 and holds reference variables, whose values belong to a "
            "session. Save it again after tf.compat.v1.enable_resource_variables()."
        )


def _load_whatever_trained_it(path):
    """Load a SavedModel, also where TensorFlow stumbles over the state of an optimizer whose class is gone."""
    try:
        return tf.saved_model.load(path)
    except AttributeError as error:
        if "add_slot" not in str(error):
            raise
    # A partial checkpoint is one without the optimizer's state; a variable without a value still raises when read.
    options = tf.saved_model.LoadOptions(allow_partial_checkpoint=True)
    nodes = {"root": None, "root.optimizer": _StaleOptimizer()}
    return tf.__internal__.saved_model.load_partial(path, nodes, options=options)["root"]
