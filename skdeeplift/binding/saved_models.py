"""SavedModels of functions that explain rows, for programs without this package and without Keras."""

import os
import re

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from skdeeplift.replacement import replace_folder

# Entries of the folder of a SavedModel.
ENTRIES = frozenset(
    {"assets", "assets.extra", "debug", "fingerprint.pb", "keras_metadata.pb", "saved_model.pb", "variables"}
)
# Attribute that names the gradient of an op.
_GRADIENT = "_gradient_op_type"


def save_function(explain, folder):
    """Write a function of rows into a SavedModel.

    Parameters
    ----------
    explain : TensorExplanation
        The function.
    folder : str or path
        Folder to write, or to replace. A folder of an object store, such as ``"gs://bucket/folder"``, is written in
        place.

    Raises
    ------
    FileExistsError
        If the folder exists and is neither empty nor a SavedModel.
    """
    if "://" in os.fspath(folder):
        # Object stores rename no folders.
        _write(explain, os.fspath(folder))
        return
    with replace_folder(folder, ENTRIES) as unfinished:
        _write(explain, os.fspath(unfinished))


def _write(explain, folder):
    module = tf.Module()
    module.resources = explain.resources
    module.explain = tf.function(explain, autograph=False, input_signature=explain.specs)
    # The number of inputs of the network; the targets of rows come last.
    n_inputs = len(tf.nest.flatten(explain.specs[0]))

    def in_flat_form(*arrays):
        rows, targets = explain.structure(arrays[:n_inputs]), arrays[n_inputs:]
        return explain.flatten(module.explain(rows, *targets))

    signature = tf.function(in_flat_form, autograph=False, input_signature=explain.flat_specs)
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, folder, signatures={"serving_default": signature}, options=options)
    _forget_origin(tf.io.gfile.join(folder, "saved_model.pb"))


def _forget_origin(path):
    """Remove the gradient names of rules, which no other program knows, and the devices of this machine."""
    with tf.io.gfile.GFile(path, "rb") as file:
        stored = SavedModel.FromString(file.read())
    for meta_graph in stored.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            for node in function.node_def:
                node.device = ""
                # Checked first, since reading a missing attribute would add it.
                if _GRADIENT in node.attr and node.attr[_GRADIENT].s.startswith(b"Skdeeplift"):
                    del node.attr[_GRADIENT]
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(stored.SerializeToString())


def identifiers(names):
    """Return names that are valid in a signature, all of them different."""
    found = []
    for name in names:
        identifier = number = re.sub(r"\W", "_", name)
        while identifier in found:
            identifier = f"{number}_{len(found)}"
        found.append(identifier)
    return found
