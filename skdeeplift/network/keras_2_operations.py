"""Layers of Keras 2 that call TensorFlow functions, stored by the names of the functions."""

import json
import types

import keras
import tensorflow as tf
from google.protobuf import json_format

from skdeeplift.network import ops

# Namespaces of functions without side effects and randomness. Only names in them are looked up for a file.
_NAMESPACES = ("bitwise", "image", "linalg", "math", "nn", "quantization", "signal")
_ARRAY_FUNCTIONS = frozenset(
    """
    abs acos acosh add add_n argmax argmin argsort asin asinh atan atan2 atanh batch_to_space boolean_mask
    broadcast_to cast clip_by_norm clip_by_value complex concat constant convert_to_tensor cos cosh cumsum div
    div_no_nan divide einsum ensure_shape equal exp expand_dims eye fill floor floor_div floordiv floormod gather
    gather_nd greater greater_equal identity less less_equal linspace log logical_and logical_not logical_or
    logical_xor matmul maximum meshgrid minimum mod multiply negative norm not_equal one_hot ones ones_like pad pow
    range rank realdiv reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod
    reduce_sum repeat reshape reverse reverse_sequence roll round rsqrt saturate_cast scalar_mul scatter_nd
    searchsorted sequence_mask shape sigmoid sign sin sinh size slice sort space_to_batch split sqrt square
    squared_difference squeeze stack stop_gradient strided_slice subtract tan tanh tensor_scatter_nd_add
    tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub tensor_scatter_nd_update tensordot tile
    to_float to_double to_int32 to_int64 transpose truediv truncatediv truncatemod unstack where where_v2 zeros
    zeros_like
    """.split()
)
_EXCLUDED = ("random", "dropout", "sampler", "sampled", "fractional", "nce_loss", "experimental", "distorted")
_OPERATORS = ("add", "eq", "getitem", "ne")


def _batch_flatten(x):
    size = x.shape[1:].num_elements()
    return tf.reshape(x, [-1, size] if size else [tf.shape(x)[0], -1])


def _dot(x, y):
    return tf.tensordot(x, y, [[-1], [-2 if len(y.shape) > 1 else 0]])


def _clip(x, min_value, max_value):
    return tf.clip_by_value(x, min_value, max_value)


def _concatenate(tensors, axis=-1):
    return tf.concat(tensors, axis)


def _permute_dimensions(x, pattern):
    return tf.transpose(x, pattern)


def _flatten(x):
    return tf.reshape(x, [-1])


def _bias_add(x, bias, data_format=None):
    return tf.nn.bias_add(x, bias, "NCHW" if data_format == "channels_first" else None)


_OF_KERAS_BACKEND = {
    **{name: getattr(tf.math, name) for name in ("abs", "exp", "log", "sqrt", "square", "sign", "round", "pow")},
    **{name: getattr(tf.math, f"reduce_{name}") for name in ("sum", "mean", "max", "min", "prod", "logsumexp")},
    **{name: getattr(tf.nn, name) for name in ("softmax", "sigmoid", "tanh", "relu", "softplus", "softsign")},
    **{name: getattr(tf, name) for name in ("cast", "expand_dims", "maximum", "minimum", "reshape", "shape")},
    **{name: getattr(tf, name) for name in ("squeeze", "stack", "tile", "transpose")},
    "batch_flatten": _batch_flatten,
    "bias_add": _bias_add,
    "clip": _clip,
    "concatenate": _concatenate,
    "dot": _dot,
    "flatten": _flatten,
    "l2_normalize": tf.math.l2_normalize,
    "permute_dimensions": _permute_dimensions,
}


def find_function(symbol):
    """Look up a TensorFlow function by the name that Keras 2 stored.

    Parameters
    ----------
    symbol : str
        Name without the package, such as ``"math.exp"``.

    Returns
    -------
    function : callable or None
        The function, or None if it is not allowed in files.
    """
    if symbol.startswith("keras.backend."):
        return _OF_KERAS_BACKEND.get(symbol.removeprefix("keras.backend."))
    short = symbol.removeprefix("compat.v1.")
    first, *further = short.split(".")
    if first == "__operators__" and len(further) == 1:
        return getattr(tf.__operators__, further[0]) if further[0] in _OPERATORS else None
    is_allowed = first in _NAMESPACES if further else first in _ARRAY_FUNCTIONS
    if not is_allowed or any(part.startswith("_") for part in further) or any(word in short for word in _EXCLUDED):
        return None
    value = tf.compat.v1 if short != symbol else tf
    for part in (first, *further):
        value = getattr(value, part, None)
    return value if isinstance(value, types.FunctionType) else None


@keras.saving.register_keras_serializable("skdeeplift")
class TensorFlowCall(keras.Layer):
    """Layer that calls a TensorFlow function on tensors and constants.

    Parameters
    ----------
    function : str or callable
        Name of an allowed function, such as ``"math.exp"``, or a user's function.
    arguments : str
        JSON of the first argument and of the keyword arguments, with ``{"tensor": k}`` in the place of tensor ``k``.
    **kwargs : dict
        Parameters of every layer.
    """

    def __init__(self, function, arguments, **kwargs):
        super().__init__(**{**kwargs, "autocast": False})
        self.function = function
        self.arguments = arguments

    def call(self, tensors):
        """Call the function on a tensor, or a list of tensors."""
        tensors = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
        first, keywords = _fill(json.loads(self.arguments), tensors)
        function = find_function(self.function) if isinstance(self.function, str) else self.function
        if function is None:
            raise ValueError(f"A network from a file may not call the function tf.{self.function}.")
        return function(first, **keywords)

    def get_config(self):
        """Return the arguments of ``__init__``."""
        function = self.function
        if not isinstance(function, str):
            function = keras.saving.serialize_keras_object(function)
        return {**super().get_config(), "function": function, "arguments": self.arguments}

    @classmethod
    def from_config(cls, config):
        """Make the layer from its configuration."""
        if isinstance(config["function"], dict):
            config = {**config, "function": keras.saving.deserialize_keras_object(config["function"])}
        return cls(**config)


# Allowed operations. The last three have no row in the table of ops, because they have no rule.
_OPERATIONS = ops.without_effects() | {"Fill", "L2Loss", "LRN"}


@keras.saving.register_keras_serializable("skdeeplift")
class TensorFlowOperation(keras.Layer):
    """Layer of one TensorFlow operation, as stored by Keras 2 with TensorFlow 2.0 to 2.3.

    Parameters
    ----------
    node : str
        JSON of the operation's ``NodeDef``.
    constants : str, default="{}"
        JSON of the constant inputs by their positions.
    **kwargs : dict
        Parameters of every layer.
    """

    def __init__(self, node, constants="{}", **kwargs):
        super().__init__(**{**kwargs, "autocast": False})
        self.node, self.constants = node, constants

    def call(self, tensors):
        """Apply the operation to a tensor, or a list of tensors."""
        tensors = list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]
        for place, value in sorted(json.loads(self.constants).items(), key=lambda item: int(item[0])):
            tensors.insert(int(place), tf.constant(value))
        return tf.function(self._apply)(tensors) if tf.executing_eagerly() else self._apply(tensors)

    def _apply(self, tensors):
        graph = tf.compat.v1.GraphDef()
        node = graph.node.add()
        node.CopyFrom(read_node(self.node))
        names = [f"input_{number}" for number in range(len(tensors))]
        node.input[:] = names
        operation = tf.graph_util.import_graph_def(graph, dict(zip(names, tensors, strict=True)), [node.name], name="")[
            0
        ]
        return operation.outputs[0] if len(operation.outputs) == 1 else list(operation.outputs)

    def get_config(self):
        """Return the arguments of ``__init__``."""
        return {**super().get_config(), "node": self.node, "constants": self.constants}


def read_node(text):
    """Read the definition of an operation that is allowed in files.

    Parameters
    ----------
    text : str
        JSON of a ``NodeDef``, or its bytes as text.

    Returns
    -------
    node : NodeDef

    Raises
    ------
    ValueError
        If the operation may have side effects, or is random.
    """
    node = tf.compat.v1.NodeDef()
    if text.startswith("{"):
        json_format.Parse(text, node)
    else:
        node.ParseFromString(text.encode())
    if node.op not in _OPERATIONS:
        raise ValueError(f"A network from a file may not run the operation {node.op}.")
    node.device = ""
    for name in [name for name in node.attr if name.startswith("_")]:
        del node.attr[name]
    return node


def _fill(value, tensors):
    """Replace placeholders of tensors, slices and the ellipsis by these objects."""
    if isinstance(value, list):
        return [_fill(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"tensor"}:
        return tensors[value["tensor"]]
    if value.get("class_name") == "__ellipsis__":
        return Ellipsis
    parts = {key: _fill(item, tensors) for key, item in value.items()}
    return slice(parts["start"], parts["stop"], parts["step"]) if parts.keys() == {"start", "stop", "step"} else parts
