"""Products of differences and slopes; the way back computes the slopes again instead of keeping them in memory."""

import functools
from contextvars import ContextVar

import tensorflow as tf

from skdeeplift.network import devices
from skdeeplift.network.compat import NOT_INLINED
from skdeeplift.network.compiled import compiled, may_use_xla
from skdeeplift.network.late_compilation import call_early_or_late, is_compiled_late


class Kernel:
    """Function of tensors that is traced once for all shapes.

    For large tensors the function is compiled for their shapes. Each operation by itself would write all pairs to
    memory again.

    Parameters
    ----------
    function : callable
        Function from tensors to a tuple of tensors. The results have the shape that the tensors are broadcast to,
        unless a call says otherwise.
    """

    def __init__(self, function):
        # TensorFlow would optimise an inlined function anew at each of hundreds of places.
        self._function = compiled(function, attributes=NOT_INLINED)
        self._plain, self._by_xla = {}, {}

    def __call__(self, *tensors, shapes=None):
        """Create one op that calls the function; ``shapes`` are the shapes of its results, if these differ."""
        shape = _broadcast_shape(tensors) if shapes is None else tf.TensorShape(shapes[0])
        if shape.is_fully_defined() and shape.num_elements() >= devices.choices().large and may_use_xla():
            results = self._call_large(shape.num_elements(), tensors)
        else:
            results = self._trace(tensors)(*tensors)
        for tensor, known in zip(results, shapes or [shape] * len(results), strict=True):
            tensor.set_shape(known)
        return tuple(results)

    def _call_large(self, elements, tensors):
        by_xla = self._trace_for_xla(tensors)
        if is_compiled_late(elements):
            return call_early_or_late(self._trace(tensors), by_xla, list(tensors))
        return by_xla(*tensors)

    def _trace(self, tensors):
        dtypes = tuple(tensor.dtype for tensor in tensors)
        if dtypes not in self._plain:
            self._plain.setdefault(dtypes, self._function.get_concrete_function(*_of_all_shapes(dtypes)))
        return self._plain[dtypes]

    def _trace_for_xla(self, tensors):
        dtypes = tuple(tensor.dtype for tensor in tensors)
        if dtypes not in self._by_xla:
            # Calling the traced function is faster than tracing it again. An op that chooses between functions runs
            # their ops itself, so the function for XLA is one of the ops.
            plain = self._trace(tensors)
            by_xla = compiled(plain, jit_compile=True)
            within = compiled(by_xla)
            self._by_xla.setdefault(dtypes, within.get_concrete_function(*_of_all_shapes(dtypes)))
        return self._by_xla[dtypes]


class RecomputedProduct:
    """Sum of differences, each times a slope that depends on values of the first two streams.

    Parameters
    ----------
    name : str
        Unique name for the gradient.
    slopes : callable
        Function from values of the first two streams to one slope, or to one slope for each difference.
    number : int, default=1
        Number of differences.
    keep : callable, default=None
        Function from an incoming multiplier to the part of it that is kept.
    """

    def __init__(self, name, slopes, number=1, keep=None):
        self.name, self.slopes, self.number = name, slopes, number

        def products(incoming, *values):
            incoming = incoming if keep is None else keep(incoming)
            return tuple(incoming * tf.math.conj(slope) for slope in self._slopes(values))

        kernel = Kernel(products)
        # Function from values to the slopes as a tuple.
        self.slopes_of = Kernel(lambda *values: self._slopes(values))
        self._name_of_known = f"{name}OfKnownSlopes"

        @register_gradient(name)
        def gradient(op, incoming, *_):
            values = op.inputs[1 + number :]
            return [None, *kernel(incoming, *values), *[None] * len(values)]

        @register_gradient(self._name_of_known)
        def gradient_of_known(op, incoming, *_):
            incoming, slopes = incoming if keep is None else keep(incoming), op.inputs[1 + number :]
            return [None, *(incoming * tf.math.conj(slope) for slope in slopes), *[None] * number]

        self._forward = Kernel(lambda *tensors: (self._sum(*tensors),))

    def forward(self, *tensors):
        """Return the sum without a gradient."""
        return self._forward(*tensors)[0]

    def linear(self, *tensors):
        """Return the sum with the gradient that computes slopes again."""
        return self.in_place_of(self._sum(*tensors), *tensors)

    def gradient_only(self, *tensors):
        """Return a tensor with the shape of the sum and the gradient of `linear`."""
        return self.in_place_of(self.shape_only(*tensors), *tensors)

    def of_known_slopes(self, *tensors):
        """Return the same as `gradient_only`, for differences and slopes instead of differences and values."""
        result, slopes = self.shape_only(*tensors), tensors[self.number :]
        differences = [_broadcast_like(tensor, result) for tensor in tensors[: self.number]]
        return with_gradient(self._name_of_known, result, *differences, *slopes)

    def shape_only(self, *tensors):
        """Return a tensor with the shape of the sum, for readers of its shape alone."""
        return _broadcast(tensors[0], _broadcast_shape(tensors))

    def in_place_of(self, result, *tensors):
        """Return a result that was computed in another way, with the gradient of the sum."""
        differences = [_broadcast_like(tensor, result) for tensor in tensors[: self.number]]
        return with_gradient(self.name, result, *differences, *tensors[self.number :])

    def _sum(self, *tensors):
        differences, values = tensors[: self.number], tensors[self.number :]
        return sum(tensor * slope for tensor, slope in zip(differences, self._slopes(values), strict=True))

    def _slopes(self, values):
        slopes = self.slopes(*values)
        return slopes if isinstance(slopes, tuple) else (slopes,)


# Whether multipliers are being propagated. Only then do rules have gradients of their own.
_propagates = ContextVar("skdeeplift_propagates", default=False)


def propagate(outputs, of_outputs, values):
    """Differentiate tensors, as `tf.gradients` does, by the gradients of the rules.

    Whoever differentiates multipliers again, by weights of the network, gets the derivatives of the functions that the
    ops compute.
    """
    token = _propagates.set(True)
    try:
        return tf.gradients(outputs, values, of_outputs)
    finally:
        _propagates.reset(token)


def register_gradient(name):
    """Return a decorator of the gradient of a rule, which only `propagate` takes."""

    def decorate(function):
        @tf.RegisterGradient(name)
        def gradient(op, *incoming):
            return function(op, *incoming) if _propagates.get() else list(incoming)

        return function

    return decorate


def with_gradient(name, result, *tensors):
    """Return a result with a registered gradient, whose op has ``tensors`` as further inputs."""
    with tf.compat.v1.get_default_graph().gradient_override_map({"IdentityN": name}):
        return tf.raw_ops.IdentityN(input=[result, *tensors])[0]


def _of_all_shapes(dtypes):
    return [tf.TensorSpec(None, dtype) for dtype in dtypes]


def _broadcast(tensor, shape):
    return tensor if tensor.shape == shape else tf.broadcast_to(tensor, shape)


def _broadcast_like(tensor, like):
    if tensor.shape == like.shape or like.shape.is_fully_defined():
        return _broadcast(tensor, like.shape)
    return tf.broadcast_to(tensor, tf.shape(like))


def _broadcast_shape(tensors):
    return functools.reduce(tf.broadcast_static_shape, (tensor.shape for tensor in tensors))
