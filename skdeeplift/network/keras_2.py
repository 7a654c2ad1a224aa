"""Architectures of Keras 2, rewritten as Keras 3 would have written them."""

import inspect
import json

from skdeeplift.exceptions import ModelFileError

MODELS = {"Sequential": "Sequential", "Model": "Model", "Functional": "Model"}
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


def rewritten(config):
    """Rewrite the configuration of a network, part by part, from the inside out.

    Parameters
    ----------
    config : dict
        As Keras 2, or Keras 1 for dense layers, wrote it as JSON.

    Returns
    -------
    config : dict
        As Keras 3 reads it.

    Raises
    ------
    ModelFileError
        If Keras 3 would compute something else.
    """
    return json.loads(json.dumps(config), object_hook=_rewrite)


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
    module, kind = ("keras", MODELS[kind]) if kind in MODELS else ("keras.layers", kind)
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
