"""Networks of graphs."""

import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import N_ROWS, architecture, model_of, normal

NODES = 6


def _graphs(features=3):
    links = np.random.default_rng(7).uniform(size=(N_ROWS, NODES, NODES)) < 0.4
    adjacency = np.triu(links, 1) | np.triu(links, 1).transpose(0, 2, 1)
    return {"nodes": normal(NODES, features), "links": adjacency.astype("float32")}


def _graph_model(build, features=3):
    return model_of(build, (NODES, features), (NODES, NODES), names=["nodes", "links"])


HELD = dict(reference={"nodes": "zeros", "links": "held"})


def _normalised(links):
    links = links + np.eye(NODES, dtype="float32")
    inverse = ops.rsqrt(ops.sum(links, -1))
    return links * inverse[:, :, None] * inverse[:, None]


@architecture(**HELD)
def graph_convolutions():
    """Graph convolutions with the links held (GCN)."""

    def build(nodes, links):
        hidden, links = nodes, _normalised(links)
        for units in (6, 5):
            hidden = ops.relu(ops.matmul(links, layers.Dense(units)(hidden)))
        return layers.Dense(1)(ops.mean(hidden, 1))

    return _graph_model(build), _graphs()


@architecture(reference={"nodes": "zeros", "links": "zeros"})
def graph_convolutions_of_links():
    """Graph convolutions with the links explained (GCN)."""
    return graph_convolutions()


@architecture(**HELD)
def graph_attention():
    """Attention over neighbours (GAT)."""

    def build(nodes, links):
        mask = links + np.eye(NODES, dtype="float32")
        hidden = layers.Dense(6)(nodes)
        scores = layers.Dense(1)(hidden) + ops.swapaxes(layers.Dense(1)(hidden), 1, 2)
        weights = ops.softmax(ops.leaky_relu(scores) - 1e9 * (1 - mask))
        return layers.Dense(1)(ops.max(ops.elu(ops.matmul(weights, hidden)), 1))

    return _graph_model(build), _graphs()


@architecture(reference={"nodes": "zeros", "links": "zeros"})
def graph_attention_of_links():
    """Attention over neighbours, with the links explained (GAT)."""

    def build(nodes, links):
        hidden = layers.Dense(6)(nodes)
        scores = layers.Dense(1)(hidden) + ops.swapaxes(layers.Dense(1)(hidden), 1, 2)
        scores = ops.where(links + np.eye(NODES, dtype="float32") > 0, ops.leaky_relu(scores), -1e9)
        return layers.Dense(1)(ops.max(ops.elu(ops.matmul(ops.softmax(scores), hidden)), 1))

    return _graph_model(build), _graphs()


@architecture(**HELD)
def graph_isomorphism():
    """Sums over neighbours and perceptrons (GIN)."""

    def build(nodes, links):
        hidden, pooled = nodes, [ops.sum(nodes, 1)]
        for units in (6, 5):
            hidden = layers.Dense(units, activation="relu")(1.1 * hidden + ops.matmul(links, hidden))
            hidden = layers.BatchNormalization()(layers.Dense(units)(hidden))
            pooled.append(ops.sum(hidden, 1))
        return layers.Dense(1)(ops.concatenate(pooled, -1))

    return _graph_model(build), _graphs()


@architecture(**HELD)
def sampled_neighbours():
    """Mean of neighbours next to the node, on unit length (GraphSAGE)."""

    def build(nodes, links):
        mean = ops.matmul(links, nodes) / ops.maximum(ops.sum(links, -1, keepdims=True), 1.0)
        hidden = layers.Dense(6, activation="relu")(ops.concatenate([nodes, mean], -1))
        return layers.Dense(1)(ops.mean(layers.UnitNormalization()(hidden), 1))

    return _graph_model(build), _graphs()


@architecture()
def message_passing():
    """Messages along the edges of a fixed graph, by gathering and segments (MPNN)."""
    senders = np.array([0, 1, 2, 3, 4, 5, 0, 2])
    receivers = np.array([1, 2, 3, 4, 5, 0, 3, 5])

    def receive(arguments):
        state, message = arguments
        summed = tf.math.unsorted_segment_sum(tf.transpose(message, (1, 0, 2)), receivers, NODES)
        largest = tf.math.unsorted_segment_max(tf.transpose(message, (1, 0, 2)), receivers, NODES)
        return tf.concat([state, tf.transpose(summed, (1, 0, 2)), tf.transpose(largest, (1, 0, 2))], -1)

    def build(nodes, edges):
        state = layers.Dense(4)(nodes)
        for _ in range(2):
            ends = [ops.take(state, which, axis=1) for which in (senders, receivers)]
            message = layers.Dense(4, activation="relu")(ops.concatenate([*ends, edges], -1))
            received = layers.Lambda(receive, output_shape=(NODES, 12))([state, message])
            state = layers.Dense(4, activation="tanh")(received)
        return layers.Dense(1)(ops.sum(state, 1))

    return model_of(build, (NODES, 3), (8, 2)), [normal(NODES, 3), normal(8, 2)]


@architecture(**HELD)
def sort_pooling():
    """Nodes sorted by their last channel (DGCNN of graphs, SortPool)."""

    def sort(hidden):
        order = tf.argsort(hidden[..., -1], direction="DESCENDING")
        return tf.gather(hidden, order[:, :4], batch_dims=1)

    def build(nodes, links):
        hidden = ops.tanh(ops.matmul(_normalised(links), layers.Dense(5)(nodes)))
        pooled = layers.Lambda(sort, output_shape=(4, 5))(hidden)
        return layers.Dense(1)(layers.Flatten()(layers.Conv1D(4, 2, activation="relu")(pooled)))

    return _graph_model(build), _graphs()


@architecture(**HELD)
def top_k_pooling():
    """Only the nodes of the highest scores are kept, times their scores (gPool)."""

    def keep(hidden):
        scores, indices = tf.math.top_k(hidden[..., 0], 3)
        return tf.gather(hidden, indices, batch_dims=1) * tf.sigmoid(scores)[..., None]

    def build(nodes, links):
        hidden = ops.relu(ops.matmul(_normalised(links), layers.Dense(5)(nodes)))
        joined = ops.concatenate([layers.Dense(1)(hidden), hidden], -1)
        kept = layers.Lambda(keep, output_shape=(3, 6))(joined)
        return layers.Dense(1)(ops.mean(kept, 1))

    return _graph_model(build), _graphs()


@architecture(**HELD)
def differentiable_pooling():
    """Soft clusters of nodes (DiffPool)."""

    def build(nodes, links):
        adjacency = _normalised(links)
        hidden = ops.relu(ops.matmul(adjacency, layers.Dense(5)(nodes)))
        clusters = ops.softmax(ops.matmul(adjacency, layers.Dense(3)(nodes)))
        pooled = ops.matmul(ops.swapaxes(clusters, 1, 2), hidden)
        coarse = ops.matmul(ops.matmul(ops.swapaxes(clusters, 1, 2), adjacency), clusters)
        return layers.Dense(1)(ops.mean(ops.relu(ops.matmul(coarse, layers.Dense(5)(pooled))), 1))

    return _graph_model(build), _graphs()


@architecture(**HELD)
def chebyshev_convolutions():
    """Chebyshev polynomials of the Laplacian (ChebNet)."""

    def build(nodes, links):
        laplacian = -_normalised(links)
        terms = [nodes, ops.matmul(laplacian, nodes)]
        terms.append(2 * ops.matmul(laplacian, terms[1]) - terms[0])
        hidden = layers.Dense(6, activation="relu")(ops.concatenate(terms, -1))
        return layers.Dense(1)(ops.mean(hidden, 1))

    return _graph_model(build), _graphs()


@architecture(reference="mean")
def continuous_filters():
    """Energy of a molecule from distances of its atoms (SchNet)."""

    def build(places, charges):
        difference = places[:, :, None] - places[:, None]
        distance = ops.sqrt(ops.sum(ops.square(difference), -1) + 1e-4)
        basis = ops.exp(-4 * ops.square(distance[..., None] - np.linspace(0, 3, 6).astype("float32")))
        cut = 0.5 * (ops.cos(np.pi * distance / 6) + 1) * ops.cast(distance < 6, "float32")
        hidden = layers.Embedding(5, 6)(charges)
        for _ in range(2):
            filters = layers.Dense(6)(layers.Dense(6, activation="softplus")(basis)) * cut[..., None]
            message = ops.einsum("bijf,bjf->bif", filters, layers.Dense(6, use_bias=False)(hidden))
            hidden = hidden + layers.Dense(6)(layers.Dense(6, activation="softplus")(message))
        return ops.sum(layers.Dense(1)(layers.Dense(4, activation="softplus")(hidden)), 1)

    charges = np.random.default_rng(2).integers(1, 5, (N_ROWS, NODES)).astype("int32")
    rows = {"places": normal(NODES, 3), "charges": charges}
    return model_of(build, (NODES, 3), (NODES,), dtypes=["float32", "int32"], names=["places", "charges"]), rows


@architecture()
def equivariant_network():
    """Equivariant messages that move the nodes (EGNN)."""

    def build(features, places):
        for _ in range(2):
            difference = places[:, :, None] - places[:, None]
            square = ops.sum(ops.square(difference), -1, keepdims=True)
            pair = ops.concatenate(
                [ops.repeat(features[:, :, None], NODES, 2), ops.repeat(features[:, None], NODES, 1), square], -1
            )
            message = layers.Dense(4, activation="silu")(pair)
            places = places + ops.mean(difference / (1 + ops.sqrt(square + 1e-3)) * layers.Dense(1)(message), 2)
            features = features + layers.Dense(3)(ops.concatenate([features, ops.sum(message, 2)], -1))
        spread = ops.sum(ops.var(places, 1), -1, keepdims=True)
        return layers.Dense(1)(ops.concatenate([ops.mean(features, 1), spread], -1))

    return model_of(build, (NODES, 3), (NODES, 3)), [normal(NODES, 3), normal(NODES, 3, seed=2)]


@architecture()
def traffic_network():
    """Gated convolutions over time between convolutions over a fixed road network (STGCN)."""
    adjacency = np.exp(-np.square(np.subtract.outer(np.arange(NODES), np.arange(NODES)) / 2)).astype("float32")
    adjacency /= adjacency.sum(1, keepdims=True)

    def gated(tensor, units):
        return ops.glu(layers.Conv2D(2 * units, (3, 1))(tensor))

    def build(traffic):
        hidden = gated(traffic, 4)
        hidden = ops.relu(ops.einsum("ij,btjf->btif", adjacency, layers.Dense(4)(hidden)))
        return layers.Dense(1)(layers.Flatten()(layers.LayerNormalization()(gated(hidden, 3))))

    return model_of(build, (8, NODES, 2)), normal(8, NODES, 2)


@architecture(**HELD)
def gated_graph_network():
    """Messages and gated recurrent units, with a gated sum of nodes (GGNN)."""

    def build(nodes, links):
        state, message = layers.Dense(5)(nodes), layers.Dense(5)
        cell = layers.GRUCell(5)
        for _ in range(3):
            received = ops.reshape(ops.matmul(links, message(state)), (-1, 5))
            state = ops.reshape(cell(received, [ops.reshape(state, (-1, 5))])[0], (-1, NODES, 5))
        gate = layers.Dense(1, activation="sigmoid")(ops.concatenate([state, nodes], -1))
        return ops.sum(gate * layers.Dense(1, activation="tanh")(state), 1)

    return _graph_model(build), _graphs()


@architecture()
def knowledge_graph():
    """Distance of head plus relation from tail (TransE), and a product of three (DistMult)."""

    def build(head, relation, tail):
        entities, relations = layers.Embedding(12, 5), layers.Embedding(4, 5)
        head, relation, tail = entities(head)[:, 0], relations(relation)[:, 0], entities(tail)[:, 0]
        distance = ops.sum(ops.abs(head + relation - tail), -1, keepdims=True)
        return ops.sum(head * relation * tail, -1, keepdims=True) - distance

    generator = np.random.default_rng(3)
    rows = [generator.integers(1, size, (N_ROWS, 1)).astype("int32") for size in (12, 4, 12)]
    return model_of(build, (1,), (1,), (1,), dtypes=["int32"] * 3), rows
