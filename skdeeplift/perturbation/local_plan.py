"""Runs of mutations in windows: the ops that run on windows of changed positions, and the mutations.

Positions outside of the windows keep the values of the row. After an op whose windows cover most positions, or an op
that may read distant positions, the network runs on whole values.
"""

import math

import tensorflow as tf

from skdeeplift.network import devices, ops
from skdeeplift.network.input_dependence import Layout
from skdeeplift.perturbation import local_convolutions, local_ops, local_shapes
from skdeeplift.perturbation.reach import cut_windows, find_inside, place
from skdeeplift.propagation import replay

# Rules for the two kinds of clusters of ops that `find_cluster` finds.
_OF_CLUSTERS = {
    "DilatedConvolution": local_convolutions.convolve,
    "PositionwiseProduct": local_ops.multiply_positions,
}
RULES = _OF_CLUSTERS | {
    op_type: next(getattr(room, name) for room in (local_ops, local_convolutions, local_shapes) if hasattr(room, name))
    for op_type, name in ops.column("on_windows").items()
}
CONVOLUTIONS = {*ops.where(on_windows="convolve"), "DilatedConvolution"}
_ELEMENTWISE = ops.where(elementwise=True)


def find_cluster(graph, op):
    """Return the cluster of ops that ends at an op and computes one operation, or the op itself."""
    found = local_convolutions.find_dilated(graph, op)
    return local_ops.find_positionwise(graph, op) if found is op else found


def _size_of(value, reach=None):
    """Return the number of bytes of a value, or of its windows, for one row."""
    if not value.shape.rank:
        return 0
    size = value.dtype.size * math.prod(each or 1 for each in value.shape[1:])
    return size if reach is None else size * reach.width // reach.length


class LocalPlan:
    """Plan of the ops of a network that run on windows around a mutation.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value to compute.
    sources : dict of Value to (Reach or None)
        Mutated values, with the windows that a mutation changes. None for a value to recompute as a whole.

    Attributes
    ----------
    ops : list of Op
        Ops that run on windows.
    local : dict of Value to LocalOp
        Outputs of these ops, with the functions that compute them on windows.
    reaches : dict of Value to Reach
        Values that change in windows, with these windows.
    is_clean : dict of Value to bool
        Values that change in windows, with True if changes are zero beyond the ends of the value.
    whole : list of Value
        Changing values that ops read as a whole.
    beside : list of Value
        Values that vary with the row, that no mutation changes, and that ops read as a whole.
    at_rows : list of Value
        Values that are read at the rows.
    pays_off : bool
        Whether windows are worth their overhead.
    share : float
        Memory of the computation for a mutation, relative to the memory for a whole row.
    """

    def __init__(self, graph, target, sources):
        self.graph, self.target, self.local, self.reaches, self.is_clean = graph, target, {}, {}, {}
        self.reaches.update({value: reach for value, reach in sources.items() if reach is not None})
        self.is_clean.update(dict.fromkeys(self.reaches, True))
        self._affected, self._at_rows = set(sources), {target: None}
        affected, whole, beside = self._affected, {value: None for value in sources if value not in self.reaches}, {}
        self.ops = []
        steps = graph.ancestors([target], [*sources, *graph.held], find_cluster)
        self._read = {target, *(value for op in steps for value in op.inputs)}
        for op in steps:
            if affected.isdisjoint(op.inputs):
                continue
            affected.update(filter(graph.varies, op.outputs))
            if affected.isdisjoint(op.outputs):
                # This op reads only a shape, so its output does not change.
                continue
            found = self._apply_rule(op)
            if found is None:
                whole.update(dict.fromkeys(value for value in op.inputs if value in self.reaches))
                beside.update(dict.fromkeys(value for value in op.inputs if value not in affected))
            else:
                self.local[op.outputs[0]] = found
                self.ops.append(op)
                if found.reach is None:
                    whole[op.outputs[0]] = None
                else:
                    self.reaches[op.outputs[0]], self.is_clean[op.outputs[0]] = found.reach, found.is_clean
        if target in self.reaches:
            whole[target] = None
        # A target function may treat intermediate results of mutated values as constants.
        beside.update(dict.fromkeys(graph.held))
        beside = {value: None for value in {**beside, **dict.fromkeys(graph.inputs)} if value not in affected}
        self.beside = [value for value in beside if graph.varies(value) or value in graph.inputs]
        # Ops may read the shape of a mutated value.
        rest = graph.ancestors([target], [*whole, *self.beside])
        read = {value for op in rest for value in op.inputs}
        self.whole = [*whole, *(value for value in sources if value in read and value not in whole)]
        self.read_at_rows(*self.whole, *self.beside, *sources)
        self.at_rows = list(self._at_rows)

        # Without a convolution, windows save little time.
        self.pays_off = any(op.type in CONVOLUTIONS for op in self.ops)
        self.share = self._find_share(sources)

    def _find_share(self, sources):
        windows = [(value, op.reach) for value, op in self.local.items()]
        whole = [*self.whole, *self.beside]
        for op in self.graph.ancestors([self.target], [*whole, *self.graph.held]):
            whole += op.outputs
        windows += [(value, None) for value in dict.fromkeys(whole) if value not in self.local]
        every = [value for op in self.graph.ancestors([self.target], sources) for value in op.outputs]
        total = sum(_size_of(value) for value in [*sources, *every])
        return min(1.0, sum(_size_of(value, reach) for value, reach in windows) / max(1, total))

    def _apply_rule(self, op):
        """Return the op on windows, or None if the op must read its inputs as a whole."""
        [output, *_] = op.outputs
        if not output.dtype.is_floating or output.dtype.size < 4:
            return None
        if any(value in self._affected and value not in self.reaches for value in op.inputs):
            return None
        if not self._read.isdisjoint(op.outputs[1:]):
            return None
        if any(value.dtype != output.dtype for value in op.inputs if value in self.reaches):
            return None
        if self.graph.layouts.get(output) != Layout(0) or output.shape.rank is None:
            return None
        if not output.shape[1:].is_fully_defined():
            return None
        rule = RULES.get(op.type) or (local_ops.apply_elementwise if op.type in _ELEMENTWISE else None)
        read_before = dict(self._at_rows)
        found = None if rule is None else rule(self, op)
        share = devices.choices().window_share
        if found is None or (found.reach is not None and found.reach.width > share * found.reach.length):
            self._at_rows = read_before
            return None
        return found

    def changing(self, op):
        """List the inputs of an op that change in windows, without repetition."""
        return [value for value in dict.fromkeys(op.inputs) if value in self.reaches]

    def read_at_rows(self, *values):
        """Register values of the network that must be known at the rows."""
        self._at_rows.update(dict.fromkeys(values))


class Mutations:
    """Mutations of some rows, each at one position, with the changes that they cause.

    Parameters
    ----------
    plan : LocalPlan
        Plan of the ops on windows.
    at_rows : list of tensor
        Values of the network at the rows, in the order of ``plan.at_rows``.
    rows, at : tensor of int of shape (positions,)
        Row and position of each mutation.
    changes : dict of Value to tensor of shape (positions * copies, ...)
        For each mutated value, the change in its window, or the whole mutated value if it has no window. Copies are
        mutations of the same position.
    copies : int
        Number of copies of each position.
    """

    def __init__(self, plan, at_rows, rows, at, changes, copies):
        self.plan, self.rows, self.at, self.copies = plan, rows, at, copies
        self.at_rows = dict(zip(plan.at_rows, at_rows, strict=True))
        self.number = rows.shape[0] * copies
        self._whole = {value: tensor for value, tensor in changes.items() if value not in plan.reaches}
        self._changes = {value: tensor for value, tensor in changes.items() if value in plan.reaches}
        self._clean, self._windows, self._constants = {}, {}, {}

    def target(self):
        """Compute the target at the mutated rows."""
        plan = self.plan
        given = {value: self.repeat(tf.gather(self.at_rows[value], self.rows)) for value in plan.beside}
        given |= {value: self.whole(value) for value in plan.whole}
        return replay.run(plan.graph, given, [plan.target])[0]

    def changes(self, value):
        """Return the changes in a value's windows."""
        if value not in self._changes:
            self._changes[value] = self.plan.local[value].run(self)
        return self._changes[value]

    def clean(self, value):
        """Return the changes in a value's windows, with zeros beyond the ends of the value."""
        if self.plan.is_clean[value]:
            return self.changes(value)
        if value not in self._clean:
            inside = self.inside(self.plan.reaches[value], value)
            self._clean[value] = self.flat(self.by_position(self.changes(value)) * inside)
        return self._clean[value]

    def place(self, value, reach):
        """Return the changes of a value in other windows that cover the value's own windows."""
        own = self.plan.reaches[value]
        return self.changes(value) if own is reach else place(self.changes(value), own, reach, self.at, self.copies)

    def whole(self, value):
        """Return the whole value at the mutated rows."""
        if value in self._whole:
            return self._whole[value]
        changes = self.changes(value)
        if value in self.plan.reaches:
            reach = self.plan.reaches[value]
            changes = place(changes, reach, reach.whole, self.at, self.copies)
        return self.flat(tf.gather(self.at_rows[value], self.rows)[:, None] + self.by_position(changes))

    def windows(self, value, reach):
        """Return windows of a value at the rows, of shape (positions, 1, ...)."""
        key = value, reach
        if key not in self._windows:
            self._windows[key] = cut_windows(self.at_rows[value], reach, self.rows, self.at)[:, None]
        return self._windows[key]

    def windows_of(self, tensor, reach):
        """Return windows of a tensor that is the same for all rows, of shape (positions, 1, ...)."""
        return cut_windows(tensor, reach, tf.zeros_like(self.rows), self.at)[:, None]

    def inside(self, reach, value):
        """Return 1 at positions of windows inside the value, and 0 at positions beyond its ends."""
        if reach.is_inside:
            return tf.ones((), value.dtype)
        return tf.cast(find_inside(reach, self.at, value.shape.rank)[:, None], value.dtype)

    def constant(self, value):
        """Return a value that does not depend on the rows."""
        if value not in self._constants:
            [self._constants[value]] = replay.run(self.plan.graph, {}, [value])
        return self._constants[value]

    def by_position(self, tensor):
        """Split the axis of mutations into an axis of positions and an axis of copies."""
        return tf.reshape(tensor, (-1, self.copies, *tensor.shape[1:]))

    def flat(self, tensor):
        """Join the axes of positions and copies; an axis of copies of size one is repeated first."""
        if tensor.shape[1] == 1:
            return self.repeat(tensor[:, 0])
        return tf.reshape(tensor, (-1, *tensor.shape[2:]))

    def repeat(self, tensor):
        """Repeat the entries of positions for each copy."""
        return tf.repeat(tensor, self.copies, 0) if self.copies > 1 else tensor
