"""How many pairs of a network fit into a chunk."""

import math

# Beyond this size of all intermediate values larger chunks are not faster, and only cost memory.
CHUNK_BYTES = 2**29
MOST_PAIRS = 2**14


def automatic_batch_size(streams):
    """Predict a good number of pairs for a chunk from the sizes of the values a network computes.

    Parameters
    ----------
    streams : Streams
        The compiled network.

    Returns
    -------
    batch_size : int
    """
    values = set(streams.shown) | {value for step in streams.plan.steps for value in step.outputs}
    size = sum(
        value.dtype.size * math.prod(size or 1 for size in value.shape[1:]) for value in values if value.shape.rank
    )
    return max(1, min(MOST_PAIRS, CHUNK_BYTES // max(size, 1)))
