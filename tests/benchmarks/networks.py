"""The networks and the rows that benchmarks run on."""

import numpy as np

# Of images on which keras.applications take little longer to run than to start.
SMALL = (64, 64, 3)


def images(n_rows, shape):
    return np.random.default_rng(0).uniform(size=(n_rows, *shape)).astype("float32")


def sequences(n_rows, shape):
    return np.random.default_rng(0).normal(size=(n_rows, *shape)).astype("float32")


def lstm_network(steps):
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((steps, 8)), keras.layers.LSTM(32), keras.layers.Dense(1)])


def transformer_network(blocks=4):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = hidden = keras.Input((32, 32))
    for _ in range(blocks):
        normalised = layers.LayerNormalization()(hidden)
        hidden = layers.Add()([hidden, layers.MultiHeadAttention(4, 8)(normalised, normalised)])
        wide = layers.Dense(64, activation="gelu")(layers.LayerNormalization()(hidden))
        hidden = layers.Add()([hidden, layers.Dense(32)(wide)])
    return keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(hidden)))


def dense(n_features, *units):
    import keras

    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(number, "relu", kernel_initializer="he_normal") for number in units[:-1]]
    return keras.Sequential([keras.Input((n_features,)), *hidden, keras.layers.Dense(units[-1])])


def cnn_network():
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Conv2D(64, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(128, "relu"),
            keras.layers.Dense(10),
            keras.layers.Softmax(),
        ]
    )


def logits(network):
    import keras

    return keras.Model(network.inputs, network.layers[-2].output)


def dna(n_rows, length):
    return np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (n_rows, length))]


def genomics_network():
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    convolutions = [layers.Conv1D(64, 15, activation="relu"), layers.Conv1D(64, 13, activation="relu")]
    dense = [layers.MaxPooling1D(10), layers.Flatten(), layers.Dense(100, "relu"), layers.Dense(1)]
    return keras.Sequential([keras.Input((1000, 4)), *convolutions, *dense])


def bpnet_network(length=2114, filters=64, n_dilated=8):
    """Dilated residual convolutions, with a profile of 1,000 positions and a number of counts."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = keras.Input((length, 4))
    hidden = layers.Conv1D(filters, 21, padding="same", activation="relu")(inputs)
    for number in range(1, n_dilated + 1):
        branch = layers.Conv1D(filters, 3, dilation_rate=2**number, padding="same", activation="relu")(hidden)
        hidden = layers.Add()([hidden, branch])
    cut = (length - 1000) // 2
    profile = layers.Cropping1D((cut, length - 1000 - cut))(layers.Conv1D(1, 75, padding="same")(hidden))
    counts = layers.Dense(1, name="counts")(layers.GlobalAveragePooling1D()(hidden))
    return keras.Model(inputs, [layers.Flatten(name="profile")(profile), counts])


def basset_network(length=600):
    """Three convolutions with pooling, and two dense layers."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    stack = [keras.Input((length, 4))]
    for filters, size, pooled in ((300, 19, 3), (200, 11, 4), (200, 7, 4)):
        stack += [layers.Conv1D(filters, size, padding="same"), layers.BatchNormalization(), layers.ReLU()]
        stack.append(layers.MaxPooling1D(pooled, padding="same"))
    stack.append(layers.Flatten())
    for _ in range(2):
        stack += [layers.Dense(1000), layers.BatchNormalization(), layers.ReLU()]
    return keras.Sequential([*stack, layers.Dense(164)])


def resnet_network():
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.ResNet50(weights=None, classifier_activation=None)


def mobilenet_network(X):
    """Batch normalisation gets random scales and the statistics of these rows, so that signals keep their size."""
    import keras

    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNetV2((96, 96, 3), weights=None, classifier_activation=None)
    random = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(random.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(random.normal(0, 0.2, layer.beta.shape))
            # Without momentum the moving statistics are those of the last rows.
            layer.momentum = 0.0
    network(X, training=True)
    return network


def application(name):
    import keras

    keras.utils.set_random_seed(0)
    return getattr(keras.applications, name)(input_shape=SMALL, weights=None, classifier_activation=None)
