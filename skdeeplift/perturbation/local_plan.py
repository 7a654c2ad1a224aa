"""The part of a network that a mutation changes in windows only, and mutations that run through it.

What a window's ops do not change has the values of the row. From where a mutation reaches most positions, or an op is
not known to read neighbours only, the network runs on whole values.
"""

import math

import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.input_dependence import Layout
from skdeeplift.perturbation import local_convolutions, local_ops, local_shapes
from skdeeplift.perturbation.reach import cut_windows, find_inside, place
from skdeeplift.propagation import replay

# The largest share of a value's positions that is recomputed by themselves.
LARGEST_SHARE = 0.8
# Two kinds of clusters, which `find_cluster` finds, have rules too.
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
    """Return the op that ends at an op and that TensorFlow wrote as several, or the op itself."""
    found = local_convolutions.find_dilated(graph, op)
    return local_ops.find_positionwise(graph, op) if found is op else found


def _size_of(value, reach=None):
    """Return the number of bytes of a value, or of its windows, for a row."""
    if not value.shape.rank:
        return 0
    size = value.dtype.size * math.prod(each or 1 for each in value.shape[1:])
    return size if reach is None else size * reach.width // reach.length


class LocalPlan:
    """The ops of a network that run on windows around a mutation.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value to compute.
    sources : dict of Value to (Reach or None)
        The values that are mutated, with the windows that a mutation changes; None where all is recomputed.

    Attributes
    ----------
    ops : list of Op
        The ops that run on windows.
    local : dict of Value to LocalOp
        Functions of these, by their outputs.
    reaches : dict of Value to Reach
        Windows of the values that change in windows.
    is_clean : dict of Value to bool
        Whether changes are zero beyond the ends of these values.
    whole : list of Value
        Values that change in windows, and are read as a whole.
    beside : list of Value
        Values that vary with the row and that no mutation changes, which are read as a whole.
    at_rows : list of Value
        Values whose values at the rows are read.
    pays_off : bool
        Whether windows are worth their overhead.
    share : float
        Memory of what is computed for a mutation, relative to that of a whole row.
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
                # It reads a shape.
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
        # A target function may hold what was computed of the mutated values.
        beside.update(dict.fromkeys(graph.held))
        beside = {value: None for value in {**beside, **dict.fromkeys(graph.inputs)} if value not in affected}
        self.beside = [value for value in beside if graph.varies(value) or value in graph.inputs]
        # The shape of a mutated value may be read.
        rest = graph.ancestors([target], [*whole, *self.beside])
        read = {value for op in rest for value in op.inputs}
        self.whole = [*whole, *(value for value in sources if value in read and value not in whole)]
        self.read_at_rows(*self.whole, *self.beside, *sources)
        self.at_rows = list(self._at_rows)

        # Without a convolution little is spared.
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
        """Return the op on windows, or None where its inputs are read as a whole."""
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
        if found is None or (found.reach is not None and found.reach.width > LARGEST_SHARE * found.reach.length):
            self._at_rows = read_before
            return None
        return found

    def changing(self, op):
        """List the inputs of an op that change in windows, each once."""
        return [value for value in dict.fromkeys(op.inputs) if value in self.reaches]

    def read_at_rows(self, *values):
        """Ask for the values at the rows of some values of the network."""
        self._at_rows.update(dict.fromkeys(values))


class Mutations:
    """Mutations of some rows, each at one position, and what they change.

    Parameters
    ----------
    plan : LocalPlan
        The ops on windows.
    at_rows : list of tensor
        Values of the network at the rows, in the order of ``plan.at_rows``.
    rows, at : tensor of int of shape (positions,)
        Row and position of each mutation.
    changes : dict of Value to tensor of shape (positions * copies, ...)
        For each mutated value the change in its window, or the whole mutated value where it has none. Copies are
        mutations of the same position.
    copies : int
        Number of copies.
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
        """Return the changes of a value in other windows, which cover its own."""
        own = self.plan.reaches[value]
        return self.changes(value) if own is reach else place(self.changes(value), own, reach, self.at, self.copies)

    def whole(self, value):
        """Return a value as a whole at the mutated rows."""
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
        """Return one for the positions of windows between the ends of a value, and zero for others."""
        if reach.is_inside:
            return tf.ones((), value.dtype)
        return tf.cast(find_inside(reach, self.at, value.shape.rank)[:, None], value.dtype)

    def constant(self, value):
        """Return a value that does not depend on the rows."""
        if value not in self._constants:
            [self._constants[value]] = replay.run(self.plan.graph, {}, [value])
        return self._constants[value]

    def by_position(self, tensor):
        """Split the axis of mutations into those of positions and copies."""
        return tf.reshape(tensor, (-1, self.copies, *tensor.shape[1:]))

    def flat(self, tensor):
        """Join the axes of positions and copies, of which there may be one for all."""
        if tensor.shape[1] == 1:
            return self.repeat(tensor[:, 0])
        return tf.reshape(tensor, (-1, *tensor.shape[2:]))

    def repeat(self, tensor):
        """Repeat the entries of positions for each copy."""
        return tf.repeat(tensor, self.copies, 0) if self.copies > 1 else tensor
