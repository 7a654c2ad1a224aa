"""Ops that are linear in their one varying input: the op again, on the difference.

Shrikumar et al. 2017, section 3.5.1 (the linear rule). A coefficient of such an op is a constant operand;
``coefficient`` is the identity for the difference itself and the absolute value for its spread.
"""

import tensorflow as tf

from skdeeplift.propagation.pairing import difference_dtype, identity
from skdeeplift.propagation.rules.table import ONE, RuleTable

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


LINEAR = RuleTable("linear", reads_values=False)
# Linear ops that mix many inputs by weights, at which RevealCancel starts afresh from the sign of the difference.
WEIGHTED = frozenset(
    """MatMul Conv Conv1D Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInput
    Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum""".split()
)


def _replay(op, differences, coefficient=identity):
    return op.run(
        op.operands(differences, lambda constant: coefficient(constant) if constant.dtype.is_floating else constant)
    )


@LINEAR.rule("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", varying=ONE)
@LINEAR.rule("RealDiv", "Div", "DivNoNan", "MulNoNan", varying=(0,))
@LINEAR.rule("Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv", varying=(0,))
@LINEAR.rule("Conv2DBackpropInput", "Conv3DBackpropInputV2", "DepthwiseConv2dNativeBackpropInput", varying=(2,))
def weighted(op, differences, coefficient):
    """Give the op the difference in place of its varying operand, and its weights as they are."""
    return _replay(op, differences, coefficient)


@LINEAR.rule("Mul", varying=ONE)
def multiplied(op, differences, coefficient):
    """Multiply the difference by a factor that does not vary."""
    position = next(number for number, difference in enumerate(differences) if difference is not None)
    factor = op.operands(differences, coefficient)[1 - position]
    scaled = by_scaled_weights(op, position, differences[position], factor)
    return _replay(op, differences, coefficient) if scaled is None else [scaled]


@LINEAR.rule("Sum", "Mean", "AvgPool", "AvgPool3D", "Cumsum", "Reshape", "Transpose", "ConjugateTranspose")
@LINEAR.rule("Identity", "ExpandDims", "Squeeze", "Pad", "MirrorPad", "Tile", "BroadcastTo", "Slice", "StridedSlice")
@LINEAR.rule("ReverseV2", "ReverseSequence", "Roll", "SpaceToBatchND", "BatchToSpaceND", "SpaceToBatch", "BatchToSpace")
@LINEAR.rule(
    "SpaceToDepth", "DepthToSpace", "Split", "SplitV", "Unpack", "MatrixDiagPart", "MatrixDiagPartV3", "DiagPart"
)
@LINEAR.rule(
    "MatrixDiag", "MatrixDiagV3", "Diag", "MatrixBandPart", "Real", "ExtractImagePatches", "ExtractVolumePatches"
)
@LINEAR.rule("GatherV2", "Gather", "GatherNd", "ResourceGather", varying=(0,))
@LINEAR.rule("ScatterNd", varying=(1,))
@LINEAR.rule("SegmentSum", "SegmentMean", "UnsortedSegmentSum", varying=(0,))
def structural(op, differences, coefficient):
    """Give the op the difference in place of its varying operand; its coefficients are not negative."""
    return _replay(op, differences)


@LINEAR.rule("Cast")
def cast(op, differences, coefficient):
    """Give the difference the output's precision, but not less than single, as which all differences are carried."""
    return [tf.cast(differences[0], difference_dtype(op.outputs[0].dtype))]


@LINEAR.rule("Neg")
def negated(op, differences, coefficient):
    """Turn the sign; the coefficient is -1."""
    return [differences[0] * coefficient(tf.constant(-1, differences[0].dtype))]


@LINEAR.rule("ScaleAndTranslate", varying=(0,))
def rescaled(op, differences, coefficient):
    """Resize the difference in float32, the only precision in which TensorFlow has this op's gradient."""

    def resize(images, size, axes):
        """Resize along some of the axes only."""
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
        return [_resized_by_absolute_weights(resize, tf.cast(differences[0], tf.float32), op.constant(1))]
    return [resize(differences[0], op.constant(1), [True, True])]


@LINEAR.rule("ResizeBicubic", varying=(0,))
def resized_with_overshoot(op, differences, coefficient):
    """Resize the difference by weights of which some are negative; the result is float32 whatever the input is."""
    if coefficient is tf.abs:

        def resize(images, size, axes):
            return op.run([tf.cast(images, op.inputs[0].dtype), size])[0]

        spread = _resized_by_absolute_weights(resize, differences[0], op.constant(1))
        return [tf.cast(spread, op.outputs[0].dtype)]
    return _replay(op, differences)


@LINEAR.rule("ResizeBilinear", "ResizeNearestNeighbor", varying=(0,))
def resized(op, differences, coefficient):
    """Resize the difference; no weight is negative."""
    return _replay(op, differences)


def _resized_by_absolute_weights(resize, images, size):
    """Resize by the absolute values of the weights, which are products of one for each axis."""
    height, width = images.shape[1:3]
    of_rows = resize(tf.eye(height)[None, :, None, :], [size[0], 1], [True, False])[0, :, 0, :]
    of_columns = resize(tf.eye(width)[None, None, :, :], [1, size[1]], [False, True])[0, 0]
    weights = [tf.cast(tf.abs(matrix), images.dtype) for matrix in (of_rows, of_columns)]
    return tf.einsum("ph,qw,nhwc->npqc", *weights, images)


@LINEAR.rule("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", varying=(0,))
def batch_normalised(op, differences, coefficient):
    """Multiply by ``scale * rsqrt(variance + epsilon)``, the only linear part of batch normalisation in inference."""
    scale, variance = op.constant(1), op.constant(4)
    slope = scale * tf.math.rsqrt(variance + op.attribute("epsilon"))
    if op.attribute("data_format") == b"NCHW":
        slope = tf.reshape(slope, (1, -1, 1, 1))
    scaled = by_scaled_weights(op, 0, differences[0], coefficient(slope))
    scaled = differences[0] * coefficient(slope) if scaled is None else scaled
    return [scaled, *[None] * (len(op.outputs) - 1)]
