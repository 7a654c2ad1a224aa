"""Paths: gradients are integrated along the straight line from a reference to a row.

The part of a network before the first nonlinear op is affine. Its values along the path are interpolated between both
ends, and the backward pass goes through it once, with the integral of the gradients. Several steps make one batch.
"""

import math
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from skdeeplift.dtypes import is_continuous
from skdeeplift.network import devices, ops
from skdeeplift.network.compiled import fused
from skdeeplift.propagation import replay
from skdeeplift.propagation.gradients import gradients_of
from skdeeplift.propagation.lookups import shared_values
from skdeeplift.propagation.method import PairMethod, check_derivative, find_rounding_ops
from skdeeplift.propagation.pairing import difference_dtype, to_difference_dtype
from skdeeplift.propagation.rules.linear import JOINS, LINEAR
from skdeeplift.propagation.sums import SourceTensors, sum_plain

# Ops of dense layers.
DENSE = ops.where(dense=True)


class Paths(PairMethod):
    """Compiled functions that integrate gradients along straight paths (Sundararajan, Taly and Yan 2017).

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The value to explain; weights over its elements make it a scalar.
    sources : list of Source
        The values that contributions are computed for.
    together : bool
        Whether all sources move along one path, as inputs do. Otherwise each source has a path of its own, along which
        values that do not depend on the source keep those of the row.

    Attributes
    ----------
    prefixes : list of Prefix
        The affine part of each path.
    """

    def __init__(self, graph, target, sources, together):
        check_derivative(graph, target)
        before = graph.ancestors([target])
        read = dict.fromkeys(value for op in before for value in op.inputs)
        masks = [value for value in shared_values(graph, read) if has_rows(value, graph.layouts)]
        super().__init__(graph, target, sources, masks, masks)
        self.rounding_ops = find_rounding_ops(graph, [target], self.own)
        own = [value for value in self.own if is_continuous(value.dtype)]
        groups = [own] if together else [[value] for value in own]
        self.prefixes = [find_prefix(graph, target, group, masks) for group in groups if group]
        read = (value for prefix in self.prefixes for value in (*prefix.cut, *prefix.beside))
        self.shown = list(dict.fromkeys([*self.shown, *read]))
        # Rows are on the first axis of all values that are read.
        self.needs_pair_size = False
        # The values at each point of a path.
        behind = (value for prefix in self.prefixes for op in self._ops_behind(prefix) for value in op.outputs)
        self.computed = list(dict.fromkeys([*(value for prefix in self.prefixes for value in prefix.cut), *behind]))

    @property
    def chunk_bytes(self):
        """Bytes of points of paths from which a larger chunk is not faster."""
        return devices.choices().path_bytes

    @property
    def least_pairs(self):
        """Smallest number of points of paths at which convolutions are fast."""
        return devices.choices().least_points

    @property
    def steps_at_once(self):
        """Number of steps of few rows that make one batch."""
        return devices.choices().steps_at_once

    def _contributions(self, request, at_input, at_reference):
        pairing, (positions, step_weights) = request.pairing, request.path
        at_input, at_reference = (dict(zip(self.shown, tensors, strict=True)) for tensors in (at_input, at_reference))
        multipliers = {}
        for prefix in self.prefixes:
            integral = _Integral(self, pairing, prefix, at_input, at_reference)
            run = integral.run
            if self.is_lasting and self._is_dense(prefix):
                # XLA is a sixth faster, since it makes one pass over memory instead of several.
                elements = self.count_elements(prefix, pairing, positions)
                run = fused(run, lambda *_, elements=elements: elements)
            at_cut = run(tf.cast(request.target, self.target.dtype), positions, step_weights)
            multipliers.update(zip(prefix.sources, integral.gradients_at_sources(at_cut), strict=True))
        sums = []
        for source, axis in self.sources_with_letters(request):
            value = source.value
            if value in multipliers:
                both = [to_difference_dtype(at[value]) for at in (at_input, at_reference)]
                multiplier, ends = multipliers[value], pairing.with_axes(*both)
            else:
                # The target does not depend on this input.
                multiplier = tf.zeros((*pairing.lead, *value.shape[1:]), difference_dtype(self.target.dtype))
                ends = [tf.zeros((1, pairing.references, *value.shape[1:]), multiplier.dtype)] * 2
            sums.append(sum_plain(SourceTensors(multiplier, *ends), request.weights, request.wanted, axis))
        return sums

    def _ops_behind(self, prefix):
        """Return the ops that are run at each point of a path, in order."""
        return self.graph.ancestors(prefix.last, known=[*prefix.cut, *prefix.beside, *self.masks])

    def bending_ops(self, prefix):
        """Return the activations right behind the cut, and the values of these and of the cut that later ops read."""
        behind = self._ops_behind(prefix)
        first, ops = set(prefix.cut), []
        for op in behind:
            if len(op.inputs) == 1 and op.inputs[0] in first and op.facts.rule((0,)) == "activation":
                ops.append(op)
                first.update(op.outputs)
        read = {*prefix.last, *(value for op in behind if op not in ops for value in op.inputs)}
        return ops, [value for value in (*prefix.cut, *(op.outputs[0] for op in ops)) if value in read]

    def _is_dense(self, prefix):
        """Return whether only dense layers are behind the cut, which XLA computes faster than TensorFlow."""
        return {op.type for op in self._ops_behind(prefix)} <= DENSE

    def count_elements(self, prefix, pairing, positions):
        """Return the number of elements of the cut at all points of all paths, or 0 if there are few."""
        elements = sum(value.shape[1:].num_elements() or 0 for value in prefix.cut)
        elements *= positions.shape[0] * positions.shape[1] * pairing.size
        return elements if elements >= devices.choices().large else 0


class _Integral:
    """Integral of the gradient over the paths of one chunk of pairs."""

    def __init__(self, method, pairing, prefix, at_input, at_reference):
        self.method, self.pairing, self.prefix = method, pairing, prefix
        self.at_input, self.at_reference = at_input, at_reference
        # Read here, because XLA cannot read variables of another device than the one that it compiles for.
        behind = method.graph.ancestors([method.target], known=[*prefix.cut, *prefix.beside, *method.masks])
        read = [op.outputs[0] for op in behind if op.type == "ReadVariableOp"]
        self.variables = dict(zip(read, replay.run(method.graph, {}, read), strict=True))

    def run(self, target_weights, positions, step_weights):
        """Sum the weighted gradients by the cut over all steps.

        Parameters
        ----------
        target_weights : tensor of shape (rows or 1, targets, *target's axes)
            Weights over the target's elements, perhaps with an axis of references behind that of rows.
        positions : tensor of shape (blocks, steps, references)
            Positions of the gradients on the path, block by block.
        step_weights : tensor of shape (blocks, steps)
            Weights of the quadrature.

        Returns
        -------
        gradients : list of tensor
            One for each value of the cut, with one entry for each pair and target.
        """
        pairing, cut, last = self.pairing, self.prefix.cut, self.prefix.last
        blocks, steps, _ = positions.shape
        at_last = self._gradients_at_last(target_weights)
        bending, needed = self.method.bending_ops(self.prefix)
        first_values, gradients_at_cut = (
            partial(function, bending, needed) for function in (self._first_values, self._gradients_at_cut)
        )
        if self.method.is_lasting:
            elements = self.method.count_elements(self.prefix, pairing, positions)
            first_values, gradients_at_cut = (
                fused(function, lambda *_: elements) for function in (first_values, gradients_at_cut)
            )

        def one_block(block, sums):
            values, first = self._fixed_values(steps), list(map(tf.identity, first_values(positions[block])))
            values.update(zip(needed, first, strict=True))
            outputs = replay.run(self.method.graph, values, last)
            gradients = gradients_of(outputs, [weigh_steps(each, step_weights[block]) for each in at_last], first)
            gradients = gradients_at_cut(positions[block], gradients)
            return block + 1, [
                total + tf.reshape(tf.cast(each, total.dtype), total.shape)
                for total, each in zip(sums, gradients, strict=True)
            ]

        def weigh_steps(gradient, weights):
            """Repeat a gradient for each step, multiplied by the weight of the step."""
            weights = tf.reshape(tf.cast(weights, gradient.dtype), (-1, *[1] * len(gradient.shape)))
            return tf.reshape(weights * gradient, (steps * gradient.shape[0], *gradient.shape[1:]))

        zeros = [
            tf.zeros((self._fold(value) * pairing.size, *value.shape[1:]), difference_dtype(value.dtype))
            for value in cut
        ]
        if blocks == 1:
            return one_block(0, zeros)[1]
        return tf.while_loop(lambda block, _: block < blocks, one_block, (0, zeros), parallel_iterations=1)[1]

    def _gradients_at_last(self, target_weights):
        """Differentiate the target by the last values that it is an affine function of."""
        weights = self.pairing.over_pairs(target_weights, self.method.target.shape.rank)
        return self._differentiate_affine([self.method.target], [weights], self.prefix.last)

    def gradients_at_sources(self, gradients):
        """Differentiate from the cut back to the sources, with the axes (rows, references, targets) in front."""
        gradients = self._differentiate_affine(self.prefix.cut, gradients, self.prefix.sources)
        return [self.pairing.split_batch(to_difference_dtype(gradient)) for gradient in gradients]

    def _differentiate_affine(self, ends, gradients, starts):
        """Differentiate affine ops, once for each pair."""
        if ends == starts:
            return gradients
        values = self._fixed_values(1)
        # An affine function has the same derivative everywhere.
        at = [tf.zeros((self._fold(value) * self.pairing.size, *value.shape[1:]), value.dtype) for value in starts]
        values.update(zip(starts, at, strict=True))
        outputs = replay.run(self.method.graph, values, ends)
        gradients = [tf.cast(each, output.dtype) for each, output in zip(gradients, outputs, strict=True)]
        return gradients_of(outputs, gradients, at)

    def _fixed_values(self, steps):
        """Return the values that do not move: those at the rows, and zeros for the inputs, whose shapes are read."""
        size = steps * self.pairing.size
        values = {
            value: tf.zeros((size, *value.shape[1:]), value.dtype)
            for value in self.method.graph.inputs
            if value.shape[1:].is_fully_defined()
        } | self.variables
        lead = (steps, *self.pairing.lead)
        for value in (*self.prefix.beside, *self.method.masks):
            x = self.at_input[value]
            fold = x.shape[0] // self.pairing.rows
            x = tf.reshape(x, (1, self.pairing.rows, 1, 1, fold, *x.shape[1:]))
            values[value] = tf.reshape(tf.broadcast_to(x, (*lead, *x.shape[4:])), (-1, *x.shape[5:]))
        return values

    def _fold(self, value):
        layout = self.method.layouts.get(value)
        return 1 if layout is None else layout.fold

    def _first_values(self, bending, needed, positions, shifts=None):
        """Compute the values on the straight lines from the references to the rows, and the activations of them.

        Without fusion, each op would write all points to memory.
        """
        values = {}
        for value, shift in zip(self.prefix.cut, shifts or self._no_shifts(), strict=True):
            x, r = self.pairing.with_axes(self.at_input[value], self.at_reference[value])
            at = tf.cast(positions, x.dtype)[:, None]
            at = tf.reshape(at, (*at.shape, *[1] * (len(x.shape) - 2)))
            # Both ends are exactly the row and the reference, so that equal values stay equal.
            points = ((1 - at) * r + at * x)[:, :, :, None]
            # The axes of targets, and of the entries of a row, come last.
            points = tf.reshape(points, (*points.shape[:4], self._fold(value), *value.shape[1:])) + shift
            values[value] = tf.reshape(points, (-1, *value.shape[1:]))
        for op in bending:
            values[op.outputs[0]] = replay.create(op, [values[op.inputs[0]]])[0]
        return [values[value] for value in needed]

    def _gradients_at_cut(self, bending, needed, positions, gradients):
        """Differentiate the first values by the cut, and sum over the steps.

        Computing the values once more takes less time than reading them from memory.
        """
        shifts = self._no_shifts()
        return gradients_of(self._first_values(bending, needed, positions, shifts), gradients, shifts)

    def _no_shifts(self):
        """Make zeros that all points of a pair are shifted by, to differentiate by them."""
        lead = 1, *self.pairing.lead
        return [tf.zeros((*lead, self._fold(value), *value.shape[1:]), value.dtype) for value in self.prefix.cut]


AFFINE = LINEAR.rules.keys() | JOINS.rules.keys()


class Prefix(NamedTuple):
    """Affine ops between some sources and the first nonlinear ops."""

    sources: list
    # Values at the end of the prefix; the sources themselves if a prefix gains nothing.
    cut: list
    # Values that ops behind the sources read, and that vary but not with the sources.
    beside: list
    # Last values behind the cut that the target is an affine function of; the target itself if there are none.
    last: list


def find_prefix(graph, target, sources, fixed):
    """Find the affine part of a network behind some sources, and its cut.

    Parameters
    ----------
    graph : Graph
        The traced network.
    target : Value
        The end of the network.
    sources : list of Value
        The values that move along a path.
    fixed : collection of Value
        Masks, which do not move.

    Returns
    -------
    prefix : Prefix
    """
    moving, affine, cut, beside, still, layouts = set(sources), set(sources), {}, {}, set(fixed), graph.layouts
    for op in graph.ancestors([target], known=[*sources, *fixed]):
        reads = [value for value in op.inputs if value in moving]
        if not reads or op.facts.shape_only:
            if still.issuperset(filter(graph.varies, op.inputs)):
                still.update(op.outputs)
            continue
        for value in op.inputs:
            if value not in moving and graph.varies(value):
                # A value that cannot be repeated for more rows is computed again from the inputs.
                given = [value] if has_rows(value, layouts) else [each for each in graph.inputs if each not in moving]
                beside.update(dict.fromkeys(given))
        moving.update(op.outputs)
        positions = tuple(position for position, value in enumerate(op.inputs) if value in moving)
        # A value that does not move differs between the row and the reference, so that an end of the path that was
        # computed from it is wrong at the reference.
        is_alone = all(value in moving or value in still or not graph.varies(value) for value in op.inputs)
        if op.body is None and is_alone and affine.issuperset(reads) and _is_affine(op, positions):
            affine.update(op.outputs)
        else:
            cut.update(dict.fromkeys(value for value in reads if value in affine))
    if target in affine:
        cut[target] = None
    widest = devices.choices().widest_cut * _width(sources)
    if not all(_can_start(value, layouts) for value in cut) or _width(cut) > widest:
        cut = dict.fromkeys(sources)
    return Prefix(list(sources), list(cut), list(beside), _find_last(graph, target, cut, [*beside, *fixed]))


def _find_last(graph, target, cut, fixed):
    """Find the values that the target is an affine function of, as far back as possible."""
    behind, moving = graph.ancestors([target], known=[*cut, *fixed]), set(cut)
    for op in behind:
        if not op.facts.shape_only and moving.intersection(op.inputs):
            moving.update(op.outputs)
    # Values that affine ops before the target read, and values that they make.
    read, made = {target: None}, set()
    for op in reversed(behind):
        positions = tuple(position for position, value in enumerate(op.inputs) if value in moving)
        if op.facts.shape_only or op.body is not None or read.keys().isdisjoint(op.outputs) or not positions:
            continue
        if _is_affine(op, positions):
            read.update((op.inputs[position], None) for position in positions)
            made.update(op.outputs)
    last = [value for value in read if value not in made]
    # The target must follow from these values alone, without the shape of a value before them.
    between = graph.ancestors([target], known=[*last, *fixed, *graph.inputs])
    is_complete = all(made.issuperset(op.outputs) for op in between if moving.intersection(op.outputs))
    return last if is_complete and all(_can_start(value, graph.layouts) for value in last) else [target]


def _is_affine(op, positions):
    """Return whether an op is an affine function of its inputs at some positions."""
    numbers = all(
        is_continuous(value.dtype) for value in (*op.outputs, *(op.inputs[position] for position in positions))
    )
    return numbers and op.facts.rule(positions) in AFFINE


def has_rows(value, layouts):
    """Return whether rows are on the first axis of a value, so that it can be computed for more rows."""
    layout = layouts.get(value)
    return layout is not None and layout.axis == 0 and layout.fold is not None


def _can_start(value, layouts):
    """Return whether differences can start at a value: its rows are in front, and their shape is known."""
    return has_rows(value, layouts) and value.shape[1:].is_fully_defined()


def _width(values):
    """Count the elements of values for each row."""
    return sum(math.prod(size or 1 for size in value.shape[1:]) for value in values)
