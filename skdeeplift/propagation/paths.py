"""Paths: the gradient is integrated along the straight line from a reference to a row.

What comes before the first op that bends is affine: its values along the path are interpolated between its two ends,
and the way back through it is gone once, with the integral of the gradients. Several steps make one batch.
"""

import math
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.batch_axis import batch_layouts
from skdeeplift.network.compiled import compiled, fused, may_use_xla
from skdeeplift.propagation import replay
from skdeeplift.propagation.gradients import gradients_of
from skdeeplift.propagation.lookups import padding_masks
from skdeeplift.propagation.method import PairMethod, check_depends
from skdeeplift.propagation.pairing import widened, widened_tensor
from skdeeplift.propagation.rules.activation import ACTIVATIONS
from skdeeplift.propagation.rules.joins import JOINS
from skdeeplift.propagation.rules.linear import LINEAR
from skdeeplift.propagation.rules.products import LARGE
from skdeeplift.propagation.rules.table import RuleTable
from skdeeplift.propagation.sums import plain_sums

# Ops of dense layers.
DENSE = ops.where(dense=True)


class Paths(PairMethod):
    """Compiled functions that integrate gradients along straight paths (Sundararajan, Taly and Yan 2017).

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        What is explained; weights over its elements make it a scalar.
    sources : list of Source
        Whose contributions are given.
    together : bool
        Whether all sources move along one path, as inputs do; otherwise each moves along one of its own, and what does
        not depend on it keeps its value at the row.

    Attributes
    ----------
    prefixes : list of Prefix
        The affine part of each path.
    """

    # Small blocks of points stay in the cache.
    chunk_bytes = 2**25
    least_pairs = 768
    # Several steps of few rows, since their gradients are summed up while they are at hand.
    steps_at_once = 8

    def __init__(self, graph, target, sources, together):
        check_depends(graph, target)
        before = graph.ancestors([target])
        layouts = batch_layouts(graph)
        read = dict.fromkeys(value for op in before for value in op.inputs)
        masks = [value for value in padding_masks(graph, read) if has_rows(value, layouts)]
        own = [source.value for source in sources if source.starts is None]
        super().__init__(graph, target, sources, [*own, *masks], masks)
        groups = [own] if together else [[value] for value in own]
        self.prefixes = [find_prefix(graph, target, group, masks, self.layouts) for group in groups if group]
        read = (value for prefix in self.prefixes for value in (*prefix.cut, *prefix.beside))
        self.shown = list(dict.fromkeys([*self.shown, *read]))
        # Rows come first in all that is read.
        self.needs_pair_size = False

    @property
    def computed(self):
        """The values that are computed at each point of a path."""
        values = {}
        for prefix in self.prefixes:
            outputs = (value for op in self._behind(prefix) for value in op.outputs)
            values.update(dict.fromkeys([*prefix.cut, *outputs]))
        return list(values)

    def _contributions(
        self,
        pairing,
        wanted,
        letters,
        shown_at_input,
        shown_at_reference,
        target_weights,
        reference_weights,
        positions,
        step_weights,
    ):
        at_input, at_reference = (
            dict(zip(self.shown, shown, strict=True)) for shown in (shown_at_input, shown_at_reference)
        )
        multipliers = {}
        for prefix in self.prefixes:
            integral = _Integral(self, pairing, prefix, at_input, at_reference)
            run = integral.run
            if may_use_xla() and self._is_dense(prefix, positions.shape[1] * pairing.size):
                # A sixth faster, as one pass over memory does what several do.
                run = compiled(run, jit_compile=True)
            at_cut = run(tf.cast(target_weights, self.target.dtype), positions, step_weights)
            multipliers.update(zip(prefix.sources, integral.before_cut(at_cut), strict=True))
        sums = []
        for position, source in enumerate(self.sources):
            value, lead = source.value, (pairing.rows, pairing.references, pairing.targets)
            if value in multipliers:
                both = [widened_tensor(at[value]) for at in (at_input, at_reference)]
                multiplier, ends = multipliers[value], pairing.with_axes(*both)
            else:
                # An input that what is explained does not depend on.
                multiplier = tf.zeros((*lead, *value.shape[1:]), widened(self.target.dtype))
                ends = [tf.zeros((1, pairing.references, *value.shape[1:]), multiplier.dtype)] * 2
            axis = letters[position] if letters else None
            sums.append(plain_sums(multiplier, *ends, reference_weights, wanted, axis))
        return sums

    def _behind(self, prefix):
        """The ops that are computed at each point of a path, in order."""
        return self.graph.ancestors(prefix.last, known=[*prefix.cut, *prefix.beside, *self.masks])

    def bending(self, prefix):
        """Activations right behind the cut, and which values they and the cut hand to what follows."""
        behind = self._behind(prefix)
        first, ops = set(prefix.cut), []
        for op in behind:
            if len(op.inputs) == 1 and op.inputs[0] in first and ACTIVATIONS.find(op.type, (0,)) is not None:
                ops.append(op)
                first.update(op.outputs)
        read = {*prefix.last, *(value for op in behind if op not in ops for value in op.inputs)}
        return ops, [value for value in (*prefix.cut, *(op.outputs[0] for op in ops)) if value in read]

    def _is_dense(self, prefix, n_points):
        """Whether what is behind the cut are large dense layers alone, which XLA computes faster than TensorFlow."""
        behind = self._behind(prefix)
        elements = sum(value.shape[1:].num_elements() or 0 for value in prefix.cut)
        return n_points * elements >= LARGE and {op.type for op in behind} <= DENSE


class _Integral:
    """The integral of the gradient over the paths of one chunk of pairs."""

    def __init__(self, method, pairing, prefix, at_input, at_reference):
        self.method, self.pairing, self.prefix = method, pairing, prefix
        self.at_input, self.at_reference = at_input, at_reference

    def run(self, target_weights, positions, step_weights):
        """Sum the weighted gradients with respect to the cut.

        Parameters
        ----------
        target_weights : tensor of shape (rows or 1, targets, *target's axes)
            Weights over the target's elements.
        positions : tensor of shape (blocks, steps, references)
            Where gradients are taken, block by block.
        step_weights : tensor of shape (blocks, steps)
            The weights of a quadrature.

        Returns
        -------
        gradients : list of tensor
            One for each value of the cut, of as many rows as there are pairs, for each target.
        """
        pairing, cut, last = self.pairing, self.prefix.cut, self.prefix.last
        blocks, steps, _ = positions.shape
        from_last = self._from_last(target_weights)
        bending, needed = self.method.bending(self.prefix)
        first_values = fused(partial(self._first_values, bending, needed))
        before_first = fused(partial(self._before_first_values, bending, needed))

        def one_block(block, sums):
            values, first = self._known(steps), list(map(tf.identity, first_values(positions[block])))
            values.update(zip(needed, first, strict=True))
            outputs = replay.run(self.method.graph, values, last)
            gradients = gradients_of(outputs, [of_steps(each, step_weights[block]) for each in from_last], first)
            gradients = before_first(positions[block], gradients)
            return block + 1, [
                total + tf.reshape(tf.cast(each, total.dtype), total.shape)
                for total, each in zip(sums, gradients, strict=True)
            ]

        def of_steps(gradient, weights):
            """One for each step, which differ by what steps count."""
            weights = tf.reshape(tf.cast(weights, gradient.dtype), (-1, *[1] * len(gradient.shape)))
            return tf.reshape(weights * gradient, (steps * gradient.shape[0], *gradient.shape[1:]))

        zeros = [tf.zeros((self._fold(value) * pairing.size, *value.shape[1:]), widened(value.dtype)) for value in cut]
        if blocks == 1:
            return one_block(0, zeros)[1]
        return tf.while_loop(lambda block, _: block < blocks, one_block, (0, zeros), parallel_iterations=1)[1]

    def _from_last(self, target_weights):
        """Go back from the target to what it is an affine function of."""
        pairing, target = self.pairing, self.method.target
        lead, rest = (pairing.rows, pairing.references, pairing.targets), target.shape[1:]
        weights = tf.reshape(tf.broadcast_to(target_weights[:, None], (*lead, *rest)), (pairing.size, *rest))
        return self._through_affine([target], [weights], self.prefix.last)

    def before_cut(self, gradients):
        """Go back from the cut to the sources, with the axes (rows, references, targets) in front."""
        pairing, sources = self.pairing, self.prefix.sources
        gradients = self._through_affine(self.prefix.cut, gradients, sources)
        lead = pairing.rows, pairing.references, pairing.targets
        multipliers = []
        for value, gradient in zip(sources, gradients, strict=True):
            fold = self._fold(value)
            shape = (*lead, *(() if fold == 1 else (fold,)), *gradient.shape[1:])
            multipliers.append(tf.reshape(widened_tensor(gradient), shape))
        return multipliers

    def _through_affine(self, ends, gradients, starts):
        """Go back through affine ops, of each pair once."""
        if ends == starts:
            return gradients
        values = self._known(1)
        # An affine function has the same derivative everywhere.
        at = [tf.zeros((self._fold(value) * self.pairing.size, *value.shape[1:]), value.dtype) for value in starts]
        values.update(zip(starts, at, strict=True))
        outputs = replay.run(self.method.graph, values, ends)
        gradients = [tf.cast(each, output.dtype) for each, output in zip(gradients, outputs, strict=True)]
        return gradients_of(outputs, gradients, at)

    def _known(self, steps):
        """What does not move: values at the rows, and the network's inputs, of which only shapes are read."""
        size = steps * self.pairing.size
        values = {
            value: tf.zeros((size, *value.shape[1:]), value.dtype)
            for value in self.method.graph.inputs
            if value.shape[1:].is_fully_defined()
        }
        lead = (steps, self.pairing.rows, self.pairing.references, self.pairing.targets)
        beside = [*self.prefix.beside, *self.method.masks]
        values.update({value: self._at_rows(value, lead) for value in beside})
        return values

    def _fold(self, value):
        layout = self.method.layouts.get(value)
        return 1 if layout is None else layout.fold

    def _at_rows(self, value, lead):
        x = self.at_input[value]
        fold = x.shape[0] // self.pairing.rows
        x = tf.reshape(x, (1, self.pairing.rows, 1, 1, fold, *x.shape[1:]))
        return tf.reshape(tf.broadcast_to(x, (*lead, *x.shape[4:])), (-1, *x.shape[5:]))

    def _first_values(self, bending, needed, positions, shifts=None):
        """Values on the straight lines from the references to the rows, and what activations make of them.

        Compiled, since each operation by itself would write all points to memory again.
        """
        values = {}
        for value, shift in zip(self.prefix.cut, shifts or self._no_shifts(), strict=True):
            x, r = self.pairing.with_axes(self.at_input[value], self.at_reference[value])
            at = tf.cast(positions, x.dtype)[:, None]
            at = tf.reshape(at, (*at.shape, *[1] * (len(x.shape) - 2)))
            # At both ends exactly the row and the reference, so that equal values stay equal.
            points = tf.stop_gradient((1 - at) * r + at * x)[:, :, :, None]
            # With targets, and where one row has several entries, these.
            points = tf.reshape(points, (*points.shape[:4], self._fold(value), *value.shape[1:])) + shift
            values[value] = tf.reshape(points, (-1, *value.shape[1:]))
        for op in bending:
            values[op.outputs[0]] = replay.create(op, [values[op.inputs[0]]])[0]
        return [values[value] for value in needed]

    def _before_first_values(self, bending, needed, positions, gradients):
        """Go back from first values to the cut, and sum over the steps.

        Values are computed once more on the way, which takes less than reading them from memory.
        """
        shifts = self._no_shifts()
        return gradients_of(self._first_values(bending, needed, positions, shifts), gradients, shifts)

    def _no_shifts(self):
        """What all points of a pair could be moved by, to differentiate with respect to."""
        cut = self.prefix.cut
        return [tf.zeros((1, *self._lead_of(value), *value.shape[1:]), value.dtype) for value in cut]

    def _lead_of(self, value):
        return self.pairing.rows, self.pairing.references, self.pairing.targets, self._fold(value)


AFFINE = RuleTable.union(LINEAR, JOINS)
# A cut that is wider than this, beside the sources, takes longer to interpolate than to compute.
WIDEST = 32


class Prefix(NamedTuple):
    """The ops between some sources and the first that bend, which are affine.

    ``cut`` holds the values at the end of it, the sources themselves where nothing is gained. ``beside`` holds what ops
    behind the sources read that varies, but not with them. ``last`` holds the values behind the cut that the target is
    an affine function of: itself where there is nothing in between.
    """

    sources: list
    cut: list
    beside: list
    last: list


def find_prefix(graph, target, sources, fixed, layouts):
    """Find the cut behind the affine part of a network.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        Where the network ends.
    sources : list of Value
        What moves along a path.
    fixed : collection of Value
        Masks, which do not move with it.
    layouts : dict of Value to Layout
        Where the batch lies in values.

    Returns
    -------
    prefix : Prefix
    """
    moving, affine, cut, beside = set(sources), set(sources), {}, {}
    for op in graph.ancestors([target], known=[*sources, *fixed]):
        reads = [value for value in op.inputs if value in moving]
        if not reads or op.facts.shape_only:
            continue
        for value in op.inputs:
            if value not in moving and graph.varies(value):
                # What can not be repeated for more rows is computed anew from the inputs.
                given = [value] if has_rows(value, layouts) else [each for each in graph.inputs if each not in moving]
                beside.update(dict.fromkeys(given))
        moving.update(op.outputs)
        positions = tuple(position for position, value in enumerate(op.inputs) if value in moving)
        if op.body is None and affine.issuperset(reads) and _is_affine(op, positions):
            affine.update(op.outputs)
        else:
            cut.update(dict.fromkeys(value for value in reads if value in affine))
    if target in affine:
        cut[target] = None
    if not all(has_rows(value, layouts) for value in cut) or _width(cut) > WIDEST * _width(sources):
        cut = dict.fromkeys(sources)
    return Prefix(list(sources), list(cut), list(beside), _last_bent(graph, target, cut, [*beside, *fixed], layouts))


def _last_bent(graph, target, cut, fixed, layouts):
    """Find what the target is an affine function of, as far back as it goes."""
    behind, moving = graph.ancestors([target], known=[*cut, *fixed]), set(cut)
    for op in behind:
        if not op.facts.shape_only and moving.intersection(op.inputs):
            moving.update(op.outputs)
    # What affine ops that lead to the target read, and what they make.
    read, made = {target: None}, set()
    for op in reversed(behind):
        positions = tuple(position for position, value in enumerate(op.inputs) if value in moving)
        if op.facts.shape_only or op.body is not None or read.keys().isdisjoint(op.outputs) or not positions:
            continue
        if _is_affine(op, positions):
            read.update((op.inputs[position], None) for position in positions)
            made.update(op.outputs)
    last = [value for value in read if value not in made]
    # They alone must do, without a shape that is read of something before them.
    between = graph.ancestors([target], known=[*last, *fixed, *graph.inputs])
    is_complete = all(made.issuperset(op.outputs) for op in between if moving.intersection(op.outputs))
    return last if is_complete and all(has_rows(value, layouts) for value in last) else [target]


def _is_affine(op, positions):
    numbers = all(value.dtype.is_floating for value in (*op.outputs, *(op.inputs[position] for position in positions)))
    return numbers and AFFINE.find(op.type, positions) is not None


def has_rows(value, layouts):
    """Whether a value's rows come first, so that it can be computed at more of them."""
    layout = layouts.get(value)
    return layout is not None and layout.axis == 0 and layout.fold is not None


def _width(values):
    return sum(math.prod(size or 1 for size in value.shape[1:]) for value in values)
