import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.network.bind import bind
from skdeeplift.network.graph import call_numbers, without_call_numbers
from skdeeplift.network.layers import find_layer, innermost_named, layer_names, recorded_calls
from skdeeplift.network.network import trace
from skdeeplift.propagation import replay


def test_every_call_is_told_from_the_others():
    """A scope "dense_1" would be that of the layer "dense", or of its second call, or of the layer "dense_1"."""
    twice = keras.layers.Dense(3, activation="tanh", name="dense")
    model = keras.Sequential(
        [keras.Input((3,)), twice, keras.layers.Dense(3, activation="relu", name="dense_1"), twice]
    )
    graph, _ = trace(lambda x: model(x, training=False), tf.TensorSpec((None, 3)), [*model.layers])
    assert [call.path for call in graph.calls] == [("dense",), ("dense_1",), ("dense",)]
    types = [[graph.producer[value].type for value in call.outputs] for call in graph.calls]
    assert types == [["Tanh"], ["Relu"], ["Tanh"]]


class Block(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.inner = [keras.layers.Dense(2, activation="relu", name="inner")]

    def call(self, inputs):
        return self.inner[0](inputs) + 1.0


def test_layers_inside_of_layers_are_found():
    """This fails where Keras's private way to them is gone."""
    model = keras.Sequential([keras.Input((3,)), Block(name="block"), keras.layers.Dropout(0.5, name="dropout")])
    graph = bind(model, np.zeros((1, 3))).graph
    paths = [call.path for call in graph.calls]
    assert ("block", "inner") in paths
    outputs = {call.path[-1]: call.outputs for call in graph.calls}
    assert [graph.producer[value].type for value in outputs["inner"]] == ["Relu"]
    assert graph.producer[outputs["dropout"][0]].inputs == tuple(outputs["block"])


def test_layers_are_left_as_they_were():
    layer = keras.layers.Dense(2)
    layer(np.zeros((1, 3)))
    before = {name: id(value) for name, value in vars(layer).items()}
    with recorded_calls([layer, layer]) as recording:
        # Only what is called in the graph is recorded, and none is begun.
        layer(np.zeros((1, 3)))
    assert {name: id(value) for name, value in vars(layer).items()} == before
    assert recording.calls == []

    with pytest.raises(RuntimeError, match="stop"):
        trace(stop, tf.TensorSpec((None, 3)), [layer])
    assert "call" not in vars(layer)


def stop(inputs):
    raise RuntimeError("stop")


def test_call_of_an_instance_is_put_back():
    layer = keras.layers.Dense(2, name="own")
    layer.build((None, 3))
    plain = layer.call
    layer.call = own = lambda inputs, training=None: plain(inputs) * 2.0
    model = keras.Sequential([keras.Input((3,)), layer])
    graph = bind(model, np.zeros((1, 3))).graph
    assert layer.call is own
    assert [graph.producer[value].type for call in graph.calls for value in call.outputs] == ["Mul"]


class Compiled(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.inner = keras.layers.Dense(1, activation="relu", name="inner")

    @tf.function
    def call(self, inputs):
        return self.inner(inputs)


def test_compiled_functions_keep_nothing_of_a_trace():
    """TensorFlow traces them once, so that a number left in them would be another layer's in the next trace."""
    block = Compiled(name="block")
    for before in ([], [keras.layers.Dense(3, name="first"), keras.layers.Dense(3, name="second")]):
        graph = bind(keras.Sequential([keras.Input((3,)), *before, block]), np.zeros((1, 3))).graph
        relu = next(op for op in graph.ops if op.type == "Relu")
        assert graph.layers_of(relu) == ["block"]


def test_layer_that_returns_its_input_has_an_output_of_its_own():
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(2, name="dense")(inputs)
    dropped = keras.layers.Dropout(0.5, name="dropped")(dense)
    model = keras.Model(inputs, keras.layers.Concatenate()([dropped, dense]))
    graph = bind(model, np.zeros((1, 3))).graph
    outputs = {call.path[-1]: call.outputs[0] for call in graph.calls}
    assert outputs["dropped"] is not outputs["dense"]
    assert graph.producer[outputs["dropped"]].inputs == (outputs["dense"],)


def test_names_of_ops():
    name = "model/block_1/skdeeplift.call.3/inner/skdeeplift.call.12_1/MatMul"
    assert call_numbers(name) == [3, 12]
    assert without_call_numbers(name) == "model/block_1/inner/MatMul"


def test_innermost_layer_that_has_a_name():
    model = keras.Sequential([keras.Input((3,)), Block(name="block")])
    graph = bind(model, np.zeros((1, 3))).graph
    relu = next(op for op in graph.ops if op.type == "Relu")
    assert innermost_named(graph.calls, relu.calls, ["block"]) == "block"
    assert innermost_named(graph.calls, relu.calls, ["block", "inner"]) == "inner"
    assert innermost_named(graph.calls, relu.calls, ["block/inner"]) == "block/inner"
    assert innermost_named(graph.calls, relu.calls, ["other"]) is None


def test_recurrent_layers_run_step_by_step_while_they_are_traced():
    """The attribute decides it on a GPU alone, so that here it is read in the call."""
    inputs = keras.Input((4, 3))
    layers = [keras.layers.LSTM(2, return_sequences=True, use_cudnn=use) for use in ("auto", True)]
    seen, outputs = [], inputs
    for layer in layers:
        outputs = layer(outputs)
        call = layer.call

        def spied(*args, layer=layer, call=call, **kwargs):
            seen.append(layer.use_cudnn)
            return call(*args, **kwargs)

        vars(layer)["call"] = spied
    bind(keras.Model(inputs, outputs), np.zeros((2, 4, 3))).graph  # noqa: B018
    assert seen == [False, False]
    assert [layer.use_cudnn for layer in layers] == ["auto", True]


@pytest.fixture(scope="module")
def graph():
    layers = keras.layers
    inputs = keras.Input((6,), name="table")
    shared = layers.Dense(4, activation="relu", name="shared")
    encoder = keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="gelu", name="dense")], name="encoder")
    first, second = encoder(inputs), layers.Dense(4, name="dense")(inputs)
    joined = layers.Concatenate(name="joined")([shared(first), shared(second)])
    outputs = layers.Dense(3, activation="softmax", name="classes")(layers.PReLU(name="prelu")(joined))
    return bind(keras.Model(inputs, outputs), np.zeros((1, 6))).graph


@pytest.mark.parametrize(
    ("name", "op_type"),
    [
        ("encoder", "Mul"),
        ("encoder/dense", "Mul"),
        ("encoder/dense:pre_activation", "BiasAdd"),
        ("joined", "ConcatV2"),
        ("prelu:pre_activation", "ConcatV2"),
        ("classes", "Softmax"),
        ("classes:pre_activation", "BiasAdd"),
    ],
)
def test_outputs_of_layers_and_what_their_activations_take(graph, name, op_type):
    assert graph.producer[find_layer(graph, name)].type == op_type


def test_inputs_have_names_too(graph):
    assert find_layer(graph, "table", ["table"]) is graph.inputs[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clases", "Did you mean 'classes'"),
        ("nothing like it", "none of the network's layers: table, dense, encoder, "),
        ("dense", r"Several layers are named 'dense'. Pass one of \['dense', 'encoder/dense'\]"),
        ("shared", "calls the layer 'shared' 2 times"),
        ("joined:pre_activation", "does not end in an activation of its own"),
    ],
)
def test_names_that_are_of_no_one_layer(graph, name, message):
    with pytest.raises(ValueError, match=message):
        find_layer(graph, name, ["table"])


def test_names_of_layers_are_in_order(graph):
    assert layer_names(graph) == ["dense", "encoder", "shared", "joined", "prelu", "classes"]


def test_layers_with_several_outputs():
    inputs = keras.Input((4, 3))
    sequence, state = keras.layers.GRU(2, return_sequences=True, return_state=True, name="both")(inputs)
    model = keras.Model(inputs, keras.layers.Flatten()(sequence * state[:, None]))
    with pytest.raises(ValueError, match=r"takes a layer with one output.*The layer 'both' has 2 such outputs"):
        find_layer(bind(model, np.zeros((2, 4, 3), np.float32)).graph, "both")


@pytest.mark.advice
def test_a_layer_of_complex_numbers_is_refused():
    """Layers before and behind it, and one of both parts side by side, are explained."""
    inputs = keras.Input((8,))
    spectrum = keras.layers.Lambda(tf.signal.rfft, name="spectrum")(inputs)
    parts = keras.layers.Lambda(lambda z: tf.concat([tf.math.real(z), tf.math.imag(z)], 1), name="parts")(spectrum)
    size = keras.layers.Lambda(lambda parts: tf.abs(tf.complex(parts[:, :5], parts[:, 5:])), name="size")(parts)
    model, rows = keras.Model(inputs, keras.layers.Dense(1)(size)), np.random.default_rng(0).normal(size=(2, 8))
    for layer in ("parts", "size"):
        explanation = DeepLiftExplainer(model, layer=layer, check="raise").fit(rows).explain(rows)
        assert explanation.contributions.shape == (2, 10 if layer == "parts" else 5)
    graph = bind(model, np.zeros((2, 8), np.float32)).graph
    assert find_layer(graph, "size").dtype == tf.float32
    for name in ("spectrum", "size:pre_activation"):
        with pytest.raises(
            ValueError, match=f"layer='{name}' names a layer of complex numbers.*Name a layer before or behind it"
        ):
            find_layer(graph, name)


def test_a_mel_spectrogram_is_that_of_a_row_alone():
    """Keras cuts off what is 20 decibels below the loudest sound of the batch; here it is that of the row."""
    options = dict(fft_length=64, sequence_stride=32, sampling_rate=1000, num_mel_bins=8, max_freq=500, top_db=20)
    layer = keras.layers.MelSpectrogram(**options)
    model = keras.Sequential([keras.Input((128,)), layer])
    rows = np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32) * [[1], [1e-2], [10]]
    graph, _ = trace(lambda x: model(x, training=False), tf.TensorSpec((None, 128)), [layer])
    run = tf.function(lambda x: replay.run(graph, {graph.inputs[0]: x}, graph.outputs)[0], autograph=False)
    found = run(tf.constant(rows, tf.float32))
    expected = np.concatenate([model(row[None]) for row in rows])
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.abs(model(rows) - expected).max() > 1
    assert "_dbscale" not in vars(layer)
