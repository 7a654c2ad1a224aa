"""Explanations as functions of TensorFlow, as Keras layers, and in files that load without the package."""

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    MutagenesisExplainer,
    OcclusionExplainer,
)
from skdeeplift.targets import Profile
from tests.advice.following import follow
from tests.binding.networks import IMAGES, ROWS, SEQUENCES, TOKENS, sequence_network, table_network

# Neither the package nor Keras can be imported where this runs.
READER = """
    import sys

    class Without:
        def __init__(self, finder):
            self.finder = finder

        def find_spec(self, name, *further):
            is_hidden = name.partition(".")[0] in ("skdeeplift", "keras", "tf_keras")
            return None if is_hidden else self.finder.find_spec(name, *further)

    sys.meta_path[:] = map(Without, sys.meta_path)
    import numpy as np
    import tensorflow as tf

    folder, rows, results = sys.argv[1:]
    rows = {name: tf.constant(array) for name, array in np.load(rows).items()}
    loaded = tf.saved_model.load(folder)
    np.savez(results, **loaded.signatures["serving_default"](**rows))
    assert not {"skdeeplift", "keras"} & set(sys.modules)
"""


def read_elsewhere(folder, rows):
    """Explain rows by an export in a process that cannot import the package; return results and what was written."""
    np.savez(folder / "rows.npz", **rows)
    arguments = [folder / "export", folder / "rows.npz", folder / "results.npz"]
    command = [sys.executable, "-c", textwrap.dedent(READER), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "results.npz")), done.stderr


def assert_equal(found, expected):
    expected = np.asarray(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-6 * np.abs(expected).max())


@pytest.fixture(scope="module")
def two_inputs():
    keras.utils.set_random_seed(0)
    tokens, table = keras.Input((6,), dtype="int32", name="tokens"), keras.Input((4,), name="table")
    embedded = keras.layers.Embedding(10, 3, mask_zero=True)(tokens)
    joined = keras.layers.Concatenate()([keras.layers.GlobalAveragePooling1D()(embedded), table])
    outputs = keras.layers.Dense(3, "softmax")(keras.layers.Dense(5, "tanh", name="joined")(joined))
    rows = {"tokens": TOKENS.copy(), "table": ROWS[:12]}
    rows["tokens"][0, 4:] = 0
    return keras.Model({"tokens": tokens, "table": table}, outputs), rows


@pytest.mark.slow
def test_loads_where_neither_the_package_nor_keras_is(two_inputs, tmp_path):
    network, rows = two_inputs
    references = {"tokens": np.ones((3, 6), int), "table": "sample"}
    explainer = DeepLiftExplainer(
        network, rule="reveal_cancel", target="all", reference=references, max_references=3, random_state=0
    ).fit(rows)
    explainer.export(tmp_path / "export", standard_errors=True)
    found, written = read_elsewhere(tmp_path, rows)
    expected = explainer.explain(rows)
    for name in ("prediction", "reference_value"):
        assert_equal(found.pop(name), expected[name])
    for name in ("contributions", "standard_error"):
        for label in rows:
            assert_equal(found.pop(f"{name}_{label}"), expected[name][label])
    assert not found
    assert "skdeeplift" not in written.lower()
    assert "custom gradients" not in written


def test_a_table_loads_in_a_process_without_the_package(tmp_path):
    """The default test of the same, with the rule that has gradients of its own in the graph."""
    explainer = DeepLiftExplainer(table_network(3, "softmax"), rule="guided_backprop_rescale").fit(ROWS)
    explainer.export(tmp_path / "export")
    found, written = read_elsewhere(tmp_path, {"rows": ROWS})
    expected = explainer.explain(ROWS)
    assert set(found) == {"contributions", "prediction", "reference_value"}
    for name, array in found.items():
        assert_equal(array, expected[name])
    assert "custom gradients" not in written


@pytest.mark.parametrize("explainer_class", [DeepLiftExplainer, GuidedBackpropExplainer, LRPExplainer])
def test_files_hold_no_op_that_other_programs_lack(explainer_class, tmp_path):
    explainer = explainer_class(table_network(), batch_size=2**14).fit(np.tile(ROWS, (400, 1)))
    explainer.export(tmp_path)
    stored = SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    functions = stored.meta_graphs[0].graph_def.library.function
    nodes = [node for function in functions for node in function.node_def]
    assert not {node.op for node in nodes} & {"XlaLaunch", "PyFunc", "EagerPyFunc"}
    assert not any("_XlaMustCompile" in each.attr and each.attr["_XlaMustCompile"].b for each in (*nodes, *functions))
    assert not any(b"Skdeeplift" in node.attr["_gradient_op_type"].s for node in nodes)


def test_structures_of_rows_and_names_of_a_signature(two_inputs, tmp_path):
    network, rows = two_inputs
    explainer = DeepLiftExplainer(network, target=1, reference={"tokens": np.ones(6, int), "table": "held"}).fit(rows)
    explainer.export(tmp_path, multipliers=False)
    loaded, expected = tf.saved_model.load(tmp_path), explainer.transform(rows)
    found = loaded.explain(rows)["contributions"]
    for name in rows:
        assert_equal(found[name], expected[name])
    assert not np.any(found["table"])
    signature = loaded.signatures["serving_default"]
    assert set(signature.structured_input_signature[1]) == {"tokens", "table"}
    names = {"contributions_tokens", "contributions_table", "prediction", "reference_value"}
    assert set(signature.structured_outputs) == names
    layers = {each.name: each for each in network.inputs}
    with_list = keras.Model([layers["tokens"], layers["table"]], network.outputs)
    arrays = [rows["tokens"], rows["table"]]
    in_list = DeepLiftExplainer(with_list, target=1, reference=[np.ones(6, int), "mean"]).fit(arrays)
    for of_input, array in zip(in_list.as_function()(arrays)["contributions"], in_list.transform(arrays), strict=True):
        assert_equal(of_input, array)


def test_layers_and_targets():
    explainers = [
        DeepLiftExplainer(sequence_network(), reference="zeros"),
        DeepLiftExplainer(sequence_network(), target=lambda output: tf.square(output[:, 0])),
        OcclusionExplainer(sequence_network(), window_shape=(3, 4), reference="zeros"),
    ]
    explainers[0].set_params(layer=explainers[0].estimator.layers[0].name)
    profile = keras.Sequential([keras.Input((30, 4)), keras.layers.Conv1D(1, 5), keras.layers.Flatten()])
    explainers.append(DeepLiftExplainer(profile, target=Profile(weights="mean"), reference="sample", max_references=2))
    for explainer in explainers:
        expected, found = explainer.fit(SEQUENCES).explain(SEQUENCES), explainer.as_function()(SEQUENCES)
        for name in ("contributions", "prediction", "reference_value"):
            assert_equal(found[name], expected[name])


def test_target_of_a_call():
    explainer = DeepLiftExplainer(table_network(3), target=0).fit(ROWS)
    for target in ({0: 1, 2: -1}, "all", 1):
        found = explainer.as_function(target=target, multipliers=True)(ROWS)
        expected = explainer.explain(ROWS, target=target, multipliers=True)
        for name in ("contributions", "multipliers", "prediction"):
            assert_equal(found[name], expected[name])


def test_tables_of_a_network_are_exported(tmp_path):
    layers = [
        keras.layers.IntegerLookup(vocabulary=[3, 5, 7]),
        keras.layers.Embedding(5, 2),
        keras.layers.Flatten(),
        keras.layers.Dense(1),
    ]
    rows = np.array([[3, 5, 7], [5, 5, 9]], np.int64)
    network = keras.Sequential([keras.Input((3,), dtype="int64"), *layers])
    explainer = DeepLiftExplainer(network, reference=np.full(3, 3)).fit(rows)
    explainer.export(tmp_path)
    # A function alone does not keep the variables of what was loaded.
    loaded = tf.saved_model.load(tmp_path)
    assert_equal(loaded.explain(rows)["contributions"], explainer.transform(rows))


def test_weights_are_those_of_the_call_in_a_function_and_of_the_export_in_files(tmp_path):
    network = table_network()
    explainer = DeepLiftExplainer(network).fit(ROWS)
    function, before = explainer.as_function(), explainer.transform(ROWS)
    explainer.export(tmp_path)
    network.set_weights([2 * weights for weights in network.get_weights()])
    after = explainer.transform(ROWS)
    assert np.abs(after - before).max() > 0.1
    explainer.set_params(reference="zeros").fit(ROWS)
    assert_equal(function(ROWS)["contributions"], after)
    loaded = tf.saved_model.load(tmp_path)
    assert_equal(loaded.explain(ROWS)["contributions"], before)


def test_a_model_returns_reasons_with_its_predictions(tmp_path):
    network = table_network(3, "softmax")
    explainer = DeepLiftExplainer(network, target=0).fit(ROWS)
    layer = explainer.as_layer()
    assert len(layer.trainable_weights) == len(network.trainable_weights)
    inputs = keras.Input((4,))
    both = keras.Model(inputs, {"class": network(inputs), "reasons": layer(inputs)["contributions"]})
    assert len(both.trainable_weights) == len(network.trainable_weights)
    assert_equal(both.predict(ROWS, verbose=0)["reasons"], explainer.transform(ROWS))
    both.export(tmp_path, verbose=False)
    loaded = tf.saved_model.load(tmp_path)
    assert_equal(loaded.serve(ROWS)["reasons"], explainer.transform(ROWS))


def test_a_layer_of_a_function_without_keras(tmp_path):
    """Its variables, and the references, are saved with the model that the layer is in."""
    module = tf.Module()
    module.weights = tf.Variable(np.ones((4, 2), np.float32))
    module.compute = tf.function(
        lambda rows: tf.tanh(rows @ module.weights), input_signature=[tf.TensorSpec([None, 4])]
    )
    explainer = DeepLiftExplainer(module.compute, target=0, reference="sample", max_references=3).fit(ROWS)
    inputs = keras.Input((4,))
    keras.Model(inputs, explainer.as_layer()(inputs)).export(tmp_path, verbose=False)
    loaded = tf.saved_model.load(tmp_path)
    assert_equal(loaded.serve(ROWS)["contributions"], explainer.transform(ROWS))
    explain = explainer.as_function()
    with tf.GradientTape() as tape:
        size = tf.reduce_sum(explain(ROWS)["contributions"] ** 2)
    assert np.abs(tape.gradient(size, module.weights)).max() > 0


@pytest.mark.slow
def test_training_makes_penalised_contributions_smaller():
    network = table_network()
    explainer = DeepLiftExplainer(network, reference="zeros").fit(ROWS)
    layer = explainer.as_layer()
    inputs = keras.Input((4,))
    trained = keras.Model(inputs, {"y": network(inputs), "first": layer(inputs)["contributions"][:, :1]})
    trained.compile(keras.optimizers.Adam(0.05), loss={"y": "mse", "first": "mae"}, jit_compile=False)
    y = ROWS[:, :1] + ROWS[:, 1:2]
    for _ in range(2):
        before = np.abs(explainer.transform(ROWS)).mean(0)
        trained.fit(ROWS, {"y": y, "first": np.zeros_like(y)}, epochs=12, batch_size=16, verbose=0)
    after = np.abs(explainer.transform(ROWS)).mean(0)
    assert after[0] < 0.3 * after[1]
    assert after[0] < before[0]


@pytest.mark.advice
def test_what_depends_on_the_row_in_python(tmp_path):
    network = table_network()

    def exported(explainer, rows=ROWS, **asked):
        return explainer.fit(rows).as_function(**asked)(rows)["contributions"].numpy()

    follow(
        "Fit an explainer with a number of steps, such as n_steps=50.",
        lambda: exported(IntegratedGradientsExplainer(network)),
        lambda: exported(IntegratedGradientsExplainer(network, n_steps=50)),
    )
    follow(
        "Fit an explainer with a number of draws, such as n_draws=200.",
        lambda: exported(ExpectedGradientsExplainer(network, n_draws="auto")),
        lambda: exported(ExpectedGradientsExplainer(network, n_draws=200)),
    )
    follow(
        "Fit an explainer with reference_tol=None and a number as max_references.",
        lambda: exported(DeepLiftExplainer(network, reference="sample", max_references="auto")),
        lambda: exported(DeepLiftExplainer(network, reference="sample", reference_tol=None, max_references=5)),
    )
    own = np.zeros((len(ROWS), 2, 4))
    follow(
        "Fit an explainer with references that all rows share, or that are made of each row.",
        lambda: exported(DeepLiftExplainer(network, reference=own)),
        lambda: exported(DeepLiftExplainer(network, reference="zeros")),
    )
    follow(
        "Pass standard_errors=False, or fit an explainer with several.",
        lambda: exported(DeepLiftExplainer(network), standard_errors=True),
        lambda: exported(DeepLiftExplainer(network), standard_errors=False),
        lambda: exported(DeepLiftExplainer(network, reference="sample", max_references=5), standard_errors=True),
    )
    follow(
        "such as an array or 'mean', or with 'shuffle', 'dinucleotide_shuffle' or 'blur'.",
        lambda: exported(DeepLiftExplainer(sequence_network(), reference=lambda X: X[:, None]), SEQUENCES),
        lambda: exported(DeepLiftExplainer(sequence_network(), reference="dinucleotide_shuffle"), SEQUENCES),
        lambda: exported(DeepLiftExplainer(sequence_network(), reference="mean"), SEQUENCES),
        lambda: exported(DeepLiftExplainer(sequence_network(), reference="shuffle"), SEQUENCES),
        lambda: exported(DeepLiftExplainer(sequence_network(), reference="blur"), SEQUENCES),
    )
    follow(
        "Use a DeepLiftExplainer.",
        lambda: exported(MutagenesisExplainer(sequence_network()), SEQUENCES),
        lambda: exported(DeepLiftExplainer(sequence_network()), SEQUENCES),
    )


@pytest.mark.advice
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_steps_of_a_pipeline_run_in_scikit_learn():
    pipeline = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(3,), max_iter=5, random_state=0))
    pipeline.fit(ROWS, ROWS[:, 0])
    explainer = DeepLiftExplainer(FrozenEstimator(pipeline)).fit(ROWS)

    def of_last_step():
        of_last, encoded = DeepLiftExplainer(FrozenEstimator(pipeline[-1])), pipeline[:-1].transform(ROWS)
        found = of_last.fit(encoded).as_function()(encoded)["contributions"].numpy()
        assert_equal(found, explainer.transform(ROWS))
        return found

    follow("Fit an explainer of the last step alone,", explainer.as_function, of_last_step)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("reference", ["blur", "zeros"])
def test_exports_of_images_explain_alike(reference, tmp_path):
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv2D(3, 2, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(2, "softmax"),
    ]
    explainer = DeepLiftExplainer(keras.Sequential([keras.Input((5, 5, 2)), *layers]), reference=reference).fit(IMAGES)
    explainer.export(tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    assert_equal(loaded.explain(IMAGES)["contributions"], explainer.transform(IMAGES))
