"""Networks of tables."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, tokens


def _sparsemax(logits):
    """Project logits on the simplex, which sets most of them to zero."""
    size = logits.shape[-1]
    ordered = tf.sort(logits, direction="DESCENDING")
    cumulative = tf.cumsum(ordered, -1)
    count = tf.range(1, size + 1, dtype=logits.dtype)
    support = tf.reduce_sum(tf.cast(1 + count * ordered > cumulative, logits.dtype), -1, keepdims=True)
    chosen = tf.cast(tf.equal(count, support), logits.dtype)
    threshold = (tf.reduce_sum(cumulative * chosen, -1, keepdims=True) - 1) / support
    return tf.nn.relu(logits - threshold)


@architecture(target=1)
def multilayer_perceptron():
    """Perceptron of three layers with batch normalisation and a softmax."""
    stack = [keras.Input((8,)), layers.Dense(16), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.3)]
    return keras.Sequential([*stack, layers.Dense(8, activation="relu"), layers.Dense(3, "softmax")]), normal(8)


@architecture()
def self_normalising_network():
    """Scaled exponential linear units with alpha dropout."""
    stack = [keras.Input((8,)), layers.Dense(12, activation="selu", kernel_initializer="lecun_normal")]
    return keras.Sequential([*stack, layers.AlphaDropout(0.1), layers.Dense(8, "selu"), layers.Dense(1)]), normal(8)


@architecture()
def maxout_network():
    """Maxima over groups of linear units (maxout)."""

    def build(inputs):
        hidden = ops.max(layers.Reshape((8, 3))(layers.Dense(24)(inputs)), -1)
        return layers.Dense(1)(ops.max(layers.Reshape((5, 3))(layers.Dense(15)(hidden)), -1))

    return model_of(build, (6,)), normal(6)


@architecture()
def additive_model():
    """One small network for each feature (NAM)."""

    def build(inputs):
        parts = []
        for number in range(5):
            hidden = layers.Dense(6, activation="relu")(inputs[:, number : number + 1])
            parts.append(layers.Dense(1)(layers.Dense(4, activation="relu")(hidden)))
        return layers.Add()(parts)

    return model_of(build, (5,)), normal(5)


class ExpUnits(layers.Layer):
    """Units of exponential slope, bounded by one (NAM)."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(shape[-1], 8), name="weight")
        self.shift = self.add_weight(shape=(8,), initializer="zeros", name="shift")

    def call(self, inputs):
        units = ops.exp(self.weight)[None] * (inputs[..., None] - self.shift)
        return ops.clip(units, 0.0, 1.0)


@architecture()
def additive_model_with_exp_units():
    """Additive model with bounded exponential units."""

    def build(inputs):
        return layers.Dense(1)(layers.Flatten()(ExpUnits()(inputs)))

    return model_of(build, (4,)), normal(4)


@architecture()
def tab_net():
    """Sequential attention with sparse masks (TabNet)."""

    def transform(features, shared):
        hidden = ops.glu(layers.BatchNormalization()(shared(features)))
        return (hidden + ops.glu(layers.BatchNormalization()(layers.Dense(16)(hidden)))) * np.float32(0.7)

    def build(inputs):
        features, shared, prior, total = layers.BatchNormalization()(inputs), layers.Dense(16), 1.0, 0.0
        attended = transform(features, shared)[:, 4:]
        for _ in range(2):
            scores = layers.BatchNormalization()(layers.Dense(6)(attended)) * prior
            mask = layers.Lambda(_sparsemax, output_shape=(6,))(scores)
            prior = prior * (1.3 - mask)
            hidden = transform(mask * features, shared)
            total, attended = total + ops.relu(hidden[:, :4]), hidden[:, 4:]
        return layers.Dense(1)(total)

    return model_of(build, (6,)), normal(6)


def _categories_and_numbers():
    return [tokens(3, 6), normal(4)]


@architecture()
def tab_transformer():
    """Attention over embedded categories, next to numbers (TabTransformer)."""

    def build(categories, numbers):
        hidden = layers.Embedding(18, 8)(categories + np.array([0, 6, 12], "int32"))
        hidden = layers.LayerNormalization()(hidden + layers.MultiHeadAttention(2, 4)(hidden, hidden))
        hidden = layers.LayerNormalization()(hidden + layers.Dense(8)(layers.Dense(16, activation="gelu")(hidden)))
        joined = ops.concatenate([layers.Flatten()(hidden), layers.LayerNormalization()(numbers)], -1)
        return layers.Dense(1)(layers.Dense(8, activation="relu")(joined))

    return model_of(build, (3,), (4,), dtypes=["int32", "float32"]), _categories_and_numbers()


class FeatureTokens(layers.Layer):
    """One token for each number, and one in front of all."""

    def build(self, shape):
        self.weight = self.add_weight(shape=(shape[-1], 8), initializer="random_normal", name="weight")
        self.bias = self.add_weight(shape=(shape[-1] + 1, 8), initializer="random_normal", name="bias")

    def call(self, inputs):
        return ops.pad(inputs[..., None] * self.weight, ((0, 0), (1, 0), (0, 0))) + self.bias


@architecture()
def feature_token_transformer():
    """Attention over tokens of numbers (FT-Transformer)."""

    def build(numbers):
        hidden = FeatureTokens()(numbers)
        for _ in range(2):
            normalised = layers.LayerNormalization()(hidden)
            hidden = hidden + layers.MultiHeadAttention(2, 4)(normalised, normalised)
            normalised = layers.LayerNormalization()(hidden)
            hidden = hidden + layers.Dense(8)(layers.Dense(12, activation="relu")(normalised))
        return layers.Dense(1)(ops.relu(layers.LayerNormalization()(hidden[:, 0])))

    return model_of(build, (5,)), normal(5)


@architecture(refusal="other rows of its batch")
def attention_between_rows():
    """Attention between the rows of a batch (SAINT), which mixes rows."""

    def build(numbers):
        hidden = ops.expand_dims(layers.Dense(6)(numbers), 0)
        hidden = hidden + layers.MultiHeadAttention(2, 3)(hidden, hidden)
        return layers.Dense(1)(hidden[0])

    return model_of(build, (5,)), normal(5)


@architecture()
def soft_decision_tree():
    """Tree of soft decisions."""

    def build(inputs):
        decisions, reach, leaves = layers.Dense(7, activation="sigmoid")(inputs), [1.0], []
        for node in range(7):
            parent, goes_right = reach[node], decisions[:, node : node + 1]
            reach += [parent * (1 - goes_right), parent * goes_right]
        leaves = ops.concatenate(reach[7:], -1)
        return layers.Dense(1)(leaves)

    return model_of(build, (5,)), normal(5)


@architecture()
def oblivious_trees():
    """Hard oblivious trees with sparse choices of features (NODE)."""

    def build(inputs):
        logits = layers.Dense(15, use_bias=True)(inputs)
        bits = ops.clip(layers.Reshape((5, 3))(logits) + 0.5, 0.0, 1.0)
        table = np.array([[i >> k & 1 for k in range(3)] for i in range(8)], "float32")
        parts = bits[:, :, None] * table + (1 - bits[:, :, None]) * (1 - table)
        return layers.Dense(1)(layers.Flatten()(parts[..., 0] * parts[..., 1] * parts[..., 2]))

    return model_of(build, (6,)), normal(6)


@architecture()
def hard_tree():
    """Tree of hard decisions, as a network of comparisons."""

    def build(inputs):
        right = ops.cast(inputs > np.array([0.1, -0.2, 0.3], "float32"), "int32")
        leaf = right[:, 0] * 4 + right[:, 1] * 2 + right[:, 2]
        return layers.Embedding(8, 1, embeddings_initializer="random_normal")(leaf)

    return model_of(build, (3,)), normal(3)


class SplineLayer(layers.Layer):
    """Sums of B-splines of each input, with a base function (KAN)."""

    def __init__(self, units):
        super().__init__()
        self.units, self.knots = units, np.linspace(-3.5, 3.5, 12).astype("float32")

    def build(self, shape):
        self.base = self.add_weight(shape=(shape[-1], self.units), name="base")
        self.spline = self.add_weight(shape=(shape[-1], 8, self.units), name="spline")

    def call(self, inputs):
        x, knots = inputs[..., None], self.knots
        bases = ops.cast(ops.logical_and(x >= knots[:-1], x < knots[1:]), "float32")
        for order in range(1, 4):
            left = (x - knots[: -order - 1]) / (knots[order:-1] - knots[: -order - 1])
            right = (knots[order + 1 :] - x) / (knots[order + 1 :] - knots[1:-order])
            bases = left * bases[..., :-1] + right * bases[..., 1:]
        return ops.matmul(ops.silu(inputs), self.base) + ops.einsum("bik,iku->bu", bases, self.spline)


@architecture()
def kolmogorov_arnold_network():
    """Network of B-splines (KAN)."""
    return keras.Sequential([keras.Input((3,)), SplineLayer(4), SplineLayer(1)]), normal(3)


class Distances(layers.Layer):
    """Gaussian functions of the distance from centres."""

    def build(self, shape):
        self.centres = self.add_weight(shape=(6, shape[-1]), initializer="random_normal", name="centres")
        self.log_width = self.add_weight(shape=(6,), initializer="zeros", name="log_width")

    def call(self, inputs):
        squares = ops.sum(ops.square(inputs[:, None] - self.centres), -1)
        return ops.exp(-squares * ops.exp(self.log_width) / 2)


@architecture()
def radial_basis_network():
    """Radial basis functions."""
    return keras.Sequential([keras.Input((4,)), Distances(), layers.Dense(1)]), normal(4)


@architecture()
def gaussian_process_mean():
    """Mean of a Gaussian process with deep features, given its training rows."""
    training = np.random.default_rng(4).normal(size=(10, 3)).astype("float32")

    def mean(features):
        kernel = tf.exp(-tf.reduce_sum(tf.square(features[:, None] - training), -1) / 2)
        own = tf.exp(-tf.reduce_sum(tf.square(training[:, None] - training), -1) / 2) + 0.1 * tf.eye(10)
        factor = tf.linalg.cholesky(own)
        weights = tf.linalg.cholesky_solve(factor, tf.constant(np.sin(training[:, :1]), tf.float32))
        solved = tf.linalg.triangular_solve(factor, tf.transpose(kernel))
        variance = 1 - tf.reduce_sum(tf.square(solved), 0)
        return tf.matmul(kernel, weights) + tf.sqrt(variance + 1e-2)[:, None]

    def build(inputs):
        return layers.Lambda(mean, output_shape=(1,))(layers.Dense(3, activation="tanh")(inputs))

    return model_of(build, (4,)), normal(4)


@architecture()
def neural_arithmetic():
    """Sums and products in logarithms (NALU)."""

    def build(inputs):
        weights = [layers.Dense(4, use_bias=False) for _ in range(2)]
        gate = layers.Dense(4, activation="sigmoid", use_bias=False)(inputs)
        added = weights[0](inputs)
        multiplied = ops.exp(weights[1](ops.log(ops.abs(inputs) + 1e-3)))
        return layers.Dense(1)(gate * added + (1 - gate) * multiplied)

    return model_of(build, (4,)), normal(4)


@architecture()
def quantile_regression():
    """Quantiles that cannot cross."""

    def build(inputs):
        hidden = layers.Dense(8, activation="relu")(inputs)
        steps = ops.concatenate([layers.Dense(1)(hidden), layers.Dense(4, activation="softplus")(hidden)], -1)
        return ops.cumsum(steps, -1)[:, 3:4]

    return model_of(build, (5,)), normal(5)
