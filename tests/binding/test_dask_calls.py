"""Rows that are arrays and tables of Dask."""

import pickle

import dask
import dask.array as da
import dask.dataframe as dd
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import (
    ContributionSelector,
    DeepLiftExplainer,
    ExpectedGradientsExplainer,
    GradientExplainer,
    MeanAbsoluteImportance,
    contribution_score,
)
from skdeeplift.binding import dask_calls
from skdeeplift.binding.dask_blocks import contributions_of_block
from skdeeplift.binding.dask_calls import copy_for_workers
from skdeeplift.references import Constant
from skdeeplift.rows.dask_rows import LazyRows
from tests.binding.networks import folded_layer

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(60, 4)).astype(np.float32)
TABLE = pd.DataFrame(ROWS, columns=list("abcd"), index=[f"row {number}" for number in range(60)])


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, activation="relu", name="hidden"), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((4,)), *layers])


@pytest.fixture(scope="module")
def explainer(model):
    return DeepLiftExplainer(model, reference="sample", max_references=5, random_state=0).fit(TABLE)


def assert_close(got, expected):
    """Chunks of other sizes are rounded otherwise."""
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.fixture
def nothing_is_computed(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("computed")

    def scheduler(*arguments, **options):
        fail()

    with dask.config.set(scheduler=scheduler):
        yield


@pytest.mark.usefixtures("nothing_is_computed")
def test_nothing_is_computed_before_it_is_asked_for(model):
    explainer = DeepLiftExplainer(model).fit(ROWS)
    lazy = explainer.transform(da.from_array(ROWS, chunks=(25, 2)))
    assert isinstance(lazy, da.Array)
    assert lazy.chunks == ((25, 25, 10), (4,))
    assert lazy.dtype == np.float32
    assert lazy._meta.shape == (0, 0)
    named = DeepLiftExplainer(model).fit(TABLE)
    table = named.transform(dd.from_pandas(TABLE, npartitions=3, sort=False))
    assert list(table.columns) == list("abcd")
    assert (table.dtypes == np.float32).all()
    with pytest.raises(AssertionError, match="computed"):
        lazy.compute()


def test_array(explainer):
    explainer = DeepLiftExplainer(explainer.estimator, reference="sample", max_references=5, random_state=0).fit(ROWS)
    lazy = explainer.transform(da.from_array(ROWS, chunks=(25, 2)))
    assert_close(lazy.compute(), explainer.transform(ROWS))
    # A part of the rows is computed by itself.
    assert_close(lazy[30:40].compute(scheduler="threads"), explainer.transform(ROWS[30:40]))
    as_table = explainer.set_output(transform="pandas").transform(da.from_array(ROWS, chunks=25))
    assert isinstance(as_table, dd.DataFrame)
    pd.testing.assert_frame_equal(as_table.compute(), explainer.transform(ROWS), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"dask\.array\.store"):
        explainer.transform(da.from_array(ROWS, chunks=25), out=np.empty_like(ROWS))
    with pytest.raises(ValueError, match="'polars'"):
        explainer.set_output(transform="polars").transform(da.from_array(ROWS, chunks=25))


def test_array_of_unknown_length(explainer):
    explainer = DeepLiftExplainer(explainer.estimator).fit(ROWS)
    rows = da.from_array(ROWS, chunks=25)
    # The last chunk is empty.
    some = rows[(da.arange(60, chunks=25) < 30)]
    lazy = explainer.transform(some)
    assert np.isnan(lazy.chunks[0]).all()
    assert_close(lazy.compute(), explainer.transform(ROWS[:30]))


def test_a_lazy_table_keeps_its_index_and_names(explainer):
    lazy = explainer.transform(dd.from_pandas(TABLE, npartitions=3, sort=False))
    assert isinstance(lazy, dd.DataFrame)
    got = lazy.compute()
    assert_close(got, explainer.transform(TABLE))
    assert list(got.index) == list(TABLE.index)
    pd.testing.assert_frame_equal(lazy._meta, got.iloc[:0])
    empty = explainer.transform(dd.from_pandas(TABLE, npartitions=3, sort=False).query("a > 100")).compute()
    assert empty.shape == (0, 4)
    with pytest.raises(ValueError, match="feature names"):
        explainer.transform(dd.from_pandas(TABLE.rename(columns={"a": "e"}), npartitions=3, sort=False))


def test_targets_of_rows_go_with_lazy_rows(model):
    explainer = DeepLiftExplainer(model).fit(TABLE)
    targets = np.arange(60) % 3
    expected = explainer.transform(TABLE, target=targets)
    rows, table = da.from_array(ROWS, chunks=25), dd.from_pandas(TABLE, npartitions=3, sort=False)
    of_array = DeepLiftExplainer(model).fit(ROWS)
    for target in (targets, da.from_array(targets, chunks=25), list(targets)):
        assert_close(of_array.transform(rows, target=target).compute(), expected)
    of_rows = dd.from_pandas(pd.Series(targets, TABLE.index), npartitions=3, sort=False)
    assert_close(explainer.transform(table, target=of_rows).compute(), expected)
    with pytest.raises(ValueError, match="Dask Series"):
        explainer.transform(table, target=targets)
    for wrong in (targets[:10], np.concatenate([targets, targets])):
        for target in (wrong, da.from_array(wrong, chunks=7)):
            with pytest.raises(ValueError, match=rf"array of shape \(60,\).* Got {len(wrong)}"):
                of_array.transform(rows, target=target)
            with pytest.raises(ValueError, match=rf"array of shape \(60,\).* Got {len(wrong)}"):
                DeepLiftExplainer(model, max_samples=20).fit(rows, target=target)
    for target in (2, {0: 1.0, 1: -1.0}, lambda logits: logits[:, 0] - logits[:, 2]):
        assert_close(explainer.transform(table, target=target).compute(), explainer.transform(TABLE, target=target))
    with pytest.raises(ValueError, match="out of range"):
        explainer.transform(table, target=7)
    of_all = DeepLiftExplainer(model, target="all").fit(TABLE)
    got = of_all.transform(table).compute()
    assert_close(got, of_all.transform(TABLE))
    assert list(got.columns) == list(of_all.get_feature_names_out())
    for target in (of_rows, 1):
        got = of_all.transform(table, target=target)
        assert list(got.columns) == list("abcd")
        assert_close(got.compute(), of_all.transform(TABLE, target=targets if target is of_rows else 1))


def test_layer_and_images():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(3, 3, activation="relu", name="conv"), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((5, 5, 2)), *layers])
    images = GENERATOR.normal(size=(12, 5, 5, 2)).astype(np.float32)
    lazy = da.from_array(images, chunks=(5, 3, 3, 1))
    for options in ({"target": 0}, {"target": "all"}, {"target": 1, "layer": "conv"}, {"target": 1, "layer": ["conv"]}):
        explainer = DeepLiftExplainer(model, **options).fit(images)
        expected, got = explainer.transform(images), explainer.transform(lazy)
        if isinstance(expected, list):
            [expected], [got] = expected, got
        assert got.chunks[0] == (5, 5, 2)
        assert got.shape == expected.shape
        assert got.dtype == expected.dtype
        assert_close(got.compute(), expected)
    with pytest.raises(ValueError, match="Only tables"):
        explainer.set_output(transform="pandas").transform(lazy)
    with pytest.raises(ValueError, match="shape"):
        DeepLiftExplainer(model, target=0).fit(images).transform(lazy[:, :3])


def test_lazy_inputs_are_explained_in_their_form():
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    keras.utils.set_random_seed(0)
    joined = keras.layers.Concatenate()([left, right])
    model = keras.Model([left, right], keras.layers.Dense(1)(keras.layers.Dense(4, activation="tanh")(joined)))
    arrays = [GENERATOR.normal(size=(20, size)).astype(np.float32) for size in (3, 2)]
    explainer = DeepLiftExplainer(model).fit(arrays)
    lazy = [da.from_array(arrays[0], chunks=(8, 2)), da.from_array(arrays[1], chunks=5)]
    for got, expected in zip(explainer.transform(lazy), explainer.transform(arrays), strict=True):
        assert_close(got.compute(), expected)
    named = dict(zip(("left", "right"), lazy, strict=True))
    got = explainer.transform(named)
    assert list(got) == ["left", "right"]
    assert_close(got["right"].compute(), explainer.transform(arrays)[1])
    fitted = DeepLiftExplainer(model, max_samples=15, random_state=0).fit(named)
    expected = DeepLiftExplainer(model, max_samples=15, random_state=0).fit(arrays)
    for name, importances in zip(named, expected.feature_importances_, strict=True):
        assert_close(fitted.feature_importances_[name], importances)
    with pytest.raises(ValueError, match="same number of rows"):
        explainer.transform([lazy[0], lazy[1][:7]])
    with pytest.raises(TypeError, match="all inputs"):
        explainer.transform([lazy[0], arrays[1]])


def test_an_explanation_of_lazy_rows_is_computed(explainer):
    explanation = explainer.explain(dd.from_pandas(TABLE, npartitions=3, sort=False))
    assert_close(explanation.contributions, explainer.transform(TABLE))
    assert list(explanation.index) == list(TABLE.index)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("reference", ["mean", "median", "minimum", "zeros", 0.5, Constant("mean")], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_reduces_statistics_of_all_rows(model, reference, weighted):
    """Importances are those of the same drawn rows; the reference is that of all rows, more than max_samples."""
    weights = GENERATOR.integers(0, 3, 60).astype(float) if weighted else None
    options = {"reference": reference, "max_samples": 20, "random_state": 3}
    expected = DeepLiftExplainer(model, **options).fit(ROWS, sample_weight=weights)
    got = DeepLiftExplainer(model, **options).fit(da.from_array(ROWS, chunks=(25, 2)), sample_weight=weights)
    np.testing.assert_allclose(got.references_.arrays[0], expected.references_.arrays[0], rtol=1e-6, atol=1e-7)
    assert_close(got.feature_importances_, expected.feature_importances_)
    assert got.feature_importances_.dtype == expected.feature_importances_.dtype
    table = DeepLiftExplainer(model, **options).fit(
        dd.from_pandas(TABLE, npartitions=3, sort=False), sample_weight=weights
    )
    assert_close(table.feature_importances_, expected.feature_importances_)
    assert list(table.feature_names_in_) == list("abcd")


def test_fit_gathers_few_rows(model):
    """References that are rows are some of those that were drawn."""
    rows = da.from_array(ROWS, chunks=25)
    fitted = DeepLiftExplainer(model, reference="sample", max_references=8, max_samples=10, random_state=0).fit(rows)
    [references] = fitted.references_.arrays
    assert len(references) == 8
    assert all((reference == ROWS).all(1).any() for reference in references)
    gradients = GradientExplainer(model, max_samples=10, random_state=0).fit(rows)
    expected = GradientExplainer(model, max_samples=10, random_state=0).fit(ROWS)
    assert_close(gradients.feature_importances_, expected.feature_importances_)
    # As many rows as are gathered anyway are rows in memory.
    every = ExpectedGradientsExplainer(model, n_draws=20, random_state=0).fit(rows)
    expected = ExpectedGradientsExplainer(model, n_draws=20, random_state=0).fit(ROWS)
    np.testing.assert_array_equal(every.feature_importances_, expected.feature_importances_)
    with pytest.raises(ValueError, match="separate references"):
        DeepLiftExplainer(model, reference=ROWS[:, None], max_samples=10).fit(rows)


def test_estimators_are_trained_on_lazy_rows(model):
    y = ROWS @ [1.0, 2.0, 0.0, -1.0]
    lazy, lazy_y = da.from_array(ROWS, chunks=25), da.from_array(y, chunks=25)
    trained = DeepLiftExplainer(
        MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=0), max_samples=20, random_state=0
    )
    with pytest.warns(UserWarning, match="Maximum iterations"):
        expected = trained.fit(ROWS, y).transform(ROWS)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        got = trained.fit_transform(lazy, lazy_y)
    assert isinstance(got, da.Array)
    assert_close(got.compute(), expected)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        pipeline = make_pipeline(
            StandardScaler(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=0)
        ).fit(TABLE, y)
    frozen = DeepLiftExplainer(FrozenEstimator(pipeline), max_samples=20, random_state=0)
    expected = frozen.fit(TABLE).transform(TABLE)
    table = dd.from_pandas(TABLE, npartitions=3, sort=False)
    got = frozen.fit(table).transform(table)
    assert_close(got.compute(), expected)


def test_importances_of_contributions(explainer):
    table = dd.from_pandas(TABLE, npartitions=3, sort=False)
    lazy = explainer.transform(table)
    expected = MeanAbsoluteImportance().fit(explainer.transform(TABLE))
    got = MeanAbsoluteImportance().fit(lazy)
    assert_close(got.feature_importances_, expected.feature_importances_)
    assert list(got.feature_names_in_) == list("abcd")
    absolute = got.transform(lazy)
    assert isinstance(absolute, dd.DataFrame)
    pd.testing.assert_frame_equal(absolute._meta, absolute.compute().iloc[:0])
    assert_close(absolute.compute(), expected.transform(explainer.transform(TABLE)))
    weights = np.arange(60) % 4
    grouped = MeanAbsoluteImportance(groups=["x", "y", "y", "x"]).set_output(transform="pandas")
    expected = grouped.fit_transform(explainer.transform(TABLE), sample_weight=weights)
    importances, spread = grouped.feature_importances_, grouped.feature_importances_std_
    got = grouped.fit_transform(lazy.to_dask_array(lengths=True), sample_weight=da.from_array(weights, chunks=20))
    assert list(got.columns) == ["x", "y"]
    assert_close(got.compute(), expected)
    assert_close(grouped.feature_importances_, importances)
    assert_close(grouped.feature_importances_std_, spread)
    for rows in (TABLE[:20], TABLE[20:]):
        part = dd.from_pandas(pd.DataFrame(explainer.transform(rows), columns=list("abcd")), npartitions=2)
        grouped.partial_fit(part) if len(rows) == 40 else grouped.fit(part)
    assert grouped.n_samples_seen_ == 60
    alone = MeanAbsoluteImportance(groups=["x", "y", "y", "x"]).fit(explainer.transform(TABLE))
    assert_close(grouped.feature_importances_, alone.feature_importances_)
    assert_close(grouped.feature_importances_std_, alone.feature_importances_std_)


def test_lazy_contributions_are_those_of_the_fit_before(model):
    explainer = DeepLiftExplainer(model, reference="zeros").fit(ROWS)
    lazy, expected = explainer.transform(da.from_array(ROWS, chunks=25)), explainer.transform(ROWS)
    explainer.set_params(reference="mean", target=1).fit(ROWS[:10])
    assert_close(lazy.compute(), expected)


def test_blocks_share_what_is_compiled_in_a_worker(explainer):
    arrived = pickle.loads(pickle.dumps(copy_for_workers(explainer))).value
    expected = explainer.transform(TABLE)
    for rows in (slice(0, 30), slice(30, 60)):
        [got] = contributions_of_block({}, arrived, TABLE[rows], None, "row {}".format)
        assert_close(got, expected[rows])
    method = arrived.bound_.compiled().method
    assert method is arrived.bound_.compiled().method
    assert method is not explainer.bound_.compiled().method


def test_selectors_and_scores_take_lazy_tables(model):
    table = dd.from_pandas(TABLE, npartitions=3, sort=False)
    for explainer in (DeepLiftExplainer(model, target=0), DeepLiftExplainer(model, target="all")):
        expected = ContributionSelector(explainer).fit(TABLE)
        selector = ContributionSelector(explainer).fit(table)
        np.testing.assert_array_equal(selector.feature_importances_, expected.feature_importances_)
        assert list(selector.get_feature_names_out()) == list(expected.get_feature_names_out())
        np.testing.assert_array_equal(contribution_score(explainer)(table), contribution_score(explainer)(TABLE))


@pytest.mark.parametrize("target", ["auto", "of rows"])
def test_importances_of_lazy_rows_gather_no_rows(model, target, monkeypatch):
    """Few rows are gathered in fit; only sums of blocks come back for importances."""
    sizes, gather = [], LazyRows.gather

    def watched(rows, positions):
        sizes.append(len(positions))
        return gather(rows, positions)

    monkeypatch.setattr(LazyRows, "gather", watched)
    of_rows = np.arange(60) % 3 if target == "of rows" else None
    options = {"max_samples": 40, "random_state": 0}
    lazily = DeepLiftExplainer(model, **options).fit(da.from_array(ROWS, chunks=(25, 2)), target=of_rows)
    expected = DeepLiftExplainer(model, **options).fit(ROWS, target=of_rows).feature_importances_
    lazily = pickle.loads(pickle.dumps(lazily))
    assert_close(lazily.feature_importances_, expected)
    assert_close(pickle.loads(pickle.dumps(lazily)).feature_importances_, expected)
    assert sizes == [16]


def test_labels_that_are_floating_point_numbers():
    y = np.arange(60) % 3 * 1.0
    mlp = MLPClassifier((4,), max_iter=3, random_state=0)
    explainer = DeepLiftExplainer(mlp).fit(ROWS, y)
    lazy, target = da.from_array(ROWS, chunks=25), explainer.predict(ROWS)
    expected = explainer.transform(ROWS, target=target)
    for of_rows in (target, da.from_array(target, chunks=25)):
        assert_close(explainer.transform(lazy, target=of_rows).compute(), expected)
    table = dd.from_pandas(TABLE, npartitions=3, sort=False)
    of_table = DeepLiftExplainer(FrozenEstimator(explainer.estimator_)).fit(ROWS)
    importances = of_table.fit(ROWS, target=target).feature_importances_
    few = DeepLiftExplainer(FrozenEstimator(explainer.estimator_), max_samples=59, random_state=0)
    assert few.fit(lazy, target=target).feature_importances_.shape == importances.shape
    assert_close(few.feature_importances_, few.fit(ROWS, target=target).feature_importances_)
    named = DeepLiftExplainer(FrozenEstimator(explainer.estimator_)).fit(table.to_dask_array(lengths=True))
    assert_close(named.transform(lazy, target=target).compute(), expected)


def test_layers_of_several_entries_of_a_row():
    explainer, rows = folded_layer()
    lazy = explainer.transform(da.from_array(rows, chunks=(3, 5, 3)))
    assert lazy.shape == (4, 5, 4)
    assert_close(lazy.compute(), explainer.transform(rows))


def test_weights_of_zero_alone(model, monkeypatch):
    # Earlier versions of scikit-learn let them pass.
    monkeypatch.setattr(dask_calls, "check_weights", lambda weights, rows: np.asarray(weights))
    lazy = da.from_array(ROWS, chunks=(25, 4))
    with pytest.raises(ValueError, match=r"at least one weight above zero\. Got only zeros"):
        DeepLiftExplainer(model, max_samples=20).fit(lazy, sample_weight=np.zeros(60))
