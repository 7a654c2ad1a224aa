"""Shapley values: the mean change of the target when a player joins, over all orders of players or a sample of orders.

Castro, Gómez and Tejada 2009 (Computers & Operations Research 36) sample orders in which players join. Elements of
absent players have the values of the reference.
"""

from math import factorial

import numpy as np
import tensorflow as tf

from skdeeplift.perturbation.partition import expand_over_sources, partition_by_axes, partition_by_groups, require_shape
from skdeeplift.perturbation.perturbation import Scheme

# Maximum number of players for which all coalitions are run.
MOST_ENUMERATED = 12


def make_games(sources, names, columns, parameters, seed):
    """Make the games to compute Shapley values of: one game of all inputs together, or one game for each layer.

    Parameters
    ----------
    sources : list of Source
        The values to perturb.
    names : list of str
        Names of the inputs or layers.
    columns : array-like of str or None
        Names of a table's columns.
    parameters : dict
        Parameters of `ShapleySamplingExplainer`.
    seed : int
        Seed of the orders.

    Returns
    -------
    schemes : list of Players

    Raises
    ------
    ValueError
        If axes or groups do not fit the sources.
    """
    shapes = [require_shape(source, name) for source, name in zip(sources, names, strict=True)]
    axes, groups = parameters["sampling_axes"], parameters["groups"]
    if groups is not None:
        if axes is not None:
            raise ValueError(f"Pass sampling_axes= or groups=, not both. Got sampling_axes={axes!r} and groups.")
        games = [partition_by_groups(groups, shapes, names, columns if parameters["layer"] is None else None)]
    else:
        of_sources = list(zip(expand_over_sources(axes, names, "sampling_axes="), shapes, names, strict=True))
        together = [of_sources] if parameters["layer"] is None else [[source] for source in of_sources]
        games = [partition_by_axes(*zip(*each, strict=True)) for each in together]
    drawn = parameters["n_permutations"], parameters["antithetic"], seed
    return [
        AllCoalitions(parts) if parts[0].number <= MOST_ENUMERATED else Permutations(parts, *drawn) for parts in games
    ]


class Players(Scheme):
    """Coalitions of players, the base of both ways to Shapley values. Elements of a coalition keep the row's values.

    Parameters
    ----------
    partitions : list of Partition
        For each source, the player of each element. A player may have elements in several sources.
    """

    def __init__(self, partitions):
        self.partitions = list(partitions)
        self.parts = self.partitions[0].number
        self._sizes = sum(parts.sizes for parts in self.partitions)

    def find_kept(self, indices, drawn):
        """Find the elements that keep the value of the row."""
        coalitions = self.find_coalitions(indices, drawn)
        return [parts.to_elements(coalitions) for parts in self.partitions]

    def share_out(self, changes):
        """Divide the value of each player among its elements."""
        return [parts.share_out(changes, self._sizes) for parts in self.partitions]


class AllCoalitions(Players):
    """Exact Shapley values of few players, computed from all coalitions (Shapley 1953)."""

    def __init__(self, partitions):
        super().__init__(partitions)
        # The coalitions of no player and of all players are the reference and the row, so their targets are known.
        self.number = 2**self.parts - 2

    def find_coalitions(self, indices, drawn):
        """Read each coalition from the bits of its number, as booleans of shape (copies, 1, players)."""
        bits = tf.bitwise.right_shift(indices[:, None, None] + 1, np.arange(self.parts, dtype=np.int32))
        return tf.equal(tf.bitwise.bitwise_and(bits, 1), 1)

    def compute_changes(self, values, at_input, at_reference, drawn):
        """Average the change by each player over all coalitions of the other players."""
        values = tf.concat([at_reference[None], values, at_input[None]], 0)
        return tf.transpose(tf.tensordot(self._weights(), values, [[1], [0]]), [1, 2, 3, 0])[None]

    def _weights(self):
        """Compute the weight of each coalition in each player's value, of shape (players, coalitions)."""
        n = self.parts
        inside = (np.arange(2**n) >> np.arange(n)[:, None]) & 1 == 1
        sizes = inside.sum(0)
        # Probability, over all orders, that the players before a player are one given set of ``size`` players.
        of_size = np.array([factorial(size) * factorial(n - size - 1) / factorial(n) for size in range(n)] + [0.0])
        return np.where(inside, of_size[sizes - 1], -of_size[sizes])


class Permutations(Players):
    """Shapley values estimated from a sample of orders in which players join.

    Parameters
    ----------
    partitions : list of Partition
        For each source, the player of each element.
    n_permutations : int
        Number of orders to draw for each reference.
    antithetic : bool
        Whether every second order is the reverse of the order before it, which cancels much of the noise (Mitchell et
        al. 2022, arXiv:2104.12199). An odd number of orders is increased by one.
    seed : int
        Seed of the orders, combined with the number of the reference.
    """

    def __init__(self, partitions, n_permutations, antithetic, seed):
        super().__init__(partitions)
        self.antithetic, self.seed = antithetic, seed
        self.draws = -(-n_permutations // 2) if antithetic else n_permutations
        self.n_orders = self.draws * (2 if antithetic else 1)
        self.number = self.n_orders * (self.parts - 1)

    def draw(self, first_reference, references):
        """Draw the rank of each player in each order, of shape (references, orders, players)."""
        orders = np.broadcast_to(np.arange(self.parts, dtype=np.int32), (self.draws, self.parts))
        numbers = range(first_reference, first_reference + references)
        generators = [np.random.default_rng([self.seed, number]) for number in numbers]
        ranks = np.stack([generator.permuted(orders, axis=1) for generator in generators])
        if self.antithetic:
            ranks = np.stack([ranks, self.parts - 1 - ranks], 2).reshape(references, self.n_orders, self.parts)
        return [ranks]

    def find_coalitions(self, indices, drawn):
        """Find the players that have joined so far, as booleans of shape (copies, references, players)."""
        [ranks] = drawn
        came_in = indices % (self.parts - 1) + 1
        ranks = tf.gather(ranks, indices // (self.parts - 1), axis=1)
        return tf.transpose(ranks, [1, 0, 2]) < came_in[:, None, None]

    def compute_changes(self, values, at_input, at_reference, drawn):
        """Compute the change when each player joins, for each order or pair of orders."""
        [ranks] = drawn
        values = tf.reshape(values, (self.n_orders, self.parts - 1, *values.shape[1:]))
        ends = [tf.broadcast_to(end, (self.n_orders, 1, *end.shape)) for end in (at_reference, at_input)]
        values = tf.concat([ends[0], values, ends[1]], 1)
        # The axes of references, orders and ranks come first.
        steps = tf.transpose(values[:, 1:] - values[:, :-1], [3, 0, 1, 2, 4])
        changes = tf.gather(steps, ranks, axis=2, batch_dims=2)
        changes = tf.reshape(changes, (changes.shape[0], self.draws, -1, *changes.shape[2:]))
        return tf.transpose(tf.reduce_mean(changes, 2), [1, 3, 0, 4, 2])
