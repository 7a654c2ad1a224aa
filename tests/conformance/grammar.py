"""A grammar of small networks. A network is described by plain data, from which hypothesis draws and shrinks.

A block is its name and what it needs, which for "residual" and "branches" is blocks again. Every block takes tensors of
any shape, so that any blocks can follow one another: where it needs another shape, it makes it.
"""

from typing import NamedTuple

import keras
import tensorflow as tf
from hypothesis import strategies as st
from keras import layers

from tests.conformance.networks import randomise_weights

ACTIVATIONS = ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus", "hard_sigmoid"]
JOINS = {
    "add": layers.Add,
    "average": layers.Average,
    "concatenate": layers.Concatenate,
    "maximum": layers.Maximum,
    "minimum": layers.Minimum,
    "multiply": layers.Multiply,
    "subtract": layers.Subtract,
}
RECURRENT = {"LSTM": layers.LSTM, "GRU": layers.GRU, "SimpleRNN": layers.SimpleRNN}
NORMALISATIONS = {
    "batch": layers.BatchNormalization,
    "group": lambda: layers.GroupNormalization(groups=1),
    "layer": layers.LayerNormalization,
    "unit": layers.UnitNormalization,
}
ATTENTION = {
    "additive": lambda: layers.AdditiveAttention(use_scale=True),
    "dot": lambda: layers.Attention(use_scale=True),
    "grouped": lambda: layers.GroupQueryAttention(2, 2, 1),
    "multi-head": lambda: layers.MultiHeadAttention(2, 2),
}
N_OUTPUTS = 2


class Description(NamedTuple):
    """Description that a network is built from."""

    # For each input its shape, and the blocks that it goes through by itself.
    inputs: list
    # How several inputs are joined.
    join: str
    # The blocks that follow.
    blocks: list
    # The activation of the outputs.
    last: str
    seed: int


@st.composite
def networks(draw):
    """Descriptions of networks with one or two inputs."""
    shapes = st.sampled_from([(4,), (5, 3), (4, 4, 2)])
    several = draw(st.booleans())
    inputs = [(draw(shapes), draw(blocks(depth=0)) if several else []) for _ in range(1 + several)]
    return Description(
        inputs,
        draw(st.sampled_from(sorted(JOINS))),
        draw(blocks(depth=0 if several else 1)),
        draw(st.sampled_from(["linear", "sigmoid", "softmax"])),
        draw(st.integers(0, 2**31)),
    )


def blocks(depth):
    """Descriptions of one to three blocks in a row."""
    activation, size = st.sampled_from(ACTIVATIONS), st.integers(1, 3)
    padding = st.sampled_from(["valid", "same"])
    kind = st.sampled_from(sorted(RECURRENT))
    choices = [
        st.tuples(st.just("dense"), size, activation),
        st.tuples(st.just("convolution"), size, size, padding, activation),
        st.tuples(st.just("pooling"), st.sampled_from(["maximum", "average"]), size, size, padding),
        st.tuples(st.just("global pooling"), st.sampled_from(["maximum", "average"])),
        st.tuples(st.just("normalisation"), st.sampled_from(sorted(NORMALISATIONS)), activation),
        st.tuples(st.just("softmax")),
        st.tuples(st.just("same layer twice"), activation),
        st.tuples(st.just("each step"), size, activation),
        st.tuples(st.just("recurrent"), kind, size, st.booleans(), st.booleans()),
        st.tuples(st.just("both directions"), kind, size, st.booleans(), st.sampled_from(["concat", "sum", "mul"])),
        st.tuples(st.just("same loop twice"), kind),
        st.tuples(st.just("attention"), st.sampled_from(sorted(ATTENTION))),
    ]
    if depth:
        inner = blocks(depth - 1)
        choices.append(st.tuples(st.just("residual"), inner))
        choices.append(st.tuples(st.just("branches"), st.sampled_from(sorted(JOINS)), inner, inner))
    return st.lists(st.one_of(choices), min_size=1, max_size=3)


class Network(NamedTuple):
    """A model, and its outputs before their activation."""

    model: keras.Model
    logits: keras.Model


def build(description, without_rule=False):
    """The network that a description stands for, with random weights; at its end perhaps an op without a rule."""
    keras.utils.set_random_seed(description.seed)
    inputs = [keras.Input(shape) for shape, _ in description.inputs]
    own = [follow(tensor, each) for tensor, (_, each) in zip(inputs, description.inputs, strict=True)]
    hidden = follow(own[0] if len(own) == 1 else join(description.join, own), description.blocks)
    hidden = hidden if is_flat(hidden) else layers.Flatten()(hidden)
    if without_rule:
        hidden = layers.Dense(3)(hidden)
        # A parabola.
        hidden = layers.Lambda(lambda x: tf.math.betainc(tf.ones_like(x), 2 * tf.ones_like(x), 0.5 + 0.4 * tf.tanh(x)))(
            hidden
        )
    logits = layers.Dense(N_OUTPUTS)(hidden)
    inputs = inputs if len(inputs) > 1 else inputs[0]
    network = Network(
        keras.Model(inputs, layers.Activation(description.last)(logits)),
        keras.Model(inputs, logits),
    )
    randomise_weights(network.model, description.seed)
    return network


def layers_with_activations(network):
    """Names of the layers that a rule can be given to."""
    return [
        layer.name
        for layer in network.logits.layers
        if isinstance(layer, tuple(RECURRENT.values()))
        or getattr(layer, "activation", keras.activations.linear) is not keras.activations.linear
    ]


def follow(tensor, blocks):
    for block in blocks:
        tensor = BLOCKS[block[0]](tensor, *block[1:])
    return tensor


def is_flat(tensor):
    return len(tensor.shape) == 2


def as_sequence(tensor):
    """A tensor with one axis of steps."""
    if is_flat(tensor):
        return layers.RepeatVector(2)(tensor)
    return tensor if len(tensor.shape) == 3 else layers.Reshape((-1, tensor.shape[-1]))(tensor)


def of_rank(tensor, one_dimensional, two_dimensional):
    return one_dimensional if len(tensor.shape) == 3 else two_dimensional


def fits(tensor, size, padding):
    return padding == "same" or min(tensor.shape[1:-1]) >= size


def dense(tensor, units, activation):
    return layers.Dense(units, activation=activation)(tensor)


def convolution(tensor, filters, size, padding, activation):
    if is_flat(tensor) or not fits(tensor, size, padding):
        return dense(tensor, filters, activation)
    convolve = of_rank(tensor, layers.Conv1D, layers.Conv2D)
    return convolve(filters, size, padding=padding, activation=activation)(tensor)


def pooling(tensor, kind, size, strides, padding):
    if is_flat(tensor) or not fits(tensor, size, padding):
        return tensor
    if kind == "maximum":
        pool = of_rank(tensor, layers.MaxPooling1D, layers.MaxPooling2D)
    else:
        pool = of_rank(tensor, layers.AveragePooling1D, layers.AveragePooling2D)
    return pool(size, strides, padding)(tensor)


def global_pooling(tensor, kind):
    if is_flat(tensor):
        return tensor
    if kind == "maximum":
        return of_rank(tensor, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D)()(tensor)
    return of_rank(tensor, layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D)()(tensor)


def normalisation(tensor, kind, activation):
    return layers.Activation(activation)(NORMALISATIONS[kind]()(tensor))


def softmax(tensor):
    return layers.Softmax()(tensor) if tensor.shape[-1] > 1 else tensor


def same_layer_twice(tensor, activation):
    layer = layers.Dense(tensor.shape[-1], activation=activation)
    return layer(layer(tensor))


def each_step(tensor, units, activation):
    sequence = tensor if len(tensor.shape) == 4 else as_sequence(tensor)
    inner = layers.Dense if len(sequence.shape) == 3 else layers.SimpleRNN
    return layers.TimeDistributed(inner(units, activation=activation))(sequence)


def recurrent(tensor, kind, units, whole_sequence, backwards):
    layer = RECURRENT[kind](units, return_sequences=whole_sequence, go_backwards=backwards)
    return layer(as_sequence(tensor))


def both_directions(tensor, kind, units, whole_sequence, merge_mode):
    layer = RECURRENT[kind](units, return_sequences=whole_sequence)
    return layers.Bidirectional(layer, merge_mode=merge_mode)(as_sequence(tensor))


def same_loop_twice(tensor, kind):
    layer = RECURRENT[kind](tensor.shape[-1], return_sequences=True)
    return layer(layer(as_sequence(tensor)))


def attention(tensor, kind):
    sequence = as_sequence(tensor)
    layer = ATTENTION[kind]()
    return layer(sequence, sequence) if kind in ("grouped", "multi-head") else layer([sequence, sequence])


def residual(tensor, blocks):
    return join("add", [tensor, follow(tensor, blocks)])


def branches(tensor, how, first, second):
    return join(how, [follow(tensor, first), follow(tensor, second)])


def join(how, tensors):
    """Join tensors, which are brought to one shape where they have several."""
    if len({tuple(tensor.shape) for tensor in tensors}) > 1:
        flat = [tensor if is_flat(tensor) else layers.Flatten()(tensor) for tensor in tensors]
        tensors = [layers.Dense(3)(tensor) for tensor in flat]
    return JOINS[how]()(tensors)


BLOCKS = {
    "dense": dense,
    "convolution": convolution,
    "pooling": pooling,
    "global pooling": global_pooling,
    "normalisation": normalisation,
    "softmax": softmax,
    "same layer twice": same_layer_twice,
    "each step": each_step,
    "recurrent": recurrent,
    "both directions": both_directions,
    "same loop twice": same_loop_twice,
    "attention": attention,
    "residual": residual,
    "branches": branches,
}
