"""Files as ChromBPNet, BPNet and basepairmodels leave them, written by hand as tf.keras 2.8 writes them."""

import base64
import json
import marshal
import re

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import skdeeplift
from skdeeplift import DeepLiftExplainer, load_network
from skdeeplift.exceptions import ModelFileError
from tests.network.keras_2_files import keras_2_functional, keras_2_layer, write_keras_2

LENGTH, FILTERS = 14, 2
ROWS = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(4, size=(3, LENGTH))]
COUNTS = "logcount_predictions"


def text(name):
    return b"\xda" + bytes([len(name)]) + name.encode()


# The code of ``lambda x: tf.math.reduce_logsumexp(x, axis=-1, keepdims=True)`` in the form of Python 3.8.
CODE = (
    b"\xe3\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00\x00C\x00\x00\x00s\x12\x00\x00\x00"
    b"t\x00j\x01j\x02|\x00d\x01d\x02d\x03\x8d\x03S\x00)\x04N\xe9\xff\xff\xff\xffT)\x02"
    + text("axis")
    + text("keepdims")
    + b")\x03"
    + text("tf")
    + text("math")
    + text("reduce_logsumexp")
    + b")\x01"
    + text("x")
    + b"\xa9\x00\xfa\x17/chrombpnet/training.py\xda\x08<lambda>\x1e\x00\x00\x00\xf3\x00\x00\x00\x00"
)


def conv(name, filters, width, **config):
    extra = {"strides": [1], "padding": "valid", "data_format": "channels_last", "groups": 1, "use_bias": True}
    return keras_2_layer("Conv1D", name, filters=filters, kernel_size=[width], dtype="float32", **extra, **config)


def calls(*places):
    return [[[*place, {}] for place in places]]


def profile_and_counts(prefix):
    """A small BPNet: a convolution, a dilated one with a residual, a profile head and a counts head."""
    source = keras_2_layer(
        "InputLayer", "sequence", batch_input_shape=[None, LENGTH, 4], dtype="float32", sparse=False, ragged=False
    )
    crop = keras_2_layer("Cropping1D", f"{prefix}_1crop", cropping=[2, 2], dtype="float32")
    layers = [
        (source, []),
        (conv(f"{prefix}_1st_conv", FILTERS, 3, activation="relu", dilation_rate=[1]), calls(["sequence", 0, 0])),
        (
            conv(f"{prefix}_1conv", FILTERS, 3, activation="relu", dilation_rate=[2]),
            calls([f"{prefix}_1st_conv", 0, 0]),
        ),
        (crop, calls([f"{prefix}_1st_conv", 0, 0])),
        (
            keras_2_layer("Add", f"{prefix}_add", dtype="float32"),
            calls([f"{prefix}_1conv", 0, 0], [f"{prefix}_1crop", 0, 0]),
        ),
        (
            conv(f"{prefix}_prof_out", 1, 3, activation="linear", dilation_rate=[1]),
            calls([f"{prefix}_add", 0, 0]),
        ),
        (
            keras_2_layer("Flatten", f"{prefix}_logits", data_format="channels_last", dtype="float32"),
            calls([f"{prefix}_prof_out", 0, 0]),
        ),
        (
            keras_2_layer("GlobalAveragePooling1D", f"{prefix}_gap", data_format="channels_last", keepdims=False),
            calls([f"{prefix}_add", 0, 0]),
        ),
        (
            keras_2_layer("Dense", f"{prefix}_logcounts", units=1, activation="linear", use_bias=True),
            calls([f"{prefix}_gap", 0, 0]),
        ),
    ]
    return functional(prefix, layers, [["sequence", 0, 0]], [[f"{prefix}_logits", 0, 0], [f"{prefix}_logcounts", 0, 0]])


def functional(name, layers, inputs, outputs):
    config = keras_2_functional(layers, inputs, outputs)
    config["class_name"], config["config"]["name"] = "Functional", name
    return config


def weights_of(seed):
    rng = np.random.default_rng(seed)
    shapes = [(3, 4, FILTERS), FILTERS, (3, FILTERS, FILTERS), FILTERS, (3, FILTERS, 1), 1, (FILTERS, 1), 1]
    return [rng.normal(size=shape) for shape in shapes]


def lambda_layer(name=COUNTS, code=CODE):
    function = [base64.encodebytes(code).decode(), None, None]
    config = {"function": function, "function_type": "lambda", "module": "chrombpnet.training", "output_shape": None}
    config |= {"output_shape_type": "raw", "output_shape_module": None, "arguments": {}, "dtype": "float32"}
    return keras_2_layer("Lambda", name, **config)


def write_chrombpnet(path):
    source = keras_2_layer("InputLayer", "sequence", batch_input_shape=[None, LENGTH, 4], dtype="float32")
    layers = [
        (source, []),
        (profile_and_counts("bias"), calls(["sequence", 0, 0])),
        (profile_and_counts("wo_bias"), calls(["sequence", 0, 0])),
        (keras_2_layer("Concatenate", "concatenate", axis=-1), calls(["wo_bias", 1, 1], ["bias", 1, 1])),
        (keras_2_layer("Add", "logits_profile_predictions"), calls(["wo_bias", 1, 0], ["bias", 1, 0])),
        (lambda_layer(), calls(["concatenate", 0, 0])),
    ]
    outputs = [["logits_profile_predictions", 0, 0], [COUNTS, 0, 0]]
    config = functional("model_1", layers, [["sequence", 0, 0]], outputs)
    write_keras_2(path, config, {"bias": weights_of(1), "wo_bias": weights_of(2)}, version="2.8.0")
    with h5py.File(path, "a") as file:
        losses = ["multinomial_nll", "mse"]
        file.attrs["training_config"] = json.dumps({"loss": losses, "metrics": None, "loss_weights": [1, 10]})
    return str(path)


def bpnet(weights, rows):
    """The network of ``profile_and_counts`` in NumPy."""
    first, second, profile, counts = zip(weights[::2], weights[1::2], strict=True)

    def convolve(x, kernel, bias, dilation=1):
        length = x.shape[1] - 2 * dilation
        shifted = [x[:, step * dilation : step * dilation + length] @ kernel[step] for step in range(3)]
        return np.sum(shifted, axis=0) + bias

    hidden = np.maximum(convolve(rows, *first), 0)
    hidden = np.maximum(convolve(hidden, *second, dilation=2), 0) + hidden[:, 2:-2]
    return convolve(hidden, *profile)[..., 0], hidden.mean(1) @ counts[0] + counts[1]


def check_chrombpnet(model):
    (bias_profile, bias_counts), (profile, counts) = (bpnet(weights_of(seed), ROWS) for seed in (1, 2))
    expected = [bias_profile + profile, np.logaddexp(bias_counts, counts)]
    for output, values in zip(model(ROWS), expected, strict=True):
        np.testing.assert_allclose(output, values, rtol=1e-4, atol=1e-5)


def test_the_code_is_of_another_python_and_is_not_read():
    with pytest.raises((ValueError, EOFError, TypeError)):
        marshal.loads(CODE)


def test_chrombpnet_says_what_to_do_and_that_works(tmp_path):
    path = write_chrombpnet(tmp_path / "chrombpnet.h5")
    names = "axis, keepdims, tf, math, reduce_logsumexp, x"
    with pytest.raises(
        ModelFileError, match=rf"code in its layer '{COUNTS}' \(class 'Lambda'; the code names {names}\)"
    ) as error:
        DeepLiftExplainer(path).fit(ROWS)
    call = re.search(r"this call returns: (skdeeplift\.load_network\(.*?\}\))", str(error.value))[1]
    assert call == f"skdeeplift.load_network({path!r}, custom_objects={{{COUNTS!r}: function}})"

    def function(x):
        return tf.math.reduce_logsumexp(x, axis=-1, keepdims=True)

    model = eval(call, {"skdeeplift": skdeeplift, "function": function})
    check_chrombpnet(model)
    explanation = DeepLiftExplainer(model, output=COUNTS, reference="zeros").fit(ROWS).explain(ROWS)
    sums = explanation.contributions.reshape(len(ROWS), -1).sum(1)
    np.testing.assert_allclose(sums, explanation.prediction - explanation.reference_value, rtol=1e-4, atol=1e-5)


def test_a_scope_around_fit_gives_the_function_too(tmp_path):
    path = write_chrombpnet(tmp_path / "chrombpnet.h5")
    with keras.saving.custom_object_scope({COUNTS: lambda x: tf.math.reduce_logsumexp(x, axis=-1, keepdims=True)}):
        explainer = DeepLiftExplainer(path, output=COUNTS, reference="zeros").fit(ROWS)
    _, counts = load_network(path, custom_objects={COUNTS: keras.ops.logsumexp})(ROWS)
    assert counts.shape == ()  # a function of the user's own is called as it is
    assert explainer.transform(ROWS).shape == ROWS.shape


@pytest.mark.parametrize("prefix", ["bias", "wo_bias"])
def test_the_models_inside_load_alone(tmp_path, prefix):
    config, weights = profile_and_counts(prefix), weights_of(3)
    names = [f"{prefix}_{name}" for name in ("1st_conv", "1conv", "prof_out", "logcounts")]
    arrays = {name: weights[2 * place : 2 * place + 2] for place, name in enumerate(names)}
    path = write_keras_2(tmp_path / "chrombpnet_nobias.h5", config, arrays, version="2.8.0")
    for output, values in zip(load_network(path)(ROWS), bpnet(weights, ROWS), strict=True):
        np.testing.assert_allclose(output, values, rtol=1e-4, atol=1e-5)


def test_a_control_track_and_a_class_that_trains_otherwise(tmp_path):
    """The counts head also sees the control's counts, as in basepairmodels, whose class has a loss of its own."""
    sources = [
        keras_2_layer("InputLayer", "sequence", batch_input_shape=[None, LENGTH, 4], dtype="float32"),
        keras_2_layer("InputLayer", "control_counts", batch_input_shape=[None, 1], dtype="float32"),
    ]
    layers = [
        (sources[0], []),
        (sources[1], []),
        (keras_2_layer("GlobalAveragePooling1D", "gap"), calls(["sequence", 0, 0])),
        (keras_2_layer("Concatenate", "both", axis=-1), calls(["gap", 0, 0], ["control_counts", 0, 0])),
        (keras_2_layer("Dense", "counts", units=1, activation="linear", use_bias=False), calls(["both", 0, 0])),
    ]
    inputs = [["sequence", 0, 0], ["control_counts", 0, 0]]
    config = functional("model", layers, inputs, [["counts", 0, 0]])
    config["class_name"] = "AttributionPriorModel"
    config["config"] |= {"num_tasks": 1}
    weights = {"counts": [[[1], [2], [3], [4], [5]]]}
    path = str(write_keras_2(tmp_path / "model.h5", config, weights, version="2.8.0"))
    with pytest.raises(ModelFileError, match=r"differs in its training only") as error:
        load_network(path)
    call = re.search(r"estimator=(skdeeplift\.load_network\(.*?\}\))", str(error.value))[1]
    model = eval(call, {"skdeeplift": skdeeplift, "keras": keras})
    controls = np.arange(3, dtype=np.float32)[:, None]
    np.testing.assert_allclose(model([ROWS, controls]), ROWS.mean(1) @ [[1], [2], [3], [4]] + 5 * controls, rtol=1e-5)


def test_a_sequential_network_of_a_class_that_trains_otherwise(tmp_path):
    dense = keras_2_layer("Dense", "dense", units=1, activation="linear", batch_input_shape=[None, 2])
    config = {"class_name": "Mine", "config": {"name": "mine", "layers": [dense], "build_input_shape": [None, 2]}}
    path = write_keras_2(tmp_path / "model.h5", config, {"dense": [[[1], [2]], [3]]}, version="2.8.0")
    with pytest.raises(ModelFileError, match=r"custom_objects=\{'Mine': keras\.Model\}"):
        load_network(path)
    model = load_network(path, custom_objects={"Mine": keras.Model})
    np.testing.assert_array_equal(model(np.array([[1.0, 1.0]])), [[6]])


def test_layers_of_one_name_with_other_code_are_told_apart(tmp_path):
    """The inner layer multiplies by 2, the outer one adds 1."""

    def source(name):
        return keras_2_layer("InputLayer", name, batch_input_shape=[None, 1], dtype="float32")

    other = CODE.replace(b"reduce_logsumexp", b"reduce_euclidean")
    inner = functional(
        "inner",
        [(source("inside"), []), (lambda_layer("code"), calls(["inside", 0, 0]))],
        [["inside", 0, 0]],
        [["code", 0, 0]],
    )
    layers = [
        (source("input"), []),
        (inner, calls(["input", 0, 0])),
        (lambda_layer("code", other), calls(["inner", 1, 0])),
    ]
    config = functional("model", layers, [["input", 0, 0]], [["code", 0, 0]])
    path = write_keras_2(tmp_path / "model.h5", config, {}, version="2.8.0")
    with pytest.raises(ModelFileError, match=r"custom_objects=\{'inner/code': function, 'code': function\}"):
        load_network(path)
    model = load_network(path, custom_objects={"inner/code": lambda x: 2 * x, "code": lambda x: x + 1})
    np.testing.assert_array_equal(model(np.array([[3.0]])), [[7]])
