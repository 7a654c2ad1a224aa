"""Recommenders."""

import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, tokens

FIELDS = ((3,), (4,))
DTYPES = ["int32", "float32"]


def _fields():
    return [tokens(3, 6), normal(4)]


def _embedded(categories, width=5):
    return layers.Embedding(18, width)(categories + np.array([0, 6, 12], "int32"))


@architecture()
def wide_and_deep():
    """Linear model of crossed categories next to a deep network (Wide & Deep)."""

    def build(categories, numbers):
        crossed = layers.Embedding(36, 1)(categories[:, 0] * 6 + categories[:, 1])
        deep = ops.concatenate([layers.Flatten()(_embedded(categories)), numbers], -1)
        deep = layers.Dense(8, activation="relu")(layers.Dense(12, activation="relu")(deep))
        return crossed + layers.Dense(1)(deep) + layers.Dense(1)(numbers)

    return model_of(build, *FIELDS, dtypes=DTYPES), _fields()


@architecture()
def dlrm():
    """Pairwise dot products of embeddings and a dense tower (DLRM)."""

    def build(categories, numbers):
        dense = layers.Dense(5, activation="relu")(layers.Dense(8, activation="relu")(numbers))
        vectors = ops.concatenate([dense[:, None], _embedded(categories)], 1)
        products = ops.reshape(ops.matmul(vectors, ops.swapaxes(vectors, 1, 2)), (-1, 16))
        above = ops.take(products, np.flatnonzero(np.triu(np.ones((4, 4)), 1)), axis=1)
        return layers.Dense(1)(layers.Dense(8, activation="relu")(ops.concatenate([dense, above], -1)))

    return model_of(build, *FIELDS, dtypes=DTYPES), _fields()


@architecture()
def deep_and_cross():
    """Cross layers next to a deep network (DCN-v2)."""

    def build(categories, numbers):
        start = crossed = ops.concatenate([layers.Flatten()(_embedded(categories, 3)), numbers], -1)
        for _ in range(2):
            crossed = start * layers.Dense(13)(crossed) + crossed
        return layers.Dense(1)(ops.concatenate([crossed, layers.Dense(8, activation="relu")(start)], -1))

    return model_of(build, *FIELDS, dtypes=DTYPES), _fields()


def _factorised(vectors):
    total = ops.sum(vectors, 1)
    return 0.5 * ops.sum(ops.square(total) - ops.sum(ops.square(vectors), 1), -1, keepdims=True)


@architecture()
def factorisation_machine():
    """Factorisation machine over categories."""

    def build(categories):
        linear = ops.sum(_embedded(categories, 1), 1)
        return linear + _factorised(_embedded(categories, 4))

    return model_of(build, (3,), dtypes=["int32"]), tokens(3, 6)


@architecture()
def deep_factorisation_machine():
    """Factorisation machine and deep network over the same embeddings (DeepFM)."""

    def build(categories, numbers):
        weighted = layers.Dense(16)(numbers)
        vectors = ops.concatenate([_embedded(categories, 4), layers.Reshape((4, 4))(weighted)], 1)
        deep = layers.Dense(8, activation="relu")(layers.Flatten()(vectors))
        return layers.Dense(1)(numbers) + _factorised(vectors) + layers.Dense(1)(deep)

    return model_of(build, *FIELDS, dtypes=DTYPES), _fields()


@architecture()
def compressed_interactions():
    """Compressed interaction network (xDeepFM)."""

    def build(categories):
        start = hidden = _embedded(categories, 4)
        pooled = []
        for units in (4, 3):
            products = ops.einsum("bid,bjd->bdij", hidden, start)
            products = ops.reshape(products, (-1, 4, hidden.shape[1] * 3))
            hidden = ops.swapaxes(layers.Dense(units)(products), 1, 2)
            pooled.append(ops.sum(hidden, -1))
        return layers.Dense(1)(ops.concatenate(pooled, -1))

    return model_of(build, (3,), dtypes=["int32"]), tokens(3, 6)


@architecture()
def interacting_attention():
    """Attention between fields (AutoInt)."""

    def build(categories, numbers):
        vectors = ops.concatenate([_embedded(categories, 4), layers.Reshape((4, 4))(layers.Dense(16)(numbers))], 1)
        hidden = ops.relu(layers.MultiHeadAttention(2, 4)(vectors, vectors) + layers.Dense(4)(vectors))
        return layers.Dense(1)(layers.Flatten()(hidden))

    return model_of(build, *FIELDS, dtypes=DTYPES), _fields()


@architecture()
def neural_collaborative_filtering():
    """Products and a perceptron of user and item (NeuMF)."""

    def build(user, item):
        product = layers.Embedding(9, 4)(user)[:, 0] * layers.Embedding(12, 4)(item)[:, 0]
        joined = ops.concatenate([layers.Embedding(9, 4)(user)[:, 0], layers.Embedding(12, 4)(item)[:, 0]], -1)
        joined = layers.Dense(4, activation="relu")(layers.Dense(8, activation="relu")(joined))
        return layers.Dense(1)(ops.concatenate([product, joined], -1))

    return model_of(build, (1,), (1,), dtypes=["int32"] * 2), [tokens(1, 9), tokens(1, 12, seed=2)]


@architecture()
def two_towers():
    """Cosine of a user's and an item's tower."""

    def tower(identity, features):
        hidden = ops.concatenate([layers.Embedding(12, 4)(identity)[:, 0], features], -1)
        return layers.UnitNormalization()(layers.Dense(5)(layers.Dense(8, activation="relu")(hidden)))

    def build(user, user_features, item, item_features):
        return ops.sum(tower(user, user_features) * tower(item, item_features), -1, keepdims=True) / 0.1

    dtypes = ["int32", "float32"] * 2
    rows = [tokens(1, 12), normal(3), tokens(1, 12, seed=2), normal(2, seed=3)]
    return model_of(build, (1,), (3,), (1,), (2,), dtypes=dtypes), rows


@architecture(shares_padding=True)
def gru_for_sessions():
    """Recurrent network of a session's items (GRU4Rec)."""

    def build(items):
        hidden = layers.GRU(6)(layers.Embedding(15, 5, mask_zero=True)(items))
        return layers.Dense(1)(hidden)

    return model_of(build, (7,), dtypes=["int32"]), tokens(7, 15, padded=True)


@architecture()
def self_attentive_recommendation():
    """Causal attention over a user's items, and the score of a candidate (SASRec)."""

    def build(items, candidate):
        table = layers.Embedding(15, 6)
        hidden = table(items) + layers.Embedding(6, 6)(ops.arange(6))
        normalised = layers.LayerNormalization()(hidden)
        hidden = hidden + layers.MultiHeadAttention(1, 6)(normalised, hidden, use_causal_mask=True)
        hidden = hidden + layers.Dense(6)(layers.Dense(6, activation="relu")(layers.LayerNormalization()(hidden)))
        return ops.sum(layers.LayerNormalization()(hidden)[:, -1] * table(candidate)[:, 0], -1, keepdims=True)

    return model_of(build, (6,), (1,), dtypes=["int32"] * 2), [tokens(6, 15), tokens(1, 15, seed=2)]


class Dice(layers.Layer):
    """Activation that moves between identity and a slope by normalised values."""

    def build(self, shape):
        self.normalise = layers.BatchNormalization(center=False, scale=False)
        self.normalise.build(shape)
        self.alpha = self.add_weight(shape=(shape[-1],), initializer="zeros", name="alpha")

    def call(self, inputs):
        gate = ops.sigmoid(self.normalise(inputs, training=False))
        return self.alpha * (1 - gate) * inputs + gate * inputs


@architecture()
def interest_network():
    """Attention of a candidate over a user's history (DIN)."""

    def build(history, candidate):
        table = layers.Embedding(15, 5)
        items, wanted = table(history), table(candidate)
        repeated = ops.repeat(wanted, 6, 1)
        joined = ops.concatenate([repeated, items, repeated - items, repeated * items], -1)
        weights = layers.Dense(1)(layers.Dense(6, activation="sigmoid")(joined))
        interest = ops.sum(weights * items, 1)
        return layers.Dense(1)(Dice()(layers.Dense(6)(ops.concatenate([interest, wanted[:, 0]], -1))))

    return model_of(build, (6,), (1,), dtypes=["int32"] * 2), [tokens(6, 15), tokens(1, 15, seed=2)]


@architecture(target=2)
def rating_autoencoder():
    """Autoencoder of ratings (AutoRec)."""

    def build(ratings):
        return layers.Dense(10)(layers.Dense(5, activation="sigmoid")(ratings))

    return model_of(build, (10,)), tokens(10, 6).astype("float32")


@architecture(target={0: 1.0, 1: 1.0})
def multi_gate_mixture():
    """Experts shared by two tasks (MMoE)."""

    def build(inputs):
        experts = ops.stack([layers.Dense(5, activation="relu")(inputs) for _ in range(3)], 1)
        tasks = []
        for _ in range(2):
            gate = layers.Dense(3, activation="softmax")(inputs)
            mixed = ops.einsum("be,bef->bf", gate, experts)
            tasks.append(layers.Dense(1)(layers.Dense(4, activation="relu")(mixed)))
        return ops.concatenate(tasks, -1)

    return model_of(build, (5,)), normal(5)


@architecture()
def ranking_of_pairs():
    """Probability that one item is preferred to another (RankNet, LambdaRank)."""
    score = [layers.Dense(6, activation="relu"), layers.Dense(1)]

    def build(first, second):
        return ops.sigmoid(score[1](score[0](first)) - score[1](score[0](second)))

    return model_of(build, (5,), (5,)), [normal(5), normal(5, seed=2)]


@architecture()
def sorted_list():
    """Ranks of a list by smooth comparisons (SoftRank), and its discounted gain."""

    def build(items):
        scores = layers.Dense(1)(layers.Dense(6, activation="tanh")(items))[..., 0]
        ranks = 0.5 + ops.sum(ops.sigmoid((scores[:, None] - scores[:, :, None]) / 0.5), -1)
        return ops.sum(1 / ops.log2(1 + ranks) * np.array([3.0, 1.0, 0.0, 1.0], "float32"), -1, keepdims=True)

    return model_of(build, (4, 3)), normal(4, 3)


@architecture(target=lambda scores: tf.reduce_max(scores, 1))
def session_graph():
    """Gated graph network of a session's clicks (SR-GNN)."""

    def build(items, adjacency):
        state = layers.Embedding(12, 5)(items)
        cell, project = layers.GRUCell(5), layers.Dense(5)
        for _ in range(2):
            message = ops.reshape(ops.matmul(adjacency, project(state)), (-1, 5))
            state = ops.reshape(cell(message, [ops.reshape(state, (-1, 5))])[0], (-1, 5, 5))
        weights = layers.Dense(1)(ops.sigmoid(layers.Dense(5)(state) + layers.Dense(5)(state[:, -1:])))
        session = layers.Dense(5)(ops.concatenate([ops.sum(weights * state, 1), state[:, -1]], -1))
        return layers.Dense(12)(session)

    rows = {"items": tokens(5, 12), "adjacency": abs(normal(5, 5, seed=2)) / 4}
    return model_of(build, (5,), (5, 5), dtypes=["int32", "float32"], names=["items", "adjacency"]), rows
