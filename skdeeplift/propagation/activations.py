"""Which ops are activations, alike for all methods."""

from skdeeplift.network.clusters import Activation
from skdeeplift.propagation.rules.activation import ACTIVATIONS

CLAMPS = frozenset({"Maximum", "Minimum", "ClipByValue"})
POLES = frozenset({"Inv", "Log", "Reciprocal", "Rsqrt"})


def activation_at(graph, op, activations, barriers=()):
    """Find the activation that ends at an op.

    Parameters
    ----------
    graph : Graph
        The network, or a loop's body.
    op : Op
        Whose output carries a difference.
    activations : Activations
        Finds those of several ops.
    barriers : collection of Value, default=()
        Values that no activation reaches across.

    Returns
    -------
    activation : Activation or None
        Of several ops or of this one; None if the op is none.
    """
    activation = activations.ending_at(op)
    if activation is not None:
        return activation
    varying = tuple(position for position, value in enumerate(op.inputs) if graph.carries_difference(value))
    if not varying or ACTIVATIONS.find(op.type, varying) is None:
        return None
    root, ops = op.inputs[varying[0]], (op,)
    before = graph.producer.get(root)
    if op.type in CLAMPS and before is not None and before.type in POLES and root not in barriers:
        # One function, since the first half alone may be infinite where the whole is not.
        root, ops = before.inputs[0], (before, op)
    return Activation(root, op.outputs[0], ops)
