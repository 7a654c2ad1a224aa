"""Private parts of TensorFlow, Keras and scikit-learn that this folder and the engine rely on."""

import inspect

import tensorflow as tf
from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

# The public wrapper looks for a deprecated argument, which takes a third of the time of creating an op.
create_op = inspect.unwrap(tf.Graph.create_op)

# Attributes of a `tf.function`. Functions of this package have no effects, so TensorFlow need not look for an order of
# their ops; and a function that is called often stays one op, because inlining it takes longer than calling it.
WITHOUT_ORDER = {"_disable_acd": True}
NOT_INLINED = {"_noinline": True}

# Attributes that training leaves in a Keras model. They are of no use to an explanation, and larger than the weights.
KERAS_TRAINING_ATTRIBUTES = frozenset(
    """optimizer history stop_training stop_evaluating stop_predicting _compile_config _compiled_trainable_state
    _eval_epoch_iterator""".split()
)


# Method of Keras's ``MelSpectrogram`` that takes power to decibels, and cuts off what is quiet beside the loudest sound
# of the batch.
TO_DECIBELS = "_dbscale"


def graph_of_function(func_graph, name, inputs):
    """Return the graph of a function that an op calls by name; there is no public way from the name to the function.

    A function of TensorFlow 1, such as in its loss of connectionist temporal classification, has a definition only.
    Shapes in it follow from those of the ``inputs`` that the op gives it.
    """
    function = func_graph._get_function(name)
    if hasattr(function, "graph"):
        return function.graph
    definition = type(function.definition)()
    definition.CopyFrom(function.definition)
    # The definition itself says that the shapes of arguments are unknown.
    definition.arg_attr.clear()
    with func_graph.as_default():
        return function_def_to_graph(definition, input_shapes=[value.shape for value in inputs])


def call_traced(function, tensors):
    """Call a traced function with its tensors in order, and return its structured result.

    The function itself checks and casts each tensor first, which takes longer than a small chunk takes to run.
    """
    return function.inference_fn.call_preflattened(tensors + function.captured_inputs)


def is_call_of_function(func_graph, op):
    """Return whether an op has a function as its type, as functions of TensorFlow 1 call others."""
    return func_graph._is_function(op.type)


def flatten_layers(layer, include_self=True):
    """Return all layers in a layer; the public ``layers`` has only those one level below."""
    return list(layer._flatten_layers(include_self=include_self, recursive=True))
