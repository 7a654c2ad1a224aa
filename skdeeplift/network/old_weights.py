"""Conversion of weights of Keras 0 and 1, and of Theano, to the form that Keras 3 reads."""

import re

import h5py
import numpy as np

from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.compat import flatten_layers
from skdeeplift.network.keras_1 import BUILD_ANEW

# Position of each gate's first array in Keras 1, in the order of the gates in a kernel of Keras 2. Keras 1 stored three
# arrays for each gate.
_GATES = {"LSTM": (0, 6, 3, 9), "GRU": (0, 3, 6)}


def backend_of(group):
    """Return the backend that trained weights, or None if the file does not name it.

    Parameters
    ----------
    group : h5py.Group
        Group of the weights in an open file.

    Returns
    -------
    backend : {"theano", "tensorflow"} or None
    """
    if "backend" in group.attrs:
        return _text(group.attrs["backend"])
    names = [each for name in _listed(group, "layer_names") for each in _listed(group[name], "weight_names")]
    # Names of TensorFlow variables end in a number. In Keras 1 the other backend was Theano, without numbers.
    return "tensorflow" if any(name.endswith(":0") for name in names) else None


def read(group):
    """Read the arrays of each layer with weights.

    Parameters
    ----------
    group : h5py.Group
        Group of the weights in an open file.

    Returns
    -------
    arrays : dict of str to list of ndarray

    Raises
    ------
    ModelFileError
        If an array lies in another file.
    """
    if is_keras_0(group):
        layers = [f"layer_{number}" for number in range(int(group.attrs["nb_layers"]))]
        names = [[f"param_{each}" for each in range(int(group[name].attrs.get("nb_params", 0)))] for name in layers]
    else:
        layers = _listed(group, "layer_names")
        names = [_listed(group[name], "weight_names") for name in layers]
    found = zip(layers, names, strict=True)
    return {layer: [_read_array(group, f"{layer}/{each}") for each in arrays] for layer, arrays in found if arrays}


def convert(model, arrays, is_keras_1, kernels):
    """Convert arrays to the form of the layers of a model.

    Parameters
    ----------
    model : keras.Model
        The network of the weights.
    arrays : dict of str to list of ndarray
        Arrays of each layer with weights.
    is_keras_1 : bool
        Whether Keras 1 or an earlier version wrote the arrays.
    kernels : {"theano", "tensorflow"}
        Backend that trained the kernels. Theano reverses kernels.

    Returns
    -------
    converted : dict of str to list of ndarray

    Raises
    ------
    ValueError
        If the weights belong to other layers.
    ModelFileError
        If Keras 3 cannot reproduce the results of Theano.
    """
    layers = [layer for layer in model.layers if layer.weights]
    if len(layers) != len(arrays):
        raise ValueError(
            f"the file has weights of {len(arrays)} layers, and the architecture has {len(layers)} layers with weights"
        )
    converted = {}
    for layer, name in zip(layers, arrays, strict=True):
        converted[name] = _join_gates(layer, arrays[name])
        variables = [id(each) for each in (*layer.trainable_weights, *layer.non_trainable_weights)]
        for each in flatten_layers(layer):
            if _is_convolution(each) and id(each.kernel) in variables[: len(converted[name])]:
                place = variables.index(id(each.kernel))
                converted[name][place] = _convert_kernel(each, converted[name][place], is_keras_1, kernels == "theano")
            if type(each).__name__ in _GATES and each.use_bias and id(each.cell.bias) in variables:
                weights = (each.cell.kernel, each.cell.recurrent_kernel, each.cell.bias)
                _convert_from_cudnn(each, converted[name], [variables.index(id(weight)) for weight in weights])
    return converted


def write(path, arrays):
    """Write a file of weights in the form of Keras 2."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in arrays]
        for name, each in arrays.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"array_{number}".encode() for number in range(len(each))]
            for number, array in enumerate(each):
                group[f"array_{number}"] = array


def is_keras_0(group):
    """Test whether weights are in the form of Keras 0."""
    return "nb_layers" in group.attrs


def _is_convolution(layer):
    return re.fullmatch(r"Conv\dD(Transpose)?", type(layer).__name__) is not None


def needs_backend(model):
    """Test whether a network has kernels that Theano would have reversed."""
    kernels = [each.kernel_size for each in flatten_layers(model) if _is_convolution(each)]
    return any(max(size) > 1 for size in kernels)


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _listed(group, name):
    """Return a list of names from one attribute, or from several attributes for a long list."""
    if name in group.attrs:
        return [_text(each) for each in group.attrs[name]]
    names, number = [], 0
    while f"{name}{number}" in group.attrs:
        names += [_text(each) for each in group.attrs[f"{name}{number}"]]
        number += 1
    return names


def _read_array(group, name):
    """Read an array, or raise an error if it lies in another file."""
    place, elsewhere = group, None
    for part in name.split("/"):
        link = place.get(part, getlink=True)
        if not isinstance(link, h5py.HardLink):
            elsewhere = type(link).__name__
            break
        place = place[part]
    if elsewhere is None and (place.external or place.is_virtual):
        elsewhere = "external" if place.external else "virtual"
    if elsewhere is not None:
        raise ModelFileError(
            f"Not allowed: H5 file with {elsewhere} in place of the array {name!r}, which may lie in another file. "
            "Save the weights again, in one file."
        )
    return place[()]


def _join_gates(layer, arrays):
    """Join the arrays of the gates, which Keras 1 stored separately."""
    kind = type(layer).__name__
    if kind == "Bidirectional":
        half = len(arrays) // 2
        return _join_gates(layer.forward_layer, arrays[:half]) + _join_gates(layer.backward_layer, arrays[half:])
    if kind == "TimeDistributed":
        return _join_gates(layer.layer, arrays)
    if kind not in _GATES or len(arrays) != 3 * len(_GATES[kind]):
        return list(arrays)
    return [np.concatenate([arrays[place + number] for place in _GATES[kind]], axis=-1) for number in range(3)]


def _convert_from_cudnn(layer, arrays, places):
    """Convert the arrays of a cuDNN layer, with two biases for each gate and transposed kernels."""
    n_gates = len(_GATES[type(layer).__name__])
    if max(places) >= len(arrays) or arrays[places[2]].shape != (2 * n_gates * layer.units,):
        return
    kernel, recurrent, bias = (arrays[place] for place in places)
    kernels = [each.T.reshape(each.shape, order="F") for each in np.split(kernel, n_gates, axis=1)]
    recurrents = [each.T for each in np.split(recurrent, n_gates, axis=1)]
    biases = bias.reshape(2, -1)
    new = (np.hstack(kernels), np.hstack(recurrents), biases.sum(0) if n_gates == 4 else biases)
    for place, array in zip(places, new, strict=True):
        arrays[place] = array


def _convert_kernel(layer, array, is_keras_1, is_reversed):
    rank = len(layer.kernel_size)
    if rank == 1 and array.ndim == 4:
        length = layer.kernel_size[0]
        if array.shape[:2] != (length, 1) or array.shape[3] != layer.filters:
            array = array.transpose(2, 3, 1, 0)  # before Keras 1.1: (filters, channels, length, 1)
        array = array[:, 0]
    elif is_keras_1 and rank > 1 and layer.data_format == "channels_first":
        array = array.transpose(*range(2, rank + 2), 1, 0)
    if not is_reversed:
        return array
    sizes = zip(layer.kernel_size, layer.strides, strict=True)
    if layer.padding == "same" and any(size > 1 and (size % 2 == 0 or step > 1) for size, step in sizes):
        raise ModelFileError(
            f'Layer {layer.name!r} has padding="same", which Theano computes in another way for kernels of an even '
            f"size and for strides. {BUILD_ANEW}"
        )
    return array[(slice(None, None, -1),) * rank]
