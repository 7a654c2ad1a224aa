"""Every method at internal layers, against slow loops over a network whose other values stay those of the row."""

from itertools import combinations
from math import factorial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)
from skdeeplift.execution.schedules import draw_references


def dense(units, name=None):
    return layers.Dense(units, name=name, bias_initializer="normal", dtype="float64")


class Network:
    """A Keras model, and the same function for loops, in which layers take given values.

    ``function`` gets the inputs, a way to call a layer, and a way to call an activation function.
    """

    def __init__(self, function, *inputs):
        self.function = function
        self.layers = {}
        self.model = keras.Model(list(inputs), self._run(list(inputs), {}, lambda name, x: self._layer(name)(x)))

    def _layer(self, name):
        if name not in self.layers:
            self.layers[name] = layers.Activation(getattr(ops, name.split(":")[0]), dtype="float64")
        return self.layers[name]

    def _run(self, inputs, given, activation):
        self.values, number = {}, iter(range(100))

        def call(layer, *inputs):
            name = self.layers.setdefault(layer.name, layer).name
            self.values[name] = given[name] if name in given else self.layers[name](*inputs)
            return self.values[name]

        return self.function(inputs, call, lambda name, x: activation(f"{name}:{next(number)}", x))

    def output(self, row, given, activation=lambda name, x: getattr(ops, name.split(":")[0])(x)):
        """Compute the output where some layers have given values."""
        return self._run(row, given, activation)[:, 0]

    def value(self, row, layer):
        """Compute the value of a layer."""
        self.output(row, {})
        return self.values[layer]


def two_branches():
    """Two inputs, whose branches are affine up to where they meet."""
    first, second, third, last = dense(3, "A"), dense(4), dense(4, "B"), dense(1)

    def function(inputs, call, activation):
        branches = call(second, call(first, inputs[0])) + call(third, inputs[1])
        return call(last, activation("relu", branches))

    return Network(function, keras.Input((2,), dtype="float64"), keras.Input((3,), dtype="float64"))


def square_of_a_sum():
    first, second, last = dense(3, "A"), dense(3, "B"), dense(1)

    def function(inputs, call, activation):
        return call(last, activation("square", call(first, inputs[0]) + call(second, inputs[1])))

    return Network(function, keras.Input((2,), dtype="float64"), keras.Input((2,), dtype="float64"))


def residual():
    """Both the input and a layer's result go through one more bend."""
    first, second, last = dense(3, "A"), dense(3, "B"), dense(1)

    def function(inputs, call, activation):
        x = inputs[0]
        hidden = activation("tanh", x + call(first, x))
        return call(last, activation("relu", hidden + call(second, activation("relu", hidden))))

    return Network(function, keras.Input((3,), dtype="float64"))


def long_way_round():
    """The input is joined behind several bends, and once more at the end."""
    first, second, last = dense(4, "A"), dense(3, "B"), dense(1)

    def function(inputs, call, activation):
        x = inputs[0]
        hidden = call(second, activation("sigmoid", call(first, x)))
        joined = layers.Concatenate(dtype="float64")([hidden, 2 * x])
        return call(last, activation("tanh", joined)) + x[:, :1]

    return Network(function, keras.Input((3,), dtype="float64"))


def two_embeddings():
    """Two lookups of tokens, summed; one of them makes a mask, which stays the row's."""
    token = layers.Embedding(6, 2, name="A", embeddings_initializer="normal", dtype="float64")
    kind = layers.Embedding(4, 2, name="B", embeddings_initializer="normal", dtype="float64")
    first, last = dense(3), dense(1)

    def function(inputs, call, activation):
        tokens, kinds = inputs
        hidden = activation("relu", call(first, 3 * call(token, tokens) + 3 * call(kind, kinds)))
        mask = ops.cast(ops.not_equal(tokens, 0), "float64")[:, :, None]
        return call(last, ops.sum(hidden * mask, 1) / ops.sum(mask, 1))

    return Network(function, keras.Input((3,), dtype="int32"), keras.Input((3,), dtype="int32"))


NETWORKS = [two_branches, square_of_a_sum, residual, long_way_round, two_embeddings]
TOKENS = [np.array([[1, 2, 0], [3, 4, 5], [5, 1, 2]], "int32"), np.array([[1, 1, 2], [3, 2, 1], [2, 3, 3]], "int32")]


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda network: network.__name__)
def given(request):
    """A network, rows, and one reference."""
    keras.utils.set_random_seed(1)
    network, random = request.param(), np.random.default_rng(0)
    if request.param is two_embeddings:
        return network, TOKENS, [np.zeros((1, 3), "int32")] * 2
    rows, reference = ([random.normal(size=(n, *i.shape[1:])) for i in network.model.inputs] for n in (3, 1))
    return network, rows, reference


def gradient_at(network, row, layer, point, activation=None):
    """Differentiate the output by a layer's value at a point, while all other values stay those of the row."""
    point = tf.constant(point)
    with tf.GradientTape() as tape:
        tape.watch(point)
        more = () if activation is None else (activation,)
        output = network.output(row, {layer: point}, *more)
    return tape.gradient(output, point).numpy()


def plain(name, x):
    return getattr(ops, name.split(":")[0])(x)


def overriding(gradient):
    """Return activations with another gradient, a function of name, value and what comes back."""

    def activation(name, x):
        @tf.custom_gradient
        def function(x):
            return plain(name, x), lambda incoming: gradient(name, x, incoming)

        return function(x)

    return activation


def derivative(name, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = plain(name, x)
    return tape.gradient(output, x)


def guided(name, x, incoming):
    return tf.nn.relu(incoming) * derivative(name, x)


def deconvolved(name, x, incoming):
    return incoming * derivative(name, x) if name.startswith("square") else plain(name, incoming)


def epsilon_lrp(name, x, incoming):
    epsilon = tf.constant(0.1, x.dtype)
    return incoming * plain(name, x) / (x + tf.where(x >= 0, epsilon, -epsilon))


def integrated(network, row, layer, at_row, at_reference, positions, weights):
    points = (gradient_at(network, row, layer, at_reference + t * (at_row - at_reference)) for t in positions)
    return (at_row - at_reference) * sum(w * each for w, each in zip(weights, points, strict=True))


def rescaled(network, row, reference, layer, at_row, at_reference):
    """Go back with the slopes between the row and the reference, where everything else moves too."""
    seen = {}

    def note(name, x):
        seen.setdefault(name, []).append(x)
        return plain(name, x)

    network.output(row, {}, note)
    network.output(reference, {}, note)
    slopes = {name: (plain(name, x) - plain(name, r)) / (x - r) for name, (x, r) in seen.items()}
    return (at_row - at_reference) * gradient_at(
        network, row, layer, at_row, overriding(lambda name, x, incoming: incoming * slopes[name])
    )


def with_elements(at_row, at_reference, elements):
    mixed = at_reference.copy().ravel()
    mixed[list(elements)] = at_row.ravel()[list(elements)]
    return mixed.reshape(at_row.shape)


def occluded(network, row, layer, at_row, at_reference):
    everything, changes = range(at_row.size), []
    for element in everything:
        mixed = with_elements(at_row, at_reference, set(everything) - {element})
        changes.append(network.output(row, {})[0] - network.output(row, {layer: tf.constant(mixed)})[0])
    return np.reshape(changes, at_row.shape)


def shapley(network, row, layer, at_row, at_reference):
    """Average what each element brings, over all sets of the others."""
    size, values = at_row.size, np.zeros(at_row.size)

    def of(elements):
        mixed = with_elements(at_row, at_reference, elements)
        return network.output(row, {layer: tf.constant(mixed)}).numpy()[0]

    for element in range(size):
        others = [each for each in range(size) if each != element]
        for number in range(size):
            weight = factorial(number) * factorial(size - number - 1) / factorial(size)
            for some in combinations(others, number):
                values[element] += weight * (of([*some, element]) - of(some))
    return values.reshape(at_row.shape)


def compare(explainer, given, layer, expected):
    """Compare all rows with a loop over them; ``expected`` takes the row and the layer's two values."""
    network, rows, reference = given
    explainer.set_params(layer=layer, max_samples=1)
    if "reference" in explainer.get_params(deep=False):
        explainer.set_params(reference=reference if len(reference) > 1 else reference[0])
    X = rows if len(rows) > 1 else rows[0]
    got = explainer.fit(X).transform(X)
    loop = []
    for number in range(len(rows[0])):
        row = [array[number : number + 1] for array in rows]
        loop.append(expected(row, *(network.value(each, layer).numpy() for each in (row, reference))))
    loop = np.concatenate(loop)
    assert np.abs(loop).max() > 1e-3
    np.testing.assert_allclose(got, loop, rtol=0, atol=1e-12 * max(1, np.abs(loop).max()))


# The name of the layer that is explained.
LAYERS = pytest.mark.parametrize("layer", ["A", "B"])


@pytest.mark.sampled(8)
@LAYERS
@pytest.mark.parametrize("kind", ["gradient", "saliency", "gradient_x_input"])
def test_gradients(given, layer, kind):
    def expected(row, at_row, at_reference):
        gradient = gradient_at(given[0], row, layer, at_row)
        return {"gradient": gradient, "saliency": np.abs(gradient), "gradient_x_input": gradient * at_row}[kind]

    compare(GradientExplainer(given[0].model, kind=kind), given, layer, expected)


@pytest.mark.sampled(3)
@LAYERS
@pytest.mark.parametrize("rule", [guided, deconvolved])
def test_guided_backprop(given, layer, rule):
    name = "guided_backprop" if rule is guided else "deconvnet"

    def expected(row, at_row, at_reference):
        return gradient_at(given[0], row, layer, at_row, overriding(rule))

    compare(GuidedBackpropExplainer(given[0].model, rule=name), given, layer, expected)


@pytest.mark.sampled(3)
@LAYERS
def test_epsilon_lrp(given, layer):
    def expected(row, at_row, at_reference):
        return at_row * gradient_at(given[0], row, layer, at_row, overriding(epsilon_lrp))

    compare(LRPExplainer(given[0].model, epsilon=0.1), given, layer, expected)


@pytest.mark.sampled(9)
@LAYERS
@pytest.mark.parametrize("n_steps", [1, 7])
def test_integrated_gradients(given, layer, n_steps):
    positions, weights = (np.arange(n_steps) + 0.5) / n_steps, np.full(n_steps, 1 / n_steps)

    def expected(row, at_row, at_reference):
        return integrated(given[0], row, layer, at_row, at_reference, positions, weights)

    compare(IntegratedGradientsExplainer(given[0].model, n_steps=n_steps, method="midpoint"), given, layer, expected)


@pytest.mark.sampled(3)
@LAYERS
def test_expected_gradients(given, layer):
    explainer = ExpectedGradientsExplainer(given[0].model, n_draws=6, random_state=0)

    def expected(row, at_row, at_reference):
        positions = draw_references(explainer.references_, 6, explainer.bound_.seed).path.positions[:, 0]
        return integrated(given[0], row, layer, at_row, at_reference, positions, np.full(6, 1 / 6))

    compare(explainer, given, layer, expected)


@pytest.mark.sampled(3)
@LAYERS
def test_rescale(given, layer):
    def expected(row, at_row, at_reference):
        return rescaled(given[0], row, given[2], layer, at_row, at_reference)

    compare(DeepLiftExplainer(given[0].model, check="ignore"), given, layer, expected)


@pytest.mark.sampled(6)
@LAYERS
def test_occlusion(given, layer):
    def expected(row, at_row, at_reference):
        return occluded(given[0], row, layer, at_row, at_reference)

    compare(OcclusionExplainer(given[0].model), given, layer, expected)


@pytest.mark.sampled(8)
@LAYERS
def test_shapley_values(given, layer):
    def expected(row, at_row, at_reference):
        return shapley(given[0], row, layer, at_row, at_reference)

    compare(ShapleySamplingExplainer(given[0].model), given, layer, expected)


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (IntegratedGradientsExplainer, {"n_steps": 9}),
        (ExpectedGradientsExplainer, {"n_draws": 9}),
        (ShapleySamplingExplainer, {}),
    ],
)
def test_several_layers_move_one_by_one(given, make, parameters):
    network, rows, reference = given
    names = ["A", "B"]
    X, reference = (each if len(each) > 1 else each[0] for each in (rows, reference))
    parameters = parameters | {"reference": reference, "random_state": 0}
    together = make(network.model, layer=names, **parameters).fit(X).transform(X)
    for name, contributions in zip(names, together, strict=True):
        alone = make(network.model, layer=name, **parameters).fit(X).transform(X)
        np.testing.assert_allclose(contributions, alone, rtol=1e-12, atol=1e-14)


def of_identities(join):
    """Two inputs, each behind a dense layer of weight one."""
    inputs = [keras.Input((1,), name=name) for name in "ab"]
    branches = [layers.Dense(1, kernel_initializer="ones", name=x.name.upper())(x) for x in inputs]
    return keras.Model(inputs, join(branches[0] + branches[1]))


def test_relu_of_two_branches_by_hand():
    """relu(A + B) at A = 2 and B = -1: relu'(2 t - 1) is one from t = 1/2 on, and 2 * 1/2 = 1."""
    model, rows = of_identities(ops.relu), [np.array([[2.0]]), np.array([[-1.0]])]
    got = IntegratedGradientsExplainer(model, layer="A", reference="zeros", n_steps=50).fit(rows).transform(rows)
    np.testing.assert_allclose(got, [[1]], rtol=1e-6)


def test_square_of_two_branches_by_hand():
    """(A + B) ** 2: the integral of 2 (2 t - 1) * 2 is 0, as A = 2 and A = 0 have the same square."""
    model, rows = of_identities(ops.square), [np.array([[2.0]]), np.array([[-1.0]])]
    got = IntegratedGradientsExplainer(model, layer="A", reference="zeros").fit(rows).transform(rows)
    np.testing.assert_allclose(got, [[0]], atol=1e-6)


@pytest.mark.parametrize(
    "explainer", [IntegratedGradientsExplainer(None), ExpectedGradientsExplainer(None, n_draws=20_000, random_state=0)]
)
def test_square_of_a_residual_branch_by_hand(explainer):
    """(x + D(x)) ** 2 at x = 3: the integral of 2 (3 + 3 t) * 3 is 18 + 9 = 27, and 6 ** 2 - 3 ** 2 too."""
    x = keras.Input((1,))
    model = keras.Model(x, ops.square(x + layers.Dense(1, kernel_initializer="ones", name="D")(x)))
    explainer.set_params(estimator=model, layer="D", reference="zeros")
    got = explainer.fit([[3.0]]).transform([[3.0]])
    np.testing.assert_allclose(got, [[27]], rtol=1e-6 if isinstance(explainer, IntegratedGradientsExplainer) else 5e-3)
