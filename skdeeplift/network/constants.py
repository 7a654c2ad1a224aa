"""Values that are known before a network runs."""

import numpy as np
import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.compat import create_op


def constant_value(tensor):
    """Return the value of a tensor as an array if it is known before the network runs, else None.

    TensorFlow's own look-up of constants does not evaluate ops. ``tf.vectorized_map`` writes an axis as ops on
    constants, so they are evaluated here.
    """
    known, op = tf.get_static_value(tensor), tensor.op
    if known is not None or not op.inputs or not ops.facts_of(op.type).keeps_elements:
        return known
    inputs = [constant_value(each) for each in op.inputs]
    if any(each is None for each in inputs):
        return None
    attributes = {name: value for name, value in op.node_def.attr.items() if not name.startswith("_")}

    def compute():
        operands = [tf.constant(each, like.dtype) for each, like in zip(inputs, op.inputs, strict=True)]
        dtypes = [each.dtype for each in op.outputs]
        graph = tf.compat.v1.get_default_graph()
        return create_op(graph, op.type, operands, dtypes, attrs=attributes, name=op.type).outputs[tensor.value_index]

    # Leave the current graph, because the network may be read while another function is traced.
    with tf.init_scope():
        return np.asarray(tf.function(compute, autograph=False).get_concrete_function()())
