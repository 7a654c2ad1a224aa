"""Networks from files: those Keras 3 writes, and those Keras 2 left behind."""

import contextlib
import json
import os
import re
import shutil
import tempfile
import zipfile

from skdeeplift.exceptions import ModelFileError, ModelFileNotFoundError
from skdeeplift.network.keras_2 import MODELS, rewritten

_ACCEPTED = 'the path of a .keras, .h5 or .hdf5 file, or the two paths ("model.json", "weights.h5")'
_DAMAGED = "It is damaged, or of another format than its name says: copy or save it again."
# Keras stores archives uncompressed, and numbers that were trained hardly shrink. Only a file that is made to fill the
# memory grows as much as this when it is unpacked.
_LARGEST_GROWTH, _USUAL_SIZE = 100, 100_000_000
_BUILD_ANEW = (
    "Build the same layers with Keras 3, fill them by layer.set_weights with the arrays that h5py reads from the file, "
    "and pass the model. Kernels of convolutions that Theano trained are reversed along their spatial axes."
)
# Parameters of layers that Keras 1 named otherwise, beside those of dense layers.
_OF_KERAS_1 = {"nb_filter", "nb_row", "border_mode", "dim_ordering", "subsample", "inner_activation", "pool_length"}
_HDF5 = (".h5", ".hdf5")
_LOADS_CODE = ("__lambda__", "TFSMLayer", "TorchModuleWrapper")


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

    with _clear_error(f"The file {path!r} cannot be read as HDF5", _DAMAGED), h5py.File(path, "r") as file:
        yield file


def _from_archive(path):
    problem = f"The file {path!r} cannot be read as a .keras archive"
    with _clear_error(problem, _DAMAGED), zipfile.ZipFile(path) as file:
        packed, unpacked = os.path.getsize(path), sum(member.file_size for member in file.infolist())
        if unpacked > _USUAL_SIZE and unpacked > _LARGEST_GROWTH * packed:
            raise ModelFileError(
                f"The archive {path!r} of {packed} bytes would take {unpacked} bytes unpacked, and is not read. If you "
                "trust it, load it with Keras yourself and pass the keras.Model."
            )
        if "config.json" not in file.namelist():
            raise ModelFileError(f"The archive {path!r} holds no network: it has no config.json. Expected {_ACCEPTED}.")
        # Keras reads weights past a checksum that does not fit.
        if file.testzip() is not None:
            raise ModelFileError(f"{problem}. {_DAMAGED}")
        text, version = file.read("config.json"), json.loads(file.read("metadata.json"))["keras_version"]
    config = _parse(text, path, path, _is_old(version))
    if not _is_old(version):
        return _load_model(path, ".keras", config)
    model = _build(config, path, path, of_keras_2=True)
    with _clear_error(f"The weights in {path!r} cannot be read", _DAMAGED), _ending_in(".keras", path) as path:
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
    config = _parse(text, path, path, _is_old(version))
    if not _is_old(version):
        return _load_model(path, ".h5", config)
    return _load_weights(_build(config, path, path, of_keras_2=True), path, path)


def _from_pair(architecture, weights):
    with _clear_error(f"The file {architecture!r} cannot be read", _DAMAGED), open(architecture, "rb") as file:
        text = file.read()
    config = _parse(text, architecture, (architecture, weights))
    return _load_weights(
        _build(config, architecture, (architecture, weights), _of_keras_2(config)), weights, architecture
    )


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _is_old(version):
    return _text(version).startswith(("1", "2"))


def _of_keras_2(config):
    """Return whether an architecture is one of Keras 2, which notes no modules of classes."""
    return "module" not in config or _is_old(config.get("keras_version", ""))


def _parse(text, path, files, of_keras_2=None):
    """Read an architecture, and refuse one that holds Python code, whatever Keras is set to allow."""
    with _clear_error(f"The architecture in {path!r} is not readable JSON", _DAMAGED):
        config = json.loads(text)
        parts = list(_parts(config))
    if isinstance(config, dict) and "layers" in config and "class_name" not in config:
        raise ModelFileError(f"The architecture in {path!r} is one of Keras 0. {_BUILD_ANEW}")
    if not (isinstance(config, dict) and "class_name" in config and "config" in config):
        raise ModelFileError(f"The JSON in {path!r} describes no network. Expected what keras.Model.to_json() writes.")
    of_keras_2 = _of_keras_2(config) if of_keras_2 is None else of_keras_2
    for kind in [part["class_name"] for part in parts if _holds_code(part)]:
        raise ModelFileError(
            f"The network in {path!r} stores Python code (class {kind!r}), which is never run when a network is loaded "
            f"from a file. If you trust it, {_other_way(files, of_keras_2)}"
        )
    for part in parts:
        named = _OF_KERAS_1.intersection(part["config"] if isinstance(part.get("config"), dict) else ())
        if "class_name" in part and named:
            raise ModelFileError(
                f"The network in {path!r} has a layer {part['class_name']!r} of Keras 1, with {min(named)!r}. Files of "
                f"Keras 1 do not tell how its kernels are laid out. {_BUILD_ANEW}"
            )
    return config


def _parts(value):
    """Yield all dicts in a JSON value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(each)


def _other_way(files, of_keras_2):
    """Say how a user loads the network in a file, or in two, by code, where this package does not."""
    package = "tf_keras" if of_keras_2 else "keras"
    call = f"{package}.models.load_model({files!r}, compile=False, safe_mode=False)"
    if isinstance(files, tuple):
        unsafe = f"{package}.{'__internal__' if of_keras_2 else 'config'}.enable_unsafe_deserialization(); "
        call = f"{package}.models.model_from_json(open({files[0]!r}).read()); model.load_weights({files[1]!r})"
        call = f"{unsafe}model = {call}"
    of_package = "tf_keras, the package of Keras 2" if of_keras_2 else "Keras"
    return f"load it yourself with {of_package}, and pass the model: {call}"


def _load_yourself(files, config, of_keras_2):
    """Say what to do about a network that Keras cannot load: it may be of classes that Keras does not know."""
    import keras

    registered, kinds = keras.saving.get_custom_objects(), {part.get("class_name") for part in _parts(config)}
    names = [name for part in _parts(config) if (name := _custom_name(part, keras)) not in (None, *registered)]
    if not names or (of_keras_2 and not kinds.isdisjoint(("TFOpLambda", "SlicingOpLambda"))):
        return f"If you trust the file, {_other_way(files, of_keras_2)}"
    scope = ", ".join(f"{name!r}: {name.rpartition('>')[2]}" for name in sorted(set(names)))
    return f"Call fit in the scope of your own code: with keras.saving.custom_object_scope({{{scope}}}): ..."


def _custom_name(part, keras):
    """Return the name by which Keras looks up a layer or function that is not its own, or None."""
    kind, config = part.get("class_name"), part.get("config")
    if kind is None or str(part.get("module")).startswith("keras") or kind in MODELS:
        return None
    if kind == "function":
        return None if hasattr(keras.activations, str(config)) else config
    is_layer = isinstance(config, dict) and "name" in config
    return (part.get("registered_name") or kind) if is_layer and not hasattr(keras.layers, kind) else None


def _holds_code(part):
    kind, config = part.get("class_name"), part.get("config")
    if kind == "Lambda" and isinstance(config, dict):  # as Keras 2 writes it
        kinds = (config.get("function_type"), config.get("output_shape_type"))
        return "lambda" in kinds or isinstance(config.get("function"), list)
    return kind in _LOADS_CODE


def _build(config, path, files, of_keras_2):
    import keras

    with _clear_error(f"Keras cannot build the network in {path!r}", _load_yourself(files, config, of_keras_2)):
        if of_keras_2:
            try:
                config = rewritten(config)
            except ModelFileError as error:
                raise ModelFileError(f"{error} Or {_other_way(files, of_keras_2)}") from error
        model = keras.saving.deserialize_keras_object(config | {"compile_config": None}, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise TypeError(f"it is a {type(model).__name__}, not a network")
        if not model.built:
            raise ValueError("it does not say what shape its input has")
    return model


def _load_model(path, extension, config):
    import keras

    problem = f"Keras cannot load the network in {path!r}"
    with (
        _clear_error(problem, f"If it is damaged, copy or save it again. {_load_yourself(path, config, False)}"),
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
