"""Networks of patches and tokens of numbers."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, uniform


def _encoder_block(tensor, heads=2, width=4, hidden=16):
    normalised = layers.LayerNormalization()(tensor)
    tensor = layers.Add()([tensor, layers.MultiHeadAttention(heads, width)(normalised, normalised)])
    normalised = layers.LayerNormalization()(tensor)
    wide = layers.Dense(hidden, activation="gelu")(normalised)
    return layers.Add()([tensor, layers.Dense(tensor.shape[-1])(wide)])


class Positions(layers.Layer):
    """Learned positions, and a learned token in front."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal", name="token")
        self.places = self.add_weight(shape=(1, shape[1] + 1, shape[-1]), initializer="random_normal", name="places")

    def call(self, inputs):
        token = ops.broadcast_to(self.token, (ops.shape(inputs)[0], 1, inputs.shape[-1]))
        return ops.concatenate([token, inputs], 1) + self.places


@architecture()
def vision_transformer():
    """Vision transformer."""

    def build(image):
        patches = layers.Reshape((16, 8))(layers.Conv2D(8, 2, strides=2)(image))
        hidden = Positions()(patches)
        for _ in range(2):
            hidden = _encoder_block(hidden)
        return layers.Dense(1)(layers.LayerNormalization()(hidden)[:, 0])

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


@architecture()
def shifted_windows():
    """Attention in shifted windows (Swin)."""

    def windows(tensor):
        tensor = ops.reshape(tensor, (-1, 2, 3, 2, 3, 6))
        return ops.reshape(ops.transpose(tensor, (0, 1, 3, 2, 4, 5)), (-1, 9, 6))

    def back(tensor):
        tensor = ops.transpose(ops.reshape(tensor, (-1, 2, 2, 3, 3, 6)), (0, 1, 3, 2, 4, 5))
        return ops.reshape(tensor, (-1, 6, 6, 6))

    def build(image):
        hidden = layers.Dense(6)(image)
        for shift in (0, 1):
            moved = ops.roll(hidden, (-shift, -shift), (1, 2))
            moved = windows(layers.LayerNormalization()(moved))
            attended = back(layers.MultiHeadAttention(2, 3)(moved, moved))
            hidden = hidden + ops.roll(attended, (shift, shift), (1, 2))
            hidden = hidden + layers.Dense(6)(layers.Dense(12, activation="gelu")(hidden))
        return layers.Dense(1)(layers.GlobalAveragePooling2D()(hidden))

    return model_of(build, (6, 6, 3)), normal(6, 6, 3)


@architecture()
def mlp_mixer():
    """MLP-Mixer."""

    def build(image):
        hidden = layers.Reshape((16, 8))(layers.Conv2D(8, 2, strides=2)(image))
        for _ in range(2):
            mixed = layers.Permute((2, 1))(layers.LayerNormalization()(hidden))
            mixed = layers.Dense(16)(layers.Dense(12, activation="gelu")(mixed))
            hidden = layers.Add()([hidden, layers.Permute((2, 1))(mixed)])
            mixed = layers.Dense(8)(layers.Dense(12, activation="gelu")(layers.LayerNormalization()(hidden)))
            hidden = layers.Add()([hidden, mixed])
        return layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.LayerNormalization()(hidden)))

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


@architecture()
def conv_mixer():
    """ConvMixer."""

    def build(image):
        hidden = layers.BatchNormalization()(layers.Conv2D(8, 2, strides=2, activation="gelu")(image))
        for _ in range(2):
            branch = layers.DepthwiseConv2D(3, padding="same", activation="gelu")(hidden)
            hidden = layers.Add()([layers.BatchNormalization()(branch), hidden])
            hidden = layers.BatchNormalization()(layers.Conv2D(8, 1, activation="gelu")(hidden))
        return layers.Dense(1)(layers.GlobalAveragePooling2D()(hidden))

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


class Latents(layers.Layer):
    """Latent vectors, the same for each row."""

    def build(self, shape):
        self.latents = self.add_weight(shape=(1, 4, 6), initializer="random_normal", name="latents")

    def call(self, inputs):
        return ops.tile(self.latents, (ops.shape(inputs)[0], 1, 1))


@architecture()
def perceiver():
    """Latents that attend to many inputs (Perceiver)."""

    def build(items):
        latents = Latents()(items)
        for _ in range(2):
            keys = layers.LayerNormalization()(items)
            latents = latents + layers.MultiHeadAttention(1, 6)(layers.LayerNormalization()(latents), keys)
            latents = _encoder_block(latents)
        return layers.Dense(1)(ops.mean(latents, 1))

    return model_of(build, (20, 5)), normal(20, 5)


@architecture()
def fourier_mixing():
    """Mixing by Fourier transforms (FNet)."""

    def build(items):
        hidden = layers.Dense(8)(items)
        for _ in range(2):
            mixed = layers.Lambda(
                lambda tensor: tf.math.real(tf.signal.fft2d(tf.cast(tensor, tf.complex64))), output_shape=(10, 8)
            )(hidden)
            hidden = layers.LayerNormalization()(hidden + mixed)
            hidden = layers.LayerNormalization()(hidden + layers.Dense(8)(layers.Dense(16, activation="gelu")(hidden)))
        return layers.Dense(1)(layers.Dense(6, activation="tanh")(hidden[:, 0]))

    return model_of(build, (10, 4)), normal(10, 4)


@architecture()
def linear_attention():
    """Linear attention by positive features (Performer)."""

    def features(tensor):
        directions = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0].astype("float32") * 2
        square = ops.sum(ops.square(tensor), -1, keepdims=True) / 2
        return ops.exp(ops.matmul(tensor, directions) - square) / np.sqrt(6) + 1e-4

    def build(items):
        hidden = layers.Dense(6)(items)
        query, key, value = (
            features(layers.Dense(6)(hidden)),
            features(layers.Dense(6)(hidden)),
            layers.Dense(6)(hidden),
        )
        summary = ops.einsum("bnf,bnv->bfv", key, value)
        weight = 1 / ops.einsum("bnf,bf->bn", query, ops.sum(key, 1))
        attended = ops.einsum("bnf,bfv,bn->bnv", query, summary, weight)
        return layers.Dense(1)(ops.mean(layers.LayerNormalization()(hidden + attended), 1))

    return model_of(build, (9, 4)), normal(9, 4)


@architecture()
def rotary_attention():
    """Causal attention with rotated queries and keys, RMS normalisation and a gated layer (LLaMA)."""
    angles = np.outer(np.arange(7), 100.0 ** -np.arange(0, 1, 0.5))
    cosine, sine = np.cos(angles).astype("float32"), np.sin(angles).astype("float32")

    def rotate(tensor):
        first, second = tensor[..., :2], tensor[..., 2:]
        return ops.concatenate([first * cosine - second * sine, first * sine + second * cosine], -1)

    def build(items):
        hidden = layers.Dense(8, use_bias=False)(items)
        for _ in range(2):
            normalised = layers.RMSNormalization()(hidden)
            query, key, value = (
                ops.transpose(layers.Reshape((7, 2, 4))(layers.Dense(8, use_bias=False)(normalised)), (0, 2, 1, 3))
                for _ in range(3)
            )
            scores = ops.matmul(rotate(query), ops.swapaxes(rotate(key), -1, -2)) / 2
            scores = ops.where(np.tril(np.ones((7, 7), bool)), scores, -1e9)
            attended = ops.transpose(ops.matmul(ops.softmax(scores), value), (0, 2, 1, 3))
            hidden = hidden + layers.Dense(8, use_bias=False)(ops.reshape(attended, (-1, 7, 8)))
            normalised = layers.RMSNormalization()(hidden)
            gated = layers.Dense(12, activation="silu", use_bias=False)(normalised)
            gated = gated * layers.Dense(12, use_bias=False)(normalised)
            hidden = hidden + layers.Dense(8, use_bias=False)(gated)
        return layers.Dense(1)(layers.RMSNormalization()(hidden)[:, -1])

    return model_of(build, (7, 4)), normal(7, 4)


@architecture()
def hopfield_network():
    """Modern Hopfield network with stored patterns."""
    patterns = np.random.default_rng(2).normal(size=(8, 5)).astype("float32")

    def build(state):
        for _ in range(3):
            state = ops.matmul(ops.softmax(2.0 * ops.matmul(state, patterns.T)), patterns)
        return layers.Dense(1)(state)

    return model_of(build, (5,)), normal(5)


@architecture()
def sinkhorn_attention():
    """Attention normalised over rows and columns in turn (Sinkhorn)."""

    def build(items):
        scores = ops.matmul(layers.Dense(4)(items), ops.swapaxes(layers.Dense(4)(items), 1, 2))
        for _ in range(5):
            scores = scores - ops.logsumexp(scores, 2, keepdims=True)
            scores = scores - ops.logsumexp(scores, 1, keepdims=True)
        return layers.Dense(1)(layers.Flatten()(ops.matmul(ops.exp(scores), layers.Dense(3, activation="tanh")(items))))

    return model_of(build, (5, 3)), normal(5, 3)


@architecture()
def hard_attention():
    """Hard attention: only the item of the highest score is read."""

    def build(items):
        scores = layers.Dense(1)(layers.Dense(6, activation="tanh")(items))[..., 0]
        chosen = ops.one_hot(ops.argmax(scores, -1), 6)
        read = ops.einsum("bn,bnf->bf", chosen, items)
        return layers.Dense(1)(layers.Dense(6, activation="relu")(read))

    return model_of(build, (6, 3)), normal(6, 3)


@architecture()
def glimpse_network():
    """A crop at a place that the network computes (recurrent visual attention)."""

    def crop(arguments):
        image, place = arguments
        start = tf.cast(tf.round((tf.tanh(place) + 1) * 2), tf.int32)
        rows, columns = start[:, :1] + tf.range(4), start[:, 1:] + tf.range(4)
        by_row = tf.gather(image, rows, axis=1, batch_dims=1)
        return tf.gather(by_row, columns, axis=2, batch_dims=1)

    def build(image):
        place = layers.Dense(2)(layers.Flatten()(layers.AveragePooling2D(2)(image)))
        glimpse = layers.Lambda(crop, output_shape=(4, 4, 1))([image, place])
        return layers.Dense(1)(layers.Dense(6, activation="relu")(layers.Flatten()(glimpse)))

    return model_of(build, (8, 8, 1)), uniform(8, 8, 1)


@architecture(target=1)
def diffusion_block():
    """Denoiser of a diffusion model, with the time as an input."""

    def build(image, time):
        frequencies = np.exp(np.linspace(0, 3, 4)).astype("float32")
        embedded = ops.concatenate([ops.sin(time * frequencies), ops.cos(time * frequencies)], -1)
        embedded = layers.Dense(8, activation="silu")(embedded)
        hidden = layers.Conv2D(8, 3, padding="same")(image)
        for _ in range(2):
            branch = layers.Conv2D(8, 3, padding="same")(ops.silu(layers.GroupNormalization(groups=4)(hidden)))
            branch = branch + layers.Dense(8)(embedded)[:, None, None]
            branch = layers.Conv2D(8, 3, padding="same")(ops.silu(layers.GroupNormalization(groups=4)(branch)))
            hidden = hidden + branch
        flat = layers.Reshape((36, 8))(layers.GroupNormalization(groups=2)(hidden))
        hidden = layers.Reshape((36, 8))(hidden) + layers.MultiHeadAttention(1, 8)(flat, flat)
        return layers.Flatten()(layers.Conv2D(2, 3, padding="same")(layers.Reshape((6, 6, 8))(hidden)))

    return model_of(build, (6, 6, 2), (1,)), [normal(6, 6, 2), uniform(1)]


@architecture()
def mixture_of_patches():
    """Vision transformer whose second layer is a soft mixture of experts."""

    def build(image):
        hidden = layers.Reshape((9, 6))(layers.Conv2D(6, 2, strides=2)(image))
        hidden = _encoder_block(hidden)
        logits = layers.Dense(4, use_bias=False)(hidden)
        slots = ops.einsum("bns,bnf->bsf", ops.softmax(logits, 1), hidden)
        experts = [layers.Dense(6, activation="gelu")(slots[:, number]) for number in range(4)]
        hidden = hidden + ops.einsum("bns,bsf->bnf", ops.softmax(logits, 2), ops.stack(experts, 1))
        return layers.Dense(1)(layers.GlobalAveragePooling1D()(hidden))

    return model_of(build, (6, 6, 3)), normal(6, 6, 3)


@architecture()
def subclassed_transformer():
    """Transformer as a subclass of Model."""

    class Transformer(keras.Model):
        def __init__(self):
            super().__init__()
            self.project = layers.Dense(8)
            self.attention = layers.MultiHeadAttention(2, 4)
            self.normalise, self.out = layers.LayerNormalization(), layers.Dense(1)

        def call(self, inputs):
            hidden = self.project(inputs)
            hidden = self.normalise(hidden + self.attention(hidden, hidden, use_causal_mask=True))
            return self.out(ops.max(hidden, 1))

    model = Transformer()
    model(normal(6, 3))
    return model, normal(6, 3)
