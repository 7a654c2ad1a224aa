"""Networks of sets, bags and pairs."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, tokens


@architecture()
def deep_sets():
    """Sum over items between two networks (Deep Sets)."""

    def build(items):
        hidden = layers.Dense(6, activation="elu")(layers.Dense(8, activation="elu")(items))
        return layers.Dense(1)(layers.Dense(6, activation="elu")(ops.sum(hidden, 1)))

    return model_of(build, (6, 3)), normal(6, 3)


class Seeds(layers.Layer):
    """Learned vectors that attend to the set."""

    def build(self, shape):
        self.seeds = self.add_weight(shape=(1, 2, shape[-1]), initializer="random_normal", name="seeds")

    def call(self, inputs):
        return ops.tile(self.seeds, (ops.shape(inputs)[0], 1, 1))


@architecture()
def set_transformer():
    """Attention blocks with inducing points and pooling by seeds (Set Transformer)."""

    def block(query, key):
        hidden = layers.LayerNormalization()(query + layers.MultiHeadAttention(2, 3)(query, key))
        return layers.LayerNormalization()(hidden + layers.Dense(6, activation="relu")(hidden))

    def build(items):
        hidden = layers.Dense(6)(items)
        hidden = block(hidden, block(Seeds()(hidden), hidden))
        return layers.Dense(1)(layers.Flatten()(block(Seeds()(hidden), hidden)))

    return model_of(build, (6, 3)), normal(6, 3)


@architecture()
def multiple_instances():
    """Bag of instances with gated attention (attention MIL)."""

    def build(bag):
        hidden = layers.Dense(6, activation="relu")(bag)
        gate = layers.Dense(4, activation="tanh")(hidden) * layers.Dense(4, activation="sigmoid")(hidden)
        weights = ops.softmax(layers.Dense(1)(gate), 1)
        return layers.Dense(1, activation="sigmoid")(ops.sum(weights * hidden, 1))

    return model_of(build, (7, 4)), normal(7, 4)


@architecture()
def noisy_or():
    """Bag whose probability is that of at least one positive instance (noisy-or)."""

    def build(bag):
        instances = layers.Dense(1, activation="sigmoid")(layers.Dense(6, activation="relu")(bag))[..., 0]
        return 1 - ops.prod(1 - instances, -1, keepdims=True)

    return model_of(build, (5, 3)), normal(5, 3)


@architecture()
def point_net():
    """Maxima over points that the network has turned first (PointNet)."""

    def build(points):
        hidden = layers.Conv1D(6, 1, activation="relu")(points)
        turn = layers.Dense(9, bias_initializer=keras.initializers.Constant(np.eye(3, dtype="float32").ravel()))
        matrix = layers.Reshape((3, 3))(turn(layers.Dense(5, activation="relu")(ops.max(hidden, 1))))
        hidden = layers.BatchNormalization()(layers.Conv1D(8, 1)(ops.matmul(points, matrix)))
        return layers.Dense(1)(layers.GlobalMaxPooling1D()(ops.relu(hidden)))

    return model_of(build, (10, 3)), normal(10, 3)


@architecture()
def edge_convolutions():
    """Convolutions over the nearest neighbours of each point (DGCNN)."""

    def edges(features):
        square = tf.reduce_sum(tf.square(features), -1)
        product = tf.matmul(features, features, transpose_b=True)
        distance = square[..., None] - 2 * product + square[:, None]
        neighbours = tf.gather(features, tf.math.top_k(-distance, 3).indices, batch_dims=1)
        centre = tf.repeat(features[:, :, None], 3, 2)
        return tf.concat([centre, neighbours - centre], -1)

    def build(points):
        hidden = points
        for units in (5, 6):
            width = 2 * hidden.shape[-1]
            hidden = layers.Lambda(edges, output_shape=(8, 3, width))(hidden)
            hidden = ops.max(layers.Dense(units, activation="leaky_relu")(hidden), 2)
        return layers.Dense(1)(ops.max(hidden, 1))

    return model_of(build, (8, 3)), normal(8, 3)


def _encoder():
    return keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(4)])


@architecture()
def siamese_distance():
    """Euclidean distance of what one network makes of two inputs."""

    def build(first, second):
        encode = _encoder()
        difference = encode(first) - encode(second)
        return ops.sqrt(ops.maximum(ops.sum(ops.square(difference), -1, keepdims=True), 1e-7))

    return model_of(build, (5,), (5,)), [normal(5), normal(5, seed=2)]


@architecture()
def triplet_loss():
    """Loss of an anchor, a positive and a negative."""

    def build(anchor, positive, negative):
        encode, normalise = _encoder(), layers.UnitNormalization()
        anchor, positive, negative = (normalise(encode(each)) for each in (anchor, positive, negative))
        near, far = (ops.sum(ops.square(anchor - other), -1, keepdims=True) for other in (positive, negative))
        return ops.relu(near - far + 1.0)

    return model_of(build, (5,), (5,), (5,)), [normal(5), normal(5, seed=2), normal(5, seed=3)]


class Margin(layers.Layer):
    """Cosines of class centres, with an angular margin for one class (ArcFace)."""

    def build(self, shape):
        self.centres = self.add_weight(shape=(shape[-1], 3), name="centres")

    def call(self, inputs):
        inputs = inputs / ops.norm(inputs, axis=-1, keepdims=True)
        cosines = ops.matmul(inputs, self.centres / ops.norm(self.centres, axis=0, keepdims=True))
        angles = ops.arccos(ops.clip(cosines, -0.999, 0.999))
        return 8.0 * ops.cos(angles + 0.3 * np.array([1.0, 0.0, 0.0], "float32"))


@architecture(target=0)
def metric_learning():
    """Angular margin between classes (ArcFace)."""
    return keras.Sequential([keras.Input((5,)), layers.Dense(8, activation="relu"), Margin()]), normal(5)


@architecture(target=1)
def prototypes():
    """Distances from prototypes that a support set makes (prototypical networks)."""
    support = np.random.default_rng(5).normal(size=(6, 5)).astype("float32")

    def build(query):
        encode = _encoder()
        centres = ops.mean(ops.reshape(encode(ops.convert_to_tensor(support)), (3, 2, 4)), 1)
        return -ops.sum(ops.square(encode(query)[:, None] - centres), -1)

    return model_of(build, (5,)), normal(5)


@architecture()
def matching_network():
    """Label of a support set given with each row, by attention over cosines (matching networks)."""

    def build(query, support, labels):
        hidden, out = layers.Dense(8, activation="relu"), layers.Dense(4)
        query, support = out(hidden(query)), out(hidden(support))
        norms = ops.sqrt(ops.sum(ops.square(query), -1)[:, None] * ops.sum(ops.square(support), -1) + 1e-4)
        weights = ops.softmax(ops.einsum("bf,bsf->bs", query, support) / norms)
        return ops.sum(weights * labels, -1, keepdims=True)

    rows = [normal(4), normal(5, 4, seed=2), tokens(5, 3).astype("float32") - 1]
    return model_of(build, (4,), (5, 4), (5,)), rows


@architecture()
def relation_network():
    """Sum over all pairs of items (relation network)."""

    def build(items):
        pairs = ops.concatenate([ops.repeat(items[:, :, None], 5, 2), ops.repeat(items[:, None], 5, 1)], -1)
        hidden = layers.Dense(6, activation="relu")(layers.Dense(6, activation="relu")(pairs))
        return layers.Dense(1)(layers.Dense(5, activation="relu")(ops.sum(hidden, (1, 2))))

    return model_of(build, (5, 3)), normal(5, 3)
