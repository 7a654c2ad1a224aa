"""Activations that are run again with another gradient than their own."""

import itertools
import weakref

import tensorflow as tf

from skdeeplift.network.clusters import Activation, Activations
from skdeeplift.propagation import replay
from skdeeplift.propagation.activations import activation_at
from skdeeplift.propagation.rules.products import RecomputedProduct, with_gradient
from skdeeplift.propagation.rules.reveal_cancel import is_restricted


class Overrides:
    """What stands in the place of a graph's activations while it is run again.

    Parameters
    ----------
    rule : callable
        Of `skdeeplift.propagation.overrides`.
    barriers : collection of Value
        Values that no activation reaches across.
    """

    def __init__(self, rule, barriers):
        self.rule, self.barriers = rule, barriers
        # Of each graph the finder of its activations, and what stands for each op; gradients need these to live on.
        self._finders, self._steps = {}, {}

    def ancestors(self, graph, wanted, known):
        """The ops and activations, in order, that must run to compute ``wanted`` where ``known`` values are given.

        What an activation of several ops computes on the way is nobody else's: where another op reads it too, the
        activation's own op is run once more, and is an activation by itself there.
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
    """An activation with the gradient of a rule."""

    def __init__(self, activation: Activation, rule):
        self.activation, self.rule = activation, rule
        self.inputs, self.outputs = (activation.root, *activation.operands), (activation.output,)

    def create(self, inputs):
        """Run it on the tensors of its inputs."""
        root, *operands = inputs
        output = run_activation(self.activation, root, operands)
        return [self.rule(self.activation, output, root, operands)]


# By the number that a gradient is given: TensorFlow knows one function for all activations.
_NUMBERS, _ACTIVATIONS = itertools.count(), weakref.WeakValueDictionary()


def guided_backprop(activation, output, root, operands):
    """Drop negative multipliers before the derivative (Springenberg et al. 2015, arXiv:1412.6806)."""
    return with_gradient("SkdeepliftGuidedBackprop", output)


def deconvnet(activation, output, root, operands):
    """Apply the activation to the multiplier itself (Zeiler and Fergus 2014, arXiv:1311.2901).

    A function with a pole, or one that explodes, such as ``log`` or ``exp``, keeps its derivative.
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
        Keeps the quotient finite; zero counts as positive.
    """

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def __call__(self, activation, output, root, operands):
        """Give an activation's output the gradient."""
        return _LRP.in_place_of(output, root, root, output, tf.constant(self.epsilon, root.dtype))


def run_activation(activation, root, operands):
    """Create the ops of an activation again.

    Parameters
    ----------
    activation : Activation
        The function.
    root : tensor
        Where to evaluate it.
    operands : sequence of tensor
        What it reads beside its root, in the order of ``activation.operands``.

    Returns
    -------
    output : tensor
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
