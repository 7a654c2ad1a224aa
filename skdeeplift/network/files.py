"""Loading of networks from files of Keras 3 and of earlier versions."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from typing import Any, Literal

from skdeeplift.annotations import Model, NetworkFiles
from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.custom_objects import CustomObjects, say_call
from skdeeplift.network.keras_1 import from_keras_0, is_keras_0, is_keras_1, to_keras_2
from skdeeplift.network.keras_2 import CUDNN, MODELS, rewritten
from skdeeplift.network.stored_code import copy_with_functions
from skdeeplift.network.stored_files import (
    ACCEPTED,
    DAMAGED,
    HDF5,
    check_path,
    clear_error,
    copy_ending_in,
    count_arrays,
    has_layer_names,
    holds_weights,
    open_hdf5,
)

# Keras stores archives uncompressed, and trained weights hardly compress. Only a malicious file grows by this factor
# when it is unpacked.
_LARGEST_GROWTH, _USUAL_SIZE = 100, 100_000_000
_KERNELS = ("theano", "tensorflow")


def load_network(
    path: NetworkFiles,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    kernels: Literal["theano", "tensorflow"] | None = None,
) -> Model:
    """Load a network from one file, or from a file of the architecture and a file of the weights.

    Explainers also take the path itself. Call this function to pass objects that the file refers to and does not hold.

    Parameters
    ----------
    path : str, os.PathLike, or tuple or list of two of them
        A ``.keras`` file, an ``.h5`` or ``.hdf5`` file of Keras 3, 2 or 1, or a pair of the architecture and the
        weights, ``("model.json", "weights.h5")``, of Keras 3, 2, 1 or 0.3.
    custom_objects : dict of str to class or function, default=None
        Your own classes and functions by their names in the file: names of layers (with or without a package,
        ``"package>Name"``), models and activations. A function with the name of a layer replaces the Python code that
        this layer stores, such as the code of a ``Lambda`` layer. If layers of several models in the network have the
        same name, put the name of the model first: ``"model/layer"``. For a model's class that differs from
        ``keras.Model`` only in training, pass ``keras.Model``. Names that are registered with Keras, or in a
        ``keras.saving.custom_object_scope``, need no entry.
    kernels : {"theano", "tensorflow"}, default=None
        Keras backend that trained the kernels of convolutions; Theano reverses kernels. By default the backend named in
        the file. Files of Keras 1 often do not name it, and raise an error that asks for this parameter. Not used for
        files of Keras 3.

    Returns
    -------
    model : keras.Model
        The network, not compiled. Every explainer takes it as ``estimator``. Code stored in the file is never run.

    Raises
    ------
    TypeError
        If ``path`` is neither a path nor a pair of paths, or ``custom_objects`` is no dict of classes and functions.
    ValueError
        If ``kernels`` is not one of its options.
    ModelFileNotFoundError
        If a file does not exist.
    ModelFileError
        If a file is damaged, has an unknown format or holds no network, or the weights do not fit the architecture.
        Also if the network stores Python code, and ``custom_objects`` has no function for this code.

    Examples
    --------
    >>> import os, tempfile
    >>> import keras
    >>> from skdeeplift import DeepLiftExplainer, load_network
    >>> code = keras.layers.Lambda(lambda x: 2 * x, output_shape=(2,), name="doubled")
    >>> network = keras.Sequential([keras.Input((2,)), code, keras.layers.Dense(1, kernel_initializer="ones")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "doubled.keras")
    ...     network.save(path)
    ...     model = load_network(path, custom_objects={"doubled": lambda x: 2 * x})
    >>> DeepLiftExplainer(model, reference="zeros").fit([[1.0, 3.0]]).transform([[1.0, 3.0]])
    array([[2., 6.]], dtype=float32)
    """
    if kernels not in (None, *_KERNELS):
        raise ValueError(f"kernels= takes {' or '.join(map(repr, _KERNELS))}, or None. Got {kernels!r}.")
    objects = CustomObjects(custom_objects)
    if not isinstance(path, (tuple, list)):
        path = check_path(path, (".keras", *HDF5))
        loading = _Loading(path, objects, kernels)
        return loading.from_archive(path) if path.lower().endswith(".keras") else loading.from_hdf5(path)
    if len(path) != 2:
        raise ModelFileError(f"Expected {ACCEPTED}. Received {len(path)} paths: {path!r}.")
    files = check_path(path[0], (".json",)), check_path(path[1], HDF5)
    return _Loading(files, objects, kernels).from_pair(*files)


class _Loading:
    """Loading of one network.

    Parameters
    ----------
    files : str or tuple of str
        The file, or the two files, for errors.
    objects : CustomObjects
        The user's classes and functions.
    kernels : str or None
        Backend that trained the kernels of convolutions.
    """

    def __init__(self, files, objects, kernels):
        self.files, self.objects, self.kernels = files, objects, kernels

    def from_archive(self, path):
        problem = f"The file {path!r} cannot be read as a .keras archive"
        with clear_error(problem, DAMAGED), zipfile.ZipFile(path) as file:
            packed, unpacked = os.path.getsize(path), sum(member.file_size for member in file.infolist())
            if unpacked > _USUAL_SIZE and unpacked > _LARGEST_GROWTH * packed:
                raise ModelFileError(
                    f"The archive {path!r} of {packed} bytes would take {unpacked} bytes unpacked, and is not read. If "
                    "you trust it, load it with Keras yourself and pass the keras.Model."
                )
            if "config.json" not in file.namelist():
                raise ModelFileError(
                    f"The archive {path!r} holds no network: it has no config.json. Expected {ACCEPTED}."
                )
            # Keras does not check the checksums of the weights.
            if file.testzip() is not None:
                raise ModelFileError(f"{problem}. {DAMAGED}")
            text, version = file.read("config.json"), json.loads(file.read("metadata.json"))["keras_version"]
        stored, config = self._parse(text, path, _is_old(version))
        if not _is_old(version):
            return self._load_model(path, ".keras", config, is_changed=config is not stored)
        model = self._build(config, path, of_keras_2=True)
        with clear_error(f"The weights in {path!r} cannot be read", DAMAGED), copy_ending_in(".keras", path) as path:
            model.load_weights(path)
        return model

    def from_hdf5(self, path):
        with open_hdf5(path) as file:
            text, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "1")
            if text is None:
                raise ModelFileError(
                    f'The file {path!r} holds weights but no architecture. Pass both, as ("model.json", {path!r}).'
                    if holds_weights(file)
                    else f"The HDF5 file {path!r} holds no network. Expected {ACCEPTED}."
                )
        stored, config = self._parse(text, path, _is_old(version))
        if not _is_old(version):
            return self._load_model(path, ".h5", config, is_changed=config is not stored)
        return self._load_weights(self._build(config, path, of_keras_2=True), path, path, stored)

    def from_pair(self, architecture, weights):
        with clear_error(f"The file {architecture!r} cannot be read", DAMAGED), open(architecture, "rb") as file:
            text = file.read()
        stored, config = self._parse(text, architecture)
        model = self._build(config, architecture, _of_keras_2(config))
        return self._load_weights(model, weights, architecture, stored)

    def _parse(self, text, path, of_keras_2=None):
        """Read an architecture, as stored and with functions instead of code; raise an error for code without one."""
        with clear_error(f"The architecture in {path!r} is not readable JSON", DAMAGED):
            stored = config = json.loads(text)
            list(_parts(config))
        problem = f"The architecture in {path!r} cannot be read"
        if is_keras_0(config):
            with clear_error(problem, DAMAGED):
                stored = config = from_keras_0(config, path)
        if not (isinstance(config, dict) and "class_name" in config and "config" in config):
            raise ModelFileError(
                f"The JSON in {path!r} describes no network. Expected what keras.Model.to_json() writes."
            )
        of_keras_2 = _of_keras_2(config) if of_keras_2 is None else of_keras_2
        with clear_error(problem, DAMAGED):
            config, left = copy_with_functions(config, self.objects.find_function)
            if left:
                raise ModelFileError(
                    f"The network in {path!r} stores Python code {_say_code(left)}, which is never run when a network "
                    f"is loaded from a file. {self._replace_code(left, of_keras_2)}"
                )
            return stored, to_keras_2(config, path) if of_keras_2 else config

    def _replace_code(self, layers, of_keras_2):
        """Explain how a user passes functions for stored code, or runs the code."""
        other = f"If you trust it, and it is of this version of Python, {self._other_way(of_keras_2)}"
        if not all(each.can_be_replaced for each in layers):
            return other
        names = {each.name: "function" for each in layers}
        if any(each.kind != "Lambda" for each in layers):  # Keras cannot load code in other places either
            other = ""
        return (
            f"Write {'its function' if len(names) == 1 else 'their functions'} again, and pass the model that this "
            f"call returns: {say_call(self.files, names)}. {other}".rstrip()
        )

    def _other_way(self, of_keras_2):
        """Explain how a user's own code loads a network that this package does not load."""
        package = "tf_keras" if of_keras_2 else "keras"
        call = f"{package}.models.load_model({self.files!r}, compile=False, safe_mode=False)"
        if isinstance(self.files, tuple):
            unsafe = f"{package}.{'__internal__' if of_keras_2 else 'config'}.enable_unsafe_deserialization(); "
            call = f"{package}.models.model_from_json(open({self.files[0]!r}).read())"
            call = f"{unsafe}model = {call}; model.load_weights({self.files[1]!r})"
        of_package = "tf_keras, the package of Keras 2" if of_keras_2 else "Keras"
        return f"load it yourself with {of_package}, and pass the model: {call}"

    def _look_up(self, config):
        """Look up the names that Keras would not find, and raise an error with advice for missing names."""
        import keras

        networks = set()
        for part in _parts(config):
            name = _custom_name(part, keras)
            if name is not None and self.objects.find(name) is None:
                self.objects.note_missing(name)
                if isinstance(part["config"], dict) and "layers" in part["config"]:
                    networks.add(name)
        names = {name: "keras.Model" if name in networks else name.rpartition(">")[2] for name in self.objects.missing}
        if not names:
            return None
        call = say_call(self.files, names)
        scope = call[call.index("{") : call.rindex("}") + 1]
        if networks:
            call += " (keras.Model stands for a class that differs in its training only)"
        return (
            f"Pass your own code by the names of the file: estimator={call}. Or call fit in the scope of your own "
            f"code: with keras.saving.custom_object_scope({scope}): ..."
        )

    def _build(self, config, path, of_keras_2):
        import keras

        if of_keras_2:
            with clear_error(f"Keras cannot build the network in {path!r}", self._if_trusted(True)):
                try:
                    config = rewritten(config, self.objects, self.files)
                except ModelFileError as error:
                    raise ModelFileError(f"The network in {path!r} is not built. {error}") from error
        advice = self._look_up(config) or self._if_trusted(of_keras_2)
        with clear_error(f"Keras cannot build the network in {path!r}", advice), self._scope():
            model = keras.saving.deserialize_keras_object(config | {"compile_config": None}, safe_mode=True)
            if not isinstance(model, keras.Model):
                raise TypeError(f"it is a {type(model).__name__}, not a network")
            if not model.built:
                raise ValueError("it does not say what shape its input has")
        return model

    def _if_trusted(self, of_keras_2):
        return f"If you trust the file, {self._other_way(of_keras_2)}"

    def _scope(self):
        import keras

        return keras.saving.custom_object_scope({**self.objects.given, **self.objects.found})

    def _load_model(self, path, extension, config, is_changed):
        import keras

        advice = self._look_up(config) or self._if_trusted(False)
        with (
            clear_error(
                f"Keras cannot load the network in {path!r}", f"If it is damaged, copy or save it again. {advice}"
            ),
            copy_ending_in(extension, path, config if is_changed else None) as path,
            self._scope(),
        ):
            return keras.saving.load_model(path, compile=False, safe_mode=True)

    def _load_weights(self, model, path, architecture, stored):
        """Load weights into a network, with the format read from the file, not from the ending of its name."""
        with open_hdf5(path) as file:
            if not holds_weights(file):
                raise ModelFileError(f"The HDF5 file {path!r} holds no weights that Keras saved.")
            group = file.get("model_weights", file)
            is_old = has_layer_names(group) or "nb_layers" in group.attrs
            n_arrays = 0 if is_old else count_arrays(file)
        problem = f"The weights in {path!r} do not fit the architecture in {architecture!r}"
        with contextlib.ExitStack() as stack:
            stack.enter_context(clear_error(problem, "Pass the weights that were saved from this very architecture."))
            if is_old:
                weights = stack.enter_context(self._converted(model, path, stored))
            else:
                weights = stack.enter_context(copy_ending_in(".weights.h5", path))
            if n_arrays > len(model.weights):  # Keras 3 would pass over the others in silence
                raise ValueError(f"the file has {n_arrays} arrays, and the architecture has {len(model.weights)}")
            model.load_weights(weights)
        return model

    @contextlib.contextmanager
    def _converted(self, model, path, stored):
        """Return the path of weights in the form of Keras 2 with TensorFlow: the file itself, or a converted copy."""
        from skdeeplift.network import old_weights

        with open_hdf5(path) as file:
            group = file.get("model_weights", file)
            kernels = self.kernels or old_weights.backend_of(group)
            of_keras_1 = is_keras_1(stored) or old_weights.is_keras_0(group)
            if kernels is None and of_keras_1 and old_weights.needs_backend(model):
                theano, tensorflow = (say_call(self.files, kernels=each) for each in _KERNELS)
                raise ModelFileError(
                    f"The weights in {path!r} are of Keras 1 or before, and do not tell which backend trained "
                    "the kernels of convolutions; Theano reverses them. Pass the model that one of two calls returns: "
                    f"{theano} if Theano trained them, {tensorflow} if TensorFlow did."
                )
            of_cudnn = any(part.get("class_name") in CUDNN for part in _parts(stored))
            is_converted = of_keras_1 or of_cudnn or kernels == "theano"
            arrays = old_weights.read(group) if is_converted else None
        if arrays is None:
            with copy_ending_in(".h5", path) as path:
                yield path
            return
        with tempfile.TemporaryDirectory() as folder:
            arrays = old_weights.convert(model, arrays, of_keras_1, kernels)
            old_weights.write(os.path.join(folder, "weights.h5"), arrays)
            yield os.path.join(folder, "weights.h5")


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _is_old(version):
    return _text(version).startswith(("0", "1", "2"))


def _of_keras_2(config):
    """Test whether an architecture is from Keras 2, which stores no modules of classes."""
    return "module" not in config or _is_old(config.get("keras_version", ""))


def _parts(value):
    """Yield all dicts in a JSON value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(each)


def _say_code(layers):
    """Name the layers that store code, with the names used in the code."""
    said = []
    for each in layers:
        names = each.identifiers
        named = f"in its layer {each.name!r} " if each.name else ""
        contents = f"; the code names {', '.join(names)}" if names else ""
        said.append(f"{named}(class {each.kind!r}{contents})")
    return " and ".join(said)


def _custom_name(part, keras):
    """Return the name by which Keras looks up a user's layer or function, or None for Keras's own."""
    kind, config = part.get("class_name"), part.get("config")
    if kind is None or str(part.get("module")).startswith("keras") or kind in MODELS:
        return None
    if kind == "function":
        return None if hasattr(keras.activations, str(config)) else config
    is_layer = isinstance(config, dict) and "name" in config
    return (part.get("registered_name") or kind) if is_layer and not hasattr(keras.layers, kind) else None
