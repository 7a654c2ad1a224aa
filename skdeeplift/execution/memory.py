"""How many pairs of a network fit into a chunk."""

import math
from weakref import WeakKeyDictionary

MOST_PAIRS = 2**14
# Of a chunk that is larger than is fast, so that there are enough pairs in it.
MOST_BYTES = 2**28
USUAL_STEPS = 100
# Bytes that a method computes for a pair, which take long to add up for each of many small calls.
_SIZES = WeakKeyDictionary()


def automatic_batch_size(method):
    """Predict a good number of pairs for a chunk from the sizes of the values a network computes.

    Parameters
    ----------
    method : Method
        The compiled network.

    Returns
    -------
    batch_size : int
    """
    if method not in _SIZES:
        steps = _most_steps(method.graph)
        _SIZES[method] = sum(
            value.dtype.size * math.prod(size or 1 for size in value.shape[1:]) * steps ** method.depths.get(value, 0)
            for value in method.computed
            if value.shape.rank
        )
    size = max(_SIZES[method], 1)
    return max(1, min(MOST_PAIRS, method.chunk_bytes // size), min(method.least_pairs, MOST_BYTES // size))


def _most_steps(graph):
    """How many steps a loop takes: as many as there are in the sequence that it reads, if that is known."""
    sequences = [op.inputs[0] for op in graph.ops if op.type == "TensorListFromTensor"]
    return max((sequence.shape[0] or USUAL_STEPS for sequence in sequences), default=USUAL_STEPS)
