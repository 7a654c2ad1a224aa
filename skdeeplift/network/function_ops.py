"""Ops that run a traced function without copying it into the calling graph."""

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue, NameAttrList


def launch_by_xla(function, inputs):
    """Create an op that compiles a function by XLA and runs it.

    An ordinary call of the function would leak memory. TensorFlow copies the body of a called function for each calling
    graph, and does not free the copy with the graph: half a megabyte for each new target function.

    Parameters
    ----------
    function : ConcreteFunction
        Function that captures no tensors.
    inputs : list of tensor
        The function's arguments in order.

    Returns
    -------
    results : structure of tensor
        In the structure of the function's results.
    """
    attributes = {
        "function": _function_attribute(function),
        "Nresources": AttrValue(i=0),
        "Tconstants": _types([]),
        "Targs": _types(inputs),
        "Tresults": _types(_outputs(function)),
    }
    return _create("XlaLaunch", inputs, function, attributes, [function])


def call_one_of(condition, if_true, if_false, inputs):
    """Create an op that runs one of two functions.

    Parameters
    ----------
    condition : tensor of bool
        A scalar.
    if_true, if_false : ConcreteFunction
        Functions with the same arguments and results that capture no tensors.
    inputs : list of tensor
        Arguments of both in order.

    Returns
    -------
    results : structure of tensor
        In the structure of the functions' results.
    """
    unknown = [tf.TensorShape(None).as_proto()] * len(_outputs(if_false))
    attributes = {
        "then_branch": _function_attribute(if_true),
        "else_branch": _function_attribute(if_false),
        "Tcond": AttrValue(type=tf.bool.as_datatype_enum),
        "Tin": _types(inputs),
        "Tout": _types(_outputs(if_false)),
        "output_shapes": AttrValue(list=AttrValue.ListValue(shape=unknown)),
    }
    return _create("StatelessIf", [condition, *inputs], if_false, attributes, [if_true, if_false])


def _create(op_type, inputs, like, attributes, functions):
    graph, outputs = tf.compat.v1.get_default_graph(), _outputs(like)
    for function in functions:
        function.add_to_graph(graph)
    results = graph.create_op(op_type, inputs, [output.dtype for output in outputs], attrs=attributes).outputs
    for result, output in zip(results, outputs, strict=True):
        result.set_shape(output.shape)
    return tf.nest.pack_sequence_as(like.structured_outputs, results)


def _outputs(function):
    """List a function's results. TensorFlow appends intermediate values to ``outputs`` for the function's gradient."""
    return tf.nest.flatten(function.structured_outputs)


def _function_attribute(function):
    return AttrValue(func=NameAttrList(name=tf.compat.as_str(function.name)))


def _types(tensors):
    return AttrValue(list=AttrValue.ListValue(type=[tensor.dtype.as_datatype_enum for tensor in tensors]))
