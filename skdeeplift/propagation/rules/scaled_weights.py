"""A convolution and a factor for each of its channels, as batch normalisation has, in one op."""

import tensorflow as tf

_CONVOLUTIONS = frozenset({"Conv2D", "DepthwiseConv2dNative"})
# What hands on the difference of its first input as it is.
_BIASES = frozenset({"AddV2", "BiasAdd"})


def by_scaled_weights(op, position, difference, factor):
    """Multiply the weights of the convolution that gave a difference, where they are fewer than what it gives.

    On the way back that saves a pass over memory.

    Parameters
    ----------
    op : PairedOp
        What multiplies the difference.
    position : int
        Which of its inputs the difference is.
    difference : tensor
        What is multiplied.
    factor : tensor
        By what.

    Returns
    -------
    scaled : tensor or None
        None where the difference is no convolution's, is needed as it is too, or the factor is not one of channels.
    """
    convolution, n_factors = difference.op, factor.shape.num_elements()
    if convolution.type not in _CONVOLUTIONS or n_factors is None or _is_needed_elsewhere(op, position):
        return None
    images, weights = convolution.inputs
    is_of_channels = factor.shape.rank > 0 and factor.shape[-1] == n_factors == difference.shape[-1]
    n_results = difference.shape.num_elements() or 0
    if not is_of_channels or convolution.get_attr("data_format") != b"NHWC":
        return None
    if 2 * weights.shape.num_elements() > n_results:
        return None
    of_weights = weights.shape[3:] if convolution.type == "Conv2D" else weights.shape[2:]
    attributes = ("strides", "padding", "explicit_paddings", "data_format", "dilations")
    return getattr(tf.raw_ops, convolution.type)(
        input=images,
        filter=weights * tf.reshape(factor, of_weights),
        **{name: convolution.get_attr(name) for name in attributes},
    )


def _is_needed_elsewhere(op, position):
    """Whether anything but the factor reads what the convolution gives, which would have to be computed twice then."""
    tensor = op.step.op.definition.inputs[position]
    while len(tensor.consumers()) == 1 and tensor.op.type in _BIASES:
        tensor = tensor.op.inputs[0]
    return len(tensor.consumers()) > 1
