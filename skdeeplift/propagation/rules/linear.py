"""Rules for ops that are linear in what varies: each applies the op again, to the difference.

Such ops have one varying input, or join tensors or lists of tensors. Shrikumar et al. 2017, section 3.5.1 (the linear
rule). The coefficients of such an op are its constant operands. The argument ``coefficient`` of a rule is the identity
for the difference itself, and the absolute value for its spread.
"""

import tensorflow as tf

from skdeeplift.network import ops
from skdeeplift.network.complex_numbers import convert
from skdeeplift.propagation.pairing import difference_dtype, identity
from skdeeplift.propagation.rules.table import RuleTable

LINEAR = RuleTable("linear", reads_values=False)
# Ops that mix many inputs by weights. RevealCancel splits the difference behind them anew by its sign.
WEIGHTED = ops.where(weighted=True)
# Ops that hand on the difference of their first input unchanged if the other operand does not vary.
_BIASES = ops.types_ruled_by("add")


def by_scaled_weights(op, position, difference, factor):
    """Multiply the weights of the convolution that gave a difference, if these are fewer than its results.

    That saves a pass over memory on the way back.

    Parameters
    ----------
    op : PairedOp
        Op that multiplies the difference by the factor.
    position : int
        Position of the difference among the inputs of the op.
    difference : tensor
        Difference of that input.
    factor : tensor
        Factor for the difference.

    Returns
    -------
    scaled : tensor or None
        Product of difference and factor. None if no convolution gave the difference, if another op also reads it, or
        if the factor does not belong to channels.
    """
    convolution, n_factors = difference.op, factor.shape.num_elements()
    channel_axis = ops.facts_of(convolution.type).channel_axis
    if channel_axis is None or n_factors is None or _is_needed_elsewhere(op, position):
        return None
    images, weights = convolution.inputs
    is_of_channels = factor.shape.rank > 0 and factor.shape[-1] == n_factors == difference.shape[-1]
    are_fewer = 2 * weights.shape.num_elements() <= (difference.shape.num_elements() or 0)
    if not (is_of_channels and are_fewer and convolution.get_attr("data_format") == b"NHWC"):
        return None
    attributes = ("strides", "padding", "explicit_paddings", "data_format", "dilations")
    return getattr(tf.raw_ops, convolution.type)(
        input=images,
        filter=weights * tf.reshape(factor, weights.shape[channel_axis:]),
        **{name: convolution.get_attr(name) for name in attributes},
    )


def _is_needed_elsewhere(op, position):
    """Return whether another op reads the convolution's result, which would then have to be computed twice."""
    tensor = op.step.op.definition.inputs[position]
    while len(tensor.consumers()) == 1 and tensor.op.type in _BIASES:
        tensor = tensor.op.inputs[0]
    return len(tensor.consumers()) > 1


def _replay(op, differences, coefficient=identity):
    return op.run(op.operands(differences, coefficient))


@LINEAR.rule
def apply_weights(op, differences, coefficient):
    """Apply the op to the difference in place of its varying operand, with the coefficients of its weights."""
    return _replay(op, differences, coefficient)


@LINEAR.rule
def multiply(op, differences, coefficient):
    """Multiply the difference by a factor that does not vary."""
    position = next(number for number, difference in enumerate(differences) if difference is not None)
    factor = op.operands(differences, coefficient)[1 - position]
    scaled = by_scaled_weights(op, position, differences[position], factor)
    return _replay(op, differences, coefficient) if scaled is None else [scaled]


@LINEAR.rule
def apply_again(op, differences, coefficient):
    """Apply the op to the difference in place of its varying operand; none of the op's coefficients is negative."""
    return _replay(op, differences)


@LINEAR.rule
def cast(op, differences, coefficient):
    """Cast the difference to the output's precision, or to single precision, the least that differences have."""
    return [convert(differences[0], difference_dtype(op.outputs[0].dtype))]


@LINEAR.rule
def negate(op, differences, coefficient):
    """Change the sign; the coefficient is -1."""
    return [differences[0] * coefficient(tf.constant(-1, differences[0].dtype))]


@LINEAR.rule
def scale_and_translate(op, differences, coefficient):
    """Resize the difference in float32, the only precision in which TensorFlow has this op's gradient."""

    def resize_axes(images, size, axes):
        """Resize along the axes that are true."""
        scale, translation = op.constant(2), op.constant(3)
        return tf.raw_ops.ScaleAndTranslate(
            images=tf.cast(images, tf.float32),
            size=size,
            scale=tf.where(axes, scale, tf.ones_like(scale)),
            translation=tf.where(axes, translation, tf.zeros_like(translation)),
            kernel_type=op.attribute("kernel_type").decode(),
            antialias=op.attribute("antialias"),
        )

    if coefficient is tf.abs:
        return [_resize_by_absolute_weights(resize_axes, tf.cast(differences[0], tf.float32), op.constant(1))]
    return [resize_axes(differences[0], op.constant(1), [True, True])]


@LINEAR.rule
def resize_with_overshoot(op, differences, coefficient):
    """Resize the difference by weights that may be negative; the result is float32 for any input."""
    if coefficient is tf.abs:

        def resize_axes(images, size, axes):
            return op.run([tf.cast(images, op.inputs[0].dtype), size])[0]

        spread = _resize_by_absolute_weights(resize_axes, differences[0], op.constant(1))
        return [tf.cast(spread, op.outputs[0].dtype)]
    return _replay(op, differences)


def _resize_by_absolute_weights(resize_axes, images, size):
    """Resize by the absolute values of the weights; each weight is the product of one weight for each axis."""
    height, width = images.shape[1:3]
    of_rows = resize_axes(tf.eye(height)[None, :, None, :], [size[0], 1], [True, False])[0, :, 0, :]
    of_columns = resize_axes(tf.eye(width)[None, None, :, :], [1, size[1]], [False, True])[0, 0]
    weights = [tf.cast(tf.abs(matrix), images.dtype) for matrix in (of_rows, of_columns)]
    return tf.einsum("ph,qw,nhwc->npqc", *weights, images)


@LINEAR.rule
def resize_by_area(op, differences, coefficient):
    """Resize the difference by the op's weights, which are not negative; TensorFlow has no derivative of this op."""

    def resize_axes(images, size, axes):
        return op.run([tf.cast(images, op.inputs[0].dtype), size])[0]

    resized = _resize_by_absolute_weights(resize_axes, differences[0], op.constant(1))
    return [tf.cast(resized, op.outputs[0].dtype)]


@LINEAR.rule
def crop_and_resize(op, differences, coefficient):
    """Cut constant boxes out of the difference, which is zero where a box leaves the image."""
    return [
        tf.raw_ops.CropAndResize(
            image=differences[0],
            boxes=op.constant(1),
            box_ind=op.constant(2),
            crop_size=op.constant(3),
            method=op.attribute("method").decode(),
            extrapolation_value=0,
        )
    ]


@LINEAR.rule
def normalise_batch(op, differences, coefficient):
    """Multiply by ``scale * rsqrt(variance + epsilon)``, the only linear part of batch normalisation in inference."""
    scale, variance = op.constant(1), op.constant(4)
    slope = scale * tf.math.rsqrt(variance + op.attribute("epsilon"))
    if op.attribute("data_format") == b"NCHW":
        slope = tf.reshape(slope, (1, -1, 1, 1))
    scaled = by_scaled_weights(op, 0, differences[0], coefficient(slope))
    scaled = differences[0] * coefficient(slope) if scaled is None else scaled
    return [scaled, *[None] * (len(op.outputs) - 1)]


JOINS = RuleTable("affine join", reads_values=False)


@JOINS.rule
def add(op, differences, coefficient):
    """Add the differences of two operands; a single difference of the right shape is the result."""
    if any(difference is None for difference in differences):
        [alone] = [difference for difference in differences if difference is not None]
        if alone.shape == op.shape(op.outputs[0]):
            return [alone]
    return join(op, differences, coefficient)


@JOINS.rule
def subtract(op, differences, coefficient):
    """Add the differences, the second with the coefficient -1."""
    if differences[1] is None:
        return add(op, differences, coefficient)
    first, second = op.operands(differences, tf.zeros_like)
    return [first + second * coefficient(tf.constant(-1, second.dtype))]


@JOINS.rule
def join(op, differences, coefficient):
    """Apply the op to the differences, with zeros for numbers that do not vary; a condition stays as it is."""
    return op.run(op.operands(differences, tf.zeros_like))


LISTS = RuleTable("list of tensors", reads_values=False)
# Ops that read several elements of a list at once, including elements that were never set.
STACKS = ops.where(list_task=ops.GATHERED) | ops.where(list_task=ops.STACKED)


@LISTS.rule
def make_list(op, differences, coefficient):
    """Make a list of the differences."""
    shape = differences[0].shape[1:]
    return op.run([differences[0], shape.as_list()] if shape.is_fully_defined() else op.operands(differences))


@LISTS.rule
def take_items(op, differences, coefficient):
    """Take differences out of a list."""
    shape, operands = op.shape(op.outputs[0]), op.operands(differences)
    # The network gives the shape of an element with an unknown batch size. The third stream needs the size, so that
    # elements that were never set are zeros.
    position = ops.facts_of(op.type).element_shape
    first = 1 if op.type in STACKS else 0
    if shape[first:].is_fully_defined():
        operands[position] = tf.constant(shape[first:].as_list(), tf.int32)
    elif op.is_at_pair_size and op.outputs[0] in op.at_input:
        operands[position] = tf.shape(op.at_input[op.outputs[0]])[first:]
    [output] = op.run(operands)
    output.set_shape(shape)
    return [output]


@LISTS.rule
def set_item(op, differences, coefficient):
    """Set an element of the list to its difference; a list or element that does not vary counts as zeros."""

    def zero(constant):
        is_list = constant.dtype == tf.variant
        return zero_list(constant, op.attribute("element_dtype")) if is_list else tf.zeros_like(constant)

    return op.run(op.operands(differences, zero))


def zero_list(constant, element_dtype):
    """Return a list of the same length; its elements are not set, and read as zeros."""
    return tf.raw_ops.TensorListReserve(
        element_shape=tf.raw_ops.TensorListElementShape(input_handle=constant, shape_type=tf.int32),
        num_elements=tf.raw_ops.TensorListLength(input_handle=constant),
        element_dtype=difference_dtype(element_dtype),
    )
