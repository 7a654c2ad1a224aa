"""Activations that run again with a gradient that replaces their own."""

import itertools
import weakref

import tensorflow as tf

from skdeeplift.network.clusters import Activation, Activations, activation_at
from skdeeplift.propagation import replay
from skdeeplift.propagation.rules.products import RecomputedProduct, with_gradient
from skdeeplift.propagation.rules.reveal_cancel import is_restricted


class Overrides:
    """Replacements of a graph's activations while the graph runs again.

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

    def ancestors(self, graph, wanted, known):
        """List in order the ops and activations that compute ``wanted`` from the ``known`` values.

        Values inside an activation of several ops belong to it alone. If another op reads such a value too, the op that
        computes it runs once more, as an activation by itself.
        """
        known, needed, found = set(known), set(wanted), []
        for op in reversed(graph.ops):
            if any(value in needed and value not in known for value in (*op.outputs, *op.inner)):
                step = self._steps.get(op)
                if step is None:
                    step = self._steps[op] = self._step(graph, op)
                needed.update(step.inputs)
                found.append(step)
        return found[::-1]

    def _step(self, graph, op):
        if op.body is not None or not graph.carries_difference(op.outputs[0]):
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
        output = run_activation(self.activation, root, operands)
        return [self.rule(self.activation, output, root, operands)]


# Activations by a number that their gradient reads, because TensorFlow registers one function for all of them.
_NUMBERS, _ACTIVATIONS = itertools.count(), weakref.WeakValueDictionary()


def guided_backprop(activation, output, root, operands):
    """Drop negative multipliers before the derivative (Springenberg et al. 2015, arXiv:1412.6806)."""
    return with_gradient("SkdeepliftGuidedBackprop", output)


def deconvnet(activation, output, root, operands):
    """Apply the activation to the multiplier itself (Zeiler and Fergus 2014, arXiv:1311.2901).

    A function with a pole, such as ``log``, or one that explodes, such as ``exp``, keeps its derivative.
    """
    if is_restricted(activation):
        return output
    number = next(_NUMBERS)
    _ACTIVATIONS[number] = activation
    if root.shape != output.shape:
        root = tf.broadcast_to(root, tf.shape(output))
    return with_gradient("SkdeepliftDeconvNet", output, root, tf.constant(number, tf.int64), *operands)


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


def run_activation(activation, root, operands):
    """Create the ops of an activation again.

    Parameters
    ----------
    activation : Activation
        The function.
    root : tensor
        Values at which to evaluate the function.
    operands : sequence of tensor
        Tensors for ``activation.operands``, in their order.

    Returns
    -------
    output : tensor
        Values of the function.
    """
    values = {**dict(zip(activation.operands, operands, strict=True)), activation.root: root}
    for op in activation.ops:
        values.update(zip(op.outputs, replay.create(op, [values[value] for value in op.inputs]), strict=True))
    return values[activation.output]


def _quotient(root, output, epsilon):
    return output / (root + tf.where(root >= 0, epsilon, -epsilon))


_LRP = RecomputedProduct("SkdeepliftEpsilonLRP", _quotient)


@tf.RegisterGradient("SkdeepliftGuidedBackprop")
def _guided_backprop_gradient(op, incoming):
    return [tf.nn.relu(incoming)]


@tf.RegisterGradient("SkdeepliftDeconvNet")
def _deconvnet_gradient(op, incoming, *_):
    _, _, number, *operands = op.inputs
    activation = _ACTIVATIONS[int(tf.get_static_value(number))]
    return [None, run_activation(activation, incoming, operands), *[None] * (len(operands) + 1)]
