"""Binding of an explainer's parameter ``estimator`` to one traced network."""

import os

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import ModelFileNotFoundError
from skdeeplift.network.callees import Function, KerasModel, SavedModel, can_be_called
from skdeeplift.network.network import Network


def complete_specs(callee, X, keep_integers=True):
    """Complete the input specs that a network declares with the shapes and dtypes of rows.

    Parameters
    ----------
    callee : KerasModel or Function
        Callee of the network.
    X : array-like, list or dict of array-like, or None
        Rows as the network takes them. None if the declared specs are complete.
    keep_integers : bool, default=True
        Whether integers stay integers if the network declares no dtype.

    Returns
    -------
    specs : structure of TensorSpec

    Raises
    ------
    TypeError
        If ``X`` is sparse or ragged.
    ValueError
        If an input is sparse or ragged, has no axis of rows or takes no numbers.
    """
    declared = callee.declared
    if X is None and declared is None:
        raise ValueError("The network does not define the shape of its input. Pass some rows as X.")
    if X is None:
        return tf.nest.map_structure(_spec_of_input, declared)
    check_dense(X)
    if declared is None:
        return tf.nest.map_structure(lambda array: _spec_of_array(array, callee.dtype, keep_integers), as_structure(X))
    open_specs = tf.nest.map_structure(_spec_of_input, declared)
    arrays = Network(callee, open_specs).flatten(X)
    specs = [_complete(spec, array) for spec, array in zip(tf.nest.flatten(open_specs), arrays, strict=True)]
    return tf.nest.pack_sequence_as(open_specs, specs)


def check_lengths(lengths):
    """Raise an error if inputs have different numbers of rows.

    Raises
    ------
    ValueError
        If ``lengths`` differ.
    """
    if len(set(lengths)) > 1:
        raise ValueError(f"All inputs need the same number of rows. Got {', '.join(map(str, lengths))}.")


def check_unmasked(array, name):
    """Raise an error if entries of an array are masked, because they would be explained like numbers.

    Raises
    ------
    ValueError
        If an entry is masked.
    """
    if np.ma.is_masked(array):
        raise ValueError(
            f"{name} has masked entries, and the network would read the numbers below the mask. Pass "
            f"{name.partition('=')[0]}.filled(...) with the number that the network takes for a missing value."
        )


def check_dense(X):
    """Raise an error if rows are sparse or ragged.

    Raises
    ------
    TypeError
        If ``X`` is, or holds, a sparse or ragged array.
    """
    # SciPy's sparse arrays of format "dok" are dicts, and are recognized by `tocsr`.
    several = not hasattr(X, "tocsr") and isinstance(X, (dict, list, tuple))
    for array in (X.values() if isinstance(X, dict) else X) if several else [X]:
        if isinstance(array, (tf.RaggedTensor, tf.SparseTensor)) or hasattr(array, "tocsr"):
            form = "ragged" if isinstance(array, tf.RaggedTensor) else "sparse"
            way = "array.to_tensor()" if form == "ragged" else "tf.sparse.to_dense(array) or array.toarray()"
            if hasattr(array, "tocsr"):
                way += ", or behind an encoder, the explainer of make_pipeline(encoder, model), which makes it dense"
            raise TypeError(
                f"X must be dense, since each entry has a contribution. Got a {form} {type(array).__name__}. Use {way}."
            )
    if isinstance(X, list) and len({len(row) for row in X if isinstance(row, (list, tuple))}) > 1:
        raise TypeError(
            "X must be dense, with rows of one length. Got a list of rows of several lengths. Pad the rows to one "
            "length."
        )


def as_whole_numbers(array, dtype, name):
    """Convert numbers to an integer or boolean dtype, or raise an error if the dtype cannot represent a number.

    Parameters
    ----------
    array : ndarray
        The user's numbers.
    dtype : dtype
        Dtype of the network's input.
    name : str
        Name of the array in an error.

    Returns
    -------
    array : ndarray

    Raises
    ------
    ValueError
        If the dtype cannot represent a number.
    """
    with np.errstate(invalid="ignore"):
        converted = array.astype(dtype)
    changed = converted != array
    if changed.any():
        raise ValueError(
            f"{name} holds {array[changed][0]}, but the network takes {np.dtype(dtype).name} there, which has no such "
            "number. Pass whole numbers, such as the tokens that the network was trained on."
        )
    return converted


def as_structure(X):
    """Return a list or dict of arrays unchanged, and any other object as one array."""
    if isinstance(X, dict):
        return X
    # A list of one-dimensional arrays is a table of rows, so arrays of inputs have more axes.
    if isinstance(X, (list, tuple)) and X and all(hasattr(each, "shape") and len(each.shape) > 1 for each in X):
        return X
    return _as_array(X)


def _as_array(value):
    return value if hasattr(value, "shape") else np.asarray(value)


def _spec_of_array(array, dtype, keep_integers):
    shape = _as_array(array).shape
    given = array.dtype if hasattr(array, "dtype") else np.asarray(array).dtype
    is_integer = str(getattr(given, "name", given)) in ("int32", "int64")
    return tf.TensorSpec((None, *shape[1:]), given if keep_integers and is_integer else dtype)


def _spec_of_input(tensor):
    for form, spec in {"sparse": tf.SparseTensorSpec, "ragged": tf.RaggedTensorSpec}.items():
        if getattr(tensor, form, False) or isinstance(tensor, spec):
            raise ValueError(
                f"The network's input {getattr(tensor, 'name', tensor)!r} is {form}. Contributions are for dense "
                f"inputs: build the network with keras.Input(..., {form}=False)."
            )
    dtype = tf.as_dtype(tensor.dtype)
    shape = tf.TensorShape(tensor.shape)
    if dtype == tf.string:
        raise ValueError(
            f"The network's input {tensor.name!r} takes text, and text has no differences. Explain the network after "
            "the layer that looks text up: keras.Model(layer.output, model.output), with layer(text) as X."
        )
    if shape.rank == 0 or not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        raise ValueError(
            f"The network's input {tensor.name!r} has shape {shape} and dtype {dtype.name}. Expected numbers, with the "
            "rows on the first axis."
        )
    return tf.TensorSpec(shape, dtype, name=tensor.name)


def _complete(spec, array):
    if spec.shape.rank is not None and None not in spec.shape[1:]:
        return spec
    given = _as_array(array).shape
    shape = [None, *given[1:]] if spec.shape.rank is None else list(spec.shape)
    if len(given) == len(shape):
        shape[1:] = [size if size is not None else given[axis] for axis, size in enumerate(shape[1:], 1)]
    return tf.TensorSpec(shape, spec.dtype, name=spec.name)


def bind(estimator, X):
    """Bind the value of the user's parameter ``estimator``.

    Parameters
    ----------
    estimator : keras.Model, tf.Module, tf.function, str, path or tuple of two paths
        A network, or the file, folder or pair of files that stores the network.
    X : array-like, list or dict of array-like, or None
        Rows as the network takes them. Their shape completes unknown sizes of the network's input.

    Returns
    -------
    network : Network

    Raises
    ------
    TypeError
        If ``estimator`` cannot be explained, or ``X`` is sparse or ragged.
    ValueError
        If Keras runs on another backend than TensorFlow, the network was never built, or ``X`` does not fit the
        network.
    """
    callee = _find_callee(estimator)
    if isinstance(callee, KerasModel):
        callee.check_built()
    network = Network(callee, complete_specs(callee, X))
    if callee.declared is None and any(spec.dtype.is_integer for spec in network.flat_specs) and not _looks_up(network):
        return Network(callee, complete_specs(callee, X, keep_integers=False))
    return network


def _looks_up(network):
    """Test whether integers can be indices into a table, such as tokens, and not plain numbers."""
    try:
        return any(op.facts.indices is not None for op in network.graph.ops)
    except (TypeError, ValueError):
        return False


def _find_callee(estimator):
    if isinstance(estimator, (str, os.PathLike)):
        if os.path.isdir(estimator):
            return SavedModel(estimator)
        if not os.path.splitext(estimator)[1] and not os.path.exists(estimator):
            raise ModelFileNotFoundError(f"There is no file and no SavedModel folder {os.fspath(estimator)!r}.")
    if isinstance(estimator, (tuple, list)) and any(map(_is_symbolic, tf.nest.flatten(estimator))):
        raise TypeError(
            "estimator= takes a model, not the tensors of a model. Pass keras.Model(inputs, outputs), such as "
            "keras.Model(model.inputs, model.outputs[0]). To explain a layer inside the model, pass the layer's name "
            "as layer=."
        )
    if isinstance(estimator, (str, os.PathLike, tuple, list)):
        from skdeeplift.network.files import load_network

        return KerasModel(load_network(estimator))
    import keras

    if isinstance(estimator, keras.Model):
        return KerasModel(estimator)
    if can_be_called(estimator):
        return Function(estimator)
    raise TypeError(
        "estimator= takes a keras.Model, a tf.Module that can be called, a tf.function, or an estimator such as "
        "MLPClassifier. It also takes the path of a .keras or .h5 file or of a SavedModel folder, and the two paths "
        '("model.json", "weights.h5"). Make a model of a single layer with keras.Sequential([keras.Input(shape), '
        f"layer]), and of symbolic tensors with keras.Model(inputs, outputs). Got {estimator!r}."
    )


def _is_symbolic(value):
    """Test whether a value is a symbolic tensor of a model, or a layer or model among tensors."""
    import keras

    return isinstance(value, (keras.KerasTensor, keras.Layer, tf.Tensor))
