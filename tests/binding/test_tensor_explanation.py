"""Functions of tensors: hypothetical contributions, both strands, targets of rows, and rows of several lengths."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.ensemble import BaggingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier

from skdeeplift import DeepLiftExplainer, IntegratedGradientsExplainer, OcclusionExplainer
from tests.advice.following import follow
from tests.binding.networks import ROWS, SEQUENCES, TOKENS, sequence_network, table_network
from tests.binding.test_export import assert_equal

GENERATOR = np.random.default_rng(0)


def results(explainer, *arguments, field="contributions", **asked):
    return explainer.as_function(**asked)(*arguments)[field].numpy()


def open_network(pooling=keras.layers.GlobalMaxPooling1D):
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Conv1D(3, 5, activation="relu"), pooling(), keras.layers.Dense(2, "softmax")]
    return keras.Sequential([keras.Input((None, 4)), *hidden])


def test_fields_of_sequences():
    explainer = DeepLiftExplainer(sequence_network(), rule="genomics_default", reference="zeros").fit(SEQUENCES)
    asked = {"hypothetical": True, "both_strands": True, "multipliers": True}
    expected, found = explainer.explain(SEQUENCES, **asked), explainer.as_function(**asked)(SEQUENCES)
    assert set(found) == {"contributions", "hypothetical", "multipliers", "prediction", "reference_value"}
    for name, tensor in found.items():
        assert_equal(tensor, expected[name])
    by_axis = explainer.as_function(hypothetical=2)(SEQUENCES)["hypothetical"]
    assert_equal(by_axis, explainer.explain(SEQUENCES, hypothetical=2).hypothetical)


def test_hypothetical_contributions_of_one_of_several_inputs(tmp_path):
    sequence, table = keras.Input((30, 4), name="sequence"), keras.Input((4,), name="table")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(sequence), table])
    network = keras.Model({"sequence": sequence, "table": table}, keras.layers.Dense(1)(joined))
    rows = {"sequence": SEQUENCES, "table": ROWS[: len(SEQUENCES)]}
    explainer = DeepLiftExplainer(network, reference={"sequence": "zeros", "table": "mean"}).fit(rows)
    explainer.export(tmp_path, hypothetical={"sequence": True})
    loaded = tf.saved_model.load(tmp_path)
    expected = explainer.explain(rows, hypothetical=True).hypothetical
    assert_equal(loaded.explain(rows)["hypothetical"]["sequence"], expected["sequence"])
    assert loaded.explain(rows)["hypothetical"]["table"] is None is expected["table"]
    assert "hypothetical_table" not in loaded.signatures["serving_default"].structured_outputs


@pytest.mark.advice
def test_letters_that_only_rows_would_tell():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((6, 20)), keras.layers.Flatten(), keras.layers.Dense(1)])
    proteins = np.eye(20, dtype="float32")[GENERATOR.integers(20, size=(5, 6))]
    explainer = DeepLiftExplainer(network, reference="zeros").fit(proteins)
    follow(
        "Pass the axis as an int.",
        lambda: explainer.as_function(hypothetical=True),
        lambda: results(explainer, proteins, hypothetical=2, field="hypothetical"),
    )


@pytest.mark.parametrize("n_rows", [None, 12])
def test_targets_of_rows(n_rows):
    explainer = DeepLiftExplainer(table_network(3, "softmax"), reference="sample", max_references=3)
    explainer.set_params(class_names=["a", "b", "c"], center_logits=True).fit(ROWS)
    rows, targets = ROWS[:12], np.array(list("abccbacabbca"))
    traced = explainer.as_function(target_per_row=True, standard_errors=True)
    traced = traced.get_concrete_function(tf.TensorSpec([n_rows, 4]), tf.TensorSpec([n_rows], tf.string))
    found, expected = traced(tf.constant(rows), tf.constant(targets)), explainer.explain(rows, target=targets)
    for name, tensor in found.items():
        assert_equal(tensor, expected[name])


def test_targets_of_rows_in_blocks_of_one_size():
    inputs = keras.Input(batch_shape=(4, 4))
    explainer = DeepLiftExplainer(keras.Model(inputs, keras.layers.Dense(3, "tanh")(inputs)), target=0).fit(ROWS)
    rows, targets = ROWS[:10], np.arange(10) % 3
    found, expected = explainer.as_function(target_per_row=True)(rows, targets), explainer.explain(rows, target=targets)
    assert_equal(found["contributions"], expected.contributions)


def test_targets_of_rows_in_a_layer():
    network = table_network(3, "softmax")
    explainer = DeepLiftExplainer(network).fit(ROWS)
    inputs, targets = keras.Input((4,), name="x"), keras.Input((), dtype="int64", name="chosen")
    reasons = explainer.as_layer(target_per_row=True)(inputs, targets)["contributions"]
    both, chosen = keras.Model([inputs, targets], reasons), np.arange(len(ROWS)) % 3
    assert_equal(both.predict([ROWS, chosen], verbose=0), explainer.explain(ROWS, target=chosen).contributions)


@pytest.mark.advice
def test_targets_that_are_missing_or_given_twice():
    explainer = DeepLiftExplainer(table_network(3), target=0).fit(ROWS)
    explain, targets = explainer.as_function(target_per_row=True), np.zeros(len(ROWS), int)
    follow(
        "needs targets: pass one for each row as a second argument",
        lambda: explain(ROWS),
        lambda: results(explainer, ROWS, targets, target_per_row=True),
    )
    follow(
        "takes no targets: pass target_per_row=True",
        lambda: explainer.as_function()(ROWS, targets),
        lambda: results(explainer, ROWS, targets, target_per_row=True),
    )
    follow(
        "Pass one of the two.",
        lambda: explainer.as_function(target=1, target_per_row=True),
        lambda: results(explainer, ROWS, targets, target_per_row=True),
        lambda: results(explainer, ROWS, target=1),
    )


def test_rows_of_several_lengths(tmp_path):
    explainer = DeepLiftExplainer(open_network(), target=1, reference="zeros", batch_size=4).fit(SEQUENCES)
    explainer.export(tmp_path, lengths=[30, 12, 17])
    loaded = tf.saved_model.load(tmp_path)
    signature = loaded.signatures["serving_default"]
    assert signature.structured_input_signature[1]["rows"].shape.as_list() == [None, None, 4]
    for length in (30, 17, 12):
        found = signature(rows=tf.constant(SEQUENCES[:, :length]))
        assert_equal(found["contributions"], explainer.transform(SEQUENCES[:, :length]))
    inputs = keras.Input((None, 4))
    layer = keras.Model(inputs, explainer.as_layer(lengths=[12, 17])(inputs)["contributions"])
    assert_equal(layer.predict(SEQUENCES[:, :17], verbose=0), explainer.transform(SEQUENCES[:, :17]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Rows have one of the shapes.*\(12, 4\).*Got the sizes"):
        signature(rows=tf.constant(SEQUENCES[:, :20]))


def test_lengths_of_two_axes_and_of_two_inputs():
    keras.utils.set_random_seed(0)
    hidden = [
        keras.layers.Conv2D(3, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(1),
    ]
    network = keras.Sequential([keras.Input((None, None, 1)), *hidden])
    images = GENERATOR.normal(size=(3, 8, 9, 1)).astype(np.float32)
    explainer = IntegratedGradientsExplainer(network, n_steps=10, reference="zeros").fit(images)
    explain = explainer.as_function(lengths=[(8, 9), (6, 7)])
    for rows in (images, images[:, 1:7, :7]):
        assert_equal(explain(rows)["contributions"], explainer.transform(rows))


@pytest.mark.parametrize("reference", ["shuffle", "dinucleotide_shuffle", "blur"])
def test_references_of_rows_of_several_lengths(reference):
    """Shuffles found the axis of letters in the rows of fit."""
    explainer = DeepLiftExplainer(open_network(), target=1, reference=reference, max_references=2).fit(SEQUENCES)
    found = explainer.as_function(lengths=[30, 12])(SEQUENCES[:, :12])
    change = found["prediction"] - found["reference_value"]
    np.testing.assert_allclose(tf.reduce_sum(found["contributions"], (1, 2)), change, atol=1e-6)
    assert np.abs(change).max() > 1e-3


@pytest.mark.slow
def test_gradients_pass_through_the_choice_of_a_length():
    network = open_network(keras.layers.GlobalAveragePooling1D)
    explainer = DeepLiftExplainer(network, target=1, reference="zeros").fit(SEQUENCES)
    explain = explainer.as_function(lengths=[30, 12])
    traced = tf.function(explain, input_signature=[tf.TensorSpec([None, None, 4])], autograph=False)
    short = tf.constant(SEQUENCES[:, :12])
    gradients = []
    for function in (traced, explainer.as_function(lengths=[12])):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(function(short)["contributions"] ** 2)
        gradients.append(tape.gradient(total, network.trainable_variables))
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    assert any(np.abs(each).max() > 0 for each in gradients[1])


@pytest.mark.advice
def test_lengths_that_a_function_does_not_take():
    explainer = DeepLiftExplainer(open_network(), target=1).fit(SEQUENCES)
    zeros = DeepLiftExplainer(open_network(), target=1, reference="zeros").fit(SEQUENCES)
    short = SEQUENCES[:, :12]
    follow(
        "fit an explainer with a reference of any length, such as 'zeros', a number or",
        lambda: explainer.as_function(lengths=[30, 12]),
        lambda: results(zeros, short, lengths=[30, 12]),
        lambda: results(explainer, SEQUENCES, lengths=None),
    )
    follow(
        "make a function with lengths= for all rows",
        lambda: zeros.as_function()(short),
        lambda: results(zeros, short, lengths=[12]),
    )
    follow(
        "such as [50, 100]",
        lambda: zeros.as_function(lengths=12),
        lambda: results(zeros, short, lengths=[12]),
    )
    follow(
        "a tuple of one for each of the 1 axes",
        lambda: zeros.as_function(lengths=[(12, 13)]),
        lambda: results(zeros, short, lengths=[(12,)]),
    )
    closed = DeepLiftExplainer(table_network(), target=0).fit(ROWS)
    follow(
        "Pass lengths=None.",
        lambda: closed.as_function(lengths=[4]),
        lambda: results(closed, ROWS, lengths=None),
    )
    with pytest.raises(ValueError, match=r"Rows have shape \(3,\), and this function takes rows of shape \(4,\)"):
        closed.as_function()(ROWS[:, :3])


def test_perturbations_of_rows_of_another_length():
    explainer = OcclusionExplainer(open_network(), target=0, window_shape=(3, 4), reference="zeros").fit(SEQUENCES)
    short = SEQUENCES[:3, :9]
    assert_equal(explainer.as_function(lengths=[9])(short)["contributions"], explainer.transform(short))


DTYPES = ["float64", "bfloat16", "mixed_float16"]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype, tmp_path):
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(6, "relu", dtype=dtype), keras.layers.Dense(3, dtype=dtype)]
    network = keras.Sequential([keras.Input((4,), dtype="float32" if dtype.startswith("mixed") else dtype), *hidden])
    explainer = DeepLiftExplainer(network, target=1, rule="reveal_cancel", reference="sample", max_references=4)
    explainer.fit(ROWS).export(tmp_path, multipliers=True)
    loaded, expected = tf.saved_model.load(tmp_path), explainer.explain(ROWS, multipliers=True)
    rows, tolerance = tf.cast(ROWS, network.inputs[0].dtype), {"float64": 1e-10}.get(dtype, 2e-2)
    for name, tensor in loaded.explain(rows).items():
        scale = tolerance * np.abs(expected[name]).max()
        np.testing.assert_allclose(tf.cast(tensor, tf.float64), expected[name], atol=scale, rtol=0)
    for n_rows in (0, 1, 1000):
        many = loaded.explain(tf.cast(np.resize(ROWS, (n_rows, 4)), rows.dtype))["contributions"]
        assert many.shape == (n_rows, 4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "attention", "several outputs"])
def test_kinds_of_networks(kind, tmp_path):
    keras.utils.set_random_seed(0)
    tokens = keras.Input((6,), dtype="int32")
    hidden = keras.layers.Embedding(10, 8, mask_zero=kind == "lstm")(tokens)
    if kind == "lstm":
        hidden = keras.layers.LSTM(4)(hidden)
    else:
        hidden = keras.layers.LayerNormalization()(hidden + keras.layers.MultiHeadAttention(2, 4)(hidden, hidden))
        hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Dense(8, "gelu")(hidden))
    outputs = keras.layers.Dense(2, "softmax", name="classes")(hidden)
    if kind == "several outputs":
        outputs = {"classes": outputs, "number": keras.layers.Dense(1, name="number")(hidden)}
    network, rows = keras.Model(tokens, outputs), TOKENS.copy()
    rows[0, 4:] = 0
    explainer = DeepLiftExplainer(network, reference=np.ones(6, int), target="all")
    explainer.set_params(output="classes" if kind == "several outputs" else None).fit(rows).export(tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    assert_equal(loaded.explain(rows)["contributions"], explainer.explain(rows).contributions)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_ensemble_of_scikit_learn(tmp_path):
    labels = (ROWS[:, 0] > 0).astype(int)
    ensemble = BaggingClassifier(MLPClassifier((3,), max_iter=20), n_estimators=2, random_state=0).fit(ROWS, labels)
    explainer = DeepLiftExplainer(FrozenEstimator(ensemble)).fit(ROWS)
    explainer.export(tmp_path, target_per_row=True)
    loaded = tf.saved_model.load(tmp_path)
    rows = tf.cast(ROWS, loaded.signatures["serving_default"].structured_input_signature[1]["rows"].dtype)
    expected = explainer.explain(ROWS, target=labels)
    assert_equal(loaded.explain(rows, tf.cast(labels, tf.int64))["contributions"], expected.contributions)
