"""Python code stored in files of networks: search, names and replacement. The code is never run."""

import base64
import copy
import re

_LOADS_CODE = ("TFSMLayer", "TorchModuleWrapper")
_IDENTIFIER = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*\Z")
# Type codes of text in Python's marshal format, also with the bit for references, with the number of bytes of the
# length.
_TEXT = {**dict.fromkeys(b"zZ\xfa\xda", 1), **dict.fromkeys(b"aAutsR\xe1\xc1\xf5\xf4\xf3", 4)}
_OF_MODULES = ("module", "function_type", "output_shape", "output_shape_type", "output_shape_module")


class StoredCode:
    """Layer that stores Python code.

    Parameters
    ----------
    part : dict
        Class and configuration of the layer.
    path : tuple of str
        Names of the models and layers around the layer, and its own name.
    """

    def __init__(self, part, path):
        self.part, self.kind, self.path = part, part["class_name"], path
        self.name = path[-1] if path else None
        self.place = "/".join(path)

    @property
    def can_be_replaced(self):
        """Test whether a single user's function can replace all code of the layer."""
        config = self.part["config"]
        if self.kind == "Lambda":
            return self.name is not None and not (isinstance(config.get("mask"), (list, dict)) and config["mask"])
        return self.name is not None and self.kind not in _LOADS_CODE and len(_lambdas_of(config)) == 1

    def replace(self, key):
        """Replace the code by the name of a function."""
        function = {"class_name": "function", "module": "builtins", "config": key, "registered_name": key}
        config = self.part["config"]
        if self.kind == "Lambda":
            # Drop an output shape that is code, because Keras computes the shape again. Keep a stored shape.
            shape = config.get("output_shape")
            is_shape = isinstance(shape, list) and all(size is None or isinstance(size, int) for size in shape)
            is_shape = is_shape and config.get("output_shape_type", "raw") == "raw"
            config["function"] = function
            for name in _OF_MODULES:
                config.pop(name, None)
            if is_shape and shape:
                config["output_shape"] = shape
        else:
            config[_lambdas_of(config)[0]] = function

    @property
    def codes(self):
        """Return the bytes of the code."""
        config = self.part["config"]
        keys = ("function", "output_shape", "mask") if self.kind == "Lambda" else _lambdas_of(config)
        return list(_codes([config.get(key) for key in keys]))

    @property
    def identifiers(self):
        """Return the names in the code, in the order of their first use."""
        return list(dict.fromkeys(name for code in self.codes for name in identifiers_in(code)))


def identifiers_in(code):
    """List the identifiers in marshalled code of any version of Python, from its bytes alone.

    Parameters
    ----------
    code : bytes
        Result of ``marshal.dumps``. It is not unmarshalled.

    Returns
    -------
    names : list of str
    """
    names = {}
    for place, kind in enumerate(code):
        width = _TEXT.get(kind, 0)
        start = place + 1 + width
        text = code[start : start + int.from_bytes(code[place + 1 : start], "little")] if width else b""
        if _IDENTIFIER.match(text) and len(text) == int.from_bytes(code[place + 1 : start], "little"):
            names[text.decode()] = None
    return list(names)


def copy_with_functions(config, find):
    """Replace the code of layers by the user's functions.

    Parameters
    ----------
    config : dict
        Architecture of a network of any version of Keras.
    find : callable
        Function that takes the names of a layer, and returns the name of a user's function, or None.

    Returns
    -------
    config : dict
        The architecture, or a changed copy if code was replaced.
    left : list of StoredCode
        Layers with code that was not replaced.
    """
    if not any(True for _ in _layers_with_code(config["config"], ())):
        return config, []
    config = copy.deepcopy(config)
    layers = list(_layers_with_code(config["config"], ()))
    codes = {}
    for layer in layers:
        codes.setdefault(layer.name, set()).add(tuple(layer.codes))
    left = []
    for layer in layers:
        # If layers of the same name have different code, require the names of the models around them.
        if len(codes[layer.name]) > 1:
            layer.name = layer.place
        key = find(layer.place, layer.name) if layer.can_be_replaced else None
        if key is None:
            left.append(layer)
        else:
            layer.replace(key)
    return config, left


def _layers_with_code(value, path):
    """Yield the layers that store code, each with the names of the layers and models around it."""
    if isinstance(value, list):
        for each in value:
            yield from _layers_with_code(each, path)
    if not isinstance(value, dict):
        return
    config = value.get("config")
    if "class_name" in value and isinstance(config, dict):
        path = path if config.get("name") is None else (*path, config["name"])
        if _holds_code(value):
            yield StoredCode(value, path)
            return
    elif value.get("class_name") in (*_LOADS_CODE, "__lambda__"):
        yield StoredCode(value, path)
        return
    for each in value.values():
        yield from _layers_with_code(each, path)


def _holds_code(part):
    kind, config = part["class_name"], part["config"]
    if kind in (*_LOADS_CODE, "__lambda__"):
        return True
    if kind == "Lambda":
        kinds = (config.get("function_type"), config.get("output_shape_type"))
        if "lambda" in kinds or isinstance(config.get("function"), list):  # the form of Keras 2
            return True
    return bool(_lambdas_of(config))


def _lambdas_of(config):
    """List the keys of a layer's configuration with code as values, in the form of Keras 3."""
    return [key for key, value in config.items() if isinstance(value, dict) and _is_lambda(value)]


def _is_lambda(value):
    if value.get("class_name") == "__lambda__":
        return True
    # Keras 3 writes activations in this form and cannot read them.
    code = value["value"] if value.keys() == {"value"} else None
    return isinstance(code, list) and len(code) == 3 and isinstance(code[0], str)


def _codes(value):
    """Yield the bytes of all code in the values of a configuration."""
    if isinstance(value, str):
        # Before Keras 2.1, the bytes were stored as text without base64.
        is_base64 = re.fullmatch(r"[A-Za-z0-9+/=\s]*", value) and len(re.sub(r"\s", "", value)) % 4 == 0
        yield base64.b64decode(value) if is_base64 else value.encode("latin-1", "ignore")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _codes(each)
