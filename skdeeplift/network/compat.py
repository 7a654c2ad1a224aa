"""Private names of TensorFlow, Keras and scikit-learn that this folder and the engine use."""

import inspect
from contextlib import contextmanager
from functools import cache

import tensorflow as tf
from tensorflow.core.protobuf.config_pb2 import ConfigProto
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
from tensorflow.python.eager import context
from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

# Unwrapped, because the public wrapper looks for a deprecated argument, which takes a third of the time of an op.
create_op = inspect.unwrap(tf.Graph.create_op)

# Attributes of a `tf.function`. Functions of this package have no side effects, so TensorFlow can skip the search for
# an order of their ops. A function that is called often stays one op, because inlining takes longer than the call.
WITHOUT_ORDER = {"_disable_acd": True}
NOT_INLINED = {"_noinline": True}

# Attributes that training leaves in a Keras model. Explanations do not need them, and they are larger than the weights.
KERAS_TRAINING_ATTRIBUTES = frozenset(
    """optimizer history stop_training stop_evaluating stop_predicting _compile_config _compiled_trainable_state
    _eval_epoch_iterator""".split()
)


# Method of Keras's ``MelSpectrogram`` that converts power to decibels, and clips values far below the batch's maximum.
TO_DECIBELS = "_dbscale"


def graph_of_function(func_graph, name, inputs):
    """Return the graph of a function that an op calls by name. TensorFlow has no public way to look it up.

    A function of TensorFlow 1, such as inside its loss of connectionist temporal classification, has only a definition.
    Shapes inside the function are inferred from the op's ``inputs``.
    """
    function = func_graph._get_function(name)
    if hasattr(function, "graph"):
        return function.graph
    definition = type(function.definition)()
    definition.CopyFrom(function.definition)
    # The definition declares the shapes of arguments as unknown, which would prevent the inference of shapes.
    definition.arg_attr.clear()
    with func_graph.as_default():
        return function_def_to_graph(definition, input_shapes=[value.shape for value in inputs])


def call_traced(function, tensors, rounds=1):
    """Call a traced function with its tensors in order, and return its structured result.

    The function's own call checks and casts each tensor first, which takes longer than the run of a small chunk.
    ``rounds`` are those of `optimization`.
    """
    with optimization(rounds):
        return function.inference_fn.call_preflattened(tensors + function.captured_inputs)


@contextmanager
def optimization(rounds):
    """Limit how long TensorFlow optimises the graphs of functions that the current thread traces or calls first.

    By default TensorFlow makes two rounds of all passes, which takes longer than tracing. The second round, and the
    passes that are left out here, make no later call of this package faster.

    Parameters
    ----------
    rounds : {0, 1}
        Number of rounds.
    """
    eager, options = context.context(), context.context().function_call_options
    eager.function_call_options = _with_rounds(options.config_proto_serialized, rounds)
    try:
        yield
    finally:
        eager.function_call_options = options


@cache
def _with_rounds(config, rounds):
    """Return options of function calls, from those of the user."""
    config = ConfigProto.FromString(config)
    options = config.graph_options.rewrite_options
    options.meta_optimizer_iterations = RewriterConfig.ONE
    options.memory_optimization = RewriterConfig.NO_MEM_OPT
    options.function_optimization = options.loop_optimization = RewriterConfig.OFF
    options.disable_tfg_optimizer = True
    options.disable_meta_optimizer = options.disable_meta_optimizer or rounds == 0
    return context.FunctionCallOptions(config_proto=config)


def is_call_of_function(func_graph, op):
    """Test whether an op's type is the name of a function, as in calls by functions of TensorFlow 1."""
    return func_graph._is_function(op.type)


def flatten_layers(layer, include_self=True):
    """Return all layers in a layer; the public ``layers`` lists only the layers one level below."""
    return list(layer._flatten_layers(include_self=include_self, recursive=True))
