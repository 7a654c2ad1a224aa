"""Shapley values: each player's change of the target, as the mean over all orders or a sample of them.

Castro, Gómez and Tejada 2009 (Computers & Operations Research 36) sample orders in which players come in; those left
out have the reference's values.
"""

from math import factorial

import numpy as np
import tensorflow as tf

from skdeeplift.perturbation.parts import parts_of_axes, parts_of_groups
from skdeeplift.perturbation.per_source import for_each_source, known_shape
from skdeeplift.perturbation.scheme import Scheme

# Of so many players all coalitions are run.
MOST_ENUMERATED = 12


def make_games(sources, names, columns, parameters, seed):
    """Make the games whose Shapley values are computed: of all inputs together, or of each layer by itself.

    Parameters
    ----------
    sources : list of Source
        What is perturbed.
    names : list of str
        Of the inputs or layers.
    columns : array-like of str or None
        Names of a table's columns.
    parameters : dict
        Those of `ShapleySamplingExplainer`.
    seed : int
        Where orders come from.

    Returns
    -------
    schemes : list of Players

    Raises
    ------
    ValueError
        If axes or groups do not fit.
    """
    apart = parameters["layer"] is not None
    shapes = [known_shape(source, name) for source, name in zip(sources, names, strict=True)]
    axes, groups = parameters["sampling_axes"], parameters["groups"]
    if groups is not None:
        if axes is not None:
            raise ValueError(f"sampling_axes= and groups= exclude each other. Got sampling_axes={axes!r} and groups.")
        games = [parts_of_groups(groups, shapes, names, None if apart else columns)]
    elif apart:
        of_each = for_each_source(axes, names, "sampling_axes=")
        games = [
            parts_of_axes([each], [shape], [name]) for each, shape, name in zip(of_each, shapes, names, strict=True)
        ]
    else:
        games = [parts_of_axes(for_each_source(axes, names, "sampling_axes="), shapes, names)]
    return [
        AllCoalitions(parts)
        if parts[0].number <= MOST_ENUMERATED
        else Permutations(parts, parameters["n_samples"], parameters["antithetic"], seed)
        for parts in games
    ]


class Players(Scheme):
    """What both ways to Shapley values share: coalitions of players, whose elements have the row's values.

    Parameters
    ----------
    parts_of_sources : list of Parts
        The players' elements in each source, which they may share.
    """

    def __init__(self, parts_of_sources):
        self.parts_of_sources = list(parts_of_sources)
        self.parts = self.parts_of_sources[0].number
        self._sizes = sum(parts.sizes for parts in self.parts_of_sources)

    def kept(self, indices, drawn):
        """Tell which elements keep the row's value."""
        coalitions = self.coalitions(indices, drawn)
        return [parts.of_elements(coalitions) for parts in self.parts_of_sources]

    def spread(self, changes):
        """Share each player's value out over its elements."""
        return [parts.spread(changes, self._sizes) for parts in self.parts_of_sources]


class AllCoalitions(Players):
    """The exact Shapley value, of few players, by running every coalition (Shapley 1953)."""

    def __init__(self, parts_of_sources):
        super().__init__(parts_of_sources)
        # Those of none and of all are known.
        self.number = 2**self.parts - 2

    def coalitions(self, indices, drawn):
        """Read each coalition from the bits of its number; of shape (copies, 1, players)."""
        bits = tf.bitwise.right_shift(indices[:, None, None] + 1, np.arange(self.parts, dtype=np.int32))
        return tf.equal(tf.bitwise.bitwise_and(bits, 1), 1)

    def changes(self, values, at_input, at_reference, drawn):
        """Average each player's change over all coalitions of the others."""
        values = tf.concat([at_reference[None], values, at_input[None]], 0)
        return tf.transpose(tf.tensordot(self._weights(), values, [[1], [0]]), [1, 2, 3, 0])[None]

    def _weights(self):
        """What each coalition's value counts for each player, of shape (players, coalitions)."""
        n = self.parts
        inside = (np.arange(2**n) >> np.arange(n)[:, None]) & 1 == 1
        sizes = inside.sum(0)
        # How often a player is the one after ``size`` others, over how often any set of these comes first.
        of_size = np.array([factorial(size) * factorial(n - size - 1) / factorial(n) for size in range(n)] + [0.0])
        return np.where(inside, of_size[sizes - 1], -of_size[sizes])


class Permutations(Players):
    """Shapley values by sampling orders in which players come in.

    Parameters
    ----------
    parts_of_sources : list of Parts
        The players' elements in each source.
    n_samples : int
        How many orders are drawn for each reference.
    antithetic : bool
        Whether every second order is the one before it backwards, which cancels much of the noise (Mitchell et al.
        2022, arXiv:2104.12199); an odd number of orders is one more then.
    seed : int
        Where orders come from, together with the number of the reference.
    """

    def __init__(self, parts_of_sources, n_samples, antithetic, seed):
        super().__init__(parts_of_sources)
        self.antithetic, self.seed = antithetic, seed
        self.draws = -(-n_samples // 2) if antithetic else n_samples
        self.n_orders = self.draws * (2 if antithetic else 1)
        self.number = self.n_orders * (self.parts - 1)

    def drawn(self, first_reference, references):
        """Draw the rank of each player in each order, of shape (references, orders, players)."""
        orders = np.broadcast_to(np.arange(self.parts, dtype=np.int32), (self.draws, self.parts))
        ranks = np.stack(
            [
                np.random.default_rng([self.seed, reference]).permuted(orders, axis=1)
                for reference in range(first_reference, first_reference + references)
            ]
        )
        if self.antithetic:
            ranks = np.stack([ranks, self.parts - 1 - ranks], 2).reshape(references, self.n_orders, self.parts)
        return [ranks]

    def coalitions(self, indices, drawn):
        """Tell which players came in so far; of shape (copies, references, players)."""
        [ranks] = drawn
        came_in = indices % (self.parts - 1) + 1
        ranks = tf.gather(ranks, indices // (self.parts - 1), axis=1)
        return tf.transpose(ranks, [1, 0, 2]) < came_in[:, None, None]

    def changes(self, values, at_input, at_reference, drawn):
        """Compute each player's change when it comes in, in each order or pair of orders."""
        [ranks] = drawn
        values = tf.reshape(values, (self.n_orders, self.parts - 1, *values.shape[1:]))
        ends = [tf.broadcast_to(end, (self.n_orders, 1, *end.shape)) for end in (at_reference, at_input)]
        values = tf.concat([ends[0], values, ends[1]], 1)
        # With references, orders and ranks in front.
        steps = tf.transpose(values[:, 1:] - values[:, :-1], [3, 0, 1, 2, 4])
        changes = tf.gather(steps, ranks, axis=2, batch_dims=2)
        changes = tf.reshape(changes, (changes.shape[0], self.draws, -1, *changes.shape[2:]))
        return tf.transpose(tf.reduce_mean(changes, 2), [1, 3, 0, 4, 2])
