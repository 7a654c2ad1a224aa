"""Parts of the rows, explained side by side."""

import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf

import skdeeplift
from skdeeplift import DeepLiftExplainer, ExpectedGradientsExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning

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
    "ExpectedGradientsExplainer": {"n_samples": 10},
    "GradientExplainer": {"noise_scale": 0.1, "n_samples": 4},
    "GuidedBackpropExplainer": {},
    "LRPExplainer": {},
    "OcclusionExplainer": {},
    "ShapleySamplingExplainer": {},
}


@pytest.mark.parametrize("name", EXPLAINERS)
def test_every_explainer(model, name):
    """Rows are cut where chunks are: all numbers are the same to the last bit."""
    explainer = getattr(skdeeplift, name)(model, batch_size=16, random_state=0, **EXPLAINERS[name])
    explainer.fit(ROWS)
    expected, importances = explainer.explain(ROWS), explainer.feature_importances_
    explainer.set_params(n_jobs=2).fit(ROWS)
    got = explainer.explain(ROWS)
    perturbs = name in ("OcclusionExplainer", "ShapleySamplingExplainer")
    # The size of a chunk of perturbed rows depends on how many rows there are, and with it how products are rounded.
    tolerance = 1e-6 if perturbs else 0
    for key in ("contributions", "prediction", "reference_value", "target", "standard_error", "convergence_delta"):
        if expected[key] is None:
            assert got[key] is None
        else:
            np.testing.assert_allclose(got[key], expected[key], rtol=tolerance, atol=tolerance, err_msg=key)
    np.testing.assert_allclose(explainer.feature_importances_, importances, rtol=tolerance)


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
def test_references(model, options):
    explainer = DeepLiftExplainer(model, batch_size=16, random_state=0, **options).fit(ROWS)
    expected = explainer.explain(ROWS)
    got = explainer.set_params(n_jobs=3).explain(ROWS)
    # Rows that need more references are run by themselves, in chunks that depend on how many of them there are.
    tolerance = 1e-6 if options.get("max_references") == "auto" else 0
    np.testing.assert_allclose(got.contributions, expected.contributions, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(got.n_references, expected.n_references)


def test_steps_and_draws_as_each_row_needs_them(model):
    for explainer, name in (
        (IntegratedGradientsExplainer(model, n_steps="auto", convergence_tol=1e-5, batch_size=16), "n_steps"),
        (
            ExpectedGradientsExplainer(
                model, n_samples="auto", reference_tol=0.2, batch_size=400, target=0, random_state=0
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


def step(x):
    """Where some rows' conditions differ from the reference's, contributions do not add up."""
    return tf.reduce_sum(tf.where(tf.reduce_sum(x, 1, keepdims=True) > 8.0, x, 2.0 * x), 1, keepdims=True)


class Step(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def __call__(self, x):
        return step(x)


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
def test_processes(model):
    """The network travels packed, and is packed again after it was trained further."""
    explainer = DeepLiftExplainer(model, batch_size=16, reference="sample", random_state=0, n_jobs=2).fit(ROWS)
    copied = keras.models.clone_model(model)
    copied.set_weights([2 * weight for weight in model.get_weights()])
    with joblib.parallel_config(backend="loky"):
        got = explainer.explain(ROWS)
        of_function = explainer.explain(ROWS, target=lambda logits: logits[:, 1]).contributions
        explainer_of_another = DeepLiftExplainer(copied, batch_size=16, reference="sample", random_state=0, n_jobs=2)
        of_another = explainer_of_another.fit(ROWS).transform(ROWS)
        with pytest.raises(TypeError, match="can not be pickled"):
            DeepLiftExplainer(Step().__call__, batch_size=16, n_jobs=2).fit(ROWS)
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
    seen, compute = [], DeepLiftExplainer._compute

    def noted(self, *arguments):
        seen.append(skdeeplift.get_config())
        return compute(self, *arguments)

    monkeypatch.setattr(DeepLiftExplainer, "_compute", noted)
    explainer = DeepLiftExplainer(model, batch_size=16, n_jobs=2).fit(ROWS)
    seen.clear()
    with skdeeplift.config_context(jit_compile=False, memory_limit=2**30):
        explainer.transform(ROWS)
    assert len(seen) > 1
    assert all(each == {"jit_compile": False, "memory_limit": 2**29} for each in seen)
