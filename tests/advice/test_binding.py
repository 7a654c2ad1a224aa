"""Advice about calls of explainers, and about what they check."""

import keras
import numpy as np
import pandas as pd
import pytest
import sklearn
import tensorflow as tf
from joblib import parallel_config
from keras import layers
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import (
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    IntegratedGradientsExplainer,
    OcclusionExplainer,
)
from skdeeplift.exceptions import SummationToDeltaWarning
from tests.advice.following import assert_result, contributions, follow

ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
pytestmark = pytest.mark.advice


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu", name="hidden"), layers.Dense(1)])


def explain(estimator, X=ROWS, **parameters):
    return contributions(estimator, X, **parameters)


def warned(category, function):
    """Return the message of a warning of a call."""
    with pytest.warns(category) as caught:
        function()
    return next(str(each.message) for each in caught if issubclass(each.category, category))


def test_names_of_classes(model):
    several = keras.Sequential([keras.Input((3,)), layers.Dense(3, "softmax")])
    follow(
        "Pass one name for each output, or two names for a single logit",
        lambda: explain(several, class_names=["a", "b"]),
        lambda: explain(several, class_names=["a", "b", "c"]),
    )
    follow(
        "Pass one name for each output, or two names for a single logit",
        lambda: explain(model, class_names=["a", "b", "c"]),
        lambda: explain(model, class_names=["a", "b"]),
    )


def test_names_of_features():
    images = np.random.default_rng(0).normal(size=(4, 3, 3, 1)).astype(np.float32)
    model = keras.Sequential([keras.Input((3, 3, 1)), layers.Flatten(), layers.Dense(1)])
    explainer = DeepLiftExplainer(model).fit(images)

    def right():
        found = explainer.set_output(transform="default").transform(images)
        return pd.DataFrame(found.reshape(len(images), -1))

    follow(
        "Leave set_output at its default, and reshape contributions yourself",
        lambda: explainer.set_output(transform="pandas").transform(images),
        right,
    )


def test_multipliers_of_methods_that_have_none(model):
    follow(
        "Pass multipliers=False and hypothetical=False",
        lambda: explain(model, cls=OcclusionExplainer, call={"multipliers": True}),
        lambda: explain(model, cls=OcclusionExplainer, call={"multipliers": False, "hypothetical": False}),
    )


def test_letters_of_a_layer():
    letters = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(4, size=(3, 6))]
    model = keras.Sequential([keras.Input((6, 4)), layers.Dense(3, name="hidden"), layers.Flatten(), layers.Dense(1)])
    follow(
        "Fit an explainer with layer=None",
        lambda: explain(model, letters, layer="hidden", call={"hypothetical": True}),
        lambda: explain(model, letters, layer=None, call={"hypothetical": True}),
    )


def test_multipliers_of_sums_over_raw_columns():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0))
    y = np.arange(6) % 2

    def multipliers(**parameters):
        return DeepLiftExplainer(pipeline, **parameters).fit(ROWS, y).explain(ROWS, multipliers=True).multipliers

    follow("Pass to_source=False", lambda: multipliers(to_source=True), lambda: multipliers(to_source=False))


class Grouped(MLPClassifier):
    """A perceptron whose `fit` takes groups."""

    def fit(self, X, y, groups=None):
        return super().fit(X, y)


def test_metadata_that_nothing_takes():
    y, grouped = np.arange(6) % 2, Grouped((3,), solver="lbfgs", max_iter=300, random_state=0)

    def routed():
        with sklearn.config_context(enable_metadata_routing=True):
            requesting = sklearn.base.clone(grouped).set_fit_request(groups=True)
            return DeepLiftExplainer(requesting).fit(ROWS, y, groups=y).transform(ROWS)

    follow(
        "Call sklearn.set_config(enable_metadata_routing=True) and set_fit_request of the estimator, or leave them out",
        lambda: DeepLiftExplainer(grouped).fit(ROWS, y, groups=y),
        routed,
        lambda: DeepLiftExplainer(grouped).fit(ROWS, y).transform(ROWS),
    )


def test_chunks_for_an_estimator_that_is_trained(model):
    mlp = MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0)
    with pytest.raises(AttributeError) as caught:
        DeepLiftExplainer(mlp).partial_fit(ROWS)
    assert "Pass the network, or FrozenEstimator(estimator)" in str(caught.value.__cause__)
    for each in (model, FrozenEstimator(mlp.fit(ROWS, np.arange(6) % 2))):
        assert_result(DeepLiftExplainer(each).partial_fit(ROWS[:3]).partial_fit(ROWS[3:]).transform(ROWS))


def test_rows_that_depend_on_each_other():
    def build(axis):
        rows = keras.Input((3,))
        centered = layers.Lambda(lambda x: x - tf.reduce_mean(x, axis, keepdims=True), output_shape=(3,))(rows)
        return keras.Model(rows, layers.Dense(1)(centered))

    follow(
        "Look for the op 'Mean'",
        lambda: explain(build(0)),
        lambda: explain(build(1)),
    )


def test_layers_without_rows():
    rows = keras.Input((3,))
    turned = layers.Lambda(tf.transpose, output_shape=(None,), name="turned")(rows)
    back = layers.Lambda(lambda x: tf.ensure_shape(tf.transpose(x), (None, 3)), output_shape=(3,), name="back")(turned)
    model = keras.Model(rows, layers.Dense(1)(back))
    follow(
        "does not have one entry for each row on its first axis. Pass a layer whose output has",
        lambda: explain(model, layer="turned"),
        lambda: explain(model, layer="back"),
    )


# Sums


def test_sums_that_depart():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.set_weights([4 * each for each in model.get_weights()])
    parameters = dict(cls=IntegratedGradientsExplainer, reference="zeros", n_steps=1)
    follow(
        'Pass check="ignore" to get these contributions anyway',
        lambda: explain(model, check="raise", **parameters),
        lambda: explain(model, check="ignore", **parameters),
    )
    advice = warned(SummationToDeltaWarning, lambda: explain(model, check="warn", **parameters))
    assert "n_steps" in advice, advice
    assert_result(explain(model, check="raise", **parameters | {"n_steps": 300}))
    if "auto" in advice:
        assert_result(explain(model, check="raise", **parameters | {"n_steps": "auto"}))


def test_weights_that_are_not_finite():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    explainer = GradientExplainer(model).fit(ROWS)
    weights = model.get_weights()
    model.set_weights([np.full_like(weights[0], np.inf), weights[1]])
    assert "Look at the network's weights" in warned(RuntimeWarning, lambda: explainer.transform(ROWS))
    model.set_weights(weights)
    assert_result(explainer.transform(ROWS))


def test_target_functions_that_are_not_finite(model):
    explainer = GradientExplainer(model, target=lambda output: tf.math.log(output[:, 0] * 0 - 1)).fit(ROWS)
    assert "Look at the target function" in warned(RuntimeWarning, lambda: explainer.transform(ROWS))
    assert_result(explain(model, cls=GradientExplainer, target=lambda output: tf.exp(output[:, 0])))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "number"), [(DeepLiftExplainer, "max_references"), (ExpectedGradientsExplainer, "n_draws")]
)
def test_standard_errors_above_the_tolerance(model, cls, number):
    rows = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    parameters = {"cls": cls, number: "auto", "reference": "permuted", "rows": rows[:2]}
    advice = warned(ConvergenceWarning, lambda: explain(model, rows, reference_tol=1e-5, **parameters))
    assert "larger reference_tol=" in advice or "Raise reference_tol" in advice
    assert_result(explain(model, rows, reference_tol=0.9, **parameters))
    if "varies less" in advice:
        parameters["reference"] = "mean"
        assert_result(explain(model, rows, reference_tol=1e-5, **parameters))
    if "see standard_error" in advice:
        explainer = cls(model, reference_tol=0.9, reference="permuted", **{number: "auto"}).fit(rows)
        assert_result(explainer.explain(rows[:2]).standard_error)


# Methods


def test_noise_on_tokens():
    tokens = keras.Input((3,), dtype="int32")
    outputs = layers.Dense(1)(layers.Flatten()(layers.Embedding(5, 2, name="embedding")(tokens)))
    model, rows = keras.Model(tokens, outputs), np.array([[0, 1, 2], [3, 4, 0]])
    parameters = dict(cls=GradientExplainer, layer="embedding", n_draws=3)
    follow(
        "Pass noise_scale=0",
        lambda: explain(model, rows, noise_scale=0.1, **parameters),
        lambda: explain(model, rows, noise_scale=0, **parameters),
    )


def test_backends_that_fork(model):
    def run(backend):
        with parallel_config(backend, n_jobs=2):
            return DeepLiftExplainer(model, n_jobs=2).fit(ROWS).transform(ROWS)

    follow(
        "Pass 'threading', 'loky', 'dask' or another that does not fork to joblib.parallel_config",
        lambda: run("multiprocessing"),
        lambda: run("threading"),
    )


def test_ops_without_a_rule():
    def build(reduce):
        rows = keras.Input((3,))
        return keras.Model(rows, layers.Lambda(lambda x: reduce(x, 1, keepdims=True), output_shape=(1,))(rows))

    length = build(lambda x, *_, **__: tf.linalg.svd(x[:, None], compute_uv=False))
    advice = "Replace it in the network, pass unsupported='integrate' for a numerical path integral of this op"
    follow(
        advice,
        lambda: explain(length),
        lambda: explain(build(tf.reduce_sum)),
        lambda: explain(length, unsupported="integrate"),
    )
    advice = "pass unsupported='secant' for the coarsest rule"
    follow(advice, lambda: explain(length), lambda: explain(length, unsupported="secant"))


def test_targets_without_a_derivative():
    rows = keras.Input((3,))
    steps = layers.Lambda(lambda x: tf.cast(x > 0, tf.float32), output_shape=(3,))(rows)
    model = keras.Model(rows, layers.Dense(1)(steps))
    follow(
        "Use DeepLiftExplainer, which needs differences and no derivatives",
        lambda: explain(model, cls=GradientExplainer),
        lambda: explain(model, cls=DeepLiftExplainer),
    )


def test_whole_numbers_that_are_computed():
    def build(mixes):
        rows = keras.Input((3,), dtype="int32")

        def look_up(x):
            text = tf.as_string(x)
            return tf.strings.to_hash_bucket_fast(tf.strings.reduce_join(text, 1, keepdims=True) if mixes else text, 4)

        ids = layers.Lambda(look_up, output_shape=(1,) if mixes else (3,), dtype="int32")(rows)
        embedded = layers.Embedding(4, 2, name="embedding")(ids)
        return keras.Model(rows, layers.Dense(1)(layers.Flatten()(embedded)))

    rows = np.abs(ROWS * 3).astype("int32")
    follow(
        "Pass the name of a layer behind the lookup as layer=",
        lambda: explain(build(True), rows),
        lambda: explain(build(True), rows, layer="embedding"),
    )


def test_index_of_a_series_that_is_a_reference(model):
    table = pd.DataFrame(ROWS, columns=list("abc"))
    reference = pd.Series([1.0, 2.0, 3.0], index=["first", "second", "third"])
    follow(
        "Pass the numbers alone, in the order of the columns, as with series.to_numpy()",
        lambda: explain(model, table, reference=reference),
        lambda: explain(model, table, reference=reference.to_numpy()),
    )
