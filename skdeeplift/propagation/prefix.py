"""How far a network is affine, from its start and from its end.

Up to the first ops that bend, values along a straight path lie on a straight line too; behind the last ones, the
derivative is the same all along.
"""

import math
from typing import NamedTuple

from skdeeplift.network.dependence import SHAPE_ONLY
from skdeeplift.propagation.rules.joins import JOINS
from skdeeplift.propagation.rules.linear import LINEAR
from skdeeplift.propagation.rules.table import RuleTable

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
        if not reads or op.type in SHAPE_ONLY:
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
        if op.type not in SHAPE_ONLY and moving.intersection(op.inputs):
            moving.update(op.outputs)
    # What affine ops that lead to the target read, and what they make.
    read, made = {target: None}, set()
    for op in reversed(behind):
        positions = tuple(position for position, value in enumerate(op.inputs) if value in moving)
        if op.type in SHAPE_ONLY or op.body is not None or read.keys().isdisjoint(op.outputs) or not positions:
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
