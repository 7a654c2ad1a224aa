"""Networks from files: those Keras 3 writes, and those Keras 2 left behind."""

import contextlib
import inspect
import json
import os
import re
import shutil
import tempfile
import zipfile

from skdeeplift.exceptions import ModelFileError, ModelFileNotFoundError

_ACCEPTED = 'the path of a .keras, .h5 or .hdf5 file, or the two paths ("model.json", "weights.h5")'
_DAMAGED = "It is damaged, or of another format than its name says: copy or save it again."
_LOAD_YOURSELF = (
    "Register the classes of your own it uses with keras.saving.register_keras_serializable, "
    "or load it with Keras yourself and pass the keras.Model."
)
_HDF5 = (".h5", ".hdf5")
_LOADS_CODE = ("__lambda__", "TFSMLayer", "TorchModuleWrapper")
_MODELS = {"Sequential": "Sequential", "Model": "Model", "Functional": "Model"}
# Only training needs these, and they may be of classes that are gone.
_TRAINING_ONLY = ("init", "_initializer", "_regularizer", "_constraint")
# Keys that layers of Keras 3 may not have, with the values at which they say nothing.
_OBSOLETE = {
    **dict.fromkeys(("ragged", "sparse", "time_major", "renorm", "softmax_robust_masking"), (False, None)),
    "virtual_batch_size": (None,),
    "fused": (False, True, None),
    "groups": (1,),
    "mode": (0,),
}
# These only say what the input looks like.
_ABOUT_INPUT = ("input_dim", "input_length", "input_dtype", "query_shape", "key_shape", "value_shape")
# Those of Dense and Dropout are from Keras 1, whose files do not tell how a convolution's kernel is laid out.
_RENAMED = {
    "Dense": {"output_dim": "units", "bias": "use_bias"},
    "Dropout": {"p": "rate"},
    "LeakyReLU": {"alpha": "negative_slope"},
}


def load_network_file(path):
    """Load a network from the file, or the two files, it is stored in.

    Parameters
    ----------
    path : str, os.PathLike, or tuple or list of two of them
        A ``.keras`` file, an ``.h5`` or ``.hdf5`` file of Keras 3 or Keras 2, or a pair of the architecture and the
        weights, ``("model.json", "weights.h5")``.

    Returns
    -------
    model : keras.Model
        The network, not compiled. Code stored in a file is never run.

    Raises
    ------
    TypeError
        If ``path`` is neither a path nor a pair of paths.
    ModelFileNotFoundError
        If a file does not exist.
    ModelFileError
        If a file is not of a kind that is read, is damaged, holds no network or one that stores Python code, or if the
        weights do not fit the architecture.
    """
    if not isinstance(path, (tuple, list)):
        path = _existing_file(path, (".keras", *_HDF5))
        return _from_archive(path) if path.lower().endswith(".keras") else _from_hdf5(path)
    if len(path) != 2:
        raise ModelFileError(f"Expected {_ACCEPTED}. Received {len(path)} paths: {path!r}.")
    return _from_pair(_existing_file(path[0], (".json",)), _existing_file(path[1], _HDF5))


def _existing_file(path, extensions):
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"Expected {_ACCEPTED}. Received {path!r}.")
    path = os.fsdecode(path)
    if not path.lower().endswith(extensions) and not os.path.isdir(path):
        expected = " or ".join(extensions)
        raise ModelFileError(f"{path!r} does not end in {expected}. Expected {_ACCEPTED}.")
    if not os.path.exists(path):
        raise ModelFileNotFoundError(f"The file {path!r} does not exist. Expected {_ACCEPTED}.")
    if not os.path.isfile(path):
        raise ModelFileError(f"{path!r} is a folder, not a file. Expected {_ACCEPTED}.")
    return path


@contextlib.contextmanager
def _clear_error(problem, advice):
    """Turn the many kinds of error that a damaged or foreign file causes into one that says what to do."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:
        # What comes before this, in errors of Keras, is the whole configuration; escape sequences print in bold.
        reason = re.sub(r"\x1b\[\d*m", "", str(error)).split("Exception encountered:")[-1]
        reason = " ".join(reason.split()) or type(error).__name__
        reason = reason if len(reason) <= 400 else reason[:400] + " ..."
        raise ModelFileError(f"{problem}: {reason.rstrip('.')}. {advice}") from error


@contextlib.contextmanager
def _hdf5(path):
    import h5py

    with _clear_error(f"The file {path!r} can not be read as HDF5", _DAMAGED), h5py.File(path, "r") as file:
        yield file


def _from_archive(path):
    problem = f"The file {path!r} can not be read as a .keras archive"
    with _clear_error(problem, _DAMAGED), zipfile.ZipFile(path) as file:
        if "config.json" not in file.namelist():
            raise ModelFileError(f"The archive {path!r} holds no network: it has no config.json. Expected {_ACCEPTED}.")
        # Keras reads weights past a checksum that does not fit.
        if file.testzip() is not None:
            raise ModelFileError(f"{problem}. {_DAMAGED}")
        text, version = file.read("config.json"), json.loads(file.read("metadata.json"))["keras_version"]
    config = _parse(text, path)
    if not _is_old(version):
        return _load_model(path, ".keras")
    model = _build(config, path, of_keras_2=True)
    with _clear_error(f"The weights in {path!r} can not be read", _DAMAGED), _ending_in(".keras", path) as path:
        model.load_weights(path)
    return model


def _from_hdf5(path):
    with _hdf5(path) as file:
        text, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "1")
        if text is None:
            raise ModelFileError(
                f'The file {path!r} holds weights but no architecture. Pass both, as ("model.json", {path!r}).'
                if _holds_weights(file)
                else f"The HDF5 file {path!r} holds no network. Expected {_ACCEPTED}."
            )
    config = _parse(text, path)
    if not _is_old(version):
        return _load_model(path, ".h5")
    return _load_weights(_build(config, path, of_keras_2=True), path, path)


def _from_pair(architecture, weights):
    with _clear_error(f"The file {architecture!r} can not be read", _DAMAGED), open(architecture, "rb") as file:
        text = file.read()
    config = _parse(text, architecture)
    of_keras_2 = "module" not in config or _is_old(config.get("keras_version", ""))
    return _load_weights(_build(config, architecture, of_keras_2), weights, architecture)


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _is_old(version):
    return _text(version).startswith(("1", "2"))


def _parse(text, path):
    """Read an architecture, and refuse one that holds Python code, whatever Keras is set to allow."""
    with _clear_error(f"The architecture in {path!r} is not readable JSON", _DAMAGED):
        parts = []
        config = json.loads(text, object_hook=lambda part: parts.append(part) or part)
    if not (isinstance(config, dict) and "class_name" in config and "config" in config):
        raise ModelFileError(f"The JSON in {path!r} describes no network. Expected what keras.Model.to_json() writes.")
    for kind in [part["class_name"] for part in parts if _holds_code(part)]:
        raise ModelFileError(
            f"The network in {path!r} stores Python code (class {kind!r}), which is never run when a network is loaded "
            "from a file. If you trust it, load it with Keras yourself and pass the keras.Model."
        )
    return config


def _holds_code(part):
    kind, config = part.get("class_name"), part.get("config")
    if kind == "Lambda" and isinstance(config, dict):  # as Keras 2 writes it
        kinds = (config.get("function_type"), config.get("output_shape_type"))
        return "lambda" in kinds or isinstance(config.get("function"), list)
    return kind in _LOADS_CODE


def _build(config, path, of_keras_2):
    import keras

    with _clear_error(f"Keras can not build the network in {path!r}", _LOAD_YOURSELF):
        if of_keras_2:
            config = json.loads(json.dumps(config), object_hook=_rewrite)
        model = keras.saving.deserialize_keras_object(config | {"compile_config": None}, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise TypeError(f"it is a {type(model).__name__}, not a network")
        if not model.built:
            raise ValueError("it does not say what shape its input has")
    return model


def _rewrite(part):
    """Rewrite one part of a configuration of Keras 2, whose own parts have been, as Keras 3 would have written it."""
    kind, config = part.get("class_name"), part.get("config")
    if kind in ("__tuple__", "TensorShape"):
        return part["items"]
    if part.get("type") == "ndarray":
        return part["value"]
    if kind is None or not isinstance(config, (dict, list)):
        return part
    return config["name"] if kind.endswith("Policy") else _rewrite_layer(part, kind, config)


def _rewrite_layer(part, kind, config):
    import keras

    if isinstance(config, list):  # a Sequential, to Keras 2
        config = {"name": None, "layers": config}
    if "hard_sigmoid" in (config.get("activation"), config.get("recurrent_activation")):
        raise ModelFileError(
            f"Layer {config.get('name')!r} uses Keras 2's hard_sigmoid, clip(0.2 x + 0.5, 0, 1), but in Keras 3 that "
            "name means clip(x / 6 + 0.5, 0, 1), and the network would predict something else. Build it with the first "
            "as an activation of your own, load its weights, and pass the keras.Model."
        )
    if kind != "InputLayer" and "batch_input_shape" in config:
        dtype = "int32" if kind == "Embedding" else config.get("dtype")
        part["input"] = {"batch_shape": config.pop("batch_input_shape"), "dtype": dtype}
    module, kind = ("keras", _MODELS[kind]) if kind in _MODELS else ("keras.layers", kind)
    cls = getattr(keras if module == "keras" else keras.layers, kind, None)
    if cls is None:
        return part
    takes, names = inspect.signature(cls).parameters, _RENAMED.get(kind, {})
    config = {names.get(key, key): value for key, value in config.items() if not _says_nothing(key, value, takes)}
    if isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    if kind in ("GRU", "GRUCell"):
        config.setdefault("reset_after", False)
    if kind == "Sequential" and "input" in config["layers"][0]:
        given = {"class_name": "InputLayer", "module": "keras.layers", "config": config["layers"][0]["input"]}
        config["layers"] = [given, *config["layers"]]
    if kind == "Model":
        _rewrite_calls(config)
    kept = {key: part[key] for key in ("name", "inbound_nodes", "input") if key in part}
    return kept | {"class_name": kind, "module": module, "registered_name": None, "config": config}


def _rewrite_calls(config):
    """Rewrite what the layers of a functional network are called on.

    A tensor is noted by the name of its layer, the number of the call and that of the output. Keras 2 numbers the calls
    of a nested model from one, Keras 3 from zero; but it takes outputs of the network from a functional one as Keras 2.
    """
    layers, outputs = config["layers"], config["output_layers"]
    text = json.dumps([[layer["inbound_nodes"] for layer in layers], outputs])
    models = [layer["name"] for layer in layers if layer["class_name"] in ("Sequential", "Model")]
    from_one = {name for name in models if json.dumps([name, 0])[:-1] not in text}
    sequential = {layer["name"] for layer in layers if layer["class_name"] == "Sequential"}

    def tensor(name, call, output):
        history = [name, call - (name in from_one), output]
        return {"class_name": "__keras_tensor__", "config": {"shape": [], "dtype": "float32", "keras_history": history}}

    for layer in layers:
        for number, inputs in enumerate(layer["inbound_nodes"]):
            tensors = [tensor(*place[:3]) for place in inputs]
            # Further tensors may be among the keyword arguments, which Keras 2 notes with each of the inputs.
            keywords = _map_places(tensor, *inputs[-1][3:] or [{}])
            args = tensors if len(tensors) == 1 else [tensors]
            layer["inbound_nodes"][number] = {"args": args, "kwargs": keywords}
    shifted = from_one & sequential
    outputs = _map_places(lambda name, call, output: [name, call - (name in shifted), output], outputs)
    # A list of one, in which Keras 2 notes a single tensor, is to Keras 3 another structure.
    config["output_layers"] = outputs[0] if len(outputs) == 1 else outputs
    config["input_layers"] = config["input_layers"][0] if len(config["input_layers"]) == 1 else config["input_layers"]


def _map_places(function, value):
    """Apply a function to all that has the form of a tensor's place, (name of the layer, call, output)."""
    if isinstance(value, dict):
        return {key: _map_places(function, item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int) and isinstance(value[2], int):
        return function(*value)
    return [_map_places(function, item) for item in value]


def _says_nothing(key, value, takes):
    if key.endswith(_TRAINING_ONLY):
        return True
    return key not in takes and (key in _ABOUT_INPUT or value in _OBSOLETE.get(key, ()))


def _load_model(path, extension):
    import keras

    problem = f"Keras can not load the network in {path!r}"
    with (
        _clear_error(problem, f"If it is damaged, copy or save it again. {_LOAD_YOURSELF}"),
        _ending_in(extension, path) as path,
    ):
        return keras.saving.load_model(path, compile=False, safe_mode=True)


def _load_weights(model, path, architecture):
    """Load weights of Keras 2 or 3 into a network; what ``path`` ends in does not tell whose they are."""
    with _hdf5(path) as file:
        if not _holds_weights(file):
            raise ModelFileError(f"The HDF5 file {path!r} holds no weights that Keras saved.")
        group = file.get("model_weights", file)
        of_keras_2, backend = _is_keras_2(group), _text(group.attrs.get("backend", ""))
        n_arrays = 0 if of_keras_2 else _count_arrays(file)
    problem = f"The weights in {path!r} do not fit the architecture in {architecture!r}"
    with (
        _clear_error(problem, "Pass the weights that were saved from this very architecture."),
        _ending_in(".h5" if of_keras_2 else ".weights.h5", path) as weights,
    ):
        if backend == "theano" and any(len(weight.shape) > 2 for weight in model.weights):
            raise ValueError("Theano, which they are from, reverses the kernels of convolutions")
        if n_arrays > len(model.weights):  # Keras 3 would pass over the others in silence
            raise ValueError(f"they are {n_arrays} arrays, the architecture has {len(model.weights)}")
        model.load_weights(weights)
    return model


def _is_keras_2(group):
    return "layer_names" in group.attrs or "layer_names0" in group.attrs


def _holds_weights(file):
    return _is_keras_2(file) or any(name in file for name in ("model_weights", "layers", "vars"))


def _count_arrays(file):
    names = []
    file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
    return sum(name.startswith("layers/") and "seed_generator" not in name for name in names)


@contextlib.contextmanager
def _ending_in(extension, path):
    """Give the path of the file under a name from which Keras takes the format: its own, or that of a copy."""
    if path.endswith(extension) and path.endswith(".weights.h5") == (extension == ".weights.h5"):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield shutil.copyfile(path, os.path.join(folder, f"network{extension}"))
