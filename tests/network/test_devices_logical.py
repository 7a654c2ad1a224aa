"""Explanations on several devices: a process with two logical CPUs finds the same numbers as one with a single CPU."""

import json
import subprocess
import sys
import textwrap

import pytest

# Each case returns contributions that are to equal those of the same network on one device.
SCRIPT = """
    import json, sys, tempfile, warnings
    import numpy as np
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import keras
    from skdeeplift import DeepLiftExplainer, IntegratedGradientsExplainer, OcclusionExplainer, config_context
    from skdeeplift.network.tensors import to_tensor

    layers, generator = keras.layers, np.random.default_rng(0)
    SEQUENCES = generator.normal(size=(40, 6, 3)).astype("float32")
    # Rows and references so large that elementwise functions are compiled by XLA.
    TABLE = generator.normal(size=(300, 400)).astype("float32")

    def table_network(seed=0):
        keras.utils.set_random_seed(seed)
        return keras.Sequential([keras.Input((400,)), layers.Dense(300, "relu"), layers.Dense(2, "softmax")])

    def sequence_network():
        keras.utils.set_random_seed(0)
        hidden = [layers.Conv1D(4, 3, activation="elu"), layers.LSTM(3), layers.Dense(2)]
        return keras.Sequential([keras.Input((6, 3)), *hidden])

    EXPLAINERS = {
        "rescale": (DeepLiftExplainer, {"reference": "zeros"}),
        "reveal_cancel": (DeepLiftExplainer, {"rule": "reveal_cancel", "reference": "sample", "max_references": 7}),
        "integrated_gradients": (IntegratedGradientsExplainer, {"n_steps": 8, "reference": "zeros"}),
        "occlusion": (OcclusionExplainer, {"reference": "zeros"}),
    }

    def explainer(network, kind="rescale", rows=TABLE):
        cls, parameters = EXPLAINERS[kind]
        return cls(network, target=0, random_state=0, **parameters).fit(rows)

    one_device, errors = {}, {}

    def compare(name, found, expected):
        found, expected = np.asarray(found), np.asarray(expected)
        errors[name] = float(np.abs(found - expected).max() / np.abs(expected).max())

    # On the other device, from fit on or only in the call.
    for kind in EXPLAINERS:
        for make, rows in ((table_network, TABLE), (sequence_network, SEQUENCES)):
            if kind == "occlusion" and rows is TABLE:
                continue
            name, expected = f"{kind} {make.__name__}", explainer(make(), kind, rows).transform(rows)
            one_device[kind, make.__name__] = expected
            with tf.device("CPU:1"):
                there = explainer(make(), kind, rows)
                compare(f"{name} there", there.transform(rows), expected)
            compare(f"{name} fitted there", there.transform(rows), expected)
    expected = one_device["rescale", "table_network"]
    here = explainer(table_network())
    here.transform(TABLE)
    with tf.device("CPU:1"):
        compare("call there", here.transform(TABLE), expected)
        assert to_tensor(TABLE).numpy().tobytes() == TABLE.tobytes()
    compare("call here again", here.transform(TABLE), expected)
    compare("threads", explainer(table_network()).set_params(n_jobs=2).transform(TABLE), expected)

    # Variables and ops of one network on both devices.
    class There(layers.Layer):
        def call(self, x):
            with tf.device("CPU:1"):
                return tf.nn.relu(x)

    keras.utils.set_random_seed(0)
    inputs = keras.Input((400,))
    first, last = layers.Dense(300), layers.Dense(2, "softmax")
    with tf.device("CPU:1"):
        hidden = first(inputs)
    split = keras.Model(inputs, last(There()(hidden)))
    assert [variable.value.device[-5:] for variable in (first.kernel, last.kernel)] == ["CPU:1", "CPU:0"]
    split.set_weights(table_network().get_weights())
    compare("split network", explainer(split).transform(TABLE), expected)
    # XLA may not read variables of another device. The call then goes on without XLA.
    with config_context(jit_compile=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare("split network with XLA", explainer(split).transform(TABLE), expected)
    explain = explainer(split).as_function()
    compare("function of a split network", explain(TABLE)["contributions"], expected)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(explain(TABLE[:5])["contributions"] ** 2)
    of_split = tape.gradient(total, first.kernel.value)
    network = table_network()
    explain = explainer(network).as_function()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(explain(TABLE[:5])["contributions"] ** 2)
    compare("derivatives", of_split, tape.gradient(total, network.layers[0].kernel.value))
    with tempfile.TemporaryDirectory() as folder:
        explainer(split).export(folder)
        loaded = tf.saved_model.load(folder)
        compare("export of a split network", loaded.explain(TABLE)["contributions"], expected)

    # A network with a copy of each variable on each device, before and after training.
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        mirrored = table_network()
        mirrored.compile("adam", "sparse_categorical_crossentropy")
    compare("mirrored network", explainer(mirrored).transform(TABLE), expected)
    fitted = explainer(mirrored)
    with strategy.scope():
        compare("mirrored network in its scope", explainer(mirrored).transform(TABLE), expected)
    mirrored.fit(TABLE, generator.integers(2, size=300), epochs=2, batch_size=50, verbose=0)
    trained = table_network(1)
    trained.set_weights(mirrored.get_weights())
    expected = explainer(trained).transform(TABLE)
    assert np.abs(expected - one_device["rescale", "table_network"]).max() > 1e-3
    compare("trained mirrored network", fitted.transform(TABLE), expected)
    compare("function of a mirrored network", fitted.as_function()(TABLE)["contributions"], expected)
    with tempfile.TemporaryDirectory() as folder:
        fitted.export(folder)
        loaded = tf.saved_model.load(folder)
        compare("export of a mirrored network", loaded.explain(TABLE)["contributions"], expected)
    json.dump(errors, open(sys.argv[1], "w"))
"""


@pytest.mark.slow
def test_several_devices_give_the_numbers_of_one(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), tmp_path / "errors.json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-5000:]
    errors = json.loads((tmp_path / "errors.json").read_text())
    assert len(errors) > 20
    assert {name: error for name, error in errors.items() if not error < 1e-4} == {}
