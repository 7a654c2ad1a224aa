"""Contributions of random networks against DeepLIFT's rules written down a second time, unit by unit."""

from typing import NamedTuple

import keras
import numpy as np
import pytest
from keras import layers, ops

from skdeeplift import DeepLiftExplainer
from tests.conformance.brute_force import (
    FUNCTIONS,
    Activation,
    Concatenate,
    Dense,
    Explained,
    Input,
    Maximum,
    Multiply,
    Scale,
    Sum,
    Take,
    explain,
)
from tests.conformance.networks import floating_point

N_ROWS, N_REFERENCES = 4, 3
RULES = ["rescale", "reveal_cancel", "genomics_default", "pass_through", "guided_backprop_rescale"]
SUMMING = RULES[:3]
# Of the largest change of the target over the rows.
TOLERANCE = 1e-9
# Functions that fall somewhere.
FALLING = {"silu"}
PARTS = ["positive_multipliers", "negative_multipliers", "positive_difference", "negative_difference"]


class Network(NamedTuple):
    """A random network as Keras has it, and as the judge has it."""

    model: keras.Model
    nodes: list
    # Positions of the nodes that are outputs, and of their linear parts.
    outputs: list
    logits: list
    # Positions of nodes by the names of the layers that have them as results.
    layers: dict
    # Positions of the activations of layers by the layers' names.
    activations: dict


class Builder:
    """A network that grows at random, in Keras and in the judge's words at the same time.

    A tensor is known by the position of its node.
    """

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.tensors, self.weighted = [], {}, []
        self.layers, self.activations = {}, {}

    def normal(self, *shape, scale=1.0):
        return self.random.normal(scale=scale, size=shape)

    def between(self, lowest, highest):
        return int(self.random.integers(lowest, highest + 1))

    def one_of(self, choices):
        return choices[self.between(0, len(choices) - 1)]

    def size(self, position):
        return self.tensors[position].shape[-1]

    def name(self, kind):
        """Return a name for a layer, by which the same seed always gives the same names."""
        return f"{kind}_at_{len(self.nodes)}"

    def add(self, node, tensor, layer=None):
        self.nodes.append(node)
        position = len(self.nodes) - 1
        self.tensors[position] = tensor
        if layer is not None:
            self.layers[layer.name] = position
        return position

    def input(self, size):
        return self.add(Input(size), keras.Input((size,)))

    def take_activation(self, position, tensor, layer, function):
        """Add the activation that is part of a layer, whose linear part is the node at the position."""
        if function == "linear":
            self.tensors[position], self.layers[layer.name] = tensor, position
            return position
        self.layers[f"{layer.name}:pre_activation"] = position
        activation = self.add(Activation((position,), function), tensor, layer)
        self.activations[layer.name] = activation
        return activation

    def dense(self, read, units=None, function=None):
        units = self.between(2, 4) if units is None else units
        function = self.one_of(list(FUNCTIONS)) if function is None else function
        layer = layers.Dense(units, activation=function, name=self.name("dense"))
        tensor = layer(self.tensors[read])
        weights, bias = self.normal(self.size(read), units), self.normal(units, scale=0.5)
        # A weight of zero passes nothing on.
        weights[self.random.random(weights.shape) < 0.1] = 0
        layer.set_weights([weights, bias])
        self.weighted.append((layer, weights, bias, function))
        return self.take_activation(self.add(Dense((read,), weights, bias), None), tensor, layer, function)

    def dense_again(self, read):
        """Use an earlier dense layer once more, whatever it was used on."""
        fitting = [each for each in self.weighted if len(each[1]) == self.size(read)]
        if not fitting:
            return self.dense(read)
        layer, weights, bias, function = self.one_of(fitting)
        tensor = layer(self.tensors[read])
        known = dict(self.layers), dict(self.activations)
        position = self.take_activation(self.add(Dense((read,), weights, bias), None), tensor, layer, function)
        # A layer that is called twice has no one value.
        self.layers, self.activations = known
        for name in (layer.name, f"{layer.name}:pre_activation"):
            self.layers.pop(name, None)
        self.activations.pop(layer.name, None)
        return position

    def convolution(self, read):
        """Slide a kernel of two steps over the units; results are flattened."""
        size, filters, function = self.size(read), self.between(1, 2), self.one_of(list(FUNCTIONS))
        if size < 3:
            return self.dense(read)
        layer = layers.Conv1D(filters, 2, activation=function, name=self.name("convolution"))
        result = layer(layers.Reshape((size, 1))(self.tensors[read]))
        kernel, bias = self.normal(2, 1, filters), self.normal(filters, scale=0.5)
        layer.set_weights([kernel, bias])
        weights = np.zeros((size, size - 1, filters))
        for step in range(size - 1):
            for offset in range(2):
                weights[step + offset, step] += kernel[offset, 0]
        node = Dense((read,), weights.reshape(size, -1), np.tile(bias, size - 1), is_convolution=True)
        position = self.take_activation(self.add(node, None), layers.Flatten()(result), layer, function)
        if function == "linear":
            del self.layers[layer.name]
        return position

    def activation(self, read):
        layer = layers.Activation(self.one_of(list(FUNCTIONS)), name=self.name("activation"))
        function = keras.activations.serialize(layer.activation)
        position = self.add(Activation((read,), function), layer(self.tensors[read]), layer)
        self.activations[layer.name] = position
        return position

    def batch_normalisation(self, read):
        layer, size = layers.BatchNormalization(name=self.name("normalisation")), self.size(read)
        tensor = layer(self.tensors[read])
        gamma, beta, mean = self.normal(size), self.normal(size), self.normal(size)
        variance = self.random.uniform(0.5, 2, size)
        layer.set_weights([gamma, beta, mean, variance])
        factors = gamma / np.sqrt(variance + layer.epsilon)
        return self.add(Scale((read,), factors, beta - mean * factors), tensor, layer)

    def take(self, read):
        units = self.random.permutation(np.append(np.arange(self.size(read)), self.between(0, self.size(read) - 1)))
        tensor = ops.take(self.tensors[read], units, axis=1)
        return self.add(Take((read,), tuple(map(int, units))), tensor)

    def residual(self, read):
        """Add a branch to what it comes from, or subtract it."""
        branch = self.one_of([self.dense, self.dense_again])(read)
        if self.size(branch) != self.size(read):
            branch = self.dense(branch, self.size(read))
        return self.join_by(self.one_of(["add", "subtract"]), read, branch)

    def both_kinds(self, read):
        """Put an activation behind a dense layer and a convolution, by both of which genomics_default is chosen."""
        return self.activation(self.join_by("concatenate", self.dense(read, 2, "linear"), self.convolution(read)))

    def of_two(self, kind, first, second):
        """Join two tensors by what is no sum, behind a dense layer each, since activations are not to merge."""
        units = self.between(2, 3)
        return self.join_by(kind, self.dense(first, units), self.dense(second, units))

    def join_by(self, kind, *reads):
        tensors = [self.tensors[read] for read in reads]
        layer = {
            "add": layers.Add,
            "subtract": layers.Subtract,
            "concatenate": layers.Concatenate,
            "multiply": layers.Multiply,
            "maximum": layers.Maximum,
        }[kind](name=self.name(kind))
        node = {
            "add": lambda: Sum(reads, (1.0,) * len(reads)),
            "subtract": lambda: Sum(reads, (1.0, -1.0)),
            "concatenate": lambda: Concatenate(reads),
            "multiply": lambda: Multiply(reads),
            "maximum": lambda: Maximum(reads),
        }[kind]()
        return self.add(node, layer(tensors), layer)

    def build(self):
        """Grow a few nodes on one or two inputs, join all loose ends, and end in one or two outputs."""
        inputs = [self.input(self.between(3, 4)) for _ in range(self.between(1, 2))]
        loose = list(inputs)
        grow = [self.dense, self.dense, self.dense_again, self.convolution, self.activation]
        grow += [self.batch_normalisation, self.take, self.residual, self.both_kinds]
        for _ in range(self.between(3, 5)):
            read = loose.pop(self.between(0, len(loose) - 1))
            loose.append(self.one_of(grow)(read))
            if self.random.random() < 0.3:
                # A branch: the node stays there for another reader.
                loose.append(read)
            if len(loose) > 1 and self.random.random() < 0.3:
                kind = self.one_of(["multiply", "maximum"])
                loose.append(self.of_two(kind, loose.pop(), loose.pop(0)))
        loose = list(dict.fromkeys(loose))
        joined = self.join_by("concatenate", *loose) if len(loose) > 1 else loose[0]
        outputs, logits = [], []
        for _ in range(self.between(1, 2)):
            logits.append(self.dense(joined, self.between(2, 3), "linear"))
            outputs.append(logits[-1])
            if self.random.random() < 0.4:
                outputs[-1] = self.add(
                    Activation((logits[-1],), "sigmoid"), layers.Activation("sigmoid")(self.tensors[logits[-1]])
                )
        model = keras.Model(
            [self.tensors[each] for each in inputs] if len(inputs) > 1 else self.tensors[inputs[0]],
            [self.tensors[each] for each in outputs],
        )
        used = {layer.name for layer in model.layers}
        known = {name: at for name, at in self.layers.items() if name.partition(":")[0] in used}
        return Network(model, self.nodes, outputs, logits, known, self.activations)


def inputs_of(network):
    return [position for position, node in enumerate(network.nodes) if isinstance(node, Input)]


def given(arrays):
    return arrays if len(arrays) > 1 else arrays[0]


class Question(NamedTuple):
    """A network, and what is asked of it, both drawn at random."""

    network: Network
    rows: list
    # For each input an array of shape (n_references, *features) or (n_rows, n_references, *features), or "mean".
    references: list
    output: int
    target: object
    # Target of each row.
    of_rows: object
    pre_activation: object

    @property
    def explained(self):
        """Position of the node that is explained."""
        looks_through = self.pre_activation in (True, "auto")
        return (self.network.logits if looks_through else self.network.outputs)[self.output]

    @property
    def weights(self):
        """Weights of the explained node's units: an array of shape (n_rows, n_targets, n_units)."""
        n_units = len(self.network.nodes[self.network.logits[self.output]].bias)
        if self.of_rows is not None:
            return np.eye(n_units)[self.of_rows][:, None]
        if self.target == "all":
            return np.broadcast_to(np.eye(n_units), (N_ROWS, n_units, n_units))
        of_units = self.target if isinstance(self.target, dict) else {self.target: 1.0}
        one = [of_units.get(unit, 0.0) for unit in range(n_units)]
        return np.broadcast_to(one, (N_ROWS, 1, n_units))

    def references_of(self, row):
        """References of one row: a list of lists with one array for each input."""
        of_inputs = []
        for rows, array in zip(self.rows, self.references, strict=True):
            if isinstance(array, str):
                array = rows.mean(0, keepdims=True)
            of_inputs.append(array[row] if array.ndim == 3 else array)
        return list(map(list, zip(*of_inputs, strict=True)))


def draw(seed):
    """Draw a network and a question about it."""
    network = Builder(seed).build()
    random = np.random.default_rng(seed + 10_000)
    sizes = [network.nodes[position].size for position in inputs_of(network)]
    rows = [random.normal(scale=2, size=(N_ROWS, size)) for size in sizes]
    kind = random.integers(3)
    shape = [(N_REFERENCES,), (N_ROWS, N_REFERENCES), ()][kind]
    references = ["mean"] * len(sizes) if kind == 2 else [random.normal(size=(*shape, size)) for size in sizes]
    if kind == 0 and random.random() < 0.5:
        # Zeros lie on kinks, and a row that shares some numbers with its reference has no difference there.
        for array, of_input in zip(rows, references, strict=True):
            of_input[0] = 0
            array[:, 0] = 0
            array[1] = of_input[1]
    output = int(random.integers(len(network.outputs)))
    n_units = len(network.nodes[network.logits[output]].bias)
    target = [0, n_units - 1, "all", {0: 0.5, n_units - 1: -2.0}][random.integers(4)]
    of_rows = random.integers(n_units, size=N_ROWS) if random.random() < 0.3 else None
    is_linear = network.outputs[output] == network.logits[output]
    pre_activation = "auto" if is_linear else ["auto", True, False][random.integers(3)]
    return Question(network, rows, references, output, target, of_rows, pre_activation)


def judged(question, rule, nodes):
    """Return, for each node, the fields of an explanation by brute force, and the changes of the targets."""
    network, weights = question.network, question.weights
    if isinstance(rule, dict):
        rule = {network.activations[name]: each for name, each in rule.items()}
    changes = np.zeros(weights.shape[:2])
    found = [[[] for _ in range(N_ROWS)] for _ in nodes]
    for row, target in np.ndindex(changes.shape):
        one, changes[row, target] = explain(
            network.nodes,
            rule,
            [array[row] for array in question.rows],
            question.references_of(row),
            question.explained,
            weights[row, target],
            nodes,
        )
        for of_node, explained in zip(found, one, strict=True):
            of_node[row].append(explained)
    # From one number for each row, target, field and unit to fields of shape (n_rows, n_units, n_targets).
    fields = [np.moveaxis(np.array(of_node), 1, -1).swapaxes(0, 1) for of_node in found]
    return [Explained(*each) for each in fields], changes


def asked(question, rule, **parameters):
    """Return the package's explanation."""
    explainer = DeepLiftExplainer(
        question.network.model,
        rule=rule,
        reference=given(question.references) if not isinstance(question.references[0], str) else "mean",
        output=question.output,
        target=0 if question.of_rows is not None else question.target,
        pre_activation=question.pre_activation,
        check="ignore",
        **parameters,
    ).fit(given(question.rows))
    return explainer.explain(given(question.rows), target=question.of_rows, multipliers="layer" not in parameters)


def size_of(found, changes):
    """Return the size of the target's change, or of contributions where these cancel or need not sum to it."""
    return max(np.abs(changes).max(), 1e-3 * max(np.abs(judge.contributions).max() for judge in found))


def compare(explanation, name, found, size):
    """Compare a field of an explanation, one array for each input or layer, with the judge's."""
    arrays = explanation[name] if isinstance(explanation[name], list) else [explanation[name]]
    for array, judge in zip(arrays, found, strict=True):
        # Differences belong to no target, and convolutions have an axis of steps.
        expected = getattr(judge, name)[..., : 1 if name.endswith("_difference") else None]
        # A part that is zero has the rounding of the other.
        alike = [getattr(judge, other) for other in Explained._fields if other.split("_")[-1] == name.split("_")[-1]]
        atol = TOLERANCE * (max(np.abs(field).max() for field in alike) if size is None else size)
        np.testing.assert_allclose(array.reshape(expected.shape), expected, rtol=0, atol=atol, err_msg=name)


def check_inputs(seed, rule):
    """Compare contributions of the inputs, and their multipliers."""
    question = draw(seed)
    found, changes = judged(question, rule, inputs_of(question.network))
    explanation, size = asked(question, rule), size_of(found, changes)
    compare(explanation, "contributions", found, size)
    compare(explanation, "multipliers", found, None)
    change = (explanation.prediction - explanation.reference_value).reshape(changes.shape)
    np.testing.assert_allclose(change, changes, rtol=0, atol=TOLERANCE * size)
    if set(rule.values() if isinstance(rule, dict) else [rule]) <= set(SUMMING):
        # The judge's contributions sum to the change, too.
        total = sum(judge.contributions.sum(1) for judge in found)
        np.testing.assert_allclose(total, changes, rtol=0, atol=TOLERANCE * size)


def check_layers(seed, rule):
    """Compare contributions of layers in the middle, and the parts of their differences."""
    question = draw(seed)
    nodes, random = question.network.nodes, np.random.default_rng(seed)
    before = ancestors(nodes, question.explained)
    names = [name for name, position in question.network.layers.items() if position in before]
    if not names:
        return
    names = random.permutation(names)[: random.integers(1, 3)].tolist()
    positions = [question.network.layers[name] for name in names]
    found, changes = judged(question, rule, positions)
    explanation = asked(question, rule, layer=names)
    compare(explanation, "contributions", found, size_of(found, changes))
    behind = set(positions).union(*(ancestors(nodes, position) for position in positions))
    if not any(isinstance(nodes[position], Activation) and nodes[position].function in FALLING for position in behind):
        # Behind a function that falls, the package keeps the names of parts that have changed their signs.
        for name in PARTS:
            compare(explanation, name, found, None)


def ancestors(nodes, position):
    """Return the positions of all nodes that a node depends on, but for itself."""
    reads = set(nodes[position].reads)
    return reads.union(*(ancestors(nodes, read) for read in reads))


@pytest.fixture(autouse=True)
def _double_precision():
    with floating_point("float64"):
        yield
    keras.backend.clear_session()


def mixed_rules(seed):
    """Draw a rule for each of some layers of the network of a seed; None if no layer has an activation."""
    random = np.random.default_rng(seed)
    names = list(draw(seed).network.activations)
    return {name: RULES[random.integers(len(RULES))] for name in names if random.random() < 0.7} or None


def check(seeds):
    """Check as many networks, each by one rule, or by rules of layers."""
    for seed in seeds:
        by_layers = seed % 6 == 5
        rule = mixed_rules(seed) if by_layers else RULES[seed % 6]
        for check_one in (check_inputs, check_layers):
            try:
                check_one(seed, rule or "rescale")
            except Exception as error:
                error.add_note(f"{check_one.__name__}({seed}, {rule!r})")
                raise


def test_contributions_and_parts_are_those_of_the_rules_written_down_a_second_time():
    # In the last one, a unit without a difference hands on parts that cancel.
    check([0, 5, 13])


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2, 182, 30))
def test_contributions_and_parts_of_more_networks(first):
    check(range(first, first + 30))
