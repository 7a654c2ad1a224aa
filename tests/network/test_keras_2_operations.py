"""Functions of TensorFlow that Keras 2 stored as layers, with values from NumPy."""

import pickle

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format

from skdeeplift import DeepLiftExplainer, load_network
from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.keras_2_operations import find_function
from tests.network.keras_2_files import keras_2_dense, keras_2_functional, keras_2_layer, predict, write_keras_2

A, B = np.random.default_rng(0).normal(size=(2, 3, 4, 2)).astype(np.float32)
FIRST, SECOND = ["a", 0, 0], ["b", 0, 0]
ALL = {"start": None, "stop": None, "step": None}


def slices(*parts):
    return {"slice_spec": [*parts]}


def write(path, *operations, inputs=("a", "b"), size=(4, 2)):
    """Write a network of one operation after the other, each a name of a function and the data of its call."""
    layers = [
        (keras_2_layer("InputLayer", name, batch_input_shape=[None, *size], dtype="float32"), []) for name in inputs
    ]
    for number, (function, call) in enumerate(operations):
        kind = "SlicingOpLambda" if function.endswith("getitem") else "TFOpLambda"
        layers.append((keras_2_layer(kind, f"op{number}", dtype="float32", function=function), [call]))
    places = [[name, 0, 0] for name in inputs]
    return str(write_keras_2(path, keras_2_functional(layers, places, [[f"op{number}", 0, 0]]), {}, version="2.8.0"))


def call_of_first(**keywords):
    return [*FIRST, keywords]


CALLS = {
    "one tensor": ("math.exp", call_of_first(name=None), lambda: np.exp(A)),
    "a tensor among the keywords": ("math.multiply", call_of_first(y=SECOND, name=None), lambda: A * B),
    "an operator": ("__operators__.add", call_of_first(y=SECOND, name=None), lambda: A + B),
    "a constant": ("math.truediv", call_of_first(y=4.0), lambda: A / 4),
    "a list of constants": ("math.subtract", call_of_first(y=[[1.0, 2.0]] * 4), lambda: A - [1, 2]),
    "a constant that comes first": (
        "math.subtract",
        ["_CONSTANT_VALUE", -1, 1.0, {"y": FIRST, "name": None}],
        lambda: 1 - A,
    ),
    "a list of tensors": (
        "concat",
        [[*FIRST, {"axis": 1}], [*SECOND, {"axis": 1}]],
        lambda: np.concatenate([A, B], 1),
    ),
    "a list of tensors and constants": (
        "stack",
        [[*FIRST, {"axis": -1}], ["_CONSTANT_VALUE", -1, np.zeros((3, 4, 2)).tolist(), {"axis": -1}]],
        lambda: np.stack([A, 0 * A], -1),
    ),
    "a condition": (
        "where",
        [*FIRST, {"x": SECOND, "y": 0.0}],
        None,
    ),
    "a name of TensorFlow 1": (
        "compat.v1.transpose",
        call_of_first(perm=[0, 2, 1], name="transpose", conjugate=False),
        lambda: A.transpose(0, 2, 1),
    ),
    "an axis that is reduced": (
        "math.reduce_logsumexp",
        call_of_first(axis=-1, keepdims=True),
        lambda: np.logaddexp(A[..., :1], A[..., 1:]),
    ),
    "a function of Keras": ("keras.backend.batch_flatten", call_of_first(), lambda: A.reshape(3, 8)),
    "a function of neural networks": ("nn.leaky_relu", call_of_first(alpha=0.5), lambda: np.where(A > 0, A, A / 2)),
    "a product of matrices": ("linalg.matmul", call_of_first(b=SECOND, transpose_b=True), lambda: A @ B.swapaxes(1, 2)),
    "a type": ("cast", call_of_first(dtype="float64"), lambda: A.astype(float)),
    "slices": (
        "__operators__.getitem",
        call_of_first(**slices(ALL, {"start": 1, "stop": None, "step": 2}, 0)),
        lambda: A[:, 1::2, 0],
    ),
    "a new axis and an ellipsis": (
        "__operators__.getitem",
        call_of_first(**slices({"class_name": "__ellipsis__"}, None, {"start": 1, "stop": 2, "step": None})),
        lambda: A[..., None, 1:2],
    ),
    "one slice": (
        "__operators__.getitem",
        call_of_first(slice_spec={"start": None, "stop": 2, "step": None}),
        lambda: A[:2],
    ),
}


@pytest.mark.parametrize("kind", [kind for kind in CALLS if CALLS[kind][2] is not None])
def test_calls_of_functions_are_replaced(tmp_path, kind):
    function, call, expected = CALLS[kind]
    network = load_network(write(tmp_path / "network.h5", (function, call)))
    np.testing.assert_allclose(predict(network, A, B), expected(), rtol=1e-5)


def test_a_condition_chooses_between_its_operands(tmp_path):
    greater, where = ("math.greater", call_of_first(y=0)), ("where", ["op0", 0, 0, {"x": SECOND, "y": -1.0}])
    network = load_network(write(tmp_path / "network.h5", greater, where))
    np.testing.assert_array_equal(predict(network, A, B), np.where(A > 0, B, -1))


def test_the_second_of_several_outputs(tmp_path):
    split = ("split", call_of_first(num_or_size_splits=2, axis=1))
    network = load_network(write(tmp_path / "network.h5", split, ("math.negative", ["op0", 0, 1, {}])))
    np.testing.assert_array_equal(predict(network, A, B), -A[:, 2:])


def test_a_shape_that_depends_on_the_rows(tmp_path):
    operations = [
        ("compat.v1.shape", call_of_first(name=None, out_type="int32")),
        ("__operators__.getitem", ["op0", 0, 0, {"slice_spec": 0}]),
        ("reshape", call_of_first(shape=[["op1", 0, 0], 8])),
    ]
    network = load_network(write(tmp_path / "network.h5", *operations))
    np.testing.assert_array_equal(predict(network, A, B), A.reshape(3, 8))


def test_explained_and_pickled(tmp_path):
    """The output is relu(2 a) - 1, summed: its contributions from zeros are relu(2 a)."""
    operations = [
        ("math.multiply", call_of_first(y=2.0)),
        ("nn.relu", ["op0", 0, 0, {"name": None}]),
        ("math.subtract", ["op1", 0, 0, {"y": 1.0}]),
        ("math.reduce_sum", ["op2", 0, 0, {"axis": [1, 2], "keepdims": False}]),
        ("expand_dims", ["op3", 0, 0, {"axis": -1}]),
    ]
    network = load_network(write(tmp_path / "network.h5", *operations, inputs=("a",)))
    explainer = DeepLiftExplainer(network, reference="zeros").fit(A)
    np.testing.assert_allclose(explainer.transform(A), np.maximum(2 * A, 0), atol=1e-6)
    copied = pickle.loads(pickle.dumps(explainer))
    np.testing.assert_allclose(copied.transform(A), np.maximum(2 * A, 0), atol=1e-6)
    network.save(tmp_path / "again.keras")
    np.testing.assert_allclose(predict(load_network(tmp_path / "again.keras"), A), predict(network, A))


def halved(rows, name=None):
    return rows / 2


@pytest.mark.parametrize("key", ["op0", "tf.random.stateless_normal"])
def test_a_function_of_the_users_own(tmp_path, key):
    path = write(tmp_path / "network.h5", ("random.stateless_normal", call_of_first(name=None)), inputs=("a",))
    with pytest.raises(
        ModelFileError, match=r"calls tf\.random\.stateless_normal, .*custom_objects=\{'op0': function\}"
    ):
        load_network(path)
    network = load_network(path, custom_objects={key: halved})
    np.testing.assert_array_equal(predict(network, A), A / 2)
    explainer = DeepLiftExplainer(network, reference="zeros", target="all").fit(A)
    copied = pickle.loads(pickle.dumps(explainer))
    np.testing.assert_array_equal(copied.transform(A), explainer.transform(A))


def test_operations_within_a_nested_model(tmp_path):
    """The inner network squares, and is called twice."""
    inner = keras_2_functional(
        [
            (keras_2_layer("InputLayer", "inside", batch_input_shape=[None, 1], dtype="float32"), []),
            (keras_2_layer("TFOpLambda", "op", function="math.square"), [["inside", 0, 0, {"name": None}]]),
        ],
        [["inside", 0, 0]],
        [["op", 0, 0]],
    )
    inner["config"]["name"] = "inner"
    source = keras_2_layer("InputLayer", "input", batch_input_shape=[None, 1], dtype="float32")
    layers = [
        (source, []),
        (inner, [[["input", 0, 0, {}]], [["inner", 1, 0, {}]]]),
        (keras_2_dense("dense", 1), [[["inner", 2, 0, {}]]]),
    ]
    config = keras_2_functional(layers, [["input", 0, 0]], [["dense", 0, 0]])
    path = write_keras_2(tmp_path / "network.h5", config, {"dense": [[[2]], [1]]})
    np.testing.assert_array_equal(predict(load_network(path), np.array([[3.0]])), [[163]])


@pytest.mark.parametrize(
    "symbol", ["math.exp", "nn.relu", "concat", "compat.v1.squeeze", "signal.rfft", "image.resize"]
)
def test_allowed_functions_are_those_of_tensorflow(symbol):
    function = tf.compat.v1 if symbol.startswith("compat") else tf
    for part in symbol.removeprefix("compat.v1.").split("."):
        function = getattr(function, part)
    assert find_function(symbol) is function


@pytest.mark.parametrize(
    "symbol",
    """io.read_file io.write_file py_function numpy_function print load_library load_op_library function math._sys
    __operators__._sys __operators__.__class__ nn.dropout nn.experimental.stateless_dropout image.random_crop
    random.normal raw_ops.ReadFile raw_ops.Exp saved_model.load keras.utils.get_file keras.backend.clear_session
    compat.v1.py_func compat.v1.nn.dropout compat.as_bytes math.__loader__.load_module math import_graph_def
    nn.RNNCellDeviceWrapper linalg.LinearOperator summary.write sysconfig.get_lib nn.nce_loss map_fn while_loop
    compat.v1.app.run compat.v1.math compat.v1.gfile.Open __import__ os.system""".split(),
)
def test_functions_that_are_not_looked_up(symbol):
    assert find_function(symbol) is None


# Operations, as TensorFlow 2.0 to 2.3 stored them


def write_node(path, node, inputs, constants):
    """Write a network of one operation."""
    layers = [
        (keras_2_layer("InputLayer", name, batch_input_shape=[None, 4, 2], dtype="float32"), []) for name in inputs
    ]
    layer = keras_2_layer("TensorFlowOpLayer", "op", dtype="float32", node_def=node, constants=constants)
    places = [[name, 0, 0] for name in inputs]
    layers.append((layer, [[[*place, {}] for place in places]]))
    config = keras_2_functional(layers, places, [["tf_op_layer_op", 0, 0]])
    config["config"]["layers"][-1]["name"] = "tf_op_layer_op"
    return write_keras_2(path, config, {}, version="2.4.0")


def node_of(op, n_inputs, **attributes):
    names = ["a", "b/of_another", "c:1"][:n_inputs]
    attributes = {"T": {"type": "DT_FLOAT"}, "_cloned": {"b": True}} | attributes
    return {"name": "some/op", "op": op, "input": names, "attr": attributes}


NODES = {
    "one tensor": (node_of("Exp", 1), "a", {}, lambda: np.exp(A)),
    "two tensors": (node_of("Mul", 2), "ab", {}, lambda: A * B),
    "a constant": (node_of("Mul", 2), "a", {"1": 2.0}, lambda: 2 * A),
    "a constant that comes first": (node_of("Sub", 2), "a", {"0": 1.0}, lambda: 1 - A),
    "an axis": (
        node_of("Sum", 2, Tidx={"type": "DT_INT32"}, keep_dims={"b": True}),
        "a",
        {"1": [1]},
        lambda: A.sum(1, keepdims=True),
    ),
    "tensors in a list": (
        node_of("ConcatV2", 3, N={"i": "2"}, Tidx={"type": "DT_INT32"}),
        "ab",
        {"2": -1},
        lambda: np.concatenate([A, B], -1),
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", NODES)
@pytest.mark.parametrize("form", ["dict", "text"])
def test_operations_of_keras_2_are_replaced_and_saved_again(tmp_path, kind, form):
    node, inputs, constants, expected = NODES[kind]
    if form == "text":
        node = json_format.ParseDict(node, tf.compat.v1.NodeDef()).SerializeToString().decode()
    network = load_network(write_node(tmp_path / "network.h5", node, inputs, constants))
    arrays = [A, B][: len(inputs)]
    np.testing.assert_allclose(predict(network, *arrays), expected(), rtol=1e-5)
    network.save(tmp_path / "again.keras")
    np.testing.assert_allclose(predict(load_network(tmp_path / "again.keras"), *arrays), expected(), rtol=1e-5)


def test_an_operation_is_explained_and_pickled(tmp_path):
    network = load_network(write_node(tmp_path / "network.h5", node_of("Mul", 2), "a", {"1": 2.0}))
    explainer = DeepLiftExplainer(network, reference="zeros", target=(1, 1)).fit(A)
    expected = np.zeros_like(A)
    expected[:, 1, 1] = 2 * A[:, 1, 1]
    np.testing.assert_allclose(explainer.transform(A), expected)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(explainer)).transform(A), expected)


@pytest.mark.parametrize("op", ["ReadFile", "WriteFile", "PyFunc", "RandomUniform", "PartitionedCall", "LoadLibrary"])
def test_operations_that_are_not_run(tmp_path, op):
    path = write_node(tmp_path / "network.h5", node_of(op, 1), "a", {})
    with pytest.raises(ModelFileError, match=rf"may not run the operation {op}\..*load it yourself with tf_keras"):
        load_network(path)


def test_a_changed_layer_is_not_called(tmp_path):
    """A file of Keras 3 may name the layer that stands for such calls, with a function that is not allowed."""
    network = load_network(write(tmp_path / "network.h5", ("math.exp", call_of_first()), inputs=("a",)))
    config = network.to_json().replace("math.exp", "io.read_file")
    (tmp_path / "network.json").write_text(config)
    network.save_weights(tmp_path / "network.weights.h5")
    with pytest.raises(ModelFileError, match=r"may not call the function tf\.io\.read_file"):
        load_network((tmp_path / "network.json", tmp_path / "network.weights.h5"))
