import tensorflow as tf

from skdeeplift.network.compiled import compiled


def test_no_order_of_effects_is_looked_for():
    """TensorFlow's own functions make every effect wait for the one before."""
    variable = tf.Variable(1.0)

    def function():
        variable.assign(2.0)
        return variable.read_value()

    def waits(function):
        ops = function.get_concrete_function().graph.get_operations()
        return any(op.control_inputs for op in ops if op.type == "ReadVariableOp")

    assert waits(tf.function(function))
    assert not waits(compiled(function))


def test_options_are_those_of_tensorflow():
    function = compiled(lambda x: x + 1, input_signature=[tf.TensorSpec((None,), tf.float32)])
    assert function.get_concrete_function().structured_input_signature[0][0].shape.as_list() == [None]
    assert function(tf.ones(2)).numpy().tolist() == [2, 2]
