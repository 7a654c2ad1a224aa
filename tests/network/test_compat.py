import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network import compat


def test_create_op_takes_what_the_public_wrapper_takes():
    parameters = list(inspect.signature(compat.create_op).parameters)
    assert parameters[:4] == ["self", "op_type", "inputs", "dtypes"]
    assert "attrs" in parameters
    with tf.Graph().as_default() as graph:
        op = compat.create_op(graph, "Neg", [tf.constant([1.0])], [tf.float32], name="negated")
    assert op.type == "Neg"


@pytest.mark.parametrize("attributes", [compat.WITHOUT_ORDER, compat.NOT_INLINED])
def test_functions_take_these_attributes(attributes):
    function = tf.function(lambda x: x + 1, autograph=False, experimental_attributes=attributes)
    assert float(function(tf.constant(1.0))) == 2


def test_attributes_of_other_names_are_refused():
    with pytest.raises(ValueError, match="_disable_order"):
        tf.function(lambda x: x, experimental_attributes={"_disable_order": True})


def test_the_graph_of_a_function_by_its_name():
    inner = tf.function(lambda x: x * 2, experimental_attributes=compat.NOT_INLINED)
    outer = tf.function(lambda x: inner(x) + 1).get_concrete_function(tf.TensorSpec((), tf.float32))
    [call] = [op for op in outer.graph.get_operations() if "PartitionedCall" in op.type]
    graph = compat.graph_of_function(outer.graph, call.get_attr("f").name, call.inputs)
    assert "Mul" in [op.type for op in graph.get_operations()]


def test_the_graph_of_a_function_that_has_a_definition_only():
    """TensorFlow's loss of connectionist temporal classification makes its loops by functions of TensorFlow 1."""

    @tf.function
    def loss(logits):
        lengths = tf.constant([1]), tf.constant([3])
        return tf.nn.ctc_loss(tf.constant([[1]]), logits, *lengths, blank_index=0)

    graph = loss.get_concrete_function(tf.TensorSpec((3, 1, 2))).graph
    loop = next(op for op in graph.get_operations() if op.type == "While")
    body = compat.graph_of_function(graph, loop.get_attr("body").name, loop.inputs)
    assert [each.shape for each in body.inputs] == [each.shape for each in loop.inputs]
    # What the loop does in a step is a function again, whose name is the type of the op that calls it.
    [call] = [op for op in body.get_operations() if compat.is_call_of_function(body, op)]
    step = compat.graph_of_function(body, call.type, call.inputs)
    assert len(step.inputs) == len(loop.inputs)
    assert all(each.shape.rank is not None for each in step.outputs)


def test_layers_inside_of_layers():
    inner = keras.layers.RNN(keras.layers.LSTMCell(2))
    model = keras.Sequential([keras.Input((3, 1)), keras.layers.Bidirectional(inner)])
    assert any(isinstance(layer, keras.layers.LSTMCell) for layer in compat.flatten_layers(model))
    assert compat.flatten_layers(model)[0] is model
    assert model not in compat.flatten_layers(model, include_self=False)


def test_training_leaves_no_other_attributes_in_a_keras_model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones(4), validation_data=(np.ones((4, 2)), np.ones(4)), verbose=0)
    model.predict(np.ones((4, 2)), verbose=0)
    before = {*vars(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))}
    assert {*vars(model)} - before <= compat.KERAS_TRAINING_ATTRIBUTES


def test_the_method_of_a_mel_spectrogram_that_relates_a_row_to_the_batch():
    layer = keras.layers.MelSpectrogram()
    to_decibels = getattr(layer, compat.TO_DECIBELS)
    assert list(inspect.signature(to_decibels).parameters) == ["inputs"]
    quiet, loud = to_decibels(tf.constant([[1e-9], [1.0]])).numpy().ravel()
    assert (quiet, loud) == (-layer.top_db, 0)


def test_a_traced_function_takes_its_tensors_in_order():
    factor = tf.Variable(2.0)

    @tf.function
    def function(pair, nothing, third):
        return {"sum": factor * (pair[0] - pair[1]), "third": [third]}

    tensors = [tf.constant(5.0), tf.constant(3.0), tf.constant(7.0)]
    traced = function.get_concrete_function(tensors[:2], None, tensors[2])
    result = compat.call_traced(traced, tensors)
    assert float(result["sum"]) == 4
    assert float(result["third"][0]) == 7


@pytest.mark.parametrize("rounds", [0, 1])
def test_functions_are_optimised_as_often_as_said(rounds):
    options = compat.ConfigProto.FromString(compat._with_rounds(b"", rounds).config_proto_serialized)
    assert options.graph_options.rewrite_options.disable_meta_optimizer == (rounds == 0)
    assert options.graph_options.rewrite_options.meta_optimizer_iterations == compat.RewriterConfig.ONE


def test_the_options_of_the_user_are_back_after_a_call():
    eager = compat.context.context()
    before = eager.function_call_options.config_proto_serialized
    with compat.optimization(1):
        assert eager.function_call_options.config_proto_serialized != before
    assert eager.function_call_options.config_proto_serialized == before
    with pytest.raises(ZeroDivisionError), compat.optimization(0):
        1 / 0  # noqa: B018
    assert eager.function_call_options.config_proto_serialized == before


def test_a_user_who_switches_optimisation_off_is_followed():
    with_none = compat._with_rounds(compat._with_rounds(b"", 0).config_proto_serialized, 1)
    options = compat.ConfigProto.FromString(with_none.config_proto_serialized).graph_options.rewrite_options
    assert options.disable_meta_optimizer


def test_a_traced_function_is_called_with_its_tensors_in_order():
    variable = tf.Variable(10.0)
    function = tf.function(lambda x, y: {"difference": x - y + variable}).get_concrete_function(
        tf.TensorSpec(()), tf.TensorSpec(())
    )
    for rounds in (0, 1):
        assert float(compat.call_traced(function, [tf.constant(3.0), tf.constant(1.0)], rounds)["difference"]) == 12
