"""Rules for maxima over several elements: one winner per output receives all of the change.

If the maximum at the input is at least the maximum at the reference, the winner is the largest element at the input.
Otherwise it is the largest element at the reference. Its coefficient ``(x_out - r_out) / delta_winner`` lies in [0, 1].
Contributions therefore sum to the change even if windows overlap or elements tie; the gradient at the input does not
ensure that.
"""

import math
from functools import cache, partial

import numpy as np
import tensorflow as tf

from skdeeplift.propagation.pairing import Purpose
from skdeeplift.propagation.rules.products import Kernel, RecomputedProduct, register_gradient, with_gradient
from skdeeplift.propagation.rules.rescale import divide_or, nearly_zero
from skdeeplift.propagation.rules.table import RuleTable
from skdeeplift.propagation.rules.winners import places_of_largest

MAXIMA = RuleTable("maximum over elements")
_INDEX = tf.int64


@MAXIMA.rule
def take_maxima_of_windows(op, differences, coefficient):
    """Give the change of each window's maximum to its winner."""
    window = _separate_window(op)
    if window is not None:
        return [_in_windows(op, differences[0], window), *[None] * (len(op.outputs) - 1)]
    return [*_to_winners(op, differences[0], _pool_winners), *[None] * (len(op.outputs) - 1)]


@MAXIMA.rule
def take_maximum(op, differences, coefficient):
    """Give the change of the maximum over axes to its winner."""
    return _to_winners(op, differences[0], _reduction_winners)


@MAXIMA.rule
def take_minimum(op, differences, coefficient):
    """Give the change of the minimum over axes to its winner; it is the maximum of the negative values."""
    return _to_winners(op, differences[0], _reduction_winners, sign=-1)


@MAXIMA.rule
def take_largest(op, differences, coefficient):
    """Give the change of each of the ``k`` largest elements along the last axis to a winner.

    Suppose that the value of rank ``j`` is at least as large at the input as at the reference. Then one of the ``j``
    largest elements at the input is, at the reference, not larger than the value of rank ``j`` there. The winner is
    the smallest of these ``j`` elements at the reference. Otherwise input and reference change places.

    The places of these elements change with their order; see `skdeeplift.propagation.rules.winners`.
    """
    source, output = op.inputs[0], op.outputs[0]
    at_input, at_reference = op.at_both_ends(source)
    out_x, out_r = op.at_both_ends(output)
    batch = len(at_input.shape) - 1
    number = out_x.shape[-1]

    def winners(ranked, other):
        places = tf.math.top_k(ranked, number).indices
        among = tf.gather(other, places, batch_dims=batch)[..., None, :]
        earlier = tf.linalg.band_part(tf.ones((number, number), tf.bool), -1, 0)
        smallest = tf.argmin(tf.where(earlier, among, among.dtype.max), -1)
        return tf.gather(places, smallest, batch_dims=batch)

    chosen = tf.where(out_x >= out_r, winners(at_input, at_reference), winners(at_reference, at_input))
    share = _share(out_x - out_r, *(tf.gather(values, chosen, batch_dims=batch) for values in (at_input, at_reference)))
    are_places_read = op.step.op.definition.outputs[1].consumers()
    places = places_of_largest(op, differences[0], coefficient) if are_places_read else None
    return [share * tf.gather(differences[0], chosen, batch_dims=batch), places]


def _to_winners(op, difference, find_winners, sign=1):
    source, output = op.inputs[0], op.outputs[0]
    at_input, at_reference = op.at_input[source], op.at_reference[source]
    winners_x = find_winners(op, at_input, op.at_input[output])
    winners_r = find_winners(op, at_reference, op.at_reference[output])
    grows = op.combine(lambda out_x, out_r: sign * (out_x - out_r) >= 0, output)
    winners = tf.where(
        grows,
        op.combine(tf.identity, at_input=(winners_x,)),
        op.combine(tf.identity, at_reference=(winners_r,)),
    )
    shape, pairing = tuple(winners.shape), op.pairing

    def winning(values, lead):
        """Return the winners' values for all pairs, from values of a stream with the axes ``lead``."""
        places = winners
        if not op.is_at_pair_size:
            entries = pairing.entries(lead, shape[0] // pairing.size)
            places = tf.reshape(winners, (shape[0], -1)) + entries[:, None] * math.prod(values.shape[1:])
        return tf.reshape(tf.gather(tf.reshape(values, [-1]), places), shape)

    change = op.combine(lambda out_x, out_r: out_x - out_r, output)
    winner_x = winning(at_input, (*pairing.input_lead, 1))
    winner_r = winning(at_reference, (*pairing.reference_lead, 1))
    share = _share(change, winner_x, winner_r)
    return [share * winning(difference, pairing.lead)]


def _separate_window(op):
    """Return height and width of windows that neither overlap nor leave the image, or None if they may do so."""
    sizes, strides = op.attribute("ksize"), op.attribute("strides")
    channels_last = op.type != "MaxPool3D" and _data_format(op) == "NHWC"
    if not channels_last or sizes != strides or sizes[0] != 1 or sizes[3] != 1:
        return None
    image = op.inputs[0].shape[1:3]
    whole = image.is_fully_defined() and all(size % of == 0 for size, of in zip(image, sizes[1:3], strict=True))
    return tuple(sizes[1:3]) if whole or op.attribute("padding") == b"VALID" else None


def _in_windows(op, difference, window):
    """Do the same as `_to_winners` for windows that share no element, in one compiled pass."""
    images = dict(at_input=[op.at_input[op.inputs[0]]], at_reference=[op.at_reference[op.inputs[0]]])
    if op.streams.purpose is Purpose.GRADIENT:
        return op.combine(partial(_gradient_only, window), **images, differences=[difference])
    images = {name: [_cut(window, image) for image in of_name] for name, of_name in images.items()}
    shared_out = op.combine(_shares_of(window).linear, **images, differences=[_cut(window, difference)])
    return tf.reduce_sum(shared_out, (-4, -2))


def _sizes(tensor):
    """List the sizes of a tensor's axes, as numbers if they are known."""
    return [tf.shape(tensor)[axis] if size is None else size for axis, size in enumerate(tensor.shape)]


def _cut(window, image):
    """Cut images into windows: ``(..., rows, height, columns, width, channels)``."""
    *lead, image_height, image_width, channels = _sizes(image)
    (height, width), rows, columns = window, image_height // window[0], image_width // window[1]
    inside = image[..., : rows * height, : columns * width, :]
    return tf.reshape(inside, [*lead, rows, height, columns, width, channels])


def _join(windows, like):
    """Join windows to images of the shape of ``like``, with zeros at the end where no window is."""
    *lead, rows, height, columns, width, channels = _sizes(windows)
    *_, image_height, image_width, _ = _sizes(like)
    inside = tf.reshape(windows, [*lead, rows * height, columns * width, channels])
    if like.shape.is_fully_defined() and inside.shape[-3:] == like.shape[-3:]:
        return inside
    ends = [*[0] * len(lead), image_height - rows * height, image_width - columns * width, 0]
    return tf.pad(inside, [[0, end] for end in ends])


def _gradient_only(window, difference, at_input, at_reference):
    """Return zeros in the shape of the maximum, with its gradient."""
    (height, width), shape = window, difference.shape
    result = tf.zeros((*shape[:-3], shape[-3] // height, shape[-2] // width, shape[-1]), difference.dtype)
    return with_gradient(_name_of_gradient(window), result, difference, at_input, at_reference)


@cache
def _name_of_gradient(window):
    """Register a gradient for windows of one size; it goes from maxima to images in one pass without a copy."""
    name = f"SkdeepliftMaximaOfWindows{window[0]}x{window[1]}"
    kernel = Kernel(lambda incoming, *at_both: (incoming * _shares_in_windows(window, *at_both),))

    @register_gradient(name)
    def gradient(op, incoming, *_):
        _, difference, *images = op.inputs
        at_both = [_cut(window, image) for image in images]
        *lead, rows, columns, channels = _sizes(incoming)
        of_all = tf.broadcast_static_shape(*(image.shape for image in images))
        if incoming.shape[:-3].is_fully_defined() and incoming.shape[:-3] == of_all[:-3]:
            [inside] = kernel(tf.reshape(incoming, [*lead, rows, 1, columns, 1, channels]), *at_both)
        else:
            # One leading axis: TensorFlow multiplies no tensors in which more than six axes differ alternately.
            [shares] = _shares_of(window).slopes_of(*at_both)
            shape = [rows, window[0], columns, window[1], channels]
            shares = tf.reshape(tf.broadcast_to(shares, [*lead, *shape]), [-1, *shape])
            shared_out = shares * tf.reshape(incoming, [-1, rows, 1, columns, 1, channels])
            inside = tf.reshape(shared_out, [*lead, *shape])
        return [None, _join(inside, difference), None, None]

    return name


def _shares_in_windows(window, at_input, at_reference):
    """Return the coefficient of each element; it is zero for all elements but the winner of the window."""
    (height, width), axes = window, (-4, -2)
    places = np.arange(height * width, dtype=np.int32).reshape(height, 1, width, 1)
    out_x, out_r = (tf.reduce_max(values, axes, keepdims=True) for values in (at_input, at_reference))

    def winners(values, maximum):
        return tf.reduce_min(tf.where(values == maximum, places, height * width), axes, keepdims=True)

    winner = tf.where(out_x >= out_r, winners(at_input, out_x), winners(at_reference, out_r))
    share = _share(out_x - out_r, at_input, at_reference)
    return tf.where(places == winner, share, tf.zeros_like(share))


@cache
def _shares_of(window):
    """Return the product of differences with the coefficients in windows of one size."""
    return RecomputedProduct(f"SkdeepliftShareInWindow{window[0]}x{window[1]}", partial(_shares_in_windows, window))


def _share(change, winner_x, winner_r):
    """Return the winner's coefficient; it is one if the winner hardly moves, because the maximum then moves with it."""
    delta = winner_x - winner_r
    # The coefficient lies between zero and one, however small the difference is.
    return divide_or(tf.ones_like(delta), tf.abs(delta) < nearly_zero(winner_r, is_small=True), change, delta)


def _pool_winners(op, values, outputs):
    """Return the position of each window's first maximum among the elements of its row."""
    # The "gradient of the gradient" of a maximum picks the elements of another tensor at the winners' places. Here the
    # other tensor holds positions, as floating-point numbers that must be exact.
    elements = math.prod(values.shape if op.is_at_pair_size else values.shape[1:])
    exact = tf.float64 if values.dtype == tf.float64 or elements > 2**24 else tf.float32
    picked = getattr(tf.raw_ops, f"{op.type.removesuffix('WithArgmax')}GradGrad")(
        orig_input=tf.cast(values, exact),
        orig_output=tf.cast(outputs, exact),
        grad=tf.cast(_positions(op, values), exact),
        ksize=op.attribute("ksize"),
        strides=op.attribute("strides"),
        padding=op.attribute("padding").decode(),
        data_format=_data_format(op),
    )
    return tf.cast(picked, _INDEX)


def _data_format(op):
    """Return the order of an op's axes; ``MaxPoolWithArgmax`` has no such attribute."""
    return op.attribute("data_format").decode() if "data_format" in op.step.op.attributes else "NHWC"


def _reduction_winners(op, values, outputs):
    """Return the position of the first element that equals the maximum or minimum."""
    axes = [int(axis) % len(values.shape) for axis in np.ravel(op.static(1))]
    kept = [1 if axis in axes else size for axis, size in enumerate(values.shape)]
    # No element equals a maximum that is NaN. The last position then stands for it.
    last = math.prod(values.shape if op.is_at_pair_size else values.shape[1:]) - 1
    positions = tf.where(values == tf.reshape(outputs, kept), _positions(op, values), last)
    return tf.reshape(tf.reduce_min(positions, axes), outputs.shape)


def _positions(op, values):
    """Return the position of each element in its row, or in the whole tensor if values stand pair by pair."""
    lead = values.shape[0] if op.is_at_pair_size else 1
    positions = tf.range(lead * math.prod(values.shape[1:]), dtype=_INDEX)
    return tf.broadcast_to(tf.reshape(positions, (lead, *values.shape[1:])), values.shape)
