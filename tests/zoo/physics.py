"""Networks of operators and equations, and networks that compute weights or derivatives."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, uniform


def _variables(*shapes):
    generator = np.random.default_rng(6)
    return [tf.Variable(generator.normal(size=shape, scale=0.6).astype("float32")) for shape in shapes]


@architecture()
def deep_operator_network():
    """Branch of a function and trunk of a place (DeepONet)."""

    def build(function, place):
        branch = layers.Dense(6)(layers.Dense(8, activation="tanh")(function))
        trunk = layers.Dense(6, activation="tanh")(layers.Dense(8, activation="tanh")(place))
        return ops.sum(branch * trunk, -1, keepdims=True) + 0.1

    return model_of(build, (10,), (1,)), [normal(10), uniform(1)]


class SpectralConvolution(layers.Layer):
    """Multiplication of the lowest frequencies by complex weights."""

    def build(self, shape):
        scale = keras.initializers.RandomNormal(stddev=0.3)
        self.real = self.add_weight(shape=(4, shape[-1], shape[-1]), initializer=scale, name="real")
        self.imaginary = self.add_weight(shape=(4, shape[-1], shape[-1]), initializer=scale, name="imaginary")

    def call(self, inputs):
        spectrum = tf.signal.rfft(tf.transpose(inputs, (0, 2, 1)))[..., :4]
        product = tf.einsum("bcm,mcd->bdm", spectrum, tf.complex(self.real, self.imaginary))
        return tf.transpose(tf.signal.irfft(tf.pad(product, ((0, 0), (0, 0), (0, 5))), [16]), (0, 2, 1))


@architecture(target=lambda function: function[:, 7, 0])
def fourier_operator():
    """Fourier neural operator (FNO)."""

    def build(function):
        hidden = layers.Dense(4)(function)
        for _ in range(2):
            hidden = ops.gelu(SpectralConvolution()(hidden) + layers.Dense(4)(hidden))
        return layers.Dense(1)(hidden)

    return model_of(build, (16, 1)), normal(16, 1)


class PhysicsInformed(tf.Module):
    """Residual of the heat equation: derivatives of a network with respect to its inputs."""

    def __init__(self):
        super().__init__()
        self.parts = _variables((2, 8), (8,), (8, 1))

    def __call__(self, places):
        inner, bias, outer = self.parts
        with tf.GradientTape() as second:
            second.watch(places)
            with tf.GradientTape() as first:
                first.watch(places)
                value = tf.tanh(places @ inner + bias) @ outer
            slope = first.gradient(value, places)
            along = slope[:, :1]
        curvature = second.gradient(along, places)[:, :1]
        return slope[:, 1:] - 0.1 * curvature


@architecture()
def physics_informed():
    """Residual of an equation with second derivatives (PINN)."""
    return PhysicsInformed(), normal(2)


class Hamiltonian(tf.Module):
    """Change of a state by the gradient of a learned energy."""

    def __init__(self):
        super().__init__()
        self.parts = _variables((2, 8), (8,), (8, 1))

    def __call__(self, state):
        inner, bias, outer = self.parts
        for _ in range(2):
            with tf.GradientTape() as tape:
                tape.watch(state)
                energy = tf.nn.softplus(state @ inner + bias) @ outer
            slope = tape.gradient(energy, state)
            state = state + 0.1 * tf.concat([slope[:, 1:], -slope[:, :1]], -1)
        return state[:, :1]


@architecture()
def hamiltonian_network():
    """Steps along the gradient of an energy (Hamiltonian network)."""
    return Hamiltonian(), normal(2)


@architecture()
def lagrangian_network():
    """Acceleration as the solution of a linear system (Lagrangian network)."""

    def solve(arguments):
        factor, force = arguments
        lower = tf.linalg.band_part(tf.reshape(factor, (-1, 2, 2)), -1, 0)
        mass = tf.matmul(lower, lower, transpose_b=True) + 0.5 * tf.eye(2)
        return tf.linalg.solve(mass, force[..., None])[:, :1, 0]

    def build(state):
        hidden = layers.Dense(8, activation="softplus")(state)
        arguments = [layers.Dense(4)(hidden), layers.Dense(2)(hidden)]
        return layers.Lambda(solve, output_shape=(1,))(arguments)

    return model_of(build, (4,)), normal(4)


@architecture()
def kalman_filter():
    """Kalman filter with learned observations, which inverts matrices."""
    transition = np.array([[1.0, 0.2], [0.0, 0.9]], "float32")

    def filter_(arguments):
        observations, noise = arguments
        mean, covariance = tf.zeros_like(observations[:, 0]), tf.eye(2)[None] + 0 * noise[:, 0, :, None]
        for step in range(3):
            mean = mean @ transition.T
            covariance = transition @ covariance @ transition.T + 0.1 * tf.eye(2)
            gain = covariance @ tf.linalg.inv(covariance + tf.linalg.diag(noise[:, step]))
            mean = mean + tf.squeeze(gain @ (observations[:, step] - mean)[..., None], -1)
            covariance = covariance - gain @ covariance
        return mean[:, :1]

    def build(series):
        arguments = [layers.Dense(2)(series), layers.Dense(2, activation="softplus")(series)]
        return layers.Lambda(filter_, output_shape=(1,))(arguments)

    return model_of(build, (3, 3)), normal(3, 3)


@architecture()
def sine_network():
    """Sines as activations of coordinates (SIREN)."""

    def build(places):
        hidden = ops.sin(6 * layers.Dense(8)(places))
        return layers.Dense(1)(ops.sin(2 * layers.Dense(8)(hidden)))

    return model_of(build, (2,)), uniform(2, low=-1.0)


@architecture()
def radiance_field():
    """Density and colour along a ray, by random Fourier features (NeRF)."""
    frequencies = (2.0 ** np.arange(3)).astype("float32")

    def build(origin, direction):
        depth = np.linspace(0.5, 2, 6).astype("float32")
        points = origin[:, None] + direction[:, None] * depth[:, None]
        phases = ops.reshape(points[..., None] * frequencies, (-1, 6, 9))
        hidden = layers.Dense(8, activation="relu")(ops.concatenate([ops.sin(phases), ops.cos(phases)], -1))
        density, colour = layers.Dense(1, activation="softplus")(hidden), layers.Dense(1, activation="sigmoid")(hidden)
        alpha = 1 - ops.exp(-density * 0.3)
        clear = ops.exp(-0.3 * (ops.cumsum(density, 1) - density))
        return ops.sum(alpha * clear * colour, 1)

    return model_of(build, (3,), (3,)), [normal(3), normal(3, seed=2)]


@architecture()
def hypernetwork():
    """Weights of one network computed by another."""

    def build(inputs, context):
        hidden = layers.Dense(6, activation="tanh")(context)
        kernel, bias = layers.Reshape((4, 5))(layers.Dense(20)(hidden)), layers.Dense(5)(hidden)
        return layers.Dense(1)(ops.relu(ops.einsum("bi,bij->bj", inputs, kernel) + bias))

    return model_of(build, (4,), (3,)), [normal(4), normal(3, seed=2)]


@architecture()
def adapted_layers():
    """Low-rank adapters and feature-wise scales (LoRA, FiLM)."""

    def build(inputs, context):
        scale, shift = layers.Dense(8)(context), layers.Dense(8)(context)
        hidden = layers.Dense(8)(inputs) + layers.Dense(8, use_bias=False)(layers.Dense(2, use_bias=False)(inputs))
        return layers.Dense(1)(ops.relu((1 + scale) * hidden + shift))

    return model_of(build, (5,), (3,)), [normal(5), normal(3, seed=2)]


@architecture()
def dual_numbers():
    """Input gradient of a network as a part of its output (Sobolev, score)."""

    class Score(tf.Module):
        def __init__(self):
            super().__init__()
            self.parts = _variables((4, 8), (8,), (8, 1))

        def __call__(self, inputs):
            inner, bias, outer = self.parts
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                energy = tf.nn.relu(inputs @ inner + bias) ** 2 @ outer
            return energy + tf.reduce_sum(tf.square(tape.gradient(energy, inputs)), -1, keepdims=True)

    return Score(), normal(4)


@architecture()
def differentiable_renderer():
    """Soft discs drawn on a grid, and convolutions on the picture."""
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 6), np.linspace(-1, 1, 6)), -1).astype("float32")

    def build(discs):
        centre, radius = discs[:, :, None, None, :2], ops.softplus(discs[:, :, None, None, 2])
        distance = ops.sqrt(ops.sum(ops.square(centre - grid), -1) + 1e-3)
        drawn = ops.max(ops.sigmoid(4 * (radius - distance)), 1)
        return layers.Dense(1)(
            layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(drawn[..., None]))
        )

    return model_of(build, (3, 3)), normal(3, 3)


@architecture()
def quaternion_network():
    """Rotations by normalised quaternions."""

    def cross(first, second):
        following, last = [1, 2, 0], [2, 0, 1]
        gained = ops.take(first, following, axis=1) * ops.take(second, last, axis=1)
        return gained - ops.take(first, last, axis=1) * ops.take(second, following, axis=1)

    def build(quaternion, point):
        quaternion = layers.UnitNormalization()(quaternion)
        scalar, vector = quaternion[:, :1], quaternion[:, 1:]
        turned = point + 2 * cross(vector, cross(vector, point) + scalar * point)
        return layers.Dense(1)(layers.Dense(6, activation="relu")(turned))

    return model_of(build, (4,), (3,)), [normal(4), normal(3)]


@architecture()
def complex_network():
    """Layers of complex weights, with a threshold on the absolute value (modReLU)."""
    weights = np.random.default_rng(1).normal(size=(2, 4, 4)).astype("float32")

    def call(inputs):
        values = tf.complex(inputs[:, :4], inputs[:, 4:])
        for _ in range(2):
            values = values @ tf.complex(weights[0], weights[1])
            size = tf.abs(values)
            values = values * tf.cast(tf.nn.relu(size - 0.3) / (size + 1e-3), tf.complex64)
        return tf.reduce_sum(tf.math.real(values), -1, keepdims=True) + tf.math.angle(values)[:, :1]

    return model_of(layers.Lambda(call, output_shape=(1,)), (8,)), normal(8)
