"""Parts of the rows, explained side by side."""

import warnings

import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.exceptions import ConvergenceWarning

import skdeeplift
from skdeeplift import DeepLiftExplainer, ExpectedGradientsExplainer, GradientExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import ReferenceWarning, SummationToDeltaError, SummationToDeltaWarning
from skdeeplift.execution.schedules import Schedule

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(101, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((4,)), *layers])


EXPLAINERS = {
    "DeepLiftExplainer": {},
    "IntegratedGradientsExplainer": {"n_steps": 5},
    "ExpectedGradientsExplainer": {"n_draws": 10},
    "GradientExplainer": {"noise_scale": 0.1, "n_draws": 4},
    "GuidedBackpropExplainer": {},
    "LRPExplainer": {},
    "MutagenesisExplainer": {},
    "OcclusionExplainer": {},
    "ShapleySamplingExplainer": {},
}


@pytest.mark.sampled(9)
@pytest.mark.parametrize("name", EXPLAINERS)
def test_parts_side_by_side_give_the_numbers_of_one_call(model, name):
    """Rows are cut where chunks are: all numbers are the same to the last bit."""
    explainer = getattr(skdeeplift, name)(model, batch_size=16, random_state=0, **EXPLAINERS[name])
    explainer.fit(ROWS)
    expected, importances = explainer.explain(ROWS), explainer.feature_importances_
    explainer.set_params(n_jobs=2).fit(ROWS)
    got = explainer.explain(ROWS)
    perturbs = name in ("MutagenesisExplainer", "OcclusionExplainer", "ShapleySamplingExplainer")
    # The size of a chunk of perturbed rows depends on how many rows there are, and with it how products are rounded.
    tolerance = 1e-6 if perturbs else 0
    for key in ("contributions", "prediction", "reference_value", "target", "standard_error", "convergence_delta"):
        if expected[key] is None:
            assert got[key] is None
        else:
            np.testing.assert_allclose(got[key], expected[key], rtol=tolerance, atol=tolerance, err_msg=key)
    np.testing.assert_allclose(explainer.feature_importances_, importances, rtol=tolerance)


@pytest.mark.sampled(6)
@pytest.mark.parametrize(
    "options",
    [
        {"reference": "sample", "max_references": 7},
        {"reference": "nearest_other"},
        {"reference": lambda rows, random_state: rows[:, None] + random_state.normal(size=(len(rows), 3, 4))},
        {"reference": ROWS[:, None] * 0.5},
        {"reference": "permuted", "max_references": "auto", "reference_tol": 0.2},
    ],
    ids=["shared", "by_class", "function", "of_rows", "auto"],
)
def test_parts_side_by_side_have_the_references_of_one_call(model, options):
    explainer = DeepLiftExplainer(model, batch_size=16, random_state=0, **options).fit(ROWS)
    expected = explainer.explain(ROWS)
    got = explainer.set_params(n_jobs=3).explain(ROWS)
    # Rows that need more references are run by themselves, in chunks that depend on how many of them there are.
    tolerance = 1e-6 if options.get("max_references") == "auto" else 0
    np.testing.assert_allclose(got.contributions, expected.contributions, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(got.n_references, expected.n_references)


@pytest.mark.slow
def test_steps_and_draws_as_each_row_needs_them(model):
    for explainer, name in (
        (IntegratedGradientsExplainer(model, convergence_tol=1e-7, batch_size=16, check="ignore"), "n_steps"),
        (
            ExpectedGradientsExplainer(
                model, n_draws="auto", reference_tol=0.2, batch_size=400, target=0, random_state=0
            ),
            "n_references",
        ),
    ):
        explainer.fit(ROWS)
        expected = explainer.explain(ROWS)
        assert len(set(expected[name])) > 1
        got = explainer.set_params(n_jobs=2).explain(ROWS)
        np.testing.assert_array_equal(got[name], expected[name])
        np.testing.assert_allclose(got.contributions, expected.contributions, rtol=1e-5, atol=1e-6)
        # Nor does it matter which rows are beside a row.
        alone = explainer.set_params(n_jobs=None).explain(ROWS[40:50])
        np.testing.assert_array_equal(alone[name], expected[name][40:50])
        np.testing.assert_allclose(alone.contributions, expected.contributions[40:50], rtol=1e-5, atol=1e-6)


def test_targets_of_rows_and_functions(model):
    targets = np.arange(len(ROWS)) % 3
    for target in (targets, "all", lambda logits: logits[:, 0] - logits[:, 2]):
        explainer = DeepLiftExplainer(model, batch_size=16).fit(ROWS)
        expected = explainer.explain(ROWS, target=target).contributions
        got = explainer.set_params(n_jobs=2).explain(ROWS, target=target).contributions
        np.testing.assert_array_equal(got, expected)


class Step(tf.Module):
    """Sums whose contributions do not add up for rows with values above 8, by rounding at a large number."""

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def __call__(self, x):
        # A number that TensorFlow does not know when it optimizes the graph.
        large = 1e8 * tf.minimum(tf.cast(tf.shape(x)[0], x.dtype), 1.0)
        return tf.reduce_sum(x + ((tf.nn.relu(x - 8.0) + large) - large), 1, keepdims=True)


def test_one_warning_with_the_right_row():
    rows = ROWS.copy()
    rows[[50, 77], 0] = 13.0, 20.0
    explainer = DeepLiftExplainer(Step(), reference=1.0, batch_size=16).fit(ROWS)
    with pytest.warns(SummationToDeltaWarning) as expected:
        explainer.transform(rows)
    with pytest.warns(SummationToDeltaWarning, match="In 2 of 101 rows") as caught:
        explainer.set_params(n_jobs=2).transform(rows)
    assert [str(each.message) for each in caught] == [str(each.message) for each in expected]
    with pytest.raises(SummationToDeltaError, match="In 2 of 101 rows"):
        explainer.set_params(check="raise").transform(rows)


@pytest.mark.slow
def test_the_network_travels_to_processes(model):
    """The network travels packed, and is packed again after it was trained further."""
    explainer = DeepLiftExplainer(
        model, batch_size=16, reference="sample", pre_activation=True, random_state=0, n_jobs=2
    )
    explainer.fit(ROWS)
    copied = keras.models.clone_model(model)
    copied.set_weights([2 * weight for weight in model.get_weights()])
    with joblib.parallel_config(backend="loky"):
        got = explainer.explain(ROWS)
        of_function = explainer.explain(ROWS, target=lambda logits: logits[:, 1]).contributions
        explainer_of_another = DeepLiftExplainer(copied, batch_size=16, reference="sample", random_state=0, n_jobs=2)
        of_another = explainer_of_another.fit(ROWS).transform(ROWS)
        with pytest.raises(TypeError, match=r"can ?not be pickled"):
            DeepLiftExplainer(Step().__call__, batch_size=16, n_jobs=2).fit(ROWS).transform(ROWS)
    expected = explainer.set_params(n_jobs=None).explain(ROWS)
    # Processes have fewer threads each, and products that are cut otherwise may be rounded otherwise.
    np.testing.assert_allclose(got.contributions, expected.contributions, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(got.reference_value, expected.reference_value, rtol=1e-6)
    np.testing.assert_array_equal(got.target, expected.target)
    expected = explainer.explain(ROWS, target=1).contributions
    np.testing.assert_allclose(of_function, expected, rtol=1e-6, atol=1e-6)
    expected = explainer_of_another.set_params(n_jobs=None).transform(ROWS)
    np.testing.assert_allclose(of_another, expected, rtol=1e-6, atol=1e-6)


def test_parts_of_blocks_into_an_array_of_the_users(model, tmp_path):
    """Blocks are read one after the other, and each is computed in parts."""
    explainer = DeepLiftExplainer(model, batch_size=16).fit(ROWS)
    expected = explainer.transform(ROWS)
    on_disk = np.lib.format.open_memmap(tmp_path / "rows.npy", mode="w+", dtype=np.float32, shape=ROWS.shape)
    on_disk[:] = ROWS
    out = np.zeros_like(ROWS)
    explainer.set_params(n_jobs=2).transform(on_disk, out=out)
    np.testing.assert_array_equal(out, expected)


def test_settings_hold_in_parts(model, monkeypatch):
    seen, run = [], Schedule.run

    def watched(problem):
        seen.append(skdeeplift.get_config())
        return run(problem)

    monkeypatch.setattr(Schedule, "run", staticmethod(watched))
    explainer = DeepLiftExplainer(model, batch_size=16, n_jobs=2).fit(ROWS)
    with skdeeplift.config_context(jit_compile=False, memory_limit=2**30):
        explainer.transform(ROWS)
    assert len(seen) > 1
    assert all(each == {"jit_compile": False, "memory_limit": 2**29} for each in seen)


def test_contributions_that_do_not_add_up():
    """Differences of less than 1e-7 count as none at an activation that is larger in the rows of fit."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, activation="relu"), keras.layers.Dense(1)])
    model.set_weights([np.array([[1e-9]]), np.zeros(1), np.array([[1e9]]), np.zeros(1)])
    rows = np.array([[1.0], [-1.0], [2.0]])
    message = r"In 2 of 3 rows .* f\(x\) - f\(reference\) is 1, .* sum to 0.* op 'Relu' \(.*'dense"
    explainer = DeepLiftExplainer(model, reference="zeros").fit(1e9 * rows)
    with pytest.warns(SummationToDeltaWarning, match=message):
        explainer.transform(rows)
    with pytest.raises(SummationToDeltaError, match=message):
        explainer.set_params(check="raise").transform(rows)
    explainer.set_params(check="ignore")
    np.testing.assert_allclose(explainer.explain(rows).convergence_delta, [1.0, 0.0, 2.0])


def test_contributions_that_cancel_where_the_output_is_zero_everywhere():
    """RevealCancel's parts of tanh differ in sign before a relu that no row reaches, and cancel up to rounding."""
    keras.utils.set_random_seed(0)
    bias = keras.initializers.Constant(-2.0)
    dense = [keras.layers.Dense(32, "tanh"), keras.layers.Dense(4, "relu", bias_initializer=bias)]
    model = keras.Sequential([keras.Input((8,)), *dense, keras.layers.Dense(1, use_bias=False)])
    rows = 2 * np.random.default_rng(0).normal(size=(20, 8))
    explanation = DeepLiftExplainer(model, rule="reveal_cancel", check="raise").fit(rows).explain(rows)
    assert not explanation.prediction.any()
    assert explanation.contributions.any()


def masked_attention():
    """A network whose second input says which items of the first count."""
    items, mask = keras.Input((4, 3), name="items"), keras.Input((4,), dtype="int32", name="mask")
    attention_mask = keras.ops.cast(mask, "bool")[:, None]
    hidden = keras.layers.MultiHeadAttention(1, 3)(items, items, attention_mask=attention_mask)
    return keras.Model({"items": items, "mask": mask}, keras.layers.Dense(1)(hidden[:, 0]))


def test_a_warning_says_which_inputs_are_masks():
    """Against a reference without any items, logits of nearly -1e38 differ by more than a multiplier can hold."""
    rows = {"items": GENERATOR.normal(size=(5, 4, 3)), "mask": np.array([[1, 1, 1, 0]] * 5)}
    explainer = DeepLiftExplainer(masked_attention(), reference="zeros").fit(rows)
    with pytest.warns(SummationToDeltaWarning, match=r"X\['mask'\] acts on the target through comparisons alone"):
        explainer.transform(rows)
    held = {"items": "zeros", "mask": "held"}
    DeepLiftExplainer(masked_attention(), reference=held, check="raise").fit(rows).transform(rows)


def test_a_layer_need_not_pass_all_of_the_change():
    """relu(x) + 2 x at 3 from zero: the layer's part of the change, 9, is 3."""
    inputs = keras.Input((1,))
    outputs = keras.layers.ReLU(name="layer")(inputs) + 2 * inputs
    explainer = DeepLiftExplainer(keras.Model(inputs, outputs), layer="layer", reference="zeros", check="raise")
    explanation = explainer.fit(np.array([[3.0]])).explain(np.array([[3.0]]))
    np.testing.assert_allclose(explanation.contributions, [[3]])
    np.testing.assert_allclose(explanation.convergence_delta, [6])


def nan_beyond(threshold):
    """Return a target function that is no number where the first output is larger."""
    return lambda output: tf.where(output[:, 0] > threshold, np.nan, output[:, 0])


@pytest.mark.parametrize("make", [DeepLiftExplainer, GradientExplainer])
def test_a_target_function_that_returns_no_numbers(model, make):
    """The function is blamed, and not the weights of the network, which are finite."""
    threshold = np.median(model.predict(ROWS, verbose=0)[:, 0])
    explainer = make(model, target=nan_beyond(threshold)).fit(ROWS)
    category = SummationToDeltaWarning if make is DeepLiftExplainer else RuntimeWarning
    with pytest.warns(category, match="In 50 of 101 rows") as caught:
        explainer.transform(ROWS)
    [message] = [str(each.message) for each in caught]
    blame = "because the target function returns" if make is DeepLiftExplainer else "Look at the target function"
    assert blame in message
    assert "the network returns" not in message
    assert "Look at the network's weights" not in message


def test_each_warning_is_given_once_a_call_at_the_users_line(model):
    """However many blocks and parts there are: one for sums, one for targets, one for standard errors."""
    threshold = np.median(model.predict(ROWS, verbose=0)[:, 0])
    cases = [
        (IntegratedGradientsExplainer(model, n_steps=1, method="riemann_left"), SummationToDeltaWarning),
        (GradientExplainer(model, target=nan_beyond(threshold)), RuntimeWarning),
        (DeepLiftExplainer(model, reference="permuted", max_references="auto", reference_tol=1e-6), ConvergenceWarning),
    ]
    for explainer, category in cases:
        explainer.set_params(random_state=0, batch_size=64).fit(ROWS)
        for n_jobs in (None, 2):
            explainer.set_params(n_jobs=n_jobs)
            for rows in (ROWS[:20], iter(np.split(ROWS[:20], 4))):
                with pytest.warns(category) as caught:
                    explainer.transform(rows)
                [warned] = caught
                assert warned.filename == __file__
                assert "of 20 rows" in str(warned.message)


def letters_network(length):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv1D(3, 3, activation="relu"), keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((length, 4)), *layers])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("options", [{}, {"n_jobs": 2, "batch_size": 20}, {"batch_size": 3}])
def test_shuffles_that_equal_their_row(options):
    """Row 3 repeats two letters, and row 5 one of them; the other rows have many orders."""
    rows = np.eye(4, dtype=np.float32)[GENERATOR.integers(0, 4, (9, 40))]
    rows[3], rows[5] = np.eye(4)[[0, 1] * 20], np.eye(4)[[2] * 40]
    model = letters_network(40)
    explainer = DeepLiftExplainer(model, reference="dinucleotide_shuffle", max_references=20, **options).fit(rows)
    message = r"In 2 of 9 rows, .* zero: row 3 \(20 of 20\), row 5 \(20 of 20\)\. "
    for call in (explainer.explain, lambda X: explainer.explain(iter([X[:4], X[4:]])), explainer.transform):
        with pytest.warns(ReferenceWarning, match=message) as caught:
            call(rows)
        assert len(caught) == 1
        assert caught[0].filename == __file__
    with pytest.warns(ReferenceWarning, match=r"In 1 of 9 rows, .* zero: row 5 \(20 of 20\)\. "):
        explainer.explain(rows, reference="shuffle")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ReferenceWarning)
        explainer.explain(rows[:3])
        explainer.explain(rows, reference="zeros")


def test_some_shuffles_that_equal_their_row():
    """The other sequence with the pairs of ACAGA is AGACA, which is drawn half of the times."""
    rows = np.eye(4, dtype=np.float32)[[[0, 1, 0, 2, 0]]]
    explainer = DeepLiftExplainer(letters_network(5), reference="dinucleotide_shuffle", max_references=20).fit(rows)
    with pytest.warns(ReferenceWarning, match=r"row 0 \(\d of 20\)|row 0 \(1\d of 20\)"):
        explainer.explain(rows)


def test_many_rows_are_not_all_named():
    rows = np.repeat(np.eye(4, dtype=np.float32)[None, [0] * 5], 13, 0)
    explainer = DeepLiftExplainer(letters_network(5), reference="shuffle", max_references=2).fit(rows)
    with pytest.warns(ReferenceWarning, match=r"In 13 of 13 rows, .* row 9 \(2 of 2\) and 3 more\. "):
        explainer.explain(rows)
