"""What holds for every network, tried on networks that are put together at random."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

from skdeeplift import DeepLiftExplainer
from tests.conformance.networks import floating_point, random_rows, randomise_weights

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
N_ROWS, N_REFERENCES, N_OUTPUTS = 5, 3, 2


# A network is described by plain data: its input's shape, and the blocks that follow one another. A block is its name
# and what it needs, which for "residual" and "branches" is blocks again.
def blocks(depth):
    """Descriptions of one to three blocks in a row."""
    activation, size = st.sampled_from(ACTIVATIONS), st.integers(1, 3)
    padding = st.sampled_from(["valid", "same"])
    choices = [
        st.tuples(st.just("dense"), size, activation),
        st.tuples(st.just("convolution"), size, size, padding, activation),
        st.tuples(st.just("maximum"), size, size, padding),
        st.tuples(st.just("average"), size, size, padding),
        st.tuples(st.just("batch normalisation"), activation),
        st.tuples(st.just("softmax")),
        st.tuples(st.just("same layer twice"), activation),
    ]
    if depth:
        inner = blocks(depth - 1)
        choices.append(st.tuples(st.just("residual"), inner))
        choices.append(st.tuples(st.just("branches"), st.sampled_from(sorted(JOINS)), inner, inner))
    return st.lists(st.one_of(choices), min_size=1, max_size=3)


DESCRIPTIONS = st.tuples(st.sampled_from([(4,), (6, 3), (5, 5, 2)]), blocks(depth=2))


def build(shape, description, seed):
    """The model that a description stands for, with random weights."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(shape)
    hidden = follow(inputs, description)
    hidden = layers.Flatten()(hidden) if len(hidden.shape) > 2 else hidden
    model = keras.Model(inputs, layers.Dense(N_OUTPUTS)(hidden))
    randomise_weights(model, seed)
    return model


def follow(tensor, description):
    for block in description:
        tensor = BLOCKS[block[0]](tensor, *block[1:])
    return tensor


def is_flat(tensor):
    return len(tensor.shape) == 2


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


def pooling(one_dimensional, two_dimensional):
    def pool(tensor, size, strides, padding):
        if is_flat(tensor) or not fits(tensor, size, padding):
            return tensor
        return of_rank(tensor, one_dimensional, two_dimensional)(size, strides, padding)(tensor)

    return pool


def batch_normalisation(tensor, activation):
    return layers.Activation(activation)(layers.BatchNormalization()(tensor))


def softmax(tensor):
    return layers.Softmax()(tensor) if tensor.shape[-1] > 1 else tensor


def same_layer_twice(tensor, activation):
    layer = layers.Dense(tensor.shape[-1], activation=activation)
    return layer(layer(tensor))


def residual(tensor, description):
    return join("add", [tensor, follow(tensor, description)])


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
    "maximum": pooling(layers.MaxPooling1D, layers.MaxPooling2D),
    "average": pooling(layers.AveragePooling1D, layers.AveragePooling2D),
    "batch normalisation": batch_normalisation,
    "softmax": softmax,
    "same layer twice": same_layer_twice,
    "residual": residual,
    "branches": branches,
}


RULES = ["rescale", "reveal_cancel", "genomics_default"]


class Explained:
    """A random network, rows, and references of which one is a row."""

    def __init__(self, network, seed, rule="rescale"):
        self.model = build(*network, seed)
        self.rows = random_rows(self.model, N_ROWS, seed)
        self.references = np.concatenate([random_rows(self.model, N_REFERENCES - 1, seed + 1), self.rows[-1:]])
        self.explainer = DeepLiftExplainer(self.model, target=0, rule=rule, reference=self.references)
        self.explainer.fit(self.rows)

    def contributions(self, rows=None, references=None, target=None):
        rows = self.rows if rows is None else rows
        return self.explainer.explain(rows, reference=references, target=target).contributions


def any_network(max_examples):
    """Decorate a test that takes a random network."""

    def decorate(test):
        test = given(network=DESCRIPTIONS, seed=st.integers(0, 2**31), rule=st.sampled_from(RULES))(test)
        health = [HealthCheck.too_slow, HealthCheck.data_too_large]
        return settings(max_examples=max_examples, deadline=None, derandomize=True, suppress_health_check=health)(test)

    return decorate


@pytest.fixture(autouse=True)
def _free_graphs():
    yield
    keras.backend.clear_session()


@any_network(max_examples=30)
def test_contributions_sum_to_the_change_of_the_output(network, seed, rule):
    explained = Explained(network, seed, rule)
    at_rows, at_references = (
        np.asarray(explained.model(values, training=False), np.float64)[:, 0]
        for values in (explained.rows, explained.references)
    )
    change = at_rows - at_references.mean()
    totals = explained.contributions().reshape(N_ROWS, -1).sum(1, dtype=np.float64)
    # Where the output hardly changes, its own rounding is what is left.
    rounding = 16 * np.finfo(np.float32).eps * np.abs(at_rows).max()
    tolerance = 1e-5 if rule == "rescale" else 1e-4
    np.testing.assert_allclose(totals, change, rtol=0, atol=tolerance * np.abs(change).max() + rounding)


# Where an activation hardly changes, its slope has few digits in float32, and so have contributions, though their sum
# has all. Equality is tested in float64.
@any_network(max_examples=8)
def test_contributions_are_linear_in_the_target(network, seed, rule):
    with floating_point("float64"):
        explained = Explained(network, seed, rule)
        first, second = (explained.contributions(target=target) for target in range(N_OUTPUTS))
        assert_equal(explained.contributions(target={0: 2.0, 1: -3.0}), 2 * first - 3 * second)


@any_network(max_examples=8)
def test_the_order_of_rows_and_of_references_does_not_matter(network, seed, rule):
    with floating_point("float64"):
        explained = Explained(network, seed, rule)
        contributions = explained.contributions()
        assert_equal(explained.contributions(rows=explained.rows[::-1]), contributions[::-1])
        assert_equal(explained.contributions(references=explained.references[::-1]), contributions)


@any_network(max_examples=5)
def test_the_batch_size_does_not_matter(network, seed, rule):
    with floating_point("float64"):
        explained = Explained(network, seed, rule)
        contributions = explained.contributions()
        for batch_size in (1, 4):
            explained.explainer.set_params(batch_size=batch_size)
            assert_equal(explained.contributions(), contributions)


@any_network(max_examples=5)
def test_all_targets_at_once_equal_each_alone(network, seed, rule):
    with floating_point("float64"):
        explained = Explained(network, seed, rule)
        together = explained.contributions(target="all")
        alone = [explained.contributions(target=target) for target in range(N_OUTPUTS)]
        assert_equal(together, np.stack(alone, -1))


def assert_equal(actual, expected):
    # Some of these networks are constant, so that rounding is all there is.
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9 * np.abs(expected).max() + 1e-14)
