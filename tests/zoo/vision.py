"""Networks of images."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, uniform


def _convolve(tensor, filters, size=3, activation="relu", **arguments):
    tensor = layers.Conv2D(filters, size, padding="same", use_bias=False, **arguments)(tensor)
    tensor = layers.BatchNormalization()(tensor)
    return layers.Activation(activation)(tensor) if activation else tensor


def _pooled(tensor):
    return layers.Dense(1)(layers.GlobalAveragePooling2D()(tensor))


@architecture()
def lenet():
    """LeNet-5."""
    model = keras.Sequential(
        [
            keras.Input((20, 20, 1)),
            layers.Conv2D(6, 5, activation="tanh", padding="same"),
            layers.AveragePooling2D(2),
            layers.Conv2D(8, 5, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(12, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    return model, normal(20, 20, 1)


@architecture()
def residual_network():
    """Residual network."""

    def build(image):
        hidden = _convolve(image, 8)
        for filters, strides in ((8, 1), (12, 2)):
            branch = _convolve(_convolve(hidden, filters, strides=strides), filters, activation=None)
            shortcut = hidden if strides == 1 else _convolve(hidden, filters, 1, None, strides=2)
            hidden = layers.ReLU()(layers.Add()([branch, shortcut]))
        return _pooled(hidden)

    return model_of(build, (10, 10, 3)), normal(10, 10, 3)


@architecture()
def inception_blocks():
    """Inception blocks."""

    def build(image):
        hidden = image
        for _ in range(2):
            branches = [
                _convolve(hidden, 4, 1),
                _convolve(_convolve(hidden, 4, 1), 4, 3),
                _convolve(_convolve(hidden, 2, 1), 4, 5),
                _convolve(layers.MaxPooling2D(3, 1, padding="same")(hidden), 4, 1),
            ]
            hidden = layers.Concatenate()(branches)
        return _pooled(layers.MaxPooling2D(2)(hidden))

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


@architecture(target=lambda masks: tf.reduce_mean(masks, (1, 2, 3)))
def u_net():
    """U-Net, mean of the mask's logits."""

    def build(image):
        first = _convolve(_convolve(image, 6), 6)
        second = _convolve(layers.MaxPooling2D(2)(first), 8)
        bottom = _convolve(layers.MaxPooling2D(2)(second), 12)
        up = layers.Concatenate()([layers.Conv2DTranspose(8, 2, strides=2)(bottom), second])
        up = layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(_convolve(up, 8)), first])
        return layers.Conv2D(1, 1)(_convolve(up, 6))

    return model_of(build, (12, 12, 2)), normal(12, 12, 2)


@architecture(target=lambda images: tf.reduce_mean(images[:, 4:8, 4:8], (1, 2, 3)))
def pixel_shuffle_super_resolution():
    """Super-resolution by pixel shuffling."""

    def build(image):
        hidden = layers.Conv2D(12, 5, padding="same", activation="tanh")(image)
        hidden = layers.Conv2D(8, 3, padding="same", activation="tanh")(hidden)
        hidden = layers.Conv2D(4, 3, padding="same")(hidden)
        return layers.Lambda(lambda tensor: tf.nn.depth_to_space(tensor, 2), output_shape=(16, 16, 1))(hidden)

    return model_of(build, (8, 8, 1)), uniform(8, 8, 1)


@architecture(target=lambda images: tf.reduce_mean(images[:, 4:8, 4:8], (1, 2, 3)), reference="zeros")
def residual_super_resolution():
    """Super-resolution with residual blocks."""

    def build(image):
        hidden = start = layers.Conv2D(8, 3, padding="same")(image)
        for _ in range(2):
            branch = layers.Conv2D(8, 3, padding="same", activation="relu")(hidden)
            hidden = layers.Add()([hidden, layers.Rescaling(0.1)(layers.Conv2D(8, 3, padding="same")(branch))])
        hidden = layers.Conv2D(12, 3, padding="same")(layers.Add()([start, hidden]))
        shuffled = layers.Lambda(lambda tensor: tf.nn.depth_to_space(tensor, 2), output_shape=(16, 16, 3))(hidden)
        enlarged = layers.Resizing(16, 16, interpolation="bicubic")(image)
        return layers.Add()([enlarged, layers.Conv2D(3, 3, padding="same")(shuffled)])

    return model_of(build, (8, 8, 3)), uniform(8, 8, 3)


@architecture()
def squeeze_and_excitation():
    """Squeeze and excitation."""

    def build(image):
        hidden = _convolve(image, 8)
        gate = layers.GlobalAveragePooling2D(keepdims=True)(hidden)
        gate = layers.Dense(8, activation="sigmoid")(layers.Dense(2, activation="relu")(gate))
        return _pooled(_convolve(layers.Multiply()([hidden, gate]), 6))

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


@architecture()
def convolutional_block_attention():
    """Attention over channels and places (CBAM)."""

    def build(image):
        hidden = _convolve(image, 8)
        shared = keras.Sequential([layers.Dense(3, activation="relu"), layers.Dense(8)])
        average = shared(layers.GlobalAveragePooling2D(keepdims=True)(hidden))
        largest = shared(layers.GlobalMaxPooling2D(keepdims=True)(hidden))
        hidden = hidden * ops.sigmoid(average + largest)
        places = ops.concatenate([ops.mean(hidden, -1, keepdims=True), ops.max(hidden, -1, keepdims=True)], -1)
        return _pooled(hidden * layers.Conv2D(1, 5, padding="same", activation="sigmoid")(places))

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


class Squash(layers.Layer):
    """Capsules with routing by agreement."""

    def __init__(self, capsules, width):
        super().__init__()
        self.capsules, self.width = capsules, width

    def build(self, shape):
        self.matrices = self.add_weight(shape=(shape[1], self.capsules, self.width, shape[2]), name="matrices")

    def call(self, inputs):
        votes = ops.einsum("icwv,biv->bicw", self.matrices, inputs)
        logits = ops.zeros_like(votes[..., 0])
        for _ in range(3):
            outputs = self.squash(ops.einsum("bic,bicw->bcw", ops.softmax(logits, 2), votes))
            logits = logits + ops.einsum("bicw,bcw->bic", votes, outputs)
        return ops.sqrt(ops.sum(ops.square(outputs), -1) + 1e-7)

    @staticmethod
    def squash(vectors):
        square = ops.sum(ops.square(vectors), -1, keepdims=True)
        return vectors * square / (1 + square) / ops.sqrt(square + 1e-7)


@architecture(target=1)
def capsules():
    """Capsules with dynamic routing."""

    def build(image):
        hidden = layers.Conv2D(8, 5, activation="relu")(image)
        primary = Squash.squash(layers.Reshape((-1, 4))(layers.Conv2D(8, 3, strides=2)(hidden)))
        return Squash(3, 5)(primary)

    return model_of(build, (12, 12, 1)), normal(12, 12, 1)


def _sampled(image, x, y):
    """Interpolate an image at places that the network computes, as spatial transformers do."""
    height, width = image.shape[1:3]
    x, y = (x + 1) * (width - 1) / 2, (y + 1) * (height - 1) / 2
    left, top = tf.floor(x), tf.floor(y)
    total = 0.0
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        weight = (1 - tf.abs(x - column)) * (1 - tf.abs(y - row))
        row_index = tf.clip_by_value(tf.cast(row, tf.int32), 0, height - 1)
        column_index = tf.clip_by_value(tf.cast(column, tf.int32), 0, width - 1)
        pixels = tf.gather_nd(image, tf.stack([row_index, column_index], -1), batch_dims=1)
        total += weight[..., None] * pixels
    return total


@architecture()
def spatial_transformer():
    """Spatial transformer."""

    def transform(arguments):
        image, theta = arguments
        theta = tf.reshape(theta, (-1, 2, 3))
        grid = np.stack([*np.meshgrid(np.linspace(-1, 1, 6), np.linspace(-1, 1, 6)), np.ones((6, 6))], -1)
        places = tf.einsum("bij,hwj->bhwi", theta, tf.constant(grid, tf.float32))
        return _sampled(image, places[..., 0], places[..., 1])

    def build(image):
        hidden = layers.Dense(8, activation="tanh")(layers.Flatten()(layers.Conv2D(3, 3)(image)))
        bias = keras.initializers.Constant([0.8, 0.1, 0.05, -0.1, 0.7, 0.02])
        theta = layers.Dense(6, bias_initializer=bias)(hidden)
        warped = layers.Lambda(transform, output_shape=(6, 6, 2))([image, theta])
        return _pooled(layers.Conv2D(4, 3, activation="relu")(warped))

    return model_of(build, (8, 8, 2)), normal(8, 8, 2)


@architecture()
def deformable_convolution():
    """Deformable convolution by gathering."""

    def sample(arguments):
        image, offsets = arguments
        centre = np.stack(np.meshgrid(np.linspace(-1, 1, 6), np.linspace(-1, 1, 6)), -1).astype("float32")
        taps = np.stack(np.meshgrid([-0.3, 0.0, 0.3], [-0.3, 0.0, 0.3]), -1).reshape(9, 2).astype("float32")
        places = tf.reshape(offsets, (-1, 6, 6, 9, 2)) * 0.2 + centre[:, :, None] + taps
        samples = _sampled(image, places[..., 0], places[..., 1])
        return tf.reshape(samples, (-1, 6, 6, 9 * image.shape[-1]))

    def build(image):
        hidden = layers.Conv2D(3, 3, padding="same", activation="relu")(image)
        offsets = layers.Conv2D(18, 3, padding="same")(hidden)
        samples = layers.Lambda(sample, output_shape=(6, 6, 27))([hidden, offsets])
        return _pooled(layers.Dense(4, activation="relu")(samples))

    return model_of(build, (6, 6, 2)), normal(6, 6, 2)


@architecture(target=lambda images: tf.reduce_mean(images, (1, 2, 3)))
def style_transfer():
    """Style transfer with instance normalisation."""

    def build(image):
        hidden = layers.Conv2D(6, 3, padding="same")(image)
        hidden = layers.ReLU()(layers.GroupNormalization(groups=-1)(hidden))
        hidden = layers.Conv2D(8, 3, strides=2, padding="same")(hidden)
        hidden = layers.ReLU()(layers.GroupNormalization(groups=-1)(hidden))
        hidden = layers.Conv2D(3, 3, padding="same", activation="tanh")(layers.UpSampling2D()(hidden))
        return layers.Rescaling(127.5, 127.5)(hidden)

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


@architecture(target=lambda boxes: tf.reduce_max(boxes[..., 4], (1, 2)))
def detection_head():
    """One-stage detector, the surest box."""

    def build(image):
        fine = _convolve(image, 6, activation="leaky_relu")
        coarse = _convolve(fine, 8, strides=2, activation="leaky_relu")
        merged = layers.Add()([layers.UpSampling2D()(layers.Conv2D(6, 1)(coarse)), fine])
        return layers.Conv2D(7, 1)(layers.Conv2D(8, 3, padding="same", activation="leaky_relu")(merged))

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


@architecture()
def dynamic_convolution():
    """Kernels that a hypernetwork computes for each image."""

    def convolve(arguments):
        image, kernel = arguments
        return tf.map_fn(
            lambda pair: tf.nn.conv2d(pair[0][None], tf.reshape(pair[1], (3, 3, 2, 3)), 1, "SAME")[0],
            (image, kernel),
            fn_output_signature=tf.float32,
        )

    def build(image):
        kernel = layers.Dense(54)(layers.Dense(6, activation="tanh")(layers.GlobalAveragePooling2D()(image)))
        return _pooled(layers.ReLU()(layers.Lambda(convolve, output_shape=(6, 6, 3))([image, kernel])))

    return model_of(build, (6, 6, 2)), normal(6, 6, 2)


@architecture()
def video_network():
    """Video by three-dimensional convolutions."""

    def build(video):
        hidden = layers.Conv3D(4, 3, padding="same", activation="relu")(video)
        hidden = layers.Conv3D(6, (3, 1, 1), activation="relu")(layers.MaxPooling3D((1, 2, 2))(hidden))
        return layers.Dense(1)(layers.GlobalAveragePooling3D()(hidden))

    return model_of(build, (5, 8, 8, 2)), normal(5, 8, 8, 2)


@architecture()
def shuffled_groups():
    """Grouped convolutions with shuffled channels (ShuffleNet)."""

    def build(image):
        hidden = _convolve(image, 8)
        left, right = ops.split(hidden, 2, -1)
        right = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(_convolve(right, 4, 1)))
        hidden = layers.Concatenate()([left, _convolve(right, 4, 1)])
        hidden = ops.reshape(ops.swapaxes(ops.reshape(hidden, (-1, 8, 8, 2, 4)), -1, -2), (-1, 8, 8, 8))
        return _pooled(layers.Conv2D(8, 3, groups=2, activation="relu")(hidden))

    return model_of(build, (8, 8, 3)), normal(8, 8, 3)


@architecture()
def non_local_block():
    """Non-local block."""

    def build(image):
        hidden = layers.Conv2D(6, 3, padding="same", activation="relu")(image)
        flat = [layers.Reshape((36, 4))(layers.Conv2D(4, 1)(hidden)) for _ in range(3)]
        affinity = layers.Softmax()(ops.matmul(flat[0], ops.swapaxes(flat[1], 1, 2)))
        attended = layers.Conv2D(6, 1)(layers.Reshape((6, 6, 4))(ops.matmul(affinity, flat[2])))
        return _pooled(layers.Add()([hidden, attended]))

    return model_of(build, (6, 6, 3)), normal(6, 6, 3)
