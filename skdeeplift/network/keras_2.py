"""Conversion of architectures of Keras 2 to the form of Keras 3."""

import inspect
import json

from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.custom_objects import say_call

MODELS = {"Sequential": "Sequential", "Model": "Model", "Functional": "Model"}
# Keys for training only. Their values may be of classes that no longer exist.
_TRAINING_ONLY = ("init", "_initializer", "_regularizer", "_constraint")
# Keys that layers of Keras 3 may lack, with their values without effect.
_OBSOLETE = {
    **dict.fromkeys(("ragged", "sparse", "time_major", "renorm", "softmax_robust_masking"), (False, None)),
    **dict.fromkeys(("virtual_batch_size", "noise_shape"), (None,)),
    "causal": (False,),
    "fused": (False, True, None),
    "groups": (1,),
    "mode": (0,),
}
# Keys that only describe the input.
_ABOUT_INPUT = ("input_dim", "input_length", "input_dtype", "query_shape", "key_shape", "value_shape")
# Keys that tell where the functions of a Lambda layer were defined.
_ABOUT_CODE = ("module", "function_type", "output_shape_type", "output_shape_module")
_OF_NETWORKS = ("name", "trainable", "layers", "input_layers", "output_layers", "build_input_shape")
_RENAMED = {"LeakyReLU": {"alpha": "negative_slope"}}
# Layers that ran only on cuDNN, with another layout of weights.
CUDNN = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}
_CALLS = ("TFOpLambda", "SlicingOpLambda")
# Layers of this package that Keras 3 lacks.
_OWN = ("LocallyConnected1D", "LocallyConnected2D", "ThresholdedReLU")
_RECURRENT = ("Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN")
_ACTIVATIONS = ("activation", "recurrent_activation", "function")
_HARD_SIGMOID = "skdeeplift>hard_sigmoid_of_keras_2"
_CONSTANT = "_CONSTANT_VALUE"


def rewritten(config, objects, files):
    """Rewrite the configuration of a network, part by part, from the inside out.

    Parameters
    ----------
    config : dict
        Configuration from the JSON of Keras 2.
    objects : CustomObjects
        The user's classes and functions.
    files : str or tuple of str
        The file, or the two files, for errors.

    Returns
    -------
    config : dict
        Configuration in the form of Keras 3.

    Raises
    ------
    ModelFileError
        If a layer calls a function that is not allowed in files.
    """
    return json.loads(json.dumps(config), object_hook=_Rewriting(objects, files).rewrite)


class _Rewriting:
    """Rewriting of one file's configuration."""

    def __init__(self, objects, files):
        self.objects, self.files = objects, files

    def rewrite(self, part):
        """Rewrite one part in the form of Keras 3, after the parts inside it."""
        kind, config = part.get("class_name"), part.get("config")
        if kind in ("__tuple__", "TensorShape"):
            return part["items"]
        if part.get("type") == "ndarray":
            return part["value"]
        if kind is None or not isinstance(config, (dict, list)):
            return part
        return config["name"] if kind.endswith("Policy") else self._rewrite_layer(part, kind, config)

    def _rewrite_layer(self, part, kind, config):
        import keras

        if isinstance(config, list):  # a Sequential model of Keras 2
            config = {"name": None, "layers": config}
        for place in (part, config):
            if isinstance(place.get("name"), str):
                place["name"] = _without_slashes(place["name"])
        if kind != "InputLayer" and "batch_input_shape" in config:
            dtype = "int32" if kind == "Embedding" else config.get("dtype")
            part["input"] = {"batch_shape": config.pop("batch_input_shape"), "dtype": dtype}
        for key in _ACTIVATIONS:
            if key in config and kind not in _CALLS:
                config[key] = self._rewrite_function(config[key])
        kept = {key: part[key] for key in ("name", "inbound_nodes", "input") if key in part}
        if kind == "TensorFlowOpLayer":
            return kept | self._rewrite_node(part, config)
        if kind in _CALLS:
            return kept | self._rewrite_operation(config)
        name = part.get("registered_name") or kind
        is_own = kind not in MODELS and not hasattr(keras.layers, kind) and kind not in _OWN
        if is_own and "name" not in config:  # not a layer, but an initializer or similar object
            return part
        if kind in CUDNN and not self.objects.has_class(name):
            config |= {"activation": "tanh", "recurrent_activation": "sigmoid"}
            kind, is_own = CUDNN[kind], False
            if kind == "GRU":
                config["reset_after"] = True
        own = self.objects.find(name, kind) if is_own or self.objects.has_class(name) else None
        if own and self.objects.found[own] is keras.Model and "layers" in config:
            own, kind = None, "Model" if "input_layers" in config else "Sequential"
            config = {key: config[key] for key in _OF_NETWORKS if key in config}
        elif own or is_own:
            if "input_layers" in config:
                self._rewrite_calls(config)
            return kept | {"class_name": kind, "module": "builtins", "registered_name": own or name, "config": config}
        if kind == "Lambda" and isinstance(
            config.get("output_shape"), str
        ):  # a function; Keras 3 computes the shape instead
            del config["output_shape"]
        module, kind = ("keras", MODELS[kind]) if kind in MODELS else ("keras.layers", kind)
        registered, cls = None, getattr(keras if module == "keras" else keras.layers, kind, None)
        if kind in _OWN and cls is None:
            from skdeeplift.network import keras_2_layers

            module, registered, cls = keras_2_layers.__name__, f"skdeeplift>{kind}", getattr(keras_2_layers, kind)
        takes = inspect.signature(cls).parameters
        names = _RENAMED.get(kind, {})
        config = {names.get(key, key): value for key, value in config.items() if not _says_nothing(key, value, takes)}
        if isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
            config["axis"] = config["axis"][0]
        if kind in ("GRU", "GRUCell"):
            config.setdefault("reset_after", False)
        if kind == "Sequential" and config["layers"] and (given := _input_of(config["layers"][0])):
            given = {"class_name": "InputLayer", "module": "keras.layers", "config": given}
            config["layers"] = [given, *config["layers"]]
        if kind == "Model":
            self._rewrite_calls(config)
        return kept | {"class_name": kind, "module": module, "registered_name": registered, "config": config}

    def _rewrite_function(self, value):
        """Name a function in the form of Keras 3: Keras's own by its name, others as custom objects."""
        import keras

        name = value.get("config") if isinstance(value, dict) and value.get("class_name") == "function" else value
        if not isinstance(name, str):
            return value
        if name in self.objects.given:
            self.objects.find(name)
        elif name == "hard_sigmoid":
            # The hard sigmoid of Keras 3 has another slope.
            from skdeeplift.network import keras_2_layers  # noqa: F401

            name = _HARD_SIGMOID
        elif hasattr(keras.activations, name):
            return value
        return {"class_name": "function", "module": "builtins", "config": name, "registered_name": name}

    def _rewrite_node(self, part, config):
        """Rewrite a layer that is one TensorFlow operation."""
        from skdeeplift.network.keras_2_operations import read_node

        node = config["node_def"]
        node = node if isinstance(node, str) else json.dumps(node)
        read_node(node)
        name = part.get("name", config["name"])
        return {
            "class_name": "TensorFlowOperation",
            "module": "skdeeplift.network.keras_2_operations",
            "registered_name": "skdeeplift>TensorFlowOperation",
            "config": {"name": name, "node": node, "constants": json.dumps(config.get("constants") or {})},
        }

    def _rewrite_operation(self, config):
        """Rewrite a layer that calls a TensorFlow function; its arguments are rewritten with the network."""
        from skdeeplift.network.keras_2_operations import find_function

        name, function = config["name"], config["function"]
        own = next((each for each in (name, f"tf.{function}") if each in self.objects.given), None)
        if own is not None:
            self.objects.find(own)
            function = {"class_name": "function", "module": "builtins", "config": own, "registered_name": own}
        elif find_function(function) is None:
            raise ModelFileError(
                f"Layer {name!r} calls tf.{function}, which is not among the TensorFlow functions that a network from "
                "a file may call. Pass a function of your own that takes the same arguments: "
                f"{say_call(self.files, {name: 'function'})}."
            )
        config = {"name": name, "function": function}
        return {
            "class_name": "TensorFlowCall",
            "module": "skdeeplift.network.keras_2_operations",
            "registered_name": "skdeeplift>TensorFlowCall",
            "config": config,
        }

    def _rewrite_calls(self, config):
        """Rewrite the arguments of the layers of a functional network.

        Keras stores a tensor as the name of its layer, the number of the call and the number of the output. Keras 2
        numbers the calls of a nested model from one, Keras 3 from zero. For the outputs of the network, Keras 3 numbers
        calls of a nested functional model as Keras 2 does.
        """
        layers, outputs = config["layers"], config["output_layers"]
        text = _without_slashes(json.dumps([[layer["inbound_nodes"] for layer in layers], outputs]))
        models = [layer["name"] for layer in layers if "layers" in layer["config"]]
        from_one = {name for name in models if json.dumps([name, 0])[:-1] not in text}
        sequential = {layer["name"] for layer in layers if layer["class_name"] == "Sequential"}

        def tensor(name, call, output):
            if name == _CONSTANT:
                return output
            name = _without_slashes(name)
            history = [name, call - (name in from_one), output]
            return {
                "class_name": "__keras_tensor__",
                "config": {"shape": [], "dtype": "float32", "keras_history": history},
            }

        for layer in layers:
            calls = layer["inbound_nodes"]
            if layer["class_name"] == "TensorFlowCall":
                layer["inbound_nodes"] = [self._rewrite_call_of_function(layer, calls, tensor)]
                continue
            for number, inputs in enumerate(calls):
                tensors = _map_places(tensor, inputs)
                # Keyword arguments may hold more tensors; Keras 2 stores them with each input.
                keywords = _map_places(tensor, _keywords(inputs))
                args = tensors if isinstance(tensors, list) and len(tensors) == 1 else [tensors]
                if layer["class_name"] in _RECURRENT and isinstance(args[0], list):  # a sequence and the initial state
                    args, keywords = args[0][:1], {"initial_state": args[0][1:]} | keywords
                calls[number] = {"args": args, "kwargs": keywords}
        shifted = from_one & sequential

        def place(name, call, output):
            name = _without_slashes(name)
            return [name, call - (name in shifted), output]

        # Unpack a list of one tensor: Keras 2 stores a single tensor so, but Keras 3 reads another structure.
        outputs = _map_places(place, outputs)
        config["output_layers"] = outputs[0] if len(outputs) == 1 else outputs
        inputs = _map_places(lambda name, *rest: [_without_slashes(name), *rest], config["input_layers"])
        config["input_layers"] = inputs[0] if len(inputs) == 1 else inputs

    def _rewrite_call_of_function(self, layer, calls, tensor):
        """Keep the constants of a call in the layer's configuration, and return a call on only the tensors."""
        tensors = []

        def place(*where):
            if where[0] == _CONSTANT:
                return where[2]
            tensors.append(tensor(*where))
            return {"tensor": len(tensors) - 1}

        config = layer["config"]
        arguments = [None, {}]
        if len(calls) == 1:
            keywords = {key: value for key, value in _keywords(calls[0]).items() if key != "name"}
            arguments = [_map_places(place, calls[0]), _map_places(place, keywords)]
        if not tensors:
            raise ModelFileError(
                f"Keras 2 did not store the tensors that layer {config['name']!r} is called on, so that no package can "
                "load the network. Build it with Keras 3, load its weights by model.load_weights, and pass the model."
            )
        if config["function"] in ("__operators__.eq", "__operators__.ne") and not arguments[1]:
            raise ModelFileError(
                f"Keras 2 did not store what layer {config['name']!r} compares a tensor with. Pass a function "
                f"of your own that does: {say_call(self.files, {config['name']: 'function'})}."
            )
        config["arguments"] = json.dumps(arguments)
        return {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": {}}


def _input_of(layer):
    """Return the input that a first layer declares, unless the layer is an input itself."""
    if layer["class_name"] == "Sequential" and layer["config"]["layers"][:1]:
        first = layer["config"]["layers"][0]
        shape = first["config"].get("batch_shape") or first["config"].get("batch_input_shape")
        is_input = first["class_name"] == "InputLayer" and shape
        return {"batch_shape": shape, "dtype": first["config"].get("dtype")} if is_input else None
    return layer.get("input")


def _without_slashes(name):
    """Return a layer's name without slashes, which Keras 3 does not allow."""
    return name.replace("/", "_")


def _is_place(value):
    """Test whether a value is a tensor's place, (layer, call, output), or a constant, with or without keywords."""
    if not isinstance(value, list) or len(value) not in (3, 4) or not isinstance(value[0], str):
        return False
    if value[0] == _CONSTANT:
        return True
    return all(type(each) is int for each in value[1:3]) and (len(value) == 3 or isinstance(value[3], dict))


def _keywords(inputs):
    """Return the keyword arguments of a call, which are stored with each input."""
    if _is_place(inputs):
        return inputs[3] if len(inputs) == 4 else {}
    for each in inputs.values() if isinstance(inputs, dict) else inputs if isinstance(inputs, list) else ():
        found = _keywords(each)
        if found:
            return found
    return {}


def _map_places(function, value):
    """Apply a function to everything in the form of a tensor's place, (name of the layer, call, output)."""
    if isinstance(value, dict):
        return {key: _map_places(function, item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if _is_place(value):
        return function(*value[:3])
    return [_map_places(function, item) for item in value]


def _says_nothing(key, value, takes):
    if key.endswith(_TRAINING_ONLY):
        return True
    if key == "trainable" and key not in takes:
        return not any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    return key not in takes and (key in (*_ABOUT_INPUT, *_ABOUT_CODE) or value in _OBSOLETE.get(key, ()))
