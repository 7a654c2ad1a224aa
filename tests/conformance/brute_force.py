"""The rules of DeepLIFT written down a second time, unit by unit in NumPy, to judge the package's numbers.

Nothing here is shared with the package, and nothing is fast. Sections are those of Shrikumar, Greenside and Kundaje
(2017), "Learning Important Features Through Propagating Activation Differences", arXiv:1704.02685.

A network is a list of nodes, each of which names the earlier nodes that it reads by their positions. A value is an
array with one number for each unit. A difference from the reference has a positive and a negative part, and each part
of each unit has a multiplier of its own (section 3.4).
"""

from typing import Any, NamedTuple

import numpy as np

EPSILON = np.finfo(np.float64).eps


class Difference(NamedTuple):
    """Values of a node's units at the row and at the reference, with the parts of their difference."""

    at_row: np.ndarray
    at_reference: np.ndarray
    positive: np.ndarray
    negative: np.ndarray

    @property
    def delta(self):
        return self.at_row - self.at_reference


class Multipliers(NamedTuple):
    """Multipliers of the positive and of the negative part of a node's units."""

    positive: np.ndarray
    negative: np.ndarray


def nothing(size):
    """Return a pair of zeros for each unit."""
    return np.zeros(size), np.zeros(size)


# ---------------------------------------------------------------------------------------------------------------------
# Functions of activations, with their derivatives from the left and from the right.
# ---------------------------------------------------------------------------------------------------------------------


class Function(NamedTuple):
    """A function of one number, and its derivative; ``kinks`` are the numbers at which the derivative jumps."""

    value: Any
    derivative: Any
    kinks: tuple = ()

    def from_left(self, x):
        return self.derivative(x - 1e-9 if x in self.kinks else x)

    def from_right(self, x):
        return self.derivative(x + 1e-9 if x in self.kinks else x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# TensorFlow keeps the slope of LeakyRelu in single precision.
LEAK = float(np.float32(0.2))
FUNCTIONS = {
    "relu": Function(lambda x: max(x, 0.0), lambda x: 1.0 if x > 0 else 0.0, kinks=(0.0,)),
    "relu6": Function(lambda x: min(max(x, 0.0), 6.0), lambda x: 1.0 if 0 < x < 6 else 0.0, kinks=(0.0, 6.0)),
    "leaky_relu": Function(lambda x: x if x > 0 else LEAK * x, lambda x: 1.0 if x > 0 else LEAK, kinks=(0.0,)),
    "elu": Function(lambda x: x if x > 0 else np.expm1(x), lambda x: 1.0 if x > 0 else np.exp(x)),
    "sigmoid": Function(sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "tanh": Function(np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "softplus": Function(lambda x: np.log1p(np.exp(-abs(x))) + max(x, 0.0), sigmoid),
    "silu": Function(lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
}


# ---------------------------------------------------------------------------------------------------------------------
# Rules of an activation: from its function and one unit's difference to the slopes of the two parts.
# ---------------------------------------------------------------------------------------------------------------------


def is_none(delta, size):
    """Return whether a difference is too small to divide by, for values of such a size."""
    return abs(delta) < max(1e-12, 4 * EPSILON * size)


def rescale_slopes(function, at_row, at_reference, positive, negative):
    """Section 3.5.2: both parts are scaled by the change of the output over that of the input."""
    delta = at_row - at_reference
    if is_none(delta, abs(at_reference)):
        slope = function.from_left(at_reference)
    else:
        slope = (function.value(at_row) - function.value(at_reference)) / delta
    return slope, slope


def reveal_cancel_slopes(function, at_row, at_reference, positive, negative):
    """Section 3.5.3: the effect of each part, averaged over its coming first and its coming second."""
    f, r = function.value, at_reference
    positive_out = ((f(r + positive) - f(r)) + (f(r + negative + positive) - f(r + negative))) / 2
    negative_out = ((f(r + negative) - f(r)) + (f(r + positive + negative) - f(r + positive))) / 2
    size = max(abs(r), positive - negative)
    slope = function.from_right
    return (
        (slope(r) + slope(r + negative)) / 2 if is_none(positive, size) else positive_out / positive,
        (slope(r) + slope(r + positive)) / 2 if is_none(negative, size) else negative_out / negative,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Nodes. Each computes its values, then the parts of its difference, and hands multipliers back to what it reads.
# ---------------------------------------------------------------------------------------------------------------------


class Input(NamedTuple):
    """An input of so many units; of a difference above zero all is positive, of one below zero all is negative."""

    size: int
    reads: tuple = ()


class Dense(NamedTuple):
    """Weighted sums of all units of another node; a convolution is one whose weights are mostly zeros."""

    reads: tuple
    weights: np.ndarray
    bias: np.ndarray
    is_convolution: bool = False

    def value(self, x):
        return np.array([b + sum(w * x_i for w, x_i in zip(c, x, strict=True)) for c, b in self._columns()])

    def _columns(self):
        return zip(self.weights.T, self.bias, strict=True)

    def parts(self, rule, x):
        """Section 3.5.1: terms above zero make up the positive part, terms below zero the negative part."""
        positive, negative = nothing(len(self.bias))
        for i, o in np.ndindex(self.weights.shape):
            term = self.weights[i, o] * x.delta[i]
            if term > 0:
                positive[o] += term
            else:
                negative[o] += term
        return positive, negative

    def hand_back(self, rule, y, x):
        """Section 3.5.1: a unit's multiplier is that of the part which its term lies in, times the weight."""
        positive, negative = nothing(len(self.weights))
        for i, o in np.ndindex(self.weights.shape):
            weight, delta = self.weights[i, o], x.delta[i]
            if abs(delta) <= 4 * EPSILON * abs(x.at_reference[i]):
                # A unit without a difference belongs to both parts by halves.
                multiplier = weight * (y.positive[o] + y.negative[o]) / 2
            else:
                multiplier = weight * (y.positive[o] if weight * delta > 0 else y.negative[o])
            positive[i] += multiplier
            negative[i] += multiplier
        return [Multipliers(positive, negative)]


class Activation(NamedTuple):
    """A function of each unit."""

    reads: tuple
    function: str

    def value(self, x):
        return np.array([FUNCTIONS[self.function].value(each) for each in x])

    def slopes(self, rule, x):
        """Slopes of the two parts of each unit."""
        slopes = reveal_cancel_slopes if rule == "reveal_cancel" else rescale_slopes
        return [slopes(FUNCTIONS[self.function], *unit) for unit in zip(*x, strict=True)]

    def parts(self, rule, x):
        """Scale each part by its slope; where the function falls, a positive part becomes a negative one."""
        positive, negative = nothing(len(x.at_row))
        for unit, of_parts in enumerate(self.slopes(rule, x)):
            for slope, part in zip(of_parts, (x.positive[unit], x.negative[unit]), strict=True):
                if slope * part > 0:
                    positive[unit] += slope * part
                else:
                    negative[unit] += slope * part
        return positive, negative

    def hand_back(self, rule, y, x):
        """Chain rule of section 3.4, for a part that became the part of the same sign, or of the other one."""
        if rule == "pass_through":
            return [y]
        if rule == "guided_backprop_rescale":
            y = Multipliers(*(np.maximum(part, 0) for part in y))
        positive, negative = nothing(len(x.at_row))
        for unit, (of_positive, of_negative) in enumerate(self.slopes(rule, x)):
            same, other = y.positive[unit], y.negative[unit]
            positive[unit] = of_positive * (same if of_positive >= 0 else other)
            negative[unit] = of_negative * (other if of_negative >= 0 else same)
        return [Multipliers(positive, negative)]


class Wires:
    """Base of nodes whose units add up a few units of others, each times a coefficient.

    A part keeps its sign where the coefficient is positive and changes it where the coefficient is negative. Unlike
    those of a dense layer, parts are not made anew from the sign of the whole difference.
    """

    def parts(self, rule, *inputs):
        positive, negative = nothing(len(self.value(*(x.at_row for x in inputs))))
        for which, i, o, coefficient in self.wires(*inputs):
            parts = coefficient * inputs[which].positive[i], coefficient * inputs[which].negative[i]
            positive[o] += max(parts)
            negative[o] += min(parts)
        return positive, negative

    def hand_back(self, rule, y, *inputs):
        multipliers = [Multipliers(*nothing(len(x.at_row))) for x in inputs]
        for which, i, o, coefficient in self.wires(*inputs):
            same, other = (y.positive[o], y.negative[o]) if coefficient > 0 else (y.negative[o], y.positive[o])
            multipliers[which].positive[i] += coefficient * same
            multipliers[which].negative[i] += coefficient * other
        return multipliers


class _Sum(NamedTuple):
    reads: tuple
    # One coefficient for each node that is read: (1, 1) adds two nodes, (1, -1) subtracts the second.
    coefficients: tuple


class Sum(Wires, _Sum):
    """Sum of the same unit of several nodes, each times a coefficient."""

    def value(self, *inputs):
        return sum(c * x for c, x in zip(self.coefficients, inputs, strict=True))

    def wires(self, *inputs):
        for which, coefficient in enumerate(self.coefficients):
            for unit in range(len(inputs[which].at_row)):
                yield which, unit, unit, coefficient


class _Concatenate(NamedTuple):
    reads: tuple


class Concatenate(Wires, _Concatenate):
    """All units of several nodes, one node after the other."""

    def value(self, *inputs):
        return np.concatenate(inputs)

    def wires(self, *inputs):
        offset = 0
        for which, x in enumerate(inputs):
            for unit in range(len(x.at_row)):
                yield which, unit, offset + unit, 1.0
            offset += len(x.at_row)


class _Take(NamedTuple):
    reads: tuple
    units: tuple


class Take(Wires, _Take):
    """Chosen units of a node, in any order and perhaps several times."""

    def value(self, x):
        return x[list(self.units)]

    def wires(self, x):
        for position, unit in enumerate(self.units):
            yield 0, unit, position, 1.0


class _Scale(NamedTuple):
    reads: tuple
    factors: np.ndarray
    shift: np.ndarray


class Scale(Wires, _Scale):
    """Each unit times a constant plus a constant, as batch normalisation has it."""

    def value(self, x):
        return x * self.factors + self.shift

    def wires(self, x):
        for unit, factor in enumerate(self.factors):
            yield 0, unit, unit, factor


class _OfTwo(NamedTuple):
    reads: tuple


class Multiply(Wires, _OfTwo):
    """Products of the same unit of two nodes; each factor is scaled by the mean of the other's two values."""

    def value(self, x, y):
        return x * y

    def wires(self, x, y):
        for unit in range(len(x.at_row)):
            yield 0, unit, unit, (y.at_row[unit] + y.at_reference[unit]) / 2
            yield 1, unit, unit, (x.at_row[unit] + x.at_reference[unit]) / 2


class Maximum(Wires, _OfTwo):
    """The larger of the same unit of two nodes; the change is split by the Shapley values of two players."""

    def value(self, x, y):
        return np.maximum(x, y)

    def wires(self, x, y):
        for unit in range(len(x.at_row)):
            (x1, x0), (y1, y0) = (x.at_row[unit], x.at_reference[unit]), (y.at_row[unit], y.at_reference[unit])
            of_x = (max(x1, y0) - max(x0, y0) + max(x1, y1) - max(x0, y1)) / 2
            of_y = (max(x0, y1) - max(x0, y0) + max(x1, y1) - max(x1, y0)) / 2
            for which, change, now, before, others in ((0, of_x, x1, x0, (y0, y1)), (1, of_y, y1, y0, (x0, x1))):
                if is_none(now - before, abs(before)):
                    yield which, unit, unit, sum(before > other for other in others) / 2
                else:
                    yield which, unit, unit, change / (now - before)


# ---------------------------------------------------------------------------------------------------------------------
# Forward and back through a network.
# ---------------------------------------------------------------------------------------------------------------------


def values(network, inputs):
    """Return the values of all nodes for one row, given as one array for each input."""
    inputs, results = iter(inputs), []
    for node in network:
        if isinstance(node, Input):
            results.append(np.asarray(next(inputs), np.float64))
        else:
            results.append(node.value(*(results[read] for read in node.reads)))
    return results


def weighted_before(network, position):
    """Return, for the dense layers and convolutions that lie nearest before a node, whether they are convolutions."""
    node = network[position]
    if isinstance(node, Dense):
        return {node.is_convolution}
    return set().union(*(weighted_before(network, read) for read in node.reads))


def rules_of_nodes(network, rule):
    """Return the rule of each node, from one rule for all, or a dict of rules by nodes whose default is rescale."""
    rules = [rule.get(position, "rescale") if isinstance(rule, dict) else rule for position in range(len(network))]
    for position, of_node in enumerate(rules):
        if of_node == "genomics_default":
            is_after_dense = weighted_before(network, position) == {False}
            rules[position] = "reveal_cancel" if is_after_dense else "rescale"
    return rules


def differences(network, rules, row, reference):
    """Return the difference of each node, whose parts are carried forward from the inputs."""
    at_row, at_reference = values(network, row), values(network, reference)
    results = []
    for position, node in enumerate(network):
        ends = at_row[position], at_reference[position]
        if isinstance(node, Input):
            delta = ends[0] - ends[1]
            parts = np.maximum(delta, 0), np.minimum(delta, 0)
        else:
            parts = node.parts(rules[position], *(results[read] for read in node.reads))
        results.append(Difference(*ends, *parts))
    return results


def multipliers(network, rules, found, target, weights):
    """Return the multipliers of all nodes to the weighted sum of one node's units."""
    sizes = [len(difference.at_row) for difference in found]
    results = [Multipliers(*nothing(size)) for size in sizes]
    for part in results[target]:
        part += weights
    for position in reversed(range(len(network))):
        node = network[position]
        if isinstance(node, Input):
            continue
        inputs = [found[read] for read in node.reads]
        handed_back = node.hand_back(rules[position], results[position], *inputs)
        for read, of_input in zip(node.reads, handed_back, strict=True):
            for total, part in zip(results[read], of_input, strict=True):
                total += part
    return results


class Explained(NamedTuple):
    """Means over the references for the units of one node."""

    contributions: np.ndarray
    multipliers: np.ndarray
    positive_multipliers: np.ndarray
    negative_multipliers: np.ndarray
    positive_difference: np.ndarray
    negative_difference: np.ndarray


def explain(network, rule, row, references, target, weights, nodes):
    """Explain one row.

    Parameters
    ----------
    network : list of nodes
        The network.
    rule : str or dict of int to str
        Rule of all activations, or of some by their positions; the others follow rescale then.
    row : list of ndarray
        One array for each input.
    references : list of list of ndarray
        As many references, each with one array for each input.
    target : int
        Position of the node that is explained.
    weights : ndarray
        Weight of each unit of that node.
    nodes : list of int
        Positions of the nodes whose contributions are returned.

    Returns
    -------
    explained : list of Explained
        One for each of the nodes.
    change : float
        Change of the target, the mean over the references.
    """
    rules = rules_of_nodes(network, rule)
    totals, change = [0.0 for _ in nodes], 0.0
    for reference in references:
        found = differences(network, rules, row, reference)
        of_nodes = multipliers(network, rules, found, target, weights)
        for number, node in enumerate(nodes):
            m, d = of_nodes[node], found[node]
            contributions = m.positive * d.positive + m.negative * d.negative
            one = Explained(contributions, (m.positive + m.negative) / 2, *m, d.positive, d.negative)
            totals[number] = totals[number] + np.stack(one) / len(references)
        change += found[target].delta @ weights / len(references)
    return [Explained(*total) for total in totals], change
