"""Networks with recurrence or memory."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, tokens


def _additive_attention(query, items):
    scores = layers.Dense(1)(ops.tanh(layers.Dense(6)(items) + layers.Dense(6)(query)[:, None]))
    return ops.sum(ops.softmax(scores, 1) * items, 1)


@architecture()
def stacked_lstm():
    """Two layers of LSTM."""
    stack = [keras.Input((8, 3)), layers.LSTM(6, return_sequences=True), layers.LSTM(5), layers.Dense(1)]
    return keras.Sequential(stack), normal(8, 3)


@architecture()
def gru_with_attention():
    """Bidirectional GRU with additive attention."""

    def build(series):
        hidden = layers.Bidirectional(layers.GRU(4, return_sequences=True))(series)
        return layers.Dense(1)(_additive_attention(hidden[:, -1], hidden))

    return model_of(build, (8, 3)), normal(8, 3)


@architecture()
def convolutional_lstm():
    """Convolutional LSTM."""

    def build(video):
        hidden = layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True)(video)
        hidden = layers.ConvLSTM2D(3, 3, padding="same")(layers.BatchNormalization()(hidden))
        return layers.Dense(1)(layers.GlobalAveragePooling2D()(hidden))

    return model_of(build, (4, 6, 6, 1)), normal(4, 6, 6, 1)


@architecture(target=lambda forecast: forecast[:, -1, 0])
def sequence_to_sequence_forecast():
    """Encoder and decoder whose forecasts are fed back."""

    def build(series):
        _, hidden, carry = layers.LSTM(6, return_state=True)(series)
        cell, out, value, forecasts = layers.LSTMCell(6), layers.Dense(2), series[:, -1], []
        for _ in range(3):
            value, (hidden, carry) = cell(value, [hidden, carry])
            value = out(value)
            forecasts.append(value)
        return ops.stack(forecasts, 1)

    return model_of(build, (6, 2)), normal(6, 2)


@architecture(target=lambda logits: logits[:, -1, 2], layer="source")
def greedy_translation():
    """Translation with attention that reads its own best word at each step."""

    def build(source):
        hidden = layers.Embedding(9, 5, name="source")(source)
        encoded = layers.GRU(6, return_sequences=True)(hidden)
        cell, out, table = layers.GRUCell(6), layers.Dense(7), layers.Embedding(7, 4)
        state, word, logits = encoded[:, -1], ops.zeros_like(source[:, 0]), []
        for _ in range(3):
            context = _additive_attention(state, encoded)
            state, _ = cell(ops.concatenate([table(word), context], -1), [state])
            logits.append(out(state))
            word = ops.argmax(logits[-1], -1)
        return ops.stack(logits, 1)

    return model_of(build, (6,), dtypes=["int32"]), tokens(6, 9)


class PointerDecoder(layers.Layer):
    """Points to items one after the other, never twice to the same."""

    def __init__(self):
        super().__init__()
        self.cell, self.query, self.keys, self.score = (
            layers.LSTMCell(6),
            layers.Dense(6),
            layers.Dense(6),
            layers.Dense(1),
        )

    def call(self, items, state):
        inputs, taken, points = ops.mean(items, 1), ops.zeros_like(items[..., 0]), []
        keys = self.keys(items)
        for _ in range(3):
            _, state = self.cell(inputs, state)
            logits = self.score(ops.tanh(keys + self.query(state[0])[:, None]))[..., 0] - 1e4 * taken
            chosen = ops.one_hot(ops.argmax(logits, -1), 5)
            taken, inputs = taken + chosen, ops.einsum("bn,bnf->bf", chosen, items)
            points.append(logits)
        return ops.stack(points, 1)


@architecture(target=lambda logits: tf.reduce_max(tf.nn.softmax(logits[:, 1]), 1))
def pointer_network():
    """Pointer network with greedy decoding."""

    def build(items):
        encoded, hidden, carry = layers.LSTM(6, return_sequences=True, return_state=True)(items)
        return PointerDecoder()(encoded, [hidden, carry])

    return model_of(build, (5, 2)), normal(5, 2)


class MemoryCell(layers.Layer):
    """Cell that reads and writes a memory by content."""

    state_size = [6, 12]
    output_size = 9

    def __init__(self):
        super().__init__()
        self.controller, self.key, self.strength = layers.GRUCell(6), layers.Dense(3), layers.Dense(1)
        self.erase, self.add = layers.Dense(3, activation="sigmoid"), layers.Dense(3)

    def build(self, shape):
        self.controller.build(shape)
        for layer in (self.key, self.strength, self.erase, self.add):
            layer.build((None, 6))

    def call(self, inputs, states):
        state, memory = states[0], ops.reshape(states[1], (-1, 4, 3)) + np.eye(4, 3, dtype="float32") * 0.1
        state, _ = self.controller(inputs, [state])
        key = self.key(state)
        norms = ops.sqrt(ops.sum(ops.square(memory), -1) * ops.sum(ops.square(key), -1, keepdims=True) + 1e-4)
        similarity = ops.einsum("bnf,bf->bn", memory, key) / norms
        weights = ops.softmax(similarity * ops.softplus(self.strength(state)))[..., None]
        memory = memory * (1 - weights * self.erase(state)[:, None]) + weights * self.add(state)[:, None]
        read = ops.sum(weights * memory, 1)
        return ops.concatenate([state, read], -1), [state, ops.reshape(memory, (-1, 12))]


@architecture()
def neural_turing_machine():
    """Recurrent network with a memory that it addresses by content."""

    def build(series):
        return layers.Dense(1)(layers.RNN(MemoryCell())(series))

    return model_of(build, (6, 3)), normal(6, 3)


@architecture()
def end_to_end_memory():
    """Memory of sentences read in three hops (MemN2N)."""

    def build(story, question):
        tables = [layers.Embedding(12, 6) for _ in range(4)]
        state = ops.sum(tables[0](question), 1)
        for hop in range(3):
            keys, values = ops.sum(tables[hop](story), 2), ops.sum(tables[hop + 1](story), 2)
            weights = ops.softmax(ops.einsum("bnf,bf->bn", keys, state))
            state = state + ops.einsum("bn,bnf->bf", weights, values)
        return layers.Dense(1)(state)

    rows = [tokens(12, 12).reshape(-1, 4, 3), tokens(3, 12, seed=2)]
    return model_of(build, (4, 3), (3,), dtypes=["int32", "int32"]), rows


@architecture()
def neural_differential_equation():
    """Neural ordinary differential equation with fixed steps of Runge-Kutta."""

    def build(start):
        first, second, state = layers.Dense(8, activation="tanh"), layers.Dense(3), start

        def slope(value, time):
            return second(first(ops.concatenate([value, ops.full_like(value[:, :1], time)], -1)))

        for number in range(4):
            time, step = number / 4, 0.25
            one = slope(state, time)
            two = slope(state + step / 2 * one, time + step / 2)
            three = slope(state + step / 2 * two, time + step / 2)
            four = slope(state + step * three, time + step)
            state = state + step / 6 * (one + 2 * two + 2 * three + four)
        return layers.Dense(1)(state)

    return model_of(build, (3,)), normal(3)


@architecture()
def deep_equilibrium():
    """Fixed number of steps towards an equilibrium."""

    def build(inputs):
        outer, inner = layers.Dense(6), layers.Dense(6, kernel_initializer=keras.initializers.Orthogonal(0.5))

        def solve(injected):
            return tf.while_loop(
                lambda step, _: step < 12,
                lambda step, state: (step + 1, tf.tanh(inner(state) + injected)),
                (0, tf.zeros_like(injected)),
            )[1]

        inner.build((None, 6))
        solved = layers.Lambda(solve, output_shape=(6,))(outer(inputs))
        return layers.Dense(1)(solved)

    return model_of(build, (4,)), normal(4)


@architecture()
def echo_state_network():
    """Fixed random recurrence with leaky units (echo state network)."""
    generator = np.random.default_rng(0)
    matrix = generator.normal(size=(12, 12)) / np.sqrt(12) * 0.9
    inward = generator.normal(size=(2, 12))

    class Reservoir(layers.Layer):
        state_size = 12

        def call(self, inputs, states):
            new = ops.tanh(
                ops.matmul(inputs, inward.astype("float32")) + ops.matmul(states[0], matrix.astype("float32"))
            )
            state = 0.7 * states[0] + 0.3 * new
            return state, [state]

    return model_of(lambda series: layers.Dense(1)(layers.RNN(Reservoir())(series)), (10, 2)), normal(10, 2)


@architecture()
def spiking_network():
    """Leaky units that fire at a threshold and are reset (spiking network)."""

    class Spiking(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.state_size = self.output_size = units
            self.dense = layers.Dense(units)

        def build(self, shape):
            self.dense.build(shape)

        def call(self, inputs, states):
            potential = 0.8 * states[0] + self.dense(inputs)
            spikes = ops.cast(potential > 0.5, "float32")
            return spikes, [potential - 0.5 * spikes]

    def build(series):
        spikes = layers.RNN(Spiking(8), return_sequences=True)(series)
        return layers.Dense(1)(ops.mean(layers.RNN(Spiking(6), return_sequences=True)(spikes), 1))

    return model_of(build, (8, 3)), normal(8, 3)


@architecture()
def adaptive_computation_time():
    """Halting by accumulated probability, over a fixed largest number of steps (ACT)."""

    def build(inputs):
        step, halt = layers.Dense(6, activation="tanh"), layers.Dense(1, activation="sigmoid")
        state, total, output = layers.Dense(6)(inputs), 0.0, 0.0
        for number in range(4):
            state = step(state)
            probability = halt(state) if number < 3 else ops.ones_like(halt(state))
            running = ops.cast(ops.less(total, 0.95), "float32") if number else ops.ones_like(probability)
            share = running * ops.minimum(probability, 1.0 - total)
            total, output = total + share, output + share * state
        return layers.Dense(1)(output)

    return model_of(build, (3,)), normal(3)


@architecture(refusal="number of iterations")
def loop_until_converged():
    """Steps until the state no longer changes, whose number depends on the row."""

    def solve(inputs):
        return tf.while_loop(
            lambda state, change: tf.reduce_max(tf.abs(change)) > 1e-3,
            lambda state, change: (0.5 * tf.tanh(state) + inputs, 0.5 * tf.tanh(state) + inputs - state),
            (inputs, inputs),
        )[0]

    def build(inputs):
        return layers.Dense(1)(layers.Lambda(solve, output_shape=(3,))(inputs))

    return model_of(build, (3,)), normal(3)


@architecture()
def gated_recurrence_with_decay():
    """Recurrence over values with a mask and times since the last observation (GRU-D)."""

    def build(values, mask, gaps):
        decay = ops.exp(-ops.relu(layers.Dense(3)(gaps)))
        mean = ops.sum(values * mask, 1, keepdims=True) / (ops.sum(mask, 1, keepdims=True) + 1e-2)
        filled = mask * values + (1 - mask) * decay * mean
        return layers.Dense(1)(layers.GRU(5)(ops.concatenate([filled, mask], -1)))

    rows = {"values": normal(6, 3), "mask": (normal(6, 3, seed=2) > -0.5).astype("float32"), "gaps": abs(normal(6, 3))}
    return model_of(build, (6, 3), (6, 3), (6, 3), names=["values", "mask", "gaps"]), rows
