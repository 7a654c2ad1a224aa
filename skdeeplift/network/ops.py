"""Table of facts about TensorFlow's op types. All sets of op types in the package are derived from its rows.

To support a new op, add a row. An elementwise function of one tensor needs nothing else. Other ops may also need a rule
in `skdeeplift.propagation.rules`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

# Patterns of varying inputs: any, exactly one, several, or a tuple of their positions.
ANY, ONE, SEVERAL = "any", "one", "several"


@dataclass(frozen=True, eq=False)
class Family:
    """Op types that follow the same rules."""

    # Names of the rules by pattern of varying inputs. A rule is a function of `skdeeplift.propagation.rules`, or
    # "activation" if the method chooses the rule.
    rules: dict = field(default_factory=dict)
    # Each element of the result depends only on the elements of the inputs at the same position.
    elementwise: bool = False
    # The op is a weighted sum of many inputs. RevealCancel splits the sum anew into a positive and a negative part.
    weighted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OpFacts:
    """Facts about one op type."""

    type: str
    family: Family
    rules: dict
    elementwise: bool
    weighted: bool
    # Pattern of varying inputs for which the op is affine. A cluster of only affine ops is no activation.
    straight: str | tuple | None = None
    # Reason for infinite or undefined values: `POLE`, `PARTIAL`, `EXPLOSIVE`, `EXPLOSIVE_ABOVE`.
    domain: str | None = None
    # The function has jumps, so it must not be evaluated at numbers near a value instead of the value.
    jumps: bool = False
    # End of the ramp of an activation whose ramp starts at zero.
    ramp: float | None = None
    # Derivative, as a function of the op's input and output.
    derivative: Callable | None = None
    # The op divides one by a power of its input.
    reciprocal: bool = False
    # A deconvolutional network applies activations that contain this op to the multiplier.
    rectifies: bool = False
    # The op clips its input.
    clamp: bool = False
    # The op turns logits into probabilities.
    takes_logits: bool = False
    # The op compares two tensors for equality.
    equality: bool = False
    # How the op passes elements on without computation: `COPIED`, `RESHAPED`, `BROADCAST`, `MOVED`, `CUT`.
    hands_on: str | None = None
    # The op moves the elements of its first input, if no other input varies.
    moves_first: bool = False
    # The op reads the shape of its input and no elements.
    shape_only: bool = False
    # Positions of operands: indices of a lookup, the axis of the op, the places to put elements at, and the shape of a
    # list's elements.
    indices: int | None = None
    axis: int | None = None
    places: int | None = None
    # An index of a lookup consists of several numbers, along the last axis of the indices.
    columns: bool = False
    element_shape: int | None = None
    # Task of a list op: `MADE`, `STACKED`, `GATHERED`, `TAKEN`, `SET`.
    list_task: str | None = None
    # Effect on the batch axis: `REDUCED`, `FOLDED`, `UNFOLDED`, `RENUMBERED`, `REPEATED`, `INSERTED`. By default
    # every axis keeps its number.
    batch: str | None = None
    # Name of the test of `skdeeplift.network.rowwise` that shows whether the op keeps rows apart. Elementwise ops are
    # tested by the axes of their inputs if they have no name here.
    rowwise: str | None = None
    # First axis of a convolution's weights that counts the channels of its result.
    channel_axis: int | None = None
    # A convolution that may have groups of channels. A CPU computes groups only in a compiled function.
    grouped: bool = False
    # Dense layers use this op, and XLA makes it faster.
    dense: bool = False
    # Each output equals an input. StopGradient is an alias, because DeepLIFT propagates differences and not gradients.
    alias: bool = False
    # A target function makes the output constant: the references of a row use the row's output.
    held: bool = False
    # The output does not depend on the inputs of the network.
    constant: bool = False
    # TensorFlow marks the op as stateful, but the op only reads state.
    reads_state: bool = False
    # The op changes a variable or table; its first input is the handle.
    changes_state: bool = False
    # Name of the function of `skdeeplift.network.expansions` that replaces the op by simpler ops.
    expansion: str | None = None
    # The derivative of the output is zero or undefined.
    rounds: bool = False
    # Name of the function of `skdeeplift.perturbation` that runs the op on the windows that a mutation of a sequence
    # changes. Elementwise ops need no such function.
    on_windows: str | None = None
    # Reason why the op has no rule for some or all patterns of varying inputs.
    why_not: str | None = None

    @property
    def keeps_elements(self):
        """True if each element of the result comes from a single element of each input."""
        return self.elementwise or self.hands_on is not None

    @property
    def joins_clusters(self):
        """True if a cluster of ops that forms one activation may contain the op."""
        return self.elementwise and self.family is not KEY

    def rule(self, varying):
        """Return the name of the rule for varying inputs at some positions, or None."""
        return next((self.rules[pattern] for pattern in patterns(varying) if pattern in self.rules), None)

    def is_straight(self, varying):
        """Test whether the op is affine in its varying inputs at some positions."""
        return self.straight in patterns(varying)


_ROWS = {}


def op(op_type, family, **facts):
    """Add the row of an op type, with the fields of `OpFacts` as columns."""
    if op_type in _ROWS:
        raise ValueError(f"The op {op_type!r} already has a row.")
    of_family = dict(rules=family.rules, elementwise=family.elementwise, weighted=family.weighted)
    _ROWS[op_type] = OpFacts(type=op_type, family=family, **(of_family | facts))


def facts_of(op_type):
    """Return the facts about an op type; for a type without a row, the facts of an unknown op."""
    facts = _ROWS.get(op_type)
    return OpFacts(type=op_type, family=OTHER, rules={}, elementwise=False, weighted=False) if facts is None else facts


def where(**facts):
    """Return the set of op types whose columns have the given values."""
    return frozenset(
        op_type for op_type, row in _ROWS.items() if all(getattr(row, name) == value for name, value in facts.items())
    )


def column(name):
    """Return a dict from op type to the value of one column, for all rows with a value in this column."""
    values = ((op_type, getattr(row, name)) for op_type, row in _ROWS.items())
    return {op_type: value for op_type, value in values if value is not None and value is not False}


def without_effects():
    """Return the set of op types without state, randomness and calls of functions."""
    others = (RANDOM, BRANCH, CALL, LOOP, SOURCE, SESSION_VARIABLE)
    return frozenset(
        op_type
        for op_type, row in _ROWS.items()
        if row.family not in others and not (row.changes_state or row.reads_state or row.list_task)
    )


def ruled_by(rule):
    """List the pairs of op type and pattern of varying inputs that follow a rule."""
    return [(op_type, varying) for op_type, row in _ROWS.items() for varying, name in row.rules.items() if name == rule]


def types_ruled_by(rule):
    """Return the set of op types that follow a rule for some pattern of varying inputs."""
    return frozenset(op_type for op_type, _ in ruled_by(rule))


def patterns(varying):
    """Return the patterns that match varying inputs at some positions, most specific first."""
    return tuple(varying), ONE if len(varying) == 1 else SEVERAL, ANY


# Values of the columns.
POLE, PARTIAL = "infinite at zero alone", "infinite or undefined for some numbers"
EXPLOSIVE, EXPLOSIVE_ABOVE = "overflows on both sides", "overflows for large values"
COPIED, RESHAPED, BROADCAST, MOVED, CUT = "copied", "reshaped", "broadcast", "moved", "cut"
MADE, STACKED, GATHERED, TAKEN, SET = "made", "stacked", "gathered", "taken", "set"
REDUCED, FOLDED, UNFOLDED, RENUMBERED = "reduced", "folded", "unfolded", "renumbered"
REPEATED, INSERTED = "repeated", "inserted"
# Type of a cast from floating-point numbers to integers or booleans, or from integers to booleans.
TRUNCATION = "Cast to whole"
A_BRANCH = (
    "the condition is known only when the network runs, and the branches do not return arrays of one known shape, as "
    "tf.where needs"
)
PARTS = (
    "the sizes of the parts that it joins depend on values, as in a tf.cond inside tf.vectorized_map; use tf.map_fn or "
    "tf.where instead"
)
SEGMENTS = "it reduces segments of the leading axis whose ids are not constant"
NUMBER_OF_RESULTS = (
    "the size of its result depends on values, so that a row and its reference may have results of different sizes"
)
A_DECOMPOSITION = "a matrix decomposition is not a sum, a product or an elementwise function"

# Elementwise families.
ACTIVATION = Family({ANY: "activation"}, elementwise=True)
STEP = Family({ONE: "activation"}, elementwise=True)
TWO_VARIABLE = Family({ONE: "activation", (0, 1): "split_change"}, elementwise=True)
DERIVATIVE = Family({ONE: "activation", (0, 1): "split_change_of_derivative"}, elementwise=True)
SQUARED_DIFFERENCE = Family({ONE: "activation", SEVERAL: "split_squared_difference"}, elementwise=True)
QUOTIENT = Family({(0,): "apply_weights", (1,): "activation", (0, 1): "split_quotient"}, elementwise=True)
PRODUCT = Family({ONE: "multiply", SEVERAL: "split_elementwise_product"}, elementwise=True)
SUM = Family({ANY: "add"}, elementwise=True)
CHOICE = Family({**dict.fromkeys([(1,), (2,), (1, 2)], "join"), ANY: "choose"}, elementwise=True)
COMPARISON = Family({ONE: "take_step", SEVERAL: "take_step_of_difference"}, elementwise=True)
LOGIC = Family({ONE: "take_step", SEVERAL: "split_decision"}, elementwise=True)
# Decisions about integers.
WHOLE = Family(LOGIC.rules, elementwise=True)
TEST = Family({ONE: "take_step"}, elementwise=True)
FILL = Family(elementwise=True)
# Integers and strings that may be keys of a lookup.
KEY = Family(elementwise=True)

# Linear families.
MATRIX_PRODUCT = Family({ONE: "apply_weights", SEVERAL: "split_product"}, weighted=True)
CONVOLUTION = Family({(0,): "apply_weights", (1,): "apply_weights", (0, 1): "split_product"}, weighted=True)
TRANSPOSED_CONVOLUTION = Family({(2,): "apply_weights", (1,): "apply_weights", (1, 2): "split_product"}, weighted=True)
WEIGHTS_GRADIENT = Family({ONE: "apply_weights", (0, 2): "split_product"}, weighted=True)
TRANSFORM = Family({(0,): "apply_weights"})
NORMALISATION = Family({(0,): "normalise_batch"})
# Ops with nonnegative coefficients, or with nonnegative coefficients of their first operand.
STRUCTURAL = Family({ANY: "apply_again"})
OF_FIRST_OPERAND = Family({(0,): "apply_again"})
LOOKUP = Family({(0,): "apply_again", ANY: "look_up"})
LOOKUP_OF_COLUMNS = Family(LOOKUP.rules)
JOIN = Family({ANY: "join"})
# Ops that cut out elements between computed positions, and ops that put elements at computed positions.
CUT_OUT = Family({(0,): "apply_again", ANY: "cut_out"})
SCATTER_INTO_FIRST = Family({**dict.fromkeys([(0,), (2,), (0, 2)], "join"), ANY: "scatter"})

# Further families.
LIST_FROM_TENSOR = Family({(0,): "make_list"})
ITEM_OF_LIST = Family({(0,): "take_items"})
LIST_WITH_ITEM = Family({ANY: "set_item"})
POOLED_MAXIMUM = Family({ANY: "take_maxima_of_windows"})
SOFTMAX = Family({ANY: "apply_softmax"})
EQUATIONS = Family({ANY: "solve_equations"})
SHAPE, SOURCE, CALL, LOOP, BRANCH, OTHER = (Family() for _ in range(6))
# Ops whose number of results depends on the values of their inputs.
OPEN_RESULT = Family()
# Random numbers from a seed, which depend on the position of a row in its batch. Variables of TensorFlow 1, whose
# values belong to a session.
RANDOM, SESSION_VARIABLE = Family(), Family()

# fmt: off
# Functions of one tensor, elementwise.
op("Abs",         ACTIVATION)
op("Acos",        ACTIVATION, domain=PARTIAL)
op("Acosh",       ACTIVATION, domain=PARTIAL)
op("Asin",        ACTIVATION, domain=PARTIAL)
op("Asinh",       ACTIVATION)
op("Atan",        ACTIVATION)
op("Atanh",       ACTIVATION, domain=PARTIAL)
op("BesselI0e",   ACTIVATION)
op("BesselI1e",   ACTIVATION)
op("Ceil",        ACTIVATION, jumps=True, rounds=True)
op("Cos",         ACTIVATION)
op("Cosh",        ACTIVATION, domain=EXPLOSIVE)
op("Digamma",     ACTIVATION, domain=PARTIAL)
op("Elu",         ACTIVATION, rectifies=True)
op("Erf",         ACTIVATION, rectifies=True)
op("Erfc",        ACTIVATION, rectifies=True)
op("Erfinv",      ACTIVATION, domain=PARTIAL)
op("Exp",         ACTIVATION, domain=EXPLOSIVE_ABOVE, derivative=lambda x, y: y)
op("Expm1",       ACTIVATION, domain=EXPLOSIVE_ABOVE)
op("Floor",       ACTIVATION, jumps=True, rounds=True)
op("Inv",         ACTIVATION, domain=POLE, reciprocal=True)
op("LeakyRelu",   ACTIVATION, rectifies=True)
op("Lgamma",      ACTIVATION, domain=PARTIAL)
op("Log",         ACTIVATION, domain=POLE)
op("Log1p",       ACTIVATION, domain=PARTIAL)
op("Ndtri",       ACTIVATION, domain=PARTIAL)
op("Reciprocal",  ACTIVATION, domain=POLE, reciprocal=True)
op("Relu",        ACTIVATION, rectifies=True, ramp=np.inf, dense=True)
op("Relu6",       ACTIVATION, rectifies=True, ramp=6.0)
op("Rint",        ACTIVATION, jumps=True, rounds=True)
op("Round",       ACTIVATION, jumps=True, rounds=True)
op("Rsqrt",       ACTIVATION, domain=POLE, reciprocal=True, derivative=lambda x, y: -y / (2 * x))
op("Selu",        ACTIVATION, rectifies=True)
op("Sigmoid",     ACTIVATION, rectifies=True, derivative=lambda x, y: y * (1 - y), dense=True, takes_logits=True)
op("Sign",        ACTIVATION, jumps=True)
op("Sin",         ACTIVATION)
op("Sinh",        ACTIVATION, domain=EXPLOSIVE)
op("Softplus",    ACTIVATION)
op("Softsign",    ACTIVATION)
op("Sqrt",        ACTIVATION, domain=PARTIAL, derivative=lambda x, y: 1 / (2 * y))
op("Square",      ACTIVATION, derivative=lambda x, y: 2 * x)
op("Tan",         ACTIVATION, domain=PARTIAL)
op("Tanh",        ACTIVATION, rectifies=True, derivative=lambda x, y: 1 - y * y, dense=True)

# Functions of several tensors, elementwise.
op("FloorDiv",          STEP, jumps=True, rules=STEP.rules | {(0, 1): "split_change"}, rounds=True)
op("FloorMod",          STEP, jumps=True, rules=STEP.rules | {(0, 1): "split_change"})
op("ClipByValue",       STEP, clamp=True)
op("FakeQuantWithMinMaxArgs", STEP, jumps=True)
op("FakeQuantWithMinMaxVars", STEP, jumps=True, rules={(0,): "activation"})
op("FakeQuantWithMinMaxVarsPerChannel", STEP, jumps=True, rules={(0,): "activation"})
op("QuantizeAndDequantizeV2", STEP, jumps=True, rules={(0,): "activation"}, rowwise="given_range")
op("QuantizeAndDequantizeV3", STEP, jumps=True, rules={(0,): "activation"}, rowwise="given_range")
op("QuantizeAndDequantizeV4", STEP, jumps=True, rules={(0,): "activation"}, rowwise="given_range")
op("Maximum",           TWO_VARIABLE, clamp=True)
op("Minimum",           TWO_VARIABLE, clamp=True)
op("Pow",               TWO_VARIABLE, domain=PARTIAL)
op("Atan2",             TWO_VARIABLE)
op("Xdivy",             TWO_VARIABLE, domain=PARTIAL)
op("Xlogy",             TWO_VARIABLE, domain=PARTIAL)
op("Xlog1py",           TWO_VARIABLE, domain=PARTIAL)
op("SquaredDifference", SQUARED_DIFFERENCE)
op("RealDiv",           QUOTIENT, domain=PARTIAL, straight=(0,))
op("Div",               QUOTIENT, domain=PARTIAL, straight=(0,))
op("DivNoNan",          QUOTIENT, domain=PARTIAL, rules=QUOTIENT.rules | {(0, 1): "split_change"})
op("Mul",               PRODUCT, straight=ONE)
op("MulNoNan",          PRODUCT, rules={(0,): "apply_weights", SEVERAL: "split_elementwise_product"})
op("Add",               SUM, straight=ANY, on_windows="add_up")
op("AddV2",             SUM, straight=ANY, dense=True, on_windows="add_up")
op("AddN",              SUM, straight=ANY, rules={ANY: "join"}, on_windows="add_up")
op("BiasAdd",           SUM, straight=ANY, dense=True, on_windows="add_up")
op("Sub",               SUM, straight=ANY, rules={ANY: "subtract"}, on_windows="add_up")
op("Select",            CHOICE)
op("SelectV2",          CHOICE)

# Booleans and integers, elementwise.
op("Equal",                  COMPARISON, jumps=True, equality=True)
op("NotEqual",               COMPARISON, jumps=True, equality=True)
op("Greater",                COMPARISON, jumps=True)
op("GreaterEqual",           COMPARISON, jumps=True)
op("Less",                   COMPARISON, jumps=True)
op("LessEqual",              COMPARISON, jumps=True)
op("ApproximateEqual",       COMPARISON, jumps=True)
op("LogicalAnd",             LOGIC)
op("LogicalOr",              LOGIC)
op("LogicalNot",             TEST)
op("IsFinite",               TEST)
op("IsInf",                  TEST)
op("IsNan",                  TEST)
op("Bitcast",                WHOLE, jumps=True)
op("Bucketize",              WHOLE, jumps=True)
op("Mod",                    WHOLE, jumps=True)
op("TruncateDiv",            WHOLE)
op("TruncateMod",            WHOLE)
op("BitwiseAnd",             WHOLE)
op("BitwiseOr",              WHOLE)
op("BitwiseXor",             WHOLE)
op("Invert",                 WHOLE)
op("LeftShift",              WHOLE)
op("RightShift",             WHOLE)
op("LookupTableFindV2",      WHOLE, rules={(1,): "take_step"}, reads_state=True)
op("StringToHashBucketFast", KEY)
op("StringToHashBucketStrong", KEY)
op("AsString",               KEY)
op("StringLower",            KEY)
op("StringToNumber",         KEY)

# Weighted sums.
op("MatMul",                 MATRIX_PRODUCT, batch=RENUMBERED, dense=True, rowwise="matrix_from_right")
op("BatchMatMul",            MATRIX_PRODUCT, on_windows="multiply_matrix", rowwise="matrices_of_entries")
op("BatchMatMulV2",          MATRIX_PRODUCT, on_windows="multiply_matrix", rowwise="matrices_of_entries")
op("BatchMatMulV3",          MATRIX_PRODUCT, rowwise="matrices_of_entries")
op("Einsum",                 MATRIX_PRODUCT, batch=RENUMBERED, rowwise="letters")
op("Conv",                   CONVOLUTION, grouped=True)
op("Conv2D",                 CONVOLUTION, grouped=True, channel_axis=3, on_windows="convolve", rowwise="within_entries")
op("Conv3D",                 CONVOLUTION, grouped=True, rowwise="within_entries")
op("DepthwiseConv2dNative",  CONVOLUTION, channel_axis=2, on_windows="convolve", rowwise="within_entries")
op("Conv2DBackpropInput",    TRANSPOSED_CONVOLUTION, grouped=True)
op("Conv3DBackpropInputV2",  TRANSPOSED_CONVOLUTION, grouped=True)
op("DepthwiseConv2dNativeBackpropInput", TRANSPOSED_CONVOLUTION)
op("Conv2DBackpropFilter",   WEIGHTS_GRADIENT, grouped=True)
op("Conv3DBackpropFilterV2", WEIGHTS_GRADIENT, grouped=True)
op("DepthwiseConv2dNativeBackpropFilter", WEIGHTS_GRADIENT)

# Other linear functions of one tensor.
op("Neg",                    Family({ANY: "negate"}, elementwise=True), straight=ANY)
op("Cast",                   Family({ANY: "cast"}, elementwise=True), straight=ANY, hands_on=COPIED,
                             expansion="cast_parts")
op(TRUNCATION,               TEST, jumps=True, hands_on=COPIED, rounds=True)
op("Identity",               STRUCTURAL, elementwise=True, straight=ANY, hands_on=COPIED, alias=True,
                             on_windows="add_up")
op("EnsureShape",            STRUCTURAL, elementwise=True, straight=ANY, hands_on=COPIED, on_windows="add_up")
op("Reshape",                STRUCTURAL, hands_on=RESHAPED, batch=RENUMBERED, on_windows="reshape")
op("ExpandDims",             STRUCTURAL, hands_on=RESHAPED, on_windows="reshape", rowwise="new_axis")
op("Squeeze",                STRUCTURAL, hands_on=RESHAPED, on_windows="reshape", rowwise="dropped_axes")
op("BroadcastTo",            STRUCTURAL, hands_on=BROADCAST)
op("ReverseV2",              STRUCTURAL, hands_on=MOVED, axis=1, rowwise="along_axes")
op("Slice",                  CUT_OUT, hands_on=CUT, on_windows="cut", rowwise="slice")
op("Split",                  STRUCTURAL, hands_on=MOVED, axis=0, rowwise="along_axes")
op("SplitV",                 STRUCTURAL, hands_on=MOVED, axis=2, rowwise="along_axes")
op("StridedSlice",           CUT_OUT, hands_on=CUT, on_windows="cut", rowwise="slice")
op("Tile",                   STRUCTURAL, hands_on=MOVED, batch=RENUMBERED, rowwise="multiples")
op("Transpose",              STRUCTURAL, hands_on=MOVED, on_windows="transpose", rowwise="permutation")
op("Unpack",                 STRUCTURAL, hands_on=MOVED, rowwise="stacks")
op("Sum",                    STRUCTURAL, batch=REDUCED, on_windows="reduce", rowwise="along_axes")
op("Mean",                   STRUCTURAL, batch=REDUCED, on_windows="reduce", rowwise="along_axes")
op("Cumsum",                 STRUCTURAL, axis=1, rowwise="along_axes")
op("Roll",                   STRUCTURAL, axis=2, moves_first=True, rowwise="along_axes")
op("SpaceToBatch",           STRUCTURAL, batch=FOLDED)
op("SpaceToBatchND",         STRUCTURAL, batch=FOLDED)
op("BatchToSpace",           STRUCTURAL, batch=UNFOLDED)
op("BatchToSpaceND",         STRUCTURAL, batch=UNFOLDED)
op("AvgPool",                STRUCTURAL, on_windows="pool", rowwise="within_entries")
op("AvgPool3D",              STRUCTURAL, rowwise="within_entries")
op("ConjugateTranspose",     STRUCTURAL)
op("DepthToSpace",           STRUCTURAL, moves_first=True)
op("Diag",                   STRUCTURAL)
op("DiagPart",               STRUCTURAL)
op("ExtractImagePatches",    STRUCTURAL)
op("ExtractVolumePatches",   STRUCTURAL)
op("MatrixBandPart",         STRUCTURAL)
op("MatrixDiag",             STRUCTURAL)
op("MatrixDiagV3",           STRUCTURAL)
op("MatrixDiagPart",         STRUCTURAL)
op("MatrixDiagPartV3",       STRUCTURAL)
op("MirrorPad",              STRUCTURAL, rowwise="paddings")
op("Pad",                    STRUCTURAL, on_windows="pad", rowwise="paddings")
op("ReverseSequence",        STRUCTURAL)
op("SpaceToDepth",           STRUCTURAL, moves_first=True)
op("Gather",                 LOOKUP, indices=1, moves_first=True)
op("GatherV2",               LOOKUP, indices=1, axis=2, moves_first=True, rowwise="lookup")
op("ResourceGather",         LOOKUP, indices=1, rowwise="lookup")
op("GatherNd",               LOOKUP_OF_COLUMNS, indices=1, columns=True, batch=RENUMBERED, moves_first=True)
op("ResourceGatherNd",       LOOKUP_OF_COLUMNS, indices=1, columns=True)
op("OneHot",                 Family({(0,): "look_up"}), indices=0, batch=INSERTED, rowwise="one_hot")
op("SegmentSum",             OF_FIRST_OPERAND)
op("SegmentMean",            OF_FIRST_OPERAND)
op("UnsortedSegmentSum",     Family({(0,): "apply_again", ANY: "scatter"}), places=1)
op("ScatterNd",              Family({(1,): "apply_again", ANY: "scatter"}), places=0, columns=True, batch=RENUMBERED)
op("FusedBatchNorm",         NORMALISATION, on_windows="normalise", rowwise="within_entries")
op("FusedBatchNormV2",       NORMALISATION, on_windows="normalise", rowwise="within_entries")
op("FusedBatchNormV3",       NORMALISATION, on_windows="normalise", rowwise="within_entries")
op("ResizeBilinear",         OF_FIRST_OPERAND, rowwise="within_entries")
op("ResizeNearestNeighbor",  OF_FIRST_OPERAND, rowwise="within_entries")
op("ResizeArea",             Family({(0,): "resize_by_area"}))
op("CropAndResize",          Family({(0,): "crop_and_resize"}), batch=REPEATED)
op("ResizeBicubic",          Family({(0,): "resize_with_overshoot"}))
op("ScaleAndTranslate",      Family({(0,): "scale_and_translate"}))

# Complex numbers.
op("Complex",                SUM, straight=ANY, rules={ANY: "join"})
op("Real",                   STRUCTURAL, elementwise=True, straight=ANY)
op("Imag",                   STRUCTURAL, elementwise=True, straight=ANY)
op("Conj",                   STRUCTURAL, elementwise=True, straight=ANY)
op("ComplexAbs",             Family({ANY: "take_size"}, elementwise=True))
op("Angle",                  Family({ANY: "take_angle"}, elementwise=True))
op("FFT",                    TRANSFORM)
op("FFT2D",                  TRANSFORM)
op("FFT3D",                  TRANSFORM)
op("IFFT",                   TRANSFORM)
op("IFFT2D",                 TRANSFORM)
op("IFFT3D",                 TRANSFORM)
op("RFFT",                   TRANSFORM, expansion="transform_whole_length")
op("RFFT2D",                 TRANSFORM, expansion="transform_whole_length")
op("IRFFT",                  TRANSFORM, expansion="transform_whole_length")
op("IRFFT2D",                TRANSFORM, expansion="transform_whole_length")
op("FFTND",                  OTHER, expansion="transform_along_axes")
op("IFFTND",                 OTHER, expansion="transform_along_axes")
op("RFFT3D",                 OTHER, expansion="transform_along_axes")
op("IRFFT3D",                OTHER, expansion="transform_along_axes")

# Derivatives of other ops, as functions of two tensors.
op("EluGrad",                DERIVATIVE, jumps=True)
op("InvGrad",                DERIVATIVE)
op("LeakyReluGrad",          DERIVATIVE, jumps=True)
op("ReciprocalGrad",         DERIVATIVE)
op("Relu6Grad",              DERIVATIVE, jumps=True)
op("ReluGrad",               DERIVATIVE, jumps=True)
op("RsqrtGrad",              DERIVATIVE, domain=PARTIAL)
op("SeluGrad",               DERIVATIVE, jumps=True)
op("SigmoidGrad",            DERIVATIVE)
op("SoftplusGrad",           DERIVATIVE)
op("SoftsignGrad",           OTHER, expansion="divide_by_square")
op("SqrtGrad",               DERIVATIVE, domain=POLE)
op("TanhGrad",               DERIVATIVE)
op("AvgPoolGrad",            Family({(1,): "apply_again"}))
op("AvgPool3DGrad",          Family({(1,): "apply_again"}))
op("MirrorPadGrad",          STRUCTURAL)
op("StridedSliceGrad",       Family({(4,): "apply_again"}))

# Joins of several tensors.
op("ConcatV2",               JOIN, hands_on=MOVED, axis=-1, on_windows="concatenate", rowwise="along_axes")
op("Pack",                   JOIN, hands_on=MOVED, batch=INSERTED, rowwise="stacks")
op("PadV2",                  JOIN, on_windows="pad", rowwise="paddings")
op("DynamicStitch",          JOIN, why_not=PARTS)
op("ParallelDynamicStitch",  JOIN, why_not=PARTS)
op("TensorScatterAdd",       SCATTER_INTO_FIRST, places=1, columns=True)
op("TensorScatterUpdate",    SCATTER_INTO_FIRST, places=1, columns=True)

# Lists of tensors.
op("TensorListFromTensor",   LIST_FROM_TENSOR, list_task=MADE)
op("TensorListGather",       ITEM_OF_LIST, list_task=GATHERED, element_shape=2)
op("TensorListStack",        ITEM_OF_LIST, list_task=STACKED, element_shape=1)
op("TensorListGetItem",      ITEM_OF_LIST, list_task=TAKEN, element_shape=2)
op("TensorListPopBack",      OTHER, list_task=TAKEN)
op("TensorListPushBack",     LIST_WITH_ITEM, list_task=SET)
op("TensorListSetItem",      LIST_WITH_ITEM, list_task=SET)

# Functions of many elements.
op("MaxPool",                POOLED_MAXIMUM, on_windows="pool", rowwise="within_entries")
op("MaxPool3D",              POOLED_MAXIMUM, rowwise="within_entries")
op("MaxPoolWithArgmax",      POOLED_MAXIMUM)
op("Max",                    Family({(0,): "take_maximum"}), batch=REDUCED, on_windows="take_maximum",
                             rowwise="along_axes")
op("Min",                    Family({(0,): "take_minimum"}), batch=REDUCED, rowwise="along_axes")
op("TopKV2",                 Family({(0,): "take_largest"}))
op("ArgMax",                 Family({(0,): "take_place_of_winner"}), batch=REDUCED, rounds=True, rowwise="along_axes")
op("ArgMin",                 Family({(0,): "take_place_of_winner"}), batch=REDUCED, rounds=True, rowwise="along_axes")
op("Softmax",                SOFTMAX, takes_logits=True, on_windows="apply_within", rowwise="along_last_axis")
op("LogSoftmax",             SOFTMAX, takes_logits=True, on_windows="apply_within", rowwise="along_last_axis")
op("All",                    Family({(0,): "take_minimum"}), batch=REDUCED, rowwise="along_axes")
op("Any",                    Family({(0,): "take_maximum"}), batch=REDUCED, rowwise="along_axes")
op("Prod",                   Family({(0,): "multiply_together"}), batch=REDUCED, rowwise="along_axes")
op("Cumprod",                Family({(0,): "multiply_cumulatively"}), axis=1, rowwise="along_axes")
op("MatrixInverse",          Family({(0,): "invert"}))
op("MatrixSolve",            EQUATIONS)
op("MatrixTriangularSolve",  EQUATIONS)
op("Cholesky",               Family({(0,): "factorise"}))
op("MatrixDeterminant",      Family({(0,): "take_determinant"}))
op("LogMatrixDeterminant",   OTHER, why_not=A_DECOMPOSITION)
op("SelfAdjointEigV2",       OTHER, why_not=A_DECOMPOSITION)
op("Qr",                     OTHER, why_not=A_DECOMPOSITION)
op("Svd",                    OTHER, why_not=A_DECOMPOSITION)
op("Where",                  OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("Unique",                 OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("UniqueV2",               OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("UniqueWithCounts",       OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("UniqueWithCountsV2",     OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("DynamicPartition",       OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("ListDiff",               OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("Range",                  OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("NonMaxSuppressionV3",    OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("NonMaxSuppressionV4",    OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("NonMaxSuppressionV5",    OPEN_RESULT, why_not=NUMBER_OF_RESULTS)
op("SegmentMax",             OTHER, why_not=SEGMENTS,
                             expansion="reduce_each_segment")
op("SegmentMin",             OTHER, why_not=SEGMENTS,
                             expansion="reduce_each_segment")
op("UnsortedSegmentMax",     OTHER, why_not=SEGMENTS,
                             expansion="reduce_each_segment")
op("UnsortedSegmentMin",     OTHER, why_not=SEGMENTS,
                             expansion="reduce_each_segment")
op("DenseBincount",          OTHER, expansion="count_one_hot")
op("Cross",                  OTHER, expansion="multiply_crosswise")
op("Empty",                  OTHER, expansion="fill_with_zeros")

# Ops without a difference.
op("Shape",                  SHAPE, shape_only=True)
op("ShapeN",                 SHAPE, shape_only=True)
op("Size",                   SHAPE, shape_only=True)
op("Rank",                   SHAPE, shape_only=True)
op("TensorListLength",       SHAPE, shape_only=True)
op("TensorListElementShape", SHAPE, shape_only=True)
op("ZerosLike",              FILL, straight=ANY, shape_only=True)
op("OnesLike",               FILL, straight=ANY, shape_only=True)
op("Const",                  SOURCE, constant=True)
op("ReadVariableOp",         SOURCE, constant=True, reads_state=True, dense=True)
op("VarHandleOp",            SOURCE, reads_state=True)
op("LookupTableSizeV2",      SOURCE, reads_state=True)
op("Variable",               SESSION_VARIABLE)
op("VariableV2",             SESSION_VARIABLE)

# Changes of variables and tables.
op("AssignVariableOp",       OTHER, changes_state=True)
op("AssignAddVariableOp",    OTHER, changes_state=True)
op("AssignSubVariableOp",    OTHER, changes_state=True)
op("ResourceScatterAdd",     OTHER, changes_state=True)
op("ResourceScatterDiv",     OTHER, changes_state=True)
op("ResourceScatterMax",     OTHER, changes_state=True)
op("ResourceScatterMin",     OTHER, changes_state=True)
op("ResourceScatterMul",     OTHER, changes_state=True)
op("ResourceScatterNdAdd",   OTHER, changes_state=True)
op("ResourceScatterNdMax",   OTHER, changes_state=True)
op("ResourceScatterNdMin",   OTHER, changes_state=True)
op("ResourceScatterNdSub",   OTHER, changes_state=True)
op("ResourceScatterNdUpdate",OTHER, changes_state=True)
op("ResourceScatterSub",     OTHER, changes_state=True)
op("ResourceScatterUpdate",  OTHER, changes_state=True)
op("ResourceStridedSliceAssign",OTHER, changes_state=True)
op("LookupTableInsertV2",    OTHER, changes_state=True)
op("LookupTableRemoveV2",    OTHER, changes_state=True)

# Random numbers without effects.
op("StatelessRandomUniform",                 RANDOM)
op("StatelessRandomUniformV2",               RANDOM)
op("StatelessRandomUniformInt",              RANDOM)
op("StatelessRandomUniformIntV2",            RANDOM)
op("StatelessRandomUniformFullInt",          RANDOM)
op("StatelessRandomUniformFullIntV2",        RANDOM)
op("StatelessRandomNormal",                  RANDOM)
op("StatelessRandomNormalV2",                RANDOM)
op("StatelessTruncatedNormal",               RANDOM)
op("StatelessTruncatedNormalV2",             RANDOM)
op("StatelessParameterizedTruncatedNormal",  RANDOM)
op("StatelessRandomBinomial",                RANDOM)
op("StatelessRandomGammaV2",                 RANDOM)
op("StatelessRandomGammaV3",                 RANDOM)
op("StatelessRandomPoisson",                 RANDOM)
op("StatelessMultinomial",                   RANDOM)

# Aliases and control flow.
op("IdentityN",              OTHER, alias=True)
op("StopGradient",           OTHER, alias=True, held=True)
op("PreventGradient",        OTHER, alias=True)
op("CheckNumerics",          OTHER, alias=True)
op("Snapshot",               OTHER, alias=True)
op("PartitionedCall",        CALL)
op("StatefulPartitionedCall", CALL)
op("While",                  LOOP)
op("StatelessWhile",         LOOP)
op("If",                     BRANCH, why_not=A_BRANCH)
op("StatelessIf",            BRANCH, why_not=A_BRANCH)
op("Case",                   BRANCH, why_not=A_BRANCH)
op("StatelessCase",          BRANCH, why_not=A_BRANCH)
# fmt: on
