"""Shapley values, by hand, by brute force over all orders, and by sampling."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.perturbation.partition import Partition, partition_by_axes
from skdeeplift.perturbation.permutations import AllCoalitions, Permutations
from skdeeplift.targets.target import Target
from tests.perturbation.networks import contributions, method_of

GENERATOR = np.random.default_rng(0)
FIRST, SECOND = GENERATOR.normal(size=(10, 6)), GENERATOR.normal(size=(6, 2))
ROWS, REFERENCES = GENERATOR.normal(size=(4, 10)), GENERATOR.normal(size=(3, 10))


def network(x):
    return tf.nn.relu(x @ tf.constant(FIRST) - 0.3) @ tf.constant(SECOND)


def network_of_numpy(x):
    return np.maximum(x @ FIRST - 0.3, 0) @ SECOND


def elements(shape):
    return partition_by_axes([None], [shape], ["x"])


def by_brute_force(function, row, reference, players):
    """Shapley values by the definition over all sets of the other players; ``players`` labels the elements."""
    n = players.max() + 1
    values = {}
    for size in range(n + 1):
        for coalition in itertools.combinations(range(n), size):
            values[coalition] = function(np.where(np.isin(players, coalition), row, reference)[None])[0]
    shapley = []
    for player in range(n):
        total = 0
        for coalition, value in values.items():
            if player not in coalition:
                larger = tuple(sorted((*coalition, player)))
                # One over the number of orders' positions, times one over the number of coalitions of this size.
                number = len([None for other in values if len(other) == len(coalition) and player not in other])
                total = total + (values[larger] - value) / (n * number)
        shapley.append(total)
    return np.array(shapley)


def test_two_features_by_hand():
    """f = relu(x0 - 2 * x1 - 1) at (3, 0.5) against zero: 1 with both, 2 with x0 alone, 0 otherwise.

    x0 first: it brings 2, then x1 brings -1; x1 first: 0, then x0 brings 1. The means are 1.5 and -0.5.
    """

    def function(x):
        return tf.nn.relu(x[:, 0] - 2 * x[:, 1] - 1)

    for scheme in (AllCoalitions(elements((2,))), Permutations(elements((2,)), 2, True, 0)):
        method = method_of(function, [(2,)], lambda _, scheme=scheme: [scheme], sums_to_delta=True)
        got = contributions(method, [np.array([[3.0, 0.5]])], [np.zeros((1, 2))])
        np.testing.assert_allclose(got.contributions[0], [[1.5, -0.5]], rtol=0, atol=1e-15)


def test_one_order_by_hand():
    """f = x0 * x1 * x2 at ones against zero: all of it is brought by the player that comes in last."""
    scheme = Permutations(elements((3,)), 1, False, seed=5)
    [ranks] = scheme.draw(0, 1)
    method = method_of(lambda x: x[:, 0] * x[:, 1] * x[:, 2], [(3,)], lambda _: [scheme], True)
    got = contributions(method, [np.ones((1, 3))], [np.zeros((1, 3))]).contributions[0]
    np.testing.assert_array_equal(got, ranks[0] == 2)


@pytest.fixture(scope="module")
def exact():
    return np.array([by_brute_force(network_of_numpy, row, REFERENCES[0], np.arange(10)) for row in ROWS])


@pytest.fixture(scope="module")
def enumeration():
    return method_of(network, [(10,)], lambda _: [AllCoalitions(elements((10,)))], sums_to_delta=True)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("batch_size", [1, 7, 300, "auto"])
def test_all_coalitions_of_ten_features(exact, enumeration, batch_size):
    got = contributions(enumeration, [ROWS], [REFERENCES[:1]], Target("all"), batch_size=batch_size)
    np.testing.assert_allclose(got.contributions[0], exact, rtol=0, atol=1e-12)
    change = network_of_numpy(ROWS) - network_of_numpy(REFERENCES[:1])
    np.testing.assert_allclose(got.contributions[0].sum(1), change, rtol=0, atol=1e-12)


def test_means_and_standard_errors_over_references(enumeration):
    single = [
        contributions(enumeration, [ROWS], [REFERENCES[[each]]], Target({(1,): 1.0})).contributions[0]
        for each in range(3)
    ]
    for batch_size in (1, 2, 1000):
        got = contributions(
            enumeration,
            [ROWS],
            [REFERENCES],
            Target({(1,): 1.0}),
            batch_size=batch_size,
            wanted=("contributions", "squares"),
        )
        np.testing.assert_allclose(got.contributions[0], np.mean(single, 0), rtol=0, atol=1e-12)
        error = np.std(single, 0, ddof=1) / np.sqrt(3)
        np.testing.assert_allclose(got.of_sources["standard_error"][0], error, rtol=1e-7, atol=1e-10)


def test_sampling_converges_within_its_standard_errors(exact):
    """Hardly any of 80 estimates by 2000 pairs of orders is four standard errors off, and their spread is one."""
    method = method_of(network, [(10,)], lambda _: [Permutations(elements((10,)), 4000, True, 0)], sums_to_delta=True)
    wanted = ("contributions", "squares_of_draws")
    got = contributions(method, [ROWS], [REFERENCES[:1]], Target("all"), wanted=wanted)
    error = got.of_sources["standard_error"][0]
    off = (got.contributions[0] - exact) / error
    assert np.abs(off).max() < 4
    assert 0.6 < off.std() < 1.4
    assert error.max() < 0.02 * np.abs(exact).max()
    change = network_of_numpy(ROWS) - network_of_numpy(REFERENCES[:1])
    np.testing.assert_allclose(got.contributions[0].sum(1), change, rtol=0, atol=1e-10 * np.abs(change).max())


def test_standard_error_is_that_of_many_samples(exact):
    """The spread of 100 samples of 20 orders equals the standard error that each sample reports."""
    estimates, errors = [], []
    scheme = Permutations(elements((10,)), 20, False, 0)
    method = method_of(network, [(10,)], lambda _: [scheme], True)
    for scheme.seed in range(100):
        wanted = ("contributions", "squares_of_draws")
        got = contributions(method, [ROWS[:2]], [REFERENCES[:1]], Target({(0,): 1.0}), wanted=wanted)
        estimates.append(got.contributions[0])
        errors.append(got.of_sources["standard_error"][0])
    observed, said = (np.sqrt(np.mean(each)) for each in (np.var(estimates, 0, ddof=1), np.square(errors)))
    assert 0.9 < observed / said < 1.1


def test_orders_there_and_back_cancel_noise(exact):
    """Pairs have a far smaller error than as many single orders, and none where two players interact bilinearly."""
    squared = {}
    for antithetic in (False, True):
        method = method_of(
            network, [(10,)], lambda _, each=antithetic: [Permutations(elements((10,)), 40, each, 3)], True
        )
        got = contributions(method, [ROWS], [REFERENCES[:1]], Target("all")).contributions[0]
        squared[antithetic] = np.square(got - exact).sum()
    assert squared[True] < 0.5 * squared[False]

    pairs = tf.constant(GENERATOR.normal(size=(14, 14)))
    bilinear = method_of(
        lambda x: tf.reduce_sum((x @ pairs) * x, 1),
        [(14,)],
        lambda _: [Permutations(elements((14,)), 2, True, 0)],
        True,
    )
    row = GENERATOR.normal(size=(1, 14))
    got = contributions(bilinear, [row], [np.zeros((1, 14))]).contributions[0]
    expected = row * ((pairs.numpy() + pairs.numpy().T) / 2 @ row[0])
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("batch_size", [1, 10, 64])
def test_neither_batches_nor_other_rows_matter(batch_size):
    method = method_of(network, [(10,)], lambda _: [Permutations(elements((10,)), 6, True, 1)], sums_to_delta=True)
    wanted = ("contributions", "squares")
    expected = contributions(method, [ROWS], [REFERENCES], Target("all"), wanted=wanted)
    got = contributions(method, [ROWS], [REFERENCES], Target("all"), wanted=wanted, batch_size=batch_size)
    backwards = contributions(method, [ROWS[::-1]], [REFERENCES], Target("all"), batch_size=batch_size)
    np.testing.assert_allclose(got.contributions[0], expected.contributions[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(backwards.contributions[0][::-1], expected.contributions[0], rtol=0, atol=1e-13)
    for name in ("contributions", "standard_error"):
        np.testing.assert_allclose(got.of_sources[name][0], expected.of_sources[name][0], rtol=1e-7, atol=1e-10)
    of_rows = np.broadcast_to(REFERENCES, (4, 3, 10)).copy()
    got = contributions(method, [ROWS], [of_rows], Target("all"), per_row=True, batch_size=batch_size)
    np.testing.assert_allclose(got.contributions[0], expected.contributions[0], rtol=0, atol=1e-13)


def test_each_reference_has_orders_of_its_own():
    scheme = Permutations(elements((20,)), 4, False, seed=0)
    [together] = scheme.draw(0, 3)
    np.testing.assert_array_equal(np.concatenate([scheme.draw(each, 1)[0] for each in range(3)]), together)
    assert len({tuple(ranks) for ranks in together.reshape(12, 20)}) == 12
    np.testing.assert_array_equal(np.sort(together), np.broadcast_to(np.arange(20), (3, 4, 20)))
    [others] = Permutations(elements((20,)), 4, False, seed=1).draw(0, 3)
    assert (others != together).any()


def test_an_odd_number_of_orders_is_one_more():
    scheme = Permutations(elements((20,)), 25, True, seed=0)
    [ranks] = scheme.draw(0, 2)
    assert (scheme.draws, ranks.shape) == (13, (2, 26, 20))
    np.testing.assert_array_equal(ranks[:, 0::2] + ranks[:, 1::2], 19)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_weights_of_coalitions(n):
    """Those with and those without a player each sum to one, and the players' changes to that of all."""
    # One target for each coalition, which is one there and zero elsewhere: its change for a player is its weight.
    values = tf.eye(2**n, dtype=tf.float64)[:, None, None]
    weights = AllCoalitions(elements((n,))).compute_changes(values[1:-1], values[-1], values[0], None)
    weights = weights.numpy().reshape(2**n, n).T
    np.testing.assert_allclose(np.maximum(weights, 0).sum(1), 1)
    np.testing.assert_allclose(np.minimum(weights, 0).sum(1), -1)
    total = weights.sum(0)
    np.testing.assert_allclose(total, np.eye(2**n)[-1] - np.eye(2**n)[0], atol=1e-12)


def test_a_player_of_several_inputs_and_elements():
    """Two images' columns are players; each one's value is shared out over its elements."""

    def function(a, b):
        return tf.reduce_sum(a, [1, 2]) * tf.reduce_sum(b[..., 0], 1) + tf.reduce_prod(b[:, :, 1], 1)

    shapes = [(2, 3), (2, 2)]
    parts = partition_by_axes([(2,), (1,)], shapes, ["a", "b"])
    a, b = GENERATOR.normal(size=(1, 2, 3)), GENERATOR.normal(size=(1, 2, 2))
    players = np.concatenate([each.labels.ravel() for each in parts])

    def of_flat(flat):
        tensors = [flat[:, :6].reshape(-1, 2, 3), flat[:, 6:].reshape(-1, 2, 2)]
        return function(*map(tf.constant, tensors)).numpy()[:, None]

    expected = by_brute_force(of_flat, np.concatenate([a.ravel(), b.ravel()]), np.zeros(10), players)[:, 0]
    for scheme in (AllCoalitions(parts), Permutations(parts, 4000, True, 0)):
        method = method_of(function, shapes, lambda _, scheme=scheme: [scheme], sums_to_delta=True)
        got = contributions(method, [a, b], [np.zeros((1, 2, 3)), np.zeros((1, 2, 2))]).contributions
        tolerance = 1e-13 if isinstance(scheme, AllCoalitions) else 0.05
        np.testing.assert_allclose(got[0][0], np.tile(expected[:3] / 2, (2, 1)), rtol=0, atol=tolerance)
        np.testing.assert_allclose(got[1][0], np.tile(expected[3:, None] / 2, (1, 2)), rtol=0, atol=tolerance)


def test_a_single_player_has_all_of_the_change():
    method = method_of(
        network, [(10,)], lambda _: [AllCoalitions([Partition(np.zeros(10, int), 1)])], sums_to_delta=True
    )
    got = contributions(method, [ROWS], [REFERENCES[:1]], Target({(0,): 1.0})).contributions[0]
    change = (network_of_numpy(ROWS) - network_of_numpy(REFERENCES[:1]))[:, 0]
    np.testing.assert_allclose(got, np.repeat(change[:, None] / 10, 10, 1), rtol=1e-12)
