"""One stream: gradients at the rows, of the network itself or with other derivatives at its activations."""

import itertools
import weakref

import numpy as np
import tensorflow as tf

from skdeeplift.exceptions import UnsupportedOpError
from skdeeplift.network import ops
from skdeeplift.network.clusters import Activation, Activations, activation_at
from skdeeplift.propagation import replay
from skdeeplift.propagation.method import Method, check_derivative, find_rounding_ops
from skdeeplift.propagation.pairing import to_difference_dtype
from skdeeplift.propagation.rules.products import RecomputedProduct, propagate, register_gradient, with_gradient
from skdeeplift.propagation.rules.rescale import is_ramp, is_restricted
from skdeeplift.propagation.sums import SourceTensors, sum_plain


class Overrides:
    """Replacements of a graph's activations while the graph runs again.

    Values inside an activation of several ops belong to it alone. If another op reads such a value too, the op that
    computes it runs once more, as an activation by itself.

    Parameters
    ----------
    rule : callable
        Rule of this module, which gives an activation's output another gradient.
    barriers : collection of Value
        Values that no activation reaches across.
    """

    def __init__(self, rule, barriers):
        self.rule, self.barriers = rule, barriers
        # Finder of the activations of each graph, and replacement of each op. Gradients need both to stay alive.
        self._finders, self._steps = {}, {}

    def __call__(self, graph, op):
        """Return the replacement of an op, or the op itself if no activation ends at it."""
        if op not in self._steps:
            self._steps[op] = self._replacement(graph, op)
        return self._steps[op]

    def _replacement(self, graph, op):
        if op.body is not None or not (op.outputs[0].dtype.is_floating and graph.carries_difference(op.outputs[0])):
            return op
        if graph not in self._finders:
            self._finders[graph] = Activations(graph, self.barriers)
        activation = activation_at(graph, op, self._finders[graph], self.barriers)
        return op if activation is None else _Overridden(activation, self.rule)


class _Overridden:
    """Activation with the gradient of a rule."""

    def __init__(self, activation: Activation, rule):
        self.activation, self.rule = activation, rule
        self.inputs, self.outputs = (activation.root, *activation.operands), (activation.output,)

    def create(self, inputs):
        """Run the activation on tensors of its inputs."""
        root, *operands = inputs
        output = replay.run_activation(self.activation, root, operands)
        return [self.rule(self.activation, output, root, operands)]


# Activations by a number that their gradient reads, because TensorFlow registers one function for all of them.
_NUMBERS, _ACTIVATIONS = itertools.count(), weakref.WeakValueDictionary()


def guided_backprop(activation, output, root, operands):
    """Drop negative multipliers before the derivative (Springenberg et al. 2015, arXiv:1412.6806)."""
    return with_gradient("SkdeepliftGuidedBackprop", output)


def deconvnet(activation, output, root, operands):
    """Apply a rectifier to the multiplier itself (Zeiler and Fergus 2014, arXiv:1311.2901).

    The original implementation also applies ``tanh`` and ``sigmoid``. Other functions keep their derivative: the square
    of a multiplier, or its logarithm, means nothing.
    """
    if is_restricted(activation) or not is_rectifier(activation):
        return output
    number = next(_NUMBERS)
    _ACTIVATIONS[number] = activation
    if root.shape != output.shape:
        root = tf.broadcast_to(root, tf.shape(output))
    return with_gradient("SkdeepliftDeconvNet", output, root, tf.constant(number, tf.int64), *operands)


# Ops that make a function a rectifier.
RECTIFIERS = ops.column("rectifies")


def is_rectifier(activation):
    """Return whether a function rectifies, as ``relu`` and its smooth or leaky relatives do."""
    return any(op.type in RECTIFIERS or _is_positive_part(op) for op in activation.ops)


def _is_positive_part(op):
    """Return whether an op is a maximum of values and zero, or of values and a multiple of the same values."""
    if op.type != "Maximum":
        return False
    constants = map(tf.get_static_value, op.definition.inputs)
    return not any(np.any(constant) for constant in constants if constant is not None)


class EpsilonLRP:
    """Replace the derivative by ``f(x) / (x + epsilon * sign(x))`` (Ancona et al. 2018, arXiv:1711.06104).

    Parameters
    ----------
    epsilon : float
        Size that is added to the denominator to keep the quotient finite. Zero counts as positive.
    """

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def __call__(self, activation, output, root, operands):
        """Return an activation's output with the gradient of this rule."""
        return _LRP.in_place_of(output, root, root, output, tf.constant(self.epsilon, root.dtype))


def _quotient(root, output, epsilon):
    return output / (root + tf.where(root >= 0, epsilon, -epsilon))


_LRP = RecomputedProduct("SkdeepliftEpsilonLRP", _quotient)


@register_gradient("SkdeepliftGuidedBackprop")
def _guided_backprop_gradient(op, incoming):
    return [tf.nn.relu(incoming)]


@register_gradient("SkdeepliftDeconvNet")
def _deconvnet_gradient(op, incoming, *_):
    _, _, number, *operands = op.inputs
    activation = _ACTIVATIONS[int(tf.get_static_value(number))]
    if is_ramp(activation):
        # The cap of a capped rectifier limits values, not multipliers.
        return [None, tf.nn.relu(incoming), None]
    return [None, replay.run_activation(activation, incoming, operands), *[None] * (len(operands) + 1)]


class Gradients(Method):
    """Compiled functions that differentiate the network at the rows.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value to explain; weights over its elements make it a scalar.
    sources : list of Source
        The values that contributions are computed for.
    form : {"gradient", "saliency", "gradient_x_input"}
        Function of the gradient to return.
    rule : callable, default=None
        Rule that replaces the derivative of activations; see `skdeeplift.propagation.gradients`.
    """

    def __init__(self, graph, target, sources, form, rule=None):
        check_derivative(graph, target)
        super().__init__(graph, target, sources)
        self.rounding_ops = find_rounding_ops(graph, [target], self.own)
        # Rows are run unchanged, so the axis of rows in other values does not matter.
        self.needs_pair_size = False
        self.form = form
        self.overrides = None if rule is None else Overrides(rule, frozenset([*self.own, target]))

    def at_rows(self, request, rows, noise=None):
        """Run the network at a chunk of rows, and sum contributions, in one call.

        Parameters
        ----------
        request : Request
            The terms to compute. Each noise counts as a reference.
        rows : list of ndarray
            One array for each input.
        noise : list of ndarray, default=None
            Noise to add to each input.

        Returns
        -------
        outputs : tensor
            The target's values at the rows with noise.
        sums : list of tuple of tensor
            One tuple per source, in the order of ``request.wanted``.
        """
        inputs = [[tf.convert_to_tensor(array) for array in arrays] for arrays in (rows, noise or ())]
        static, tensors = request.split()
        return self.compiled(self._at_rows, static)(*inputs, tensors)

    def _at_rows(self, static, rows, noise, tensors):
        request, pairing = static.join(tensors), static.pairing
        if pairing.size > pairing.rows or noise:
            noise = noise or [None] * len(rows)
            rows = [_over_pairs(x, of_input, pairing.lead) for x, of_input in zip(rows, noise, strict=True)]
        values = dict(zip(self.graph.inputs, rows, strict=True))
        [output, *tensors] = replay.run(self.graph, values, [self.target, *self.own], self.overrides)
        weights = tf.cast(request.at_output(output).target, output.dtype)
        gradients = gradients_of(output, pairing.over_pairs(weights, self.target.shape.rank), tensors)
        of_own = dict(zip(self.own, zip(gradients, tensors, strict=True), strict=True))
        sums = []
        for source, axis in self.sources_with_letters(request):
            value = source.value
            both = of_own.get(value) or [tf.zeros((pairing.size, *value.shape[1:]), self.target.dtype)] * 2
            multiplier, x = (pairing.split_batch(to_difference_dtype(each)) for each in both)
            if self.form == "saliency":
                multiplier = tf.abs(multiplier)
            if self.form != "gradient_x_input" and pairing.references == 1 and "squares" not in request.wanted:
                # All other terms equal the gradient, since the factor is one and the reference zero.
                sums.append((multiplier[:, 0],) * len(request.wanted))
                continue
            factor = (x if self.form == "gradient_x_input" else tf.ones_like(multiplier))[:, :, 0]
            of_source = SourceTensors(multiplier, factor, tf.zeros_like(factor))
            sums.append(sum_plain(of_source, request.weights, request.wanted, axis))
        return output[:: pairing.size // pairing.rows], sums


def gradients_of(output, weights, tensors):
    """Differentiate weighted elements of an output; zero by tensors that it does not depend on.

    Raises
    ------
    UnsupportedOpError
        If TensorFlow has no derivative of an op between them.
    """
    try:
        gradients = propagate(output, weights, tensors)
    except LookupError as error:
        raise UnsupportedOpError(f"TensorFlow has no derivative of an op before the target: {error}") from error
    return [
        tf.zeros_like(tensor) if each is None else tf.convert_to_tensor(each)
        for each, tensor in zip(gradients, tensors, strict=True)
    ]


def _over_pairs(x, noise, lead):
    """Repeat rows for each noise and each target, and add the noise to floating-point numbers."""
    x = x[:, None, None]
    if noise is not None and x.dtype.is_floating:
        x = x + noise[None, :, None]
    rest = x.shape[3:]
    return tf.reshape(tf.broadcast_to(x, (*lead, *rest)), (-1, *rest))
