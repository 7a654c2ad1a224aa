"""Run a traced graph, or a part of it, again inside another TensorFlow function."""

import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError

# Stateful to TensorFlow, yet free of effects and of chance.
READS_STATE = frozenset({"ReadVariableOp", "LookupTableFindV2", "LookupTableSizeV2", "VarHandleOp"})


def run(graph, values, wanted):
    """Create again the ops that lead to ``wanted``.

    Parameters
    ----------
    graph : Graph
        The traced network, or a loop's body.
    values : dict of Value to tensor
        What is given: the graph's inputs, or any values further on. It is extended by all that is computed.
    wanted : iterable of Value
        What to compute.

    Returns
    -------
    tensors : list of tensor
        One for each value of ``wanted``.
    """
    wanted = list(wanted)
    for value, tensor in graph.captures.items():
        values.setdefault(value, tensor)
    for op in graph.ancestors(wanted, known=values):
        for value, tensor in zip(op.outputs, create(op, [values[value] for value in op.inputs]), strict=True):
            values.setdefault(value, tensor)
    return [values[value] for value in wanted]


def create(op, inputs):
    """Create an op again on other inputs, and return its outputs."""
    if _is_stateful(op.type, op.definition) and op.type not in READS_STATE:
        raise UnsupportedOpError(
            f"The network reads the op {op.type!r} ({op.name!r}), which is random or has state, so two passes over the "
            "same row need not agree and no contribution can be right. Remove it from the inference pass."
        )
    inputs = [tf.convert_to_tensor(tensor) for tensor in inputs]
    if op.compiled and op.type.startswith("Conv"):
        return [tf.function(lambda *tensors: _create(op, tensors)[0], jit_compile=True, autograph=False)(*inputs)]
    return _create(op, inputs)


def _create(op, inputs):
    graph = tf.compat.v1.get_default_graph()
    dtypes = [value.dtype for value in op.outputs]
    return graph.create_op(op.type, list(inputs), dtypes, attrs=op.attributes, name=op.type).outputs


_STATEFUL = {}


def _is_stateful(op_type, definition):
    if op_type not in _STATEFUL:
        _STATEFUL[op_type] = definition.op_def.is_stateful
    return _STATEFUL[op_type]
