"""What a perfect implementation needs: operations, and bytes that it can not help to move."""

import math


def operations(network):
    """Floating-point operations of one row's way through a Keras network, by its products alone."""
    return 2 * sum(_products(layer) for layer in _leaves(network))


def floor_of(workload, network, n_targets=1):
    """Return operations and bytes: rows and references forward, pairs back; each array and weight moved once.

    Parameters
    ----------
    workload : Workload
        What is explained.
    network : keras.Model
        The network.
    n_targets : int, default=1
        How many outputs are explained.

    Returns
    -------
    operations, bytes : int
    """
    of_row = operations(network)
    n_references = workload.n_pairs if workload.reference else workload.n_references
    numbers = math.prod(network.input_shape[1:])
    moved = numbers * (workload.number * (1 + n_targets) + n_references) + network.count_params()
    return of_row * (workload.number + n_references + workload.n_pairs * n_targets), 4 * moved


def _leaves(network):
    for layer in network.layers:
        yield from _leaves(layer) if hasattr(layer, "layers") else [layer]


def _products(layer):
    kind = type(layer).__name__
    if kind == "MultiHeadAttention":
        length, width = layer.output.shape[1:]
        inner = layer.num_heads * layer.key_dim
        return 4 * length * width * inner + 2 * length**2 * inner
    if kind == "LSTM":
        steps, width = layer.input.shape[1:]
        return 4 * steps * layer.units * (width + layer.units)
    if kind == "DepthwiseConv2D":
        return math.prod(layer.output.shape[1:]) * math.prod(layer.kernel_size)
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        return 0
    return math.prod(layer.output.shape[1:]) * math.prod(kernel.shape[:-1])
