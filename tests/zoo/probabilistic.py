"""Networks of likelihoods, survival, order, and generators."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, uniform

DIRECTIONS = np.linalg.qr(np.random.default_rng(8).normal(size=(4, 4)))[0].astype("float32")


def _normal_log_density(values):
    return -0.5 * ops.sum(ops.square(values) + np.log(2 * np.pi), -1, keepdims=True)


@architecture()
def coupling_flow():
    """Log-density of a flow of affine couplings (RealNVP)."""

    def build(values):
        log_determinant = 0.0
        for _ in range(3):
            first, second = values[:, :2], values[:, 2:]
            hidden = layers.Dense(8, activation="relu")(first)
            scale, shift = layers.Dense(2, activation="tanh")(hidden), layers.Dense(2)(hidden)
            values = ops.concatenate([second * ops.exp(scale) + shift, first], -1)
            log_determinant = log_determinant + ops.sum(scale, -1, keepdims=True)
        return _normal_log_density(values) + log_determinant

    return model_of(build, (4,)), normal(4)


class MaskedDense(layers.Dense):
    """Dense layer whose kernel is multiplied by a mask."""

    def __init__(self, units, mask, **arguments):
        super().__init__(units, **arguments)
        self.mask = mask.astype("float32")

    def call(self, inputs):
        return self.activation(ops.matmul(inputs, self.kernel * self.mask) + self.bias)


@architecture()
def autoregressive_flow():
    """Log-density of a masked autoregressive flow (MAF)."""
    degrees = np.array([1, 2, 3] * 3)
    inner = degrees >= np.arange(1, 5)[:, None]
    outer = np.tile(np.arange(1, 5) > degrees[:, None], 2)

    def build(values):
        log_determinant = 0.0
        for _ in range(2):
            hidden = MaskedDense(9, inner, activation="relu")(values)
            shift, scale = ops.split(MaskedDense(8, outer)(hidden), 2, -1)
            scale = ops.tanh(scale)
            values = ((values - shift) * ops.exp(-scale))[:, ::-1]
            log_determinant = log_determinant - ops.sum(scale, -1, keepdims=True)
        return _normal_log_density(values) + log_determinant

    return model_of(build, (4,)), normal(4)


@architecture()
def invertible_convolution_flow():
    """Log-density of a flow with a learned mixing of channels and its determinant (Glow)."""

    class Mix(layers.Layer):
        def build(self, shape):
            start = keras.initializers.Constant(DIRECTIONS + 0.1 * np.eye(4, dtype="float32"))
            self.matrix = self.add_weight(shape=(4, 4), initializer=start, name="matrix")

        def call(self, inputs):
            return ops.matmul(inputs, self.matrix), ops.log(ops.abs(ops.det(self.matrix)))

    def build(values):
        mixed, log_determinant = Mix()(values)
        first, second = mixed[:, :2], mixed[:, 2:]
        scale = layers.Dense(2, activation="sigmoid")(layers.Dense(6, activation="relu")(first)) + 0.5
        second = (second + layers.Dense(2)(first)) * scale
        return (
            _normal_log_density(ops.concatenate([first, second], -1))
            + ops.sum(ops.log(scale), -1, keepdims=True)
            + log_determinant
        )

    return model_of(build, (4,)), normal(4)


@architecture()
def spline_flow():
    """Log-density of a flow of piecewise linear splines, whose bins are looked up."""

    def transform(arguments):
        value, heights = arguments
        value = tf.clip_by_value(tf.sigmoid(value), 1e-3, 1 - 1e-3)
        probabilities = tf.nn.softmax(heights)
        cumulative = tf.pad(tf.cumsum(probabilities, -1), ((0, 0), (1, 0)))
        number = tf.cast(tf.floor(value * 5), tf.int32)
        density = tf.gather(probabilities, number, axis=1, batch_dims=1)
        start = tf.gather(cumulative, number, axis=1, batch_dims=1)
        return tf.concat([start + density * (value * 5 - tf.floor(value * 5)), tf.math.log(5 * density)], -1)

    def build(values):
        heights = layers.Dense(5)(layers.Dense(6, activation="relu")(values[:, :1]))
        both = layers.Lambda(transform, output_shape=(2,))([values[:, 1:], heights])
        return both[:, :1] + both[:, 1:] + _normal_log_density(values[:, :1])

    return model_of(build, (2,)), normal(2)


@architecture()
def planar_flow():
    """Log-density of planar maps."""

    def build(values):
        log_determinant = 0.0
        for number in range(3):
            direction = DIRECTIONS[number]
            inner = ops.tanh(layers.Dense(1)(values))
            log_determinant = log_determinant + ops.log(ops.abs(1.5 + 0.3 * (1 - ops.square(inner))))
            values = values + inner * direction * 0.5
        return _normal_log_density(values) + log_determinant

    return model_of(build, (4,)), normal(4)


@architecture()
def variational_autoencoder():
    """Evidence bound at the latent mean (VAE)."""

    def build(inputs):
        hidden = layers.Dense(8, activation="relu")(inputs)
        mean, log_variance = layers.Dense(2)(hidden), layers.Dense(2)(hidden)
        decoded = layers.Dense(6)(layers.Dense(8, activation="relu")(mean))
        error = ops.sum(ops.square(inputs - decoded), -1, keepdims=True)
        divergence = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1, -1, keepdims=True)
        return -error - divergence

    return model_of(build, (6,)), normal(6)


@architecture(refusal="random")
def sampled_autoencoder():
    """Autoencoder that draws its latent values at each call, at random."""

    def build(inputs):
        mean = layers.Dense(2)(layers.Dense(6, activation="relu")(inputs))
        drawn = layers.Lambda(lambda m: m + tf.random.normal(tf.shape(m)), output_shape=(2,))(mean)
        return layers.Dense(1)(drawn)

    return model_of(build, (5,)), normal(5)


@architecture()
def reconstruction_error():
    """Error of an autoencoder as a score of anomalies."""

    def build(image):
        hidden = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
        hidden = layers.Conv2D(2, 3, strides=2, padding="same", activation="relu")(hidden)
        hidden = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(hidden)
        decoded = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(hidden)
        return ops.mean(ops.square(image - decoded), (1, 2, 3))[:, None]

    return model_of(build, (8, 8, 1)), uniform(8, 8, 1)


@architecture()
def sequence_reconstruction_error():
    """Largest error over time of a recurrent autoencoder."""

    def build(series):
        hidden = layers.RepeatVector(8)(layers.LSTM(5)(series))
        decoded = layers.TimeDistributed(layers.Dense(2))(layers.LSTM(5, return_sequences=True)(hidden))
        return ops.max(ops.mean(ops.abs(series - decoded), -1), 1, keepdims=True)

    return model_of(build, (8, 2)), normal(8, 2)


@architecture()
def one_class_distance():
    """Squared distance from a centre (Deep SVDD)."""

    def build(inputs):
        hidden = layers.Dense(4, use_bias=False)(layers.Dense(8, activation="relu", use_bias=False)(inputs))
        return ops.sum(ops.square(hidden - np.array([0.5, -0.2, 0.1, 0.3], "float32")), -1, keepdims=True)

    return model_of(build, (6,)), normal(6)


@architecture()
def mixture_density():
    """Mean and log-density of a mixture (MDN)."""

    def build(inputs, label):
        hidden = layers.Dense(8, activation="tanh")(inputs)
        logits, means = layers.Dense(3)(hidden), layers.Dense(3)(hidden)
        scales = layers.Dense(3, activation="softplus")(hidden) + 0.1
        log_density = -0.5 * ops.square((label - means) / scales) - ops.log(scales)
        return ops.logsumexp(ops.log_softmax(logits) + log_density, -1, keepdims=True)

    return model_of(build, (4,), (1,)), [normal(4), normal(1)]


@architecture()
def deep_state_forecast():
    """Log-density of a series under one-step forecasts (DeepAR)."""

    def build(series):
        hidden = layers.LSTM(6, return_sequences=True)(series[:, :-1])
        mean, scale = layers.Dense(1)(hidden), layers.Dense(1, activation="softplus")(hidden) + 0.1
        return ops.sum(-0.5 * ops.square((series[:, 1:] - mean) / scale) - ops.log(scale), 1)

    return model_of(build, (8, 1)), normal(8, 1)


@architecture()
def evidential_network():
    """Expected entropy of a Dirichlet distribution (evidential network)."""

    def entropy(alpha):
        total = tf.reduce_sum(alpha, -1, keepdims=True)
        digamma = tf.math.digamma(alpha + 1) - tf.math.digamma(total + 1)
        return -tf.reduce_sum(alpha / total * digamma, -1, keepdims=True)

    def build(inputs):
        alpha = 1 + layers.Dense(3, activation="softplus")(layers.Dense(8, activation="relu")(inputs))
        return layers.Lambda(entropy, output_shape=(1,))(alpha)

    return model_of(build, (5,)), normal(5)


@architecture()
def proportional_hazards():
    """Log-risk of proportional hazards (DeepSurv)."""
    stack = [keras.Input((6,)), layers.Dense(8), layers.BatchNormalization(), layers.ReLU()]
    return keras.Sequential([*stack, layers.Dense(1, use_bias=False)]), normal(6)


@architecture(target=2)
def discrete_hazards():
    """Survival curve from hazards of each interval (Nnet-survival)."""

    def build(inputs):
        hazards = layers.Dense(5, activation="sigmoid")(layers.Dense(8, activation="relu")(inputs))
        return ops.cumprod(1 - hazards, -1)

    return model_of(build, (6,)), normal(6)


@architecture(target=lambda probabilities: tf.reduce_sum(probabilities[:, 0, :3], 1))
def competing_risks():
    """Probability of the first of two events before a time (DeepHit)."""

    def build(inputs):
        shared = layers.Dense(8, activation="relu")(inputs)
        causes = [
            layers.Dense(4)(layers.Dense(6, activation="relu")(ops.concatenate([inputs, shared], -1))) for _ in range(2)
        ]
        return layers.Reshape((2, 4))(layers.Softmax()(ops.concatenate(causes, -1)))

    return model_of(build, (5,)), normal(5)


@architecture(target=0)
def weibull_survival():
    """Survival function of a Weibull distribution at the row's time."""

    def build(inputs, time):
        hidden = layers.Dense(8, activation="tanh")(inputs)
        scale, shape = (layers.Dense(1, activation="softplus")(hidden) + 0.5 for _ in range(2))
        return ops.exp(-ops.power(time / scale, shape))

    return model_of(build, (4,), (1,)), [normal(4), uniform(1, low=0.5, high=2.0)]


class OrderedThresholds(layers.Layer):
    """Logits of exceeding each of several ordered thresholds."""

    def build(self, shape):
        self.steps = self.add_weight(shape=(3,), initializer="random_normal", name="steps")

    def call(self, inputs):
        return inputs - ops.cumsum(ops.softplus(self.steps))


@architecture(target=1)
def ordinal_regression():
    """Ordered thresholds of one score (CORAL)."""

    def build(inputs):
        score = layers.Dense(1, use_bias=False)(layers.Dense(8, activation="relu")(inputs))
        exceeds = ops.sigmoid(OrderedThresholds()(score))
        padded = ops.concatenate([ops.ones_like(exceeds[:, :1]), exceeds, ops.zeros_like(exceeds[:, :1])], -1)
        return padded[:, :-1] - padded[:, 1:]

    return model_of(build, (5,)), normal(5)


@architecture(output="age")
def multi_task():
    """Several outputs of one trunk."""
    image, table = keras.Input((6, 6, 1), name="image"), keras.Input((4,), name="table")
    hidden = layers.Flatten()(layers.Conv2D(3, 3, activation="relu")(image))
    hidden = layers.Dense(8, activation="relu")(ops.concatenate([hidden, table], -1))
    outputs = {
        "age": layers.Dense(1, name="age")(hidden),
        "kind": layers.Dense(3, activation="softmax", name="kind")(hidden),
    }
    return keras.Model({"image": image, "table": table}, outputs), {"image": normal(6, 6, 1), "table": normal(4)}


@architecture(target=2, pre_activation=False)
def multi_label():
    """Sigmoids of several labels with dependent logits (classifier chain)."""

    def build(inputs):
        hidden, labels = layers.Dense(8, activation="relu")(inputs), []
        for _ in range(3):
            labels.append(layers.Dense(1, activation="sigmoid")(ops.concatenate([hidden, *labels], -1)))
        return ops.concatenate(labels, -1)

    return model_of(build, (5,)), normal(5)


@architecture()
def adversarial_discriminator():
    """Discriminator with spectral normalisation and the spread of its batch's features left out."""

    def build(image):
        hidden = layers.SpectralNormalization(layers.Conv2D(6, 3, strides=2))(image)
        hidden = layers.SpectralNormalization(layers.Conv2D(6, 3))(layers.LeakyReLU()(hidden))
        return layers.SpectralNormalization(layers.Dense(1))(layers.Flatten()(layers.LeakyReLU()(hidden)))

    return model_of(build, (8, 8, 1)), normal(8, 8, 1)


@architecture(target=lambda images: tf.reduce_mean(images[:, 2:5, 2:5], (1, 2, 3)))
def style_generator():
    """Generator with styles that scale its kernels (StyleGAN2)."""

    class Modulated(layers.Layer):
        def build(self, image_shape, style_shape):
            self.kernel = self.add_weight(shape=(3, 3, 4, 4), name="kernel")

        def call(self, image, style):
            scaled = self.kernel * style[:, None, None, :, None]
            norm = ops.rsqrt(ops.sum(ops.square(scaled), (1, 2, 3)) + 1e-4)
            return ops.conv(image * style[:, None, None], self.kernel, padding="same") * norm[:, None, None]

    def build(latent):
        latent = latent * ops.rsqrt(ops.mean(ops.square(latent), -1, keepdims=True) + 1e-4)
        style = layers.Dense(6, activation="leaky_relu")(latent)
        start = np.random.default_rng(2).normal(size=(4, 4, 4)).astype("float32")
        image = ops.zeros_like(latent[:, :1, None, None]) + start
        for _ in range(2):
            image = ops.leaky_relu(Modulated()(image, layers.Dense(4, bias_initializer="ones")(style)))
        return layers.Conv2D(1, 1)(layers.UpSampling2D(interpolation="bilinear")(image))

    return model_of(build, (4,)), normal(4)


@architecture()
def free_energy():
    """Free energy of a restricted Boltzmann machine."""

    class FreeEnergy(layers.Layer):
        def build(self, shape):
            self.weight = self.add_weight(shape=(shape[-1], 6), name="weight")
            self.visible = self.add_weight(shape=(shape[-1],), initializer="zeros", name="visible")
            self.hidden = self.add_weight(shape=(6,), initializer="zeros", name="hidden")

        def call(self, inputs):
            activity = ops.softplus(ops.matmul(inputs, self.weight) + self.hidden)
            return -ops.sum(inputs * self.visible, -1, keepdims=True) - ops.sum(activity, -1, keepdims=True)

    return keras.Sequential([keras.Input((8,)), FreeEnergy()]), (normal(8) > 0).astype("float32")
