"""Targets that each row has for itself, in every kind of rows."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.targets.row_targets import align_with_rows, has_entry_per_row

WORDS = np.array(["rose", "tulip", "aster"])
NUMBERS = np.array([10, 30, 20])
ROWS = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("target", "labels", "expected"),
    [
        (None, None, False),
        ("all", WORDS, False),
        ("rose", WORDS, False),
        (1, NUMBERS, False),
        ((0, 1), None, False),
        ({0: 1.0}, None, False),
        (len, None, False),
        ([[1], [1, 2]], None, False),
        (np.zeros((2, 3), int), None, True),
        (np.zeros((2, 3)), None, True),
        (np.zeros((2, 3, 1)), None, False),
        ([(0, 1), (1, 2)], None, True),
        ([0, 1], None, True),
        (np.array([0, 1], np.uint8), WORDS, True),
        (["rose", "aster"], WORDS, True),
        (pd.Series(["rose", "aster"]), WORDS, True),
        ([0.5, 0.5], None, False),
        (np.array([1.0, 0.0]), NUMBERS, False),
        (np.array([1.0, 0.0]), WORDS, False),
        (np.array([1.0, 0.0]), np.array([0.0, 1.0]), True),
        (pd.Series([1.0, 0.0]), np.array([0.0, 1.0]), True),
        ([1.0, 0.0], [np.array([0.0, 1.0])] * 2, False),
    ],
)
def test_entries_of_rows(target, labels, expected):
    """An array of floats holds weights, unless the labels of the classes are floats too."""
    assert has_entry_per_row(target, labels, (5,)) is expected


def test_entries_of_lazy_rows():
    da = pytest.importorskip("dask.array")
    labels = np.array([0.0, 1.0])
    assert has_entry_per_row(da.zeros(3, dtype=int), None, (3,))
    assert not has_entry_per_row(da.zeros(3), None, (3,))
    assert has_entry_per_row(da.zeros(3), labels, (3,))
    assert has_entry_per_row(da.zeros((3, 2), dtype=int), None, (3, 4))
    assert has_entry_per_row(da.zeros((3, 2)), None, (2,))
    assert not has_entry_per_row(da.zeros((3, 2)), None, (3, 2))


def network(*shape):
    keras.utils.set_random_seed(0)
    units = int(np.prod(shape))
    hidden = [keras.layers.Dense(8, "tanh"), keras.layers.Dense(units, bias_initializer="normal")]
    return keras.Sequential([keras.Input((4,)), *hidden, keras.layers.Reshape(shape)])


def fitted(*shape, target=None, **parameters):
    target = (0,) * len(shape) if target is None else target
    return DeepLiftExplainer(network(*shape), target=target, reference="zeros", check="raise", **parameters).fit(ROWS)


generator = np.random.default_rng(1)
TARGETS = {
    "weights": ((3,), generator.normal(size=(12, 3))),
    "weights of several axes": ((2, 3), generator.normal(size=(12, 2, 3))),
    "indices": ((3,), generator.integers(3, size=12)),
    "a column of indices": ((3,), generator.integers(3, size=(12, 1))),
    "indices of several axes": ((2, 3), generator.integers((2, 3), size=(12, 2))),
}


def expected_contributions(explainer, target):
    """Explain each row by itself, with a target that all rows share."""
    alone = []
    for row, of_row in zip(ROWS, target, strict=True):
        of_row = of_row if of_row.dtype.kind == "f" else tuple(np.atleast_1d(of_row).tolist())
        alone.append(explainer.transform(row[None], target=of_row)[0])
    return np.stack(alone)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", TARGETS)
def test_every_kind_of_rows(name, tmp_path):
    shape, target = TARGETS[name]
    explainer = fitted(*shape)
    expected = expected_contributions(explainer, target)

    def check(contributions):
        np.testing.assert_allclose(contributions, expected, rtol=1e-5, atol=1e-6)

    explanation = explainer.explain(ROWS, target=target)
    check(explanation.contributions)
    outputs, rows = explainer.network_.model.predict(ROWS, verbose=0), np.arange(12)
    weighted = (outputs * target).reshape(12, -1).sum(1) if target.dtype.kind == "f" else None
    chosen = outputs[(rows, *np.atleast_2d(target.T))] if weighted is None else weighted
    np.testing.assert_allclose(explanation.prediction, chosen, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(np.ravel(explanation.target), np.ravel(target))
    of_tuples = [tuple(each) for each in target.tolist()] if target.ndim == 2 else target.tolist()
    for given in (of_tuples, target.tolist(), target[::1]):
        check(explainer.transform(ROWS, target=given))
    check(fitted(*shape, n_jobs=2).transform(ROWS, target=target))
    check(fitted(*shape, batch_size=3).transform(ROWS, target=target))
    check(explainer.transform((ROWS[start : start + 5] for start in range(0, 12, 5)), target=target))
    check(explainer.transform(tf.data.Dataset.from_tensor_slices(ROWS).batch(3), target=target))
    on_disk = np.memmap(tmp_path / "rows", ROWS.dtype, "w+", shape=ROWS.shape)
    on_disk[:] = ROWS
    check(explainer.transform(on_disk, target=target))
    check(explainer.explain(ROWS, target=target.tolist(), out=np.empty(ROWS.shape, np.float32)).contributions)
    importances = explainer.fit(ROWS, target=target).feature_importances_
    np.testing.assert_allclose(importances, np.abs(expected).mean(0), rtol=1e-5)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", TARGETS)
def test_rows_of_dask(name):
    da = pytest.importorskip("dask.array")
    shape, target = TARGETS[name]
    explainer = fitted(*shape)
    expected = expected_contributions(explainer, target)
    lazy = da.from_array(ROWS, chunks=(5, 4))
    for given in (target, da.from_array(target), da.from_array(target, chunks=4)):
        found = explainer.transform(lazy, target=given)
        np.testing.assert_allclose(found.compute(), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(explainer.explain(lazy, target=given).contributions, expected, rtol=1e-5, atol=1e-6)
    few = DeepLiftExplainer(network(*shape), target=(0,) * len(shape), reference="zeros", max_samples=6)
    few.fit(lazy, target=da.from_array(target))
    assert few.feature_importances_.shape == (4,)


def test_weights_of_a_row_mean_the_models_own_output():
    """As weights that all rows share do; indices mean logits."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax", bias_initializer="normal")(inputs))
    weights = np.random.default_rng(0).normal(size=(12, 3))
    explainer = DeepLiftExplainer(model, target=0).fit(ROWS)
    probabilities = model.predict(ROWS, verbose=0)
    found = explainer.explain(ROWS, target=weights).prediction
    np.testing.assert_allclose(found, (probabilities * weights).sum(1), rtol=1e-4, atol=1e-6)
    of_logits = DeepLiftExplainer(model, target=0, pre_activation=True).fit(ROWS).explain(ROWS, target=weights)
    together = DeepLiftExplainer(model, target="all").fit(ROWS).explain(ROWS)
    np.testing.assert_allclose(of_logits.prediction, (together.prediction * weights).sum(1), rtol=1e-4, atol=1e-5)


def test_weights_of_two_classes_for_each_row():
    """The second has the output, and the first its negative."""
    explainer = fitted(1, target="auto", class_names=["no", "yes"])
    of_yes = explainer.transform(ROWS)
    weights = np.random.default_rng(0).normal(size=(12, 2))
    expected = of_yes * (weights[:, 1:] - weights[:, :1])
    np.testing.assert_allclose(explainer.transform(ROWS, target=weights), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.advice
@pytest.mark.parametrize("labels", [None, NUMBERS])
def test_list_of_integers_that_may_be_weights(labels):
    explainer = fitted(3, **({} if labels is None else {"class_names": labels, "target": 30}))
    indices = [2, 0, 1] if labels is None else [20, 10, 30]
    for rows in (ROWS[:3], iter([ROWS[:2], ROWS[2:3]])):
        with pytest.raises(
            ValueError, match=r"index of an output for each row, or a weight .*np\.array\(target, float\)"
        ):
            explainer.transform(rows, target=indices)
    expected = np.stack([explainer.transform(ROWS[[row]], target=each)[0] for row, each in enumerate(indices)])
    np.testing.assert_allclose(explainer.transform(ROWS[:3], target=np.array(indices)), expected, rtol=1e-5)
    together = explainer.explain(ROWS[:3], target="all").contributions
    weighted = explainer.transform(ROWS[:3], target=np.array(indices, float))
    np.testing.assert_allclose(weighted, together @ np.array(indices, np.float32), rtol=1e-4, atol=1e-5)


def test_parts_of_a_list_that_are_as_long_as_the_output():
    """Batches and blocks cut a longer list into parts, each of which is an index for each of its rows."""
    explainer, target = fitted(3), [0, 1, 2] * 4
    expected = explainer.transform(ROWS, target=target)
    for rows in (
        (ROWS[start : start + 3] for start in range(0, 12, 3)),
        tf.data.Dataset.from_tensor_slices(ROWS).batch(3),
    ):
        np.testing.assert_array_equal(explainer.transform(rows, target=target), expected)


def test_weights_that_all_rows_share_in_fit():
    explainer = DeepLiftExplainer(network(3), target=0, reference="zeros", max_samples=5)
    weights = np.array([0.5, -1.0, 2.0])
    explainer.fit(ROWS, target=weights)
    rows = DeepLiftExplainer(network(3), target=weights, reference="zeros", max_samples=5).fit(ROWS)
    np.testing.assert_allclose(explainer.feature_importances_, rows.feature_importances_, rtol=1e-6)


TABLE = pd.DataFrame(ROWS, columns=list("abcd"), index=np.random.default_rng(2).permutation(12))


@pytest.mark.parametrize("name", ["indices", "weights"])
def test_targets_with_an_index(name):
    """They belong to the rows of the same labels, whatever their order."""
    shape, target = TARGETS[name]
    explainer = DeepLiftExplainer(network(*shape), target=0, reference="zeros").fit(TABLE)
    table = pd.DataFrame if target.ndim == 2 else pd.Series
    expected = explainer.transform(TABLE, target=target)
    with_index = table(target, index=TABLE.index)
    for given in (with_index, with_index.sort_index(), with_index[::-1]):
        np.testing.assert_array_equal(explainer.transform(TABLE, target=given), expected)
        np.testing.assert_array_equal(explainer.explain(TABLE, target=given).contributions, expected)
        out = np.empty(expected.shape, np.float32)
        np.testing.assert_array_equal(explainer.explain(TABLE, target=given, out=out).contributions, expected)
        importances = explainer.fit(TABLE, target=given).feature_importances_
        np.testing.assert_allclose(importances, np.abs(expected).mean(0), rtol=1e-5)
    batches = [TABLE[:5], TABLE[5:]]
    np.testing.assert_array_equal(explainer.transform(iter(batches), target=with_index), expected)
    other = table(target, index=np.arange(20, 32))
    for call in (
        explainer.transform,
        explainer.explain,
        explainer.fit,
        lambda X, target: explainer.transform(iter([X]), target=target),
    ):
        with pytest.raises(ValueError, match=r"is matched to X by index.*Pass target\.to_numpy\(\)"):
            call(TABLE, target=other)
    np.testing.assert_array_equal(explainer.transform(TABLE, target=other.to_numpy()), expected)


@pytest.mark.parametrize("name", ["indices", "weights"])
def test_targets_with_an_index_of_dask(name):
    dd = pytest.importorskip("dask.dataframe")
    shape, target = TARGETS[name]
    explainer = DeepLiftExplainer(network(*shape), target=0, reference="zeros", max_samples=5).fit(TABLE)
    table = pd.DataFrame if target.ndim == 2 else pd.Series
    ordered = TABLE.sort_index()
    expected = explainer.transform(ordered, target=target)
    lazy = dd.from_pandas(ordered, npartitions=3)
    of_rows = dd.from_pandas(table(target, index=ordered.index), npartitions=3)
    np.testing.assert_allclose(explainer.transform(lazy, target=of_rows).compute(), expected, rtol=1e-5, atol=1e-6)
    assert explainer.fit(lazy, target=of_rows).feature_importances_.shape == (4,)
    other = dd.from_pandas(table(target, index=np.arange(20, 32)), npartitions=3)
    with pytest.raises(ValueError, match=r"is matched to X by index|of the same partitions"):
        explainer.transform(lazy, target=other).compute()
    with pytest.raises(ValueError, match=r"is matched to X by index|of the same partitions"):
        explainer.fit(lazy, target=other)


def test_rows_without_an_index():
    """Targets go by position, as they do where lengths differ, which another error is about."""
    target = pd.Series([1, 0, 2], index=[5, 6, 7])
    np.testing.assert_array_equal(align_with_rows(target, ROWS[:3]), [1, 0, 2])
    np.testing.assert_array_equal(align_with_rows(target, {"a": ROWS[:3], "b": TABLE[:2]}), [1, 0, 2])
    np.testing.assert_array_equal(align_with_rows(target, [TABLE[:3].set_axis([7, 5, 6])]), [2, 1, 0])
    twice = pd.Series([1, 0, 2], index=[5, 5, 7])
    np.testing.assert_array_equal(align_with_rows(twice, TABLE[:3].set_axis([5, 5, 7])), [1, 0, 2])
    with pytest.raises(ValueError, match=r"is matched to X by index|of the same partitions"):
        align_with_rows(twice, TABLE[:3].set_axis([7, 5, 5]))
