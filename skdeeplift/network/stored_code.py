"""Python code that files of networks store: found, named and replaced, and never run."""

import base64
import copy
import re

_LOADS_CODE = ("TFSMLayer", "TorchModuleWrapper")
_IDENTIFIER = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*\Z")
# Types of text in Python's marshal format, with the bit that says that others refer to it, by the bytes of a length.
_TEXT = {**dict.fromkeys(b"zZ\xfa\xda", 1), **dict.fromkeys(b"aAutsR\xe1\xc1\xf5\xf4\xf3", 4)}
_OF_MODULES = ("module", "function_type", "output_shape", "output_shape_type", "output_shape_module")


class StoredCode:
    """A layer that stores Python code.

    Parameters
    ----------
    part : dict
        The layer's class and configuration.
    path : tuple of str
        Names of the models and layers around it, and its own.
    """

    def __init__(self, part, path):
        self.part, self.kind, self.path = part, part["class_name"], path
        self.name = path[-1] if path else None
        self.place = "/".join(path)

    @property
    def can_be_replaced(self):
        """Return whether one function of the user's own stands for all the code."""
        config = self.part["config"]
        if self.kind == "Lambda":
            return self.name is not None and not (isinstance(config.get("mask"), (list, dict)) and config["mask"])
        return self.name is not None and self.kind not in _LOADS_CODE and len(_lambdas_of(config)) == 1

    def replace(self, key):
        """Put the name of a function in the place of the code."""
        function = {"class_name": "function", "module": "builtins", "config": key, "registered_name": key}
        config = self.part["config"]
        if self.kind == "Lambda":
            # A shape of the output that is code is computed again; a stored shape is kept.
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
    """List the identifiers in marshalled code, by its bytes alone, of whatever version of Python it is.

    Parameters
    ----------
    code : bytes
        What ``marshal.dumps`` wrote. It is not unmarshalled.

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
    """Replace the code of layers by functions of the user's own.

    Parameters
    ----------
    config : dict
        Architecture of a network of any version of Keras.
    find : callable
        Function that takes names of a layer, and returns whether there is a function of such a name: the name, or None.

    Returns
    -------
    config : dict
        The architecture, a copy if something was replaced.
    left : list of StoredCode
        Layers whose code was not replaced.
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
        # One name for different code would be ambiguous: the names of the models around it tell them apart.
        if len(codes[layer.name]) > 1:
            layer.name = layer.place
        key = find(layer.place, layer.name) if layer.can_be_replaced else None
        if key is None:
            left.append(layer)
        else:
            layer.replace(key)
    return config, left


def _layers_with_code(value, path):
    """Yield the layers that store code, and the names of layers and models around each."""
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
        if "lambda" in kinds or isinstance(config.get("function"), list):  # as Keras 2 writes it
            return True
    return bool(_lambdas_of(config))


def _lambdas_of(config):
    """List the keys of a layer's configuration whose values are code, as Keras 3 writes it."""
    return [key for key, value in config.items() if isinstance(value, dict) and _is_lambda(value)]


def _is_lambda(value):
    if value.get("class_name") == "__lambda__":
        return True
    # Keras 3 writes activations so, and cannot read them.
    code = value["value"] if value.keys() == {"value"} else None
    return isinstance(code, list) and len(code) == 3 and isinstance(code[0], str)


def _codes(value):
    """Yield the bytes of all code among the values of a configuration."""
    if isinstance(value, str):
        # Before Keras 2.1, the bytes themselves were text.
        is_base64 = re.fullmatch(r"[A-Za-z0-9+/=\s]*", value) and len(re.sub(r"\s", "", value)) % 4 == 0
        yield base64.b64decode(value) if is_base64 else value.encode("latin-1", "ignore")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _codes(each)
