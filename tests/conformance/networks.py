"""Small networks, each around one layer or one way to connect layers; none of their weights has a special value."""

from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
from keras import layers, ops


class LayerCase(NamedTuple):
    """One layer as it is constructed, and where it stands in a network."""

    layer: str
    # Shape of the layer's input without the batch, or a list of such shapes.
    shape: tuple | list
    arguments: dict
    # The activation before it; after "relu" many elements are equal.
    before: str = "linear"
    # Arguments of its call.
    called_with: dict = {}

    @property
    def name(self):
        arguments = ",".join(
            f"{name}={getattr(value, '__name__', value)}" for name, value in (self.arguments | self.called_with).items()
        ).replace(" ", "")
        shapes = self.shape if isinstance(self.shape, list) else [self.shape]
        inputs = "+".join("x".join(map(str, shape)) for shape in shapes)
        return f"{self.layer}({arguments})-of-{inputs}{'-after-relu' if self.before == 'relu' else ''}"

    @property
    def runs_in_float64(self):
        """Return whether TensorFlow can run the layer in float64 on a CPU."""
        pools_volumes = self.layer.endswith("Pooling3D") and not self.layer.startswith("Global")
        dilated_transpose = self.layer.endswith("Transpose") and "dilation_rate" in self.arguments
        convolves_channels_first = (
            self.layer.startswith("Conv") and self.layer != "Conv3D" and "data_format" in self.arguments
        )
        of_single_precision = self.layer == "MelSpectrogram"
        return not (pools_volumes or dilated_transpose or convolves_channels_first or of_single_precision)

    @property
    def mixes_rows(self):
        """Return whether the layer's output for a row depends on the batch, so that rows have to be run one by one."""
        return self.layer == "MelSpectrogram"

    @property
    def computes_in_float32(self):
        """Return whether TensorFlow interpolates in float32, whatever the dtype of the input."""
        return self.arguments.get("interpolation", "bilinear" if self.layer == "Resizing" else "nearest") != "nearest"

    def build(self):
        """A model of one output: dense, the layer, tanh, dense."""
        several = isinstance(self.shape, list)
        inputs = [keras.Input(shape) for shape in (self.shape if several else [self.shape])]
        hidden = [layers.Dense(tensor.shape[-1], activation=self.before)(tensor) for tensor in inputs]
        arguments = {name: value() if name == "layer" else value for name, value in self.arguments.items()}
        layer = getattr(layers, self.layer)(**arguments)
        called_with = {name: value() if callable(value) else value for name, value in self.called_with.items()}
        if self.layer in ("GroupQueryAttention", "MultiHeadAttention"):
            # Query and value are arguments of their own; a single tensor attends to itself.
            outputs = layer(hidden[0], *(hidden[1:] or hidden), **called_with)
        else:
            outputs = layer(hidden if several else hidden[0], **called_with)
        return one_output(inputs if several else inputs[0], layers.Activation("tanh")(outputs))


def same_layer_three_times():
    inputs, dense = keras.Input((4,)), layers.Dense(4, activation="tanh")
    return one_output(inputs, dense(dense(dense(inputs))))


def same_layer_on_two_inputs():
    inputs, dense = [keras.Input((4,)), keras.Input((4,))], layers.Dense(3, activation="relu")
    return one_output(inputs, layers.Subtract()([dense(inputs[0]), dense(inputs[1])]))


def nested_models():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, activation="relu"), layers.BatchNormalization()])
    middle_inputs = keras.Input((4,))
    middle = keras.Model(middle_inputs, layers.Add()([inner(middle_inputs), inner(inner(middle_inputs))]))
    inputs = keras.Input((4,))
    return one_output(inputs, middle(layers.Dense(4)(inputs)))


def sequential_of_models():
    inner_inputs = keras.Input((3, 2))
    inner = keras.Model(inner_inputs, layers.Conv1D(2, 2, activation="softplus")(inner_inputs))
    model = keras.Sequential([keras.Input((3, 2)), inner, layers.Flatten(), layers.Dense(1)])
    randomise_weights(model)
    return model


def residual_blocks():
    inputs = keras.Input((5, 5, 2))
    hidden = inputs
    for strides in (1, 2):
        branch = layers.BatchNormalization()(layers.Conv2D(2, 3, strides=strides, padding="same")(hidden))
        branch = layers.Conv2D(2, 3, padding="same")(layers.ReLU()(branch))
        shortcut = hidden if strides == 1 else layers.Conv2D(2, 1, strides=strides)(hidden)
        hidden = layers.ReLU()(layers.Add()([shortcut, branch]))
    return one_output(inputs, hidden)


def residual_around_an_activation():
    inputs = keras.Input((4,))
    hidden = layers.Dense(4)(inputs)
    return one_output(inputs, layers.Activation("tanh")(layers.Add()([hidden, layers.ReLU()(hidden)])))


def several_branches():
    inputs = keras.Input((6, 6, 2))
    branches = [
        layers.Conv2D(2, 1, activation="relu")(inputs),
        layers.Conv2D(2, 3, padding="same", activation="elu")(inputs),
        layers.Conv2D(1, 1)(layers.MaxPooling2D(3, strides=1, padding="same")(inputs)),
        inputs,
    ]
    hidden = layers.MaxPooling2D(2)(layers.Concatenate()(branches))
    return one_output(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(3, 2, activation="relu")(hidden)))


def densely_connected():
    inputs = keras.Input((4,))
    hidden = inputs
    for _ in range(3):
        hidden = layers.Concatenate()([hidden, layers.Dense(2, activation="relu")(hidden)])
    return one_output(inputs, hidden)


def squeeze_and_excite():
    inputs = keras.Input((4, 4, 3))
    hidden = layers.Conv2D(3, 2, activation="silu")(inputs)
    gate = layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(hidden))
    return one_output(inputs, layers.Multiply()([hidden, gate]))


def weighted_by_softmax():
    inputs = keras.Input((4, 3))
    hidden = layers.Dense(3, activation="tanh")(inputs)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(hidden))
    return one_output(inputs, layers.Dot(axes=1)([weights, hidden]))


def layer_joined_with_itself():
    inputs = keras.Input((4,))
    hidden = layers.Dense(4)(inputs)
    joins = [
        layers.Add(),
        layers.Multiply(),
        layers.Maximum(),
        layers.Concatenate(),
        layers.Subtract(),
        layers.Average(),
    ]
    joined = [join([hidden, hidden]) for join in joins]
    return one_output(inputs, layers.Activation("tanh")(layers.Concatenate()(joined)))


def list_of_inputs():
    inputs = [keras.Input((4,)), keras.Input((4, 3)), keras.Input((2,))]
    hidden = layers.Flatten()(layers.Conv1D(2, 2, activation="relu")(inputs[1]))
    product = layers.Multiply()([layers.Dense(3)(inputs[0]), layers.Dense(3, activation="tanh")(hidden)])
    return one_output(inputs, layers.Dense(3, activation="relu")(layers.Concatenate()([product, inputs[2]])))


def dict_of_inputs():
    inputs = {"second": keras.Input((3,), name="second"), "first": keras.Input((4, 3), name="first")}
    hidden = layers.Add()([layers.Dense(2)(inputs["first"]), layers.Reshape((1, 2))(layers.Dense(2)(inputs["second"]))])
    return one_output(inputs, layers.GlobalMaxPooling1D()(hidden))


def input_is_part_of_the_output():
    inputs = keras.Input((4,))
    return one_output(inputs, layers.Concatenate()([inputs, layers.Dense(2, activation="relu")(inputs)]))


def batch_folded_into_rows():
    inputs = keras.Input((3, 4))
    hidden = layers.Dense(2, activation="tanh")(ops.reshape(inputs, (-1, 4)))
    return one_output(inputs, layers.Dense(3, activation="relu")(ops.reshape(hidden, (-1, 6))))


def batch_on_the_second_axis():
    inputs = keras.Input((3, 4))
    hidden = layers.Dense(2, activation="tanh")(ops.transpose(inputs, (1, 0, 2)))
    return one_output(inputs, layers.Activation("softplus")(ops.transpose(ops.cumsum(hidden, axis=0), (1, 0, 2))))


def arithmetic_of_two_tensors():
    inputs = keras.Input((5,))
    first, second = layers.Dense(3)(inputs), layers.Dense(3, activation="softplus")(inputs)
    results = [first / (second + 0.5), ops.power(second, first), ops.square(first - second), ops.arctan2(first, second)]
    return one_output(inputs, layers.Concatenate()(results))


def normalised_inputs():
    """Divides by nearly zero where the input is all zeros."""
    inputs = keras.Input((5,))
    deviation = ops.std(inputs, -1, keepdims=True) + 1e-8
    length = ops.maximum(ops.norm(inputs, axis=-1, keepdims=True), 1e-8)
    results = [
        layers.LayerNormalization(epsilon=1e-12)(inputs),
        layers.UnitNormalization()(inputs),
        (inputs - ops.mean(inputs, -1, keepdims=True)) / deviation,
        inputs / length,
        inputs * (1 / length),
    ]
    return one_output(inputs, layers.Activation("tanh")(layers.Concatenate()(results)))


def normalised_far_from_zero():
    inputs = keras.Input((3, 4))
    shifted = layers.Dense(4)(inputs) + 10.0
    results = [
        layers.LayerNormalization()(shifted),
        layers.GroupNormalization(groups=2)(shifted),
        layers.UnitNormalization()(shifted),
    ]
    return one_output(inputs, layers.Activation("tanh")(layers.Concatenate()(results)))


ARCHITECTURES = [
    same_layer_three_times,
    same_layer_on_two_inputs,
    nested_models,
    sequential_of_models,
    residual_blocks,
    residual_around_an_activation,
    several_branches,
    densely_connected,
    squeeze_and_excite,
    weighted_by_softmax,
    layer_joined_with_itself,
    list_of_inputs,
    dict_of_inputs,
    input_is_part_of_the_output,
    batch_folded_into_rows,
    batch_on_the_second_axis,
    arithmetic_of_two_tensors,
    normalised_inputs,
    normalised_far_from_zero,
]


def one_output(inputs, hidden):
    """End a model in a dense layer of one unit, and give it random weights."""
    if len(hidden.shape) > 2:
        hidden = layers.Flatten()(hidden)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    randomise_weights(model)
    return model


def randomise_weights(model, seed=0):
    """Set all weights at random, so that none is the zero or one that it starts as and could be left out unnoticed."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        if "variance" in weight.path:
            values = generator.uniform(0.5, 2, weight.shape)
        elif "gamma" in weight.path or "scale" in weight.path:
            values = generator.uniform(0.5, 1.5, weight.shape)
        elif len(weight.shape) > 1:
            values = generator.normal(size=weight.shape) / np.sqrt(np.prod(weight.shape[:-1]))
        else:
            values = generator.normal(scale=0.3, size=weight.shape)
        weight.assign(values)


def random_rows(model, n_rows, seed=1):
    """Rows in the form and the dtype that a model takes them."""
    generator = np.random.default_rng(seed)
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.tree.map_structure(
        lambda tensor: generator.normal(size=(n_rows, *tensor.shape[1:])).astype(tensor.dtype), inputs
    )


@contextmanager
def floating_point(dtype):
    """Let Keras make and trace everything in a dtype."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
