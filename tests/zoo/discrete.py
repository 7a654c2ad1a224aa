"""Networks that decide, round or quantise."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal


def _experts(inputs, number=4):
    return ops.stack([layers.Dense(5, activation="relu")(inputs) for _ in range(number)], 1)


@architecture()
def mixture_of_experts():
    """Experts weighted by a softmax."""

    def build(inputs):
        weights = layers.Dense(4, activation="softmax")(inputs)
        return layers.Dense(1)(ops.einsum("be,bef->bf", weights, _experts(inputs)))

    return model_of(build, (5,)), normal(5)


@architecture()
def switch_routing():
    """One expert for each row, by the largest logit (Switch)."""

    def build(inputs):
        probabilities = layers.Dense(4, activation="softmax")(inputs)
        chosen = ops.one_hot(ops.argmax(probabilities, -1), 4)
        return layers.Dense(1)(ops.einsum("be,bef->bf", chosen * probabilities, _experts(inputs)))

    return model_of(build, (5,)), normal(5)


@architecture()
def top_two_routing():
    """Two experts for each row, by a softmax over the two largest logits (GShard, Mixtral)."""

    def build(inputs):
        values, indices = ops.top_k(layers.Dense(4)(inputs), 2)
        weights = ops.sum(ops.softmax(values)[..., None] * ops.one_hot(indices, 4), 1)
        return layers.Dense(1)(ops.einsum("be,bef->bf", weights, _experts(inputs)))

    return model_of(build, (5,)), normal(5)


@architecture()
def gathered_experts():
    """Weights of the chosen expert are looked up."""

    class Gathered(layers.Layer):
        def build(self, shape):
            self.kernels = self.add_weight(shape=(4, shape[-1], 5), name="kernels")
            self.router = self.add_weight(shape=(shape[-1], 4), name="router")

        def call(self, inputs):
            chosen = ops.argmax(ops.matmul(inputs, self.router), -1)
            return ops.einsum("bi,bij->bj", inputs, ops.take(self.kernels, chosen, axis=0))

    return keras.Sequential([keras.Input((5,)), Gathered(), layers.ReLU(), layers.Dense(1)]), normal(5)


class Codebook(layers.Layer):
    """The nearest of several learned vectors."""

    def build(self, shape):
        self.codes = self.add_weight(shape=(8, shape[-1]), initializer="random_normal", name="codes")

    def call(self, inputs):
        distance = ops.sum(ops.square(inputs[..., None, :] - 20 * self.codes), -1)
        nearest = 20 * ops.take(self.codes, ops.argmin(distance, -1), axis=0)
        return inputs + ops.stop_gradient(nearest - inputs)


@architecture(target=lambda images: tf.reduce_mean(images, (1, 2, 3)))
def vector_quantisation():
    """Autoencoder of quantised vectors (VQ-VAE)."""

    def build(image):
        encoded = layers.Conv2D(3, 2, strides=2)(layers.Conv2D(6, 3, padding="same", activation="relu")(image))
        return layers.Conv2DTranspose(1, 2, strides=2)(
            ops.relu(layers.Conv2D(6, 3, padding="same")(Codebook()(encoded)))
        )

    return model_of(build, (6, 6, 1)), normal(6, 6, 1)


@architecture()
def finite_scalar_quantisation():
    """Latent values rounded to few levels (FSQ)."""

    def build(inputs):
        bounded = 2 * ops.tanh(layers.Dense(4)(layers.Dense(8, activation="relu")(inputs)))
        return layers.Dense(1)(layers.Dense(6, activation="relu")(ops.round(bounded) / 2))

    return model_of(build, (6,)), normal(6)


@architecture()
def residual_quantisation():
    """Codes of what earlier codes left (residual quantisation)."""

    def build(inputs):
        residual, total = layers.Dense(3)(inputs), 0.0
        for _ in range(2):
            code = Codebook()(residual)
            residual, total = residual - code, total + code
        return layers.Dense(1)(layers.Dense(6, activation="relu")(total))

    return model_of(build, (5,)), normal(5)


@architecture()
def straight_through_choice():
    """Hard choice of a category with the gradient of a soft one (Gumbel softmax, deterministic)."""

    def build(inputs):
        soft = layers.Dense(5, activation="softmax")(layers.Dense(8, activation="relu")(inputs))
        hard = ops.one_hot(ops.argmax(soft, -1), 5)
        return layers.Dense(1)(layers.Dense(6, activation="tanh")(ops.stop_gradient(hard - soft) + soft))

    return model_of(build, (5,)), normal(5)


class BinaryDense(layers.Layer):
    """Signs of weights times signs of inputs."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, inputs):
        return ops.matmul(inputs, ops.sign(self.kernel)) * ops.mean(ops.abs(self.kernel), 0)


@architecture()
def binary_network():
    """Binary weights and activations (XNOR-Net)."""

    def build(inputs):
        hidden = layers.BatchNormalization()(BinaryDense(12)(inputs))
        hidden = layers.BatchNormalization()(BinaryDense(8)(ops.sign(hidden)))
        return layers.Dense(1)(ops.sign(hidden))

    return model_of(build, (6,)), normal(6)


@architecture()
def ternary_network():
    """Activations of three values by two thresholds."""

    def build(inputs):
        hidden = layers.Dense(10)(inputs)
        ternary = ops.cast(hidden > 0.3, "float32") - ops.cast(hidden < -0.3, "float32")
        return layers.Dense(1)(layers.Dense(6, activation="relu")(ternary))

    return model_of(build, (6,)), normal(6)


@architecture()
def quantised_int8():
    """Layers of eight-bit weights and inputs, quantised by Keras."""
    stack = [keras.Input((8,)), layers.Dense(12, activation="relu"), layers.Dense(8, activation="relu")]
    model = keras.Sequential([*stack, layers.Dense(1)])
    model.quantize("int8")
    return model, normal(8)


@architecture()
def fake_quantisation():
    """Quantisation simulated in training."""

    def fake(tensor):
        return tf.quantization.fake_quant_with_min_max_args(tensor, -3, 3)

    def build(inputs):
        hidden = layers.Lambda(fake, output_shape=(8,))(layers.Dense(8)(inputs))
        return layers.Dense(1)(layers.Lambda(fake, output_shape=(6,))(layers.Dense(6, activation="relu")(hidden)))

    return model_of(build, (6,)), normal(6)


@architecture()
def early_exit():
    """The first of several classifiers that is sure enough."""

    def build(inputs):
        hidden, answer, decided = inputs, 0.0, 0.0
        for number in range(3):
            hidden = layers.Dense(8, activation="relu")(hidden)
            logits = layers.Dense(3)(hidden)
            sure = ops.cast(ops.max(ops.softmax(logits), -1, keepdims=True) > 0.5, "float32")
            takes = (1 - decided) * (sure if number < 2 else 1.0)
            answer, decided = answer + takes * logits, decided + takes
        return answer[:, 1:2] - answer[:, :1]

    return model_of(build, (5,)), normal(5)


@architecture()
def bucketed_numbers():
    """Numbers in buckets, and their embeddings."""

    def build(inputs):
        buckets = layers.Discretization(bin_boundaries=[-1.0, -0.3, 0.3, 1.0])(inputs)
        return layers.Dense(1)(layers.Flatten()(layers.Embedding(5, 4)(buckets)))

    return model_of(build, (4,)), normal(4)


@architecture()
def nearest_prototype():
    """Label of the nearest prototype (learning vector quantisation)."""
    centres = np.random.default_rng(4).normal(size=(5, 3)).astype("float32")

    def build(inputs):
        hidden = layers.Dense(3)(inputs)
        nearest = ops.argmin(ops.sum(ops.square(hidden[:, None] - centres), -1), -1)
        return ops.take(np.array([[0.1], [0.9], [-0.4], [0.3], [1.5]], "float32"), nearest, axis=0)

    return model_of(build, (4,)), normal(4)


@architecture()
def median_filter():
    """Median of each window, by sorting."""

    def build(series):
        windows = ops.stack([series[:, start : start + 6] for start in range(5)], -1)
        middle = ops.sort(windows, -1)[..., 2]
        return layers.Dense(1)(layers.Dense(6, activation="relu")(middle))

    return model_of(build, (10,)), normal(10)


@architecture(refusal="NonMaxSuppression")
def suppressed_boxes():
    """Boxes of which those that overlap a better one are left out."""

    def suppress(arguments):
        boxes, scores = arguments

        def of_row(pair):
            kept = tf.image.non_max_suppression(pair[0], pair[1], 3, 0.3)
            return tf.reduce_sum(tf.gather(pair[1], kept))

        return tf.map_fn(of_row, (boxes, scores), fn_output_signature=tf.float32)[:, None]

    def build(image):
        hidden = layers.Flatten()(layers.Conv2D(3, 3, activation="relu")(image))
        boxes = layers.Reshape((5, 4))(layers.Dense(20, activation="sigmoid")(hidden))
        return layers.Lambda(suppress, output_shape=(1,))([boxes, layers.Dense(5, activation="sigmoid")(hidden)])

    return model_of(build, (6, 6, 1)), normal(6, 6, 1)
