"""Small networks of recurrent layers, each around one of them or one way to connect them."""

import keras
from keras import layers, ops

from tests.conformance.networks import one_output


def around(layer, *shape, **called_with):
    """A dense layer, the layer, tanh, and a dense layer of one unit."""
    inputs = keras.Input(shape)
    hidden = layer(layers.Dense(shape[-1])(inputs), **called_with)
    return one_output(inputs, layers.Activation("tanh")(hidden))


class CellOfProducts(layers.Layer):
    """A cell that is none of Keras's: its state is multiplied by what comes in."""

    def __init__(self, units):
        super().__init__()
        self.units = self.state_size = self.output_size = units
        self.dense = layers.Dense(units, activation="softplus")

    def build(self, shape):
        self.dense.build(shape)
        self.built = True

    def call(self, inputs, states, training=False):
        state = ops.tanh(states[0] * self.dense(inputs) + inputs[:, : self.units])
        return state * 2, [state]


class AttendingCell(CellOfProducts):
    """A cell that in each step attends over the same sequence, which comes from outside of the loop."""

    def __init__(self, units, sequence):
        super().__init__(units)
        self.sequence = sequence

    def call(self, inputs, states, training=False):
        scores = ops.einsum("btf,bf->bt", self.sequence, states[0])
        context = ops.einsum("bt,btf->bf", ops.softmax(scores), self.sequence)
        state = ops.tanh(self.dense(inputs) + context)
        return state, [state]


class AttendingDecoder(layers.Layer):
    """Reads a sequence, attending to another one in each step."""

    def __init__(self, units):
        super().__init__()
        self.units, self.dense = units, layers.Dense(units)

    def build(self, sequence_shape, attended_shape):
        self.dense.build(sequence_shape)
        self.built = True

    def call(self, sequence, attended):
        cell = AttendingCell(self.units, attended)
        cell.dense, cell.built = self.dense, True
        return layers.RNN(cell)(sequence)


def simple_rnn():
    return around(layers.SimpleRNN(2), 3, 2)


def simple_rnn_with_relu():
    return around(layers.SimpleRNN(2, activation="relu"), 3, 2)


def lstm():
    return around(layers.LSTM(2), 3, 2)


def gru():
    return around(layers.GRU(2), 3, 2)


def gru_that_resets_before():
    return around(layers.GRU(2, reset_after=False), 3, 2)


def bidirectional():
    return around(layers.Bidirectional(layers.LSTM(2)), 3, 2)


def bidirectional_sum_of_sequences():
    return around(layers.Bidirectional(layers.GRU(2, return_sequences=True), merge_mode="sum"), 3, 2)


def bidirectional_of_two_kinds():
    backward = layers.GRU(2, go_backwards=True)
    return around(layers.Bidirectional(layers.LSTM(2), backward_layer=backward, merge_mode="mul"), 3, 2)


def stacked():
    inputs = keras.Input((3, 2))
    hidden = layers.GRU(2, return_sequences=True, name="first")(inputs)
    return one_output(inputs, layers.LSTM(2, name="second")(hidden))


def whole_sequence():
    return around(layers.LSTM(2, return_sequences=True), 3, 2)


def states_too():
    inputs = keras.Input((3, 2))
    return one_output(inputs, layers.Concatenate()(layers.LSTM(2, return_state=True)(inputs)))


def backwards():
    return around(layers.GRU(2, go_backwards=True, return_sequences=True), 3, 2)


def unrolled():
    return around(layers.LSTM(2, unroll=True), 3, 2)


def state_from_a_branch():
    inputs = keras.Input((3, 2))
    states = [layers.Dense(2, activation="tanh")(layers.Flatten()(inputs)) for _ in range(2)]
    return one_output(inputs, layers.LSTM(2)(inputs, initial_state=states))


def stacked_cells():
    return around(layers.RNN([layers.LSTMCell(2), layers.GRUCell(2), layers.SimpleRNNCell(2)]), 3, 2)


def stacked_cells_as_one():
    return around(layers.RNN(layers.StackedRNNCells([layers.SimpleRNNCell(2), layers.SimpleRNNCell(3)])), 3, 2)


def cell_of_products():
    return around(layers.RNN(CellOfProducts(2), return_sequences=True), 3, 2)


def convolutional_1d():
    return around(layers.ConvLSTM1D(2, 2), 3, 3, 2)


def convolutional_2d():
    return around(layers.ConvLSTM2D(1, 2, return_sequences=True), 2, 3, 3, 1)


def convolutional_3d():
    return around(layers.ConvLSTM3D(1, 2, padding="same"), 2, 2, 2, 2, 1)


def dense_of_each_step():
    return around(layers.TimeDistributed(layers.Dense(2, activation="relu")), 3, 2)


def convolution_of_each_step():
    return around(layers.TimeDistributed(layers.Conv1D(2, 2, activation="relu")), 3, 3, 2)


def loop_of_each_step():
    return around(layers.TimeDistributed(layers.SimpleRNN(2)), 2, 3, 2)


def steps_folded_into_rows():
    inputs = keras.Input((2, 3, 2))
    inner = layers.LSTM(2)(ops.reshape(inputs, (-1, 3, 2)))
    return one_output(inputs, layers.SimpleRNN(2)(ops.reshape(inner, (-1, 2, 2))))


def encoder_and_decoder():
    inputs = keras.Input((3, 2))
    output, *states = layers.LSTM(2, return_state=True)(inputs)
    repeated = layers.RepeatVector(2)(output)
    return one_output(inputs, layers.LSTM(2, return_sequences=True)(repeated, initial_state=states))


def attention_inside_of_the_loop():
    inputs = keras.Input((3, 2))
    encoded = layers.SimpleRNN(2, return_sequences=True)(inputs)
    return one_output(inputs, AttendingDecoder(2)(inputs, encoded))


def two_loops_of_two_inputs():
    inputs = [keras.Input((3, 2)), keras.Input((2, 3))]
    product = layers.Multiply()([layers.GRU(2)(inputs[0]), layers.SimpleRNN(2)(inputs[1])])
    return one_output(inputs, product)


SEQUENCES = [
    simple_rnn,
    simple_rnn_with_relu,
    lstm,
    gru,
    gru_that_resets_before,
    bidirectional,
    bidirectional_sum_of_sequences,
    bidirectional_of_two_kinds,
    stacked,
    whole_sequence,
    states_too,
    backwards,
    unrolled,
    state_from_a_branch,
    stacked_cells,
    stacked_cells_as_one,
    cell_of_products,
    convolutional_1d,
    convolutional_2d,
    convolutional_3d,
    dense_of_each_step,
    convolution_of_each_step,
    loop_of_each_step,
    steps_folded_into_rows,
    encoder_and_decoder,
    attention_inside_of_the_loop,
    two_loops_of_two_inputs,
]
