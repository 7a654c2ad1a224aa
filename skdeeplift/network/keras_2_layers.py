"""Layers and activations of Keras 2 that Keras 3 lacks or computes in another way."""

import itertools
import math

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("skdeeplift")
def hard_sigmoid_of_keras_2(x):
    """Compute ``clip(0.2 x + 0.5, 0, 1)``; the hard sigmoid of Keras 3 is ``clip(x / 6 + 0.5, 0, 1)``."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


class _LocallyConnected(keras.Layer):
    """Convolution with separate weights at every position.

    Parameters
    ----------
    filters : int
        Number of channels of the output.
    kernel_size, strides : int or list of int
        Size of a window and the steps between windows, along each axis.
    padding : {"valid", "same"}
        Whether windows that extend beyond the input are left out ("valid") or cut ("same").
    data_format : {"channels_last", "channels_first"}
        Position of the axis of channels.
    activation : str, dict or callable, default=None
        Activation, as in every Keras layer.
    use_bias : bool, default=True
        Whether to add a bias for every position and channel.
    implementation : {1, 2, 3}, default=1
        Form of the kernel: windows (1), a whole matrix with unused entries (2), or only the used entries of this matrix
        (3).
    **kwargs : dict
        Parameters of every layer.
    """

    rank = None

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        activation=None,
        use_bias=True,
        implementation=1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if padding not in ("valid", "same") or implementation not in (1, 2, 3):
            raise ValueError(f"Received padding={padding!r} and implementation={implementation!r}")
        self.filters, self.padding, self.use_bias, self.implementation = filters, padding, use_bias, implementation
        self.kernel_size, self.strides = self._sizes(kernel_size), self._sizes(strides)
        self.data_format = data_format or "channels_last"
        self.activation = keras.activations.get(activation)

    def _sizes(self, value):
        return tuple(value) if isinstance(value, (list, tuple)) else (value,) * self.rank

    def get_config(self):
        """Return the arguments of ``__init__``."""
        names = ("filters", "kernel_size", "strides", "padding", "data_format", "use_bias", "implementation")
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), **own, "activation": keras.activations.serialize(self.activation)}

    def build(self, input_shape):
        """Make the weights in the form of the implementation."""
        first = self.data_format == "channels_first"
        self.channels = input_shape[1 if first else -1]
        self.inputs = tuple(input_shape[2:] if first else input_shape[1:-1])
        if None in (self.channels, *self.inputs):
            raise ValueError(f"Layer {self.name!r} needs an input of known size.")
        sizes = zip(self.inputs, self.kernel_size, self.strides, strict=True)
        if self.padding == "valid":
            self.outputs = tuple((size - kernel) // step + 1 for size, kernel, step in sizes)
        else:
            self.outputs = tuple(math.ceil(size / step) for size, _, step in sizes)
        n_outputs = math.prod(self.outputs)
        if self.implementation == 1:
            shape = (n_outputs, math.prod(self.kernel_size) * self.channels, self.filters)
        elif self.implementation == 2:
            shape = (*self._order(self.inputs, self.channels), *self._order(self.outputs, self.filters))
        else:
            shape = (len(self._entries()),)
        self.kernel = self.add_weight(shape=shape, name="kernel")
        self.bias = self.add_weight(shape=(*self.outputs, self.filters), name="bias") if self.use_bias else None

    def _order(self, positions, channels):
        return (channels, *positions) if self.data_format == "channels_first" else (*positions, channels)

    def _windows(self):
        """List the flat positions of the inputs of each output."""
        for output in itertools.product(*map(range, self.outputs)):
            ranges = []
            axes = zip(output, self.inputs, self.kernel_size, self.strides, strict=True)
            for place, size, kernel, step in axes:
                start = place * step - (kernel // 2 if self.padding == "same" else 0)
                ranges.append(range(max(0, start), min(size, start + kernel)))
            yield [np.ravel_multi_index(each, self.inputs) for each in itertools.product(*ranges)]

    def _entries(self):
        """List the used (output, input) entries of the whole matrix, in the order of storage."""
        numbers = np.arange(math.prod(self.outputs) * self.filters).reshape(self._order(self.outputs, self.filters))
        of_inputs = np.arange(math.prod(self.inputs) * self.channels).reshape(self._order(self.inputs, self.channels))
        if self.data_format == "channels_first":
            numbers, of_inputs = np.moveaxis(numbers, 0, -1), np.moveaxis(of_inputs, 0, -1)
        numbers, of_inputs = numbers.reshape(-1, self.filters), of_inputs.reshape(-1, self.channels)
        pairs = zip(numbers, self._windows(), strict=True)
        return sorted(pair for output, window in pairs for pair in itertools.product(output, of_inputs[window].ravel()))

    def call(self, inputs):
        """Multiply each window by its kernel."""
        first = self.data_format == "channels_first"
        n_outputs = math.prod(self.outputs) * self.filters
        flat = tf.reshape(inputs, (-1, math.prod(self.inputs) * self.channels))
        if self.implementation == 1:
            windows = np.array(list(self._windows()))
            shape = (-1, *self._order((math.prod(self.inputs),), self.channels))
            patches = tf.gather(tf.reshape(inputs, shape), windows, axis=2 if first else 1)
            if first:
                patches = tf.transpose(patches, (0, 2, 1, 3))
            patches = tf.reshape(patches, (-1, len(windows), self.kernel.shape[1]))
            outputs = tf.einsum("bok,okf->b" + ("fo" if first else "of"), patches, self.kernel.value)
        elif self.implementation == 2:
            mask = np.zeros((n_outputs, flat.shape[1]), np.float32)
            mask[tuple(np.transpose(self._entries()))] = 1
            outputs = tf.matmul(flat, tf.reshape(self.kernel.value, mask.T.shape) * tf.cast(mask.T, flat.dtype))
        else:
            entries = np.array(self._entries(), np.int32)
            kernel = tf.scatter_nd(entries, self.kernel.value, (n_outputs, flat.shape[1]))
            outputs = tf.matmul(flat, kernel, transpose_b=True)
        outputs = tf.reshape(outputs, (-1, *self._order(self.outputs, self.filters)))
        if self.bias is not None:
            # For channels first, Keras 2 reshapes the bias and does not transpose it.
            outputs += tf.reshape(self.bias.value, (1, *self._order(self.outputs, self.filters)))
        return self.activation(outputs)


@keras.saving.register_keras_serializable("skdeeplift")
class LocallyConnected1D(_LocallyConnected):
    """Convolution along one axis with separate weights at every position."""

    rank = 1


@keras.saving.register_keras_serializable("skdeeplift")
class LocallyConnected2D(_LocallyConnected):
    """Convolution along two axes with separate weights at every position."""

    rank = 2


@keras.saving.register_keras_serializable("skdeeplift")
class ThresholdedReLU(keras.Layer):
    """Activation that keeps numbers above a threshold and is zero elsewhere.

    Parameters
    ----------
    theta : float, default=1.0
        The threshold.
    **kwargs : dict
        Parameters of every layer.
    """

    def __init__(self, theta=1.0, **kwargs):
        super().__init__(**kwargs)
        self.theta = float(theta)
        self.supports_masking = True

    def call(self, inputs):
        """Keep numbers above the threshold, and set others to zero."""
        return tf.where(inputs > self.theta, inputs, tf.zeros_like(inputs))

    def get_config(self):
        """Return the arguments of ``__init__``."""
        return {**super().get_config(), "theta": self.theta}
