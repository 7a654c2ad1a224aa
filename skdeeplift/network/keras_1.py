"""Conversion of architectures of Keras 1 and Keras 0.3 to the form of Keras 2."""

import json

from skdeeplift.exceptions import ModelFileError
from skdeeplift.warn import warn

BUILD_ANEW = (
    "Build the same layers with Keras 3, fill them by layer.set_weights with the arrays that h5py reads from the file, "
    "and pass the model. Kernels of convolutions that Theano trained are reversed along their spatial axes."
)
_CONVOLUTION = {"nb_filter": "filters", "border_mode": "padding", "bias": "use_bias", "atrous_rate": "dilation_rate"}
_CONVOLUTION_1D = _CONVOLUTION | {"filter_length": "kernel_size", "subsample_length": "strides"}
_CONVOLUTION_ND = _CONVOLUTION | {"subsample": "strides", "dim_ordering": "data_format"}
_POOLING_1D = {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"}
_POOLING_ND = {"border_mode": "padding", "dim_ordering": "data_format"}
_RECURRENT = {
    "output_dim": "units",
    "inner_activation": "recurrent_activation",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_ORDERED = {"dim_ordering": "data_format"}
# For each class of Keras 1: the class of Keras 2, and renamed parameters.
_LAYERS = {
    "AtrousConvolution1D": ("Conv1D", _CONVOLUTION_1D),
    "AtrousConvolution2D": ("Conv2D", _CONVOLUTION_ND),
    "AveragePooling1D": ("AveragePooling1D", _POOLING_1D),
    "AveragePooling2D": ("AveragePooling2D", _POOLING_ND),
    "AveragePooling3D": ("AveragePooling3D", _POOLING_ND),
    "Convolution1D": ("Conv1D", _CONVOLUTION_1D),
    "Convolution2D": ("Conv2D", _CONVOLUTION_ND),
    "Convolution3D": ("Conv3D", _CONVOLUTION_ND),
    "Cropping2D": ("Cropping2D", _ORDERED),
    "Dense": ("Dense", {"output_dim": "units", "bias": "use_bias"}),
    "Dropout": ("Dropout", {"p": "rate"}),
    "GRU": ("GRU", _RECURRENT),
    "GaussianDropout": ("GaussianDropout", {"p": "rate"}),
    "GaussianNoise": ("GaussianNoise", {"sigma": "stddev"}),
    "GlobalAveragePooling2D": ("GlobalAveragePooling2D", _ORDERED),
    "GlobalMaxPooling2D": ("GlobalMaxPooling2D", _ORDERED),
    "InputLayer": ("InputLayer", {"input_dtype": "dtype"}),
    "LSTM": ("LSTM", _RECURRENT),
    "LocallyConnected1D": ("LocallyConnected1D", _CONVOLUTION_1D),
    "LocallyConnected2D": ("LocallyConnected2D", _CONVOLUTION_ND),
    "MaxPooling1D": ("MaxPooling1D", _POOLING_1D),
    "MaxPooling2D": ("MaxPooling2D", _POOLING_ND),
    "MaxPooling3D": ("MaxPooling3D", _POOLING_ND),
    "Reshape": ("Reshape", {"dims": "target_shape"}),
    "SimpleRNN": ("SimpleRNN", _RECURRENT),
    "SpatialDropout1D": ("SpatialDropout1D", {"p": "rate"}),
    "SpatialDropout2D": ("SpatialDropout2D", {"p": "rate"} | _ORDERED),
    "TimeDistributedDense": ("Dense", {"output_dim": "units", "bias": "use_bias"}),
    "UpSampling1D": ("UpSampling1D", {"length": "size"}),
    "UpSampling2D": ("UpSampling2D", _ORDERED),
    "ZeroPadding2D": ("ZeroPadding2D", _ORDERED),
}
# Layers with another layout of weights in Keras 3. Other unknown classes may be the user's own.
_GONE = ("ConvLSTM2D", "Deconvolution2D", "Deconvolution3D", "SeparableConvolution2D")
_SIZES = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate"}
_ORDERINGS = {"th": "channels_first", "tf": "channels_last"}
# Parameters that only change the speed or the training of a layer.
_WITHOUT_EFFECT = ("consume_less", "cache_enabled", "custom_name", "truncate_gradient", "ignore_border")
_OF_KERAS_1 = frozenset(
    """atrous_rate border_mode consume_less dim_ordering dropout_U dropout_W filter_length inner_activation kernel_dim1
    nb_filter nb_row pool_length subsample subsample_length""".split()
)


def is_keras_1(config):
    """Test whether layers of an architecture have parameters that only exist in Keras 1 and earlier versions.

    Parameters
    ----------
    config : dict
        Architecture, or a part of one.

    Returns
    -------
    is_old : bool
    """
    if isinstance(config, dict):
        own = config.get("config")
        if "class_name" in config and isinstance(own, dict) and not _OF_KERAS_1.isdisjoint(own):
            return True
        return any(map(is_keras_1, config.values()))
    return isinstance(config, list) and any(map(is_keras_1, config))


def to_keras_2(config, path):
    """Rewrite an architecture of Keras 1 in the form of Keras 2.

    Parameters
    ----------
    config : dict
        Architecture from the file.
    path : str
        The file, for errors.

    Returns
    -------
    config : dict

    Raises
    ------
    ModelFileError
        If Keras 3 cannot express a layer.
    """

    def rewrite(part):
        own = part.get("config")
        if "class_name" not in part or not isinstance(own, dict):
            return part
        kind, own = _to_layer_of_keras_2(part["class_name"], own)
        left = _OF_KERAS_1.intersection(own) if part["class_name"] in (*_LAYERS, *_GONE) else set()
        if kind is None or left:
            raise ModelFileError(
                f"The network in {path!r} has a layer {part['class_name']!r} of Keras 1"
                f"{f' with {min(left)!r}' if left else ''}, which Keras 3 does not have. {BUILD_ANEW}"
            )
        return {**part, "class_name": kind, "config": own}

    return json.loads(json.dumps(config), object_hook=rewrite)


def _to_layer_of_keras_2(kind, config):
    """Return the class and the configuration of a layer in Keras 2, with None for an unknown class."""
    config = {name: value for name, value in config.items() if name not in _WITHOUT_EFFECT}
    if kind == "Merge":
        is_plain = not config.get("layers") and config.get("mode") in _MERGES
        named = {"name": config.get("name")}
        if config.get("mode") == "concat":
            named["axis"] = config.get("concat_axis", -1)
        return (_MERGES[config["mode"]], named) if is_plain else (None, config)
    if kind == "BatchNormalization" and config.get("mode", 0) != 0:
        return None, config
    if kind == "Embedding":  # dropped whole rows in training only
        config = {name: value for name, value in config.items() if name != "dropout"}
    if kind == "Activation":
        config = {name: value for name, value in config.items() if name not in ("beta", "target")}
    new, names = _LAYERS.get(kind, (kind, {}))
    for sizes in _SIZES:
        if kind in _LAYERS and all(size in config for size in sizes):
            config["kernel_size"] = [config.pop(size) for size in sizes]
    config = {names.get(name, name): value for name, value in config.items()}
    if config.get("data_format") in _ORDERINGS:
        config["data_format"] = _ORDERINGS[config["data_format"]]
    return new, config


def is_keras_0(config):
    """Test whether an architecture is a Sequential model or a graph of Keras 0.3 or earlier."""
    return isinstance(config, dict) and "layers" in config and "class_name" not in config


def from_keras_0(config, path):
    """Rewrite an architecture of Keras 0.3 in the form of Keras 1.

    Parameters
    ----------
    config : dict
        Architecture from the file. The name of each layer's class is among its parameters.
    path : str
        The file, for errors.

    Returns
    -------
    config : dict

    Raises
    ------
    ModelFileError
        If the architecture is a graph, or has a layer with layers inside.
    """
    layers, names = [], set()
    for number, layer in enumerate(config["layers"] if config.get("name") == "Sequential" else [None]):
        if not isinstance(layer, dict) or "name" not in layer or "layers" in layer or "layer" in layer:
            raise ModelFileError(
                f"The architecture in {path!r} is one of Keras 0 with other layers than those of a plain Sequential "
                f"network. {BUILD_ANEW}"
            )
        own = {name: value for name, value in layer.items() if name not in ("name", "input_shape")}
        name = layer.get("custom_name") or layer["name"].lower()
        own["name"] = f"{name}_{number}" if name in names else name
        names.add(own["name"])
        shape = layer.get("input_shape") or (_input_shape(layer) if number == 0 else None)
        if number == 0 and shape is not None:
            own["batch_input_shape"] = [None, *shape]
        layers.append({"class_name": layer["name"], "config": own})
    is_older = not any({"cache_enabled", "custom_name"} & layer.keys() for layer in config["layers"])
    if is_older and any(layer["name"] == "Dropout" and layer.get("p", 0) > 0 for layer in config["layers"]):
        warn(
            f"The architecture in {path!r} may be older than Keras 0.3. Before 0.3, Keras multiplied the inputs of a "
            "Dropout layer by 1 - p in predictions. The file is read as one of Keras 0.3, which does not. If it is "
            "older, multiply the weights of the next layer, but not its bias, by 1 - p.",
            UserWarning,
        )
    return {"class_name": "Sequential", "config": layers, "keras_version": "0.3"}


def _input_shape(layer):
    """Return the shape of the first layer's input, from ``input_shape`` or from two other parameters."""
    size = layer.get("input_dim")
    if layer["name"] == "Embedding":
        return [layer.get("input_length")]
    if size is None:
        return None
    return [size] if layer["name"] == "Dense" else [layer.get("input_length"), size]
