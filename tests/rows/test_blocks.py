"""Rows of calls, in blocks."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.rows import blocks

ROWS = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)
CLOSE = dict(rtol=1e-5, atol=1e-6)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Make blocks of 32 rows of six columns."""
    monkeypatch.setattr(blocks, "NUMBERS_OF_BLOCK", 6 * 32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])


@pytest.fixture(scope="module")
def explainer(model):
    return DeepLiftExplainer(model, target=1).fit(ROWS)


def generated(size=7):
    return ((ROWS[start : start + size], start) for start in range(0, 100, size))


def test_memory_maps_are_never_read_as_a_whole(explainer, tmp_path):
    sizes = []

    class Watched:
        shape, dtype = ROWS.shape, ROWS.dtype

        def __getitem__(self, rows):
            sizes.append(len(ROWS[rows]))
            return ROWS[rows]

        def __array__(self, dtype=None, copy=None):
            raise AssertionError("read as a whole")

        def __len__(self):
            return len(ROWS)

    np.testing.assert_allclose(explainer.transform(Watched()), explainer.transform(ROWS), **CLOSE)
    assert sizes == [32, 32, 32, 4]


def test_targets_and_references_of_each_row(explainer):
    target, reference = np.arange(100) % 3, ROWS[::-1, None] + np.zeros((100, 2, 6), np.float32)
    expected = explainer.explain(ROWS, target=target, reference=reference, multipliers=True)
    for out in (None, {name: np.zeros_like(ROWS) for name in ("contributions", "multipliers", "standard_error")}):
        got = explainer.explain(generated(), target=target, reference=reference, multipliers=True, out=out)
        for name in ("contributions", "multipliers", "standard_error"):
            np.testing.assert_allclose(got[name], expected[name], rtol=1e-4, atol=1e-5)
            assert out is None or got[name] is out[name]
        np.testing.assert_array_equal(got.target, target)
    for length in (99, 101):
        # Also where the rows are counted only when they have come.
        for X in (ROWS, generated()):
            with pytest.raises(ValueError, match="one entry for each"):
                explainer.explain(X, target=np.zeros(length, int), out=np.zeros_like(ROWS))
    of_rows = DeepLiftExplainer(explainer.estimator, target=1, reference=reference).fit(ROWS)
    np.testing.assert_allclose(of_rows.transform(generated()), of_rows.transform(ROWS), **CLOSE)


def test_batches_of_another_package_keep_the_names_of_their_columns(model):
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(ROWS, schema=list("abcdef"))

    def parts(of_table):
        return (of_table[start : start + 30] for start in range(0, 100, 30))

    explainer = DeepLiftExplainer(model, target=1).fit(parts(table))
    assert list(explainer.feature_names_in_) == list("abcdef")
    np.testing.assert_allclose(explainer.transform(parts(table)), explainer.transform(table), **CLOSE)
    with pytest.raises(ValueError, match="feature names"):
        explainer.transform(parts(table[:, ::-1]))
    frame = pd.DataFrame(ROWS[:9], columns=list("abcdef"))
    with pytest.raises(ValueError, match="one kind"):
        explainer.transform(iter([table[:9], frame]))


def test_batches_that_are_none(explainer):
    unbatched = tf.data.Dataset.from_tensor_slices(ROWS)
    for X, message in (
        (unbatched, r"A batch of X has shape \(6,\).*dataset.batch"),
        (iter([]), "gave no batches"),
        (unbatched.batch(5).repeat(), "without end"),
        (iter([ROWS[:9], ROWS[9:, :5]]), "rows of one shape"),
        (iter([ROWS[:, :5]]), "expecting 6 features"),
        (iter([None]), "arrays or tables.*NoneType"),
        (iter(["a row"]), "arrays or tables.*str"),
        (iter([ROWS, 1.0]), "arrays or tables.*float"),
        (iter([ROWS.tolist()]), r"batches of x, \(x, y\).* Got a list of 100. Convert a list of rows"),
        (iter([(ROWS,) * 4]), "Got a tuple of 4"),
        (iter([[]]), "Got a list of 0"),
        (iter([ROWS[:9], pd.DataFrame(ROWS)]), "one kind.*ndarray and DataFrame"),
    ):
        with pytest.raises(ValueError, match=message):
            explainer.transform(X)
    once = (rows for rows in [ROWS])
    with pytest.raises(ValueError, match="only once"):
        DeepLiftExplainer(explainer.estimator, target=1).fit_transform(once)


class Changing(keras.utils.PyDataset):
    """A batch, and another of other columns."""

    def __init__(self, second):
        super().__init__()
        self.batches = [ROWS[:9], second]

    def __len__(self):
        return 2

    def __getitem__(self, position):
        return self.batches[position]


@pytest.mark.parametrize("second", [ROWS[9:, :5], ROWS[9:, :, None], ROWS[9], None], ids=["5", "3-D", "row", "none"])
def test_what_came_before_a_batch_of_another_shape_is_explained(second, explainer):
    out = np.full_like(ROWS, np.nan)
    with pytest.raises(ValueError, match="rows") as caught:
        explainer.transform(Changing(second), out=out)
    assert "The first 9 rows (up to row 8) are finished, and in out=" in caught.value.__notes__[0]
    np.testing.assert_allclose(out[:9], explainer.transform(ROWS[:9]), **CLOSE)
    assert np.isnan(out[9:]).all()


def test_columns_in_another_order_halfway(model):
    """The error must not depend on which batches make up a block."""
    frame = pd.DataFrame(ROWS, columns=list("abcdef"))
    explainer = DeepLiftExplainer(model, target=1).fit(frame)
    for size in (10, 40):
        parts = [frame[start : start + size] for start in range(0, 80, size)]
        parts[1] = parts[1][list("badcef")]
        for other in (parts[1], parts[1].rename(columns={"a": "z"}), parts[1].drop(columns="a")):
            parts[1] = other
            with pytest.raises(ValueError, match=r"columns|[Ff]eature names"):
                explainer.transform(iter(parts))
            with pytest.raises(ValueError, match="same columns in the same order"):
                DeepLiftExplainer(model, target=1).fit(iter(parts))


@pytest.mark.parametrize("in_out", [False, True])
def test_rows_that_wait_are_copies(in_out):
    """A source may reuse one buffer for its batches, which wait until they make a block."""
    rows = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    explainer = DeepLiftExplainer(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])).fit(rows)

    def source():
        buffer = np.empty((10, 3), np.float32)
        for start in (0, 10, 20):
            buffer[:] = rows[start : start + 10]
            yield buffer

    out = np.zeros_like(rows) if in_out else None
    np.testing.assert_array_equal(explainer.transform(source(), out=out), explainer.transform(rows))
    if not in_out:
        np.testing.assert_array_equal(explainer.explain(source()).X, rows)


@pytest.mark.slow
def test_references_of_several_inputs_are_cut_with_the_rows():
    """Shared references of a series have as many axes as references of each row of a table."""
    series, table = keras.Input((2, 3), name="series"), keras.Input((6,), name="table")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(series), table])
    model = keras.Model([series, table], keras.layers.Dense(1)(keras.layers.Dense(4, "tanh")(joined)))
    X = [ROWS.reshape(100, 2, 3), ROWS]
    explainer = DeepLiftExplainer(model, reference="zeros").fit(X)
    shared, of_rows = np.random.default_rng(0).normal(size=(5, 2, 3)), ROWS[::-1, None]
    references = [shared, of_rows]
    expected = explainer.explain(X, reference=references)
    for reference in (references, {"series": shared, "table": of_rows}):
        out = [np.zeros_like(each) for each in X]
        explainer.explain(X, reference=reference, out=out)
        for got, each in zip(out, expected.contributions, strict=True):
            np.testing.assert_allclose(got, each, **CLOSE)
    fitted = DeepLiftExplainer(model, reference=references).fit(X)
    batches = ({"series": X[0][rows], "table": X[1][rows]} for rows in (slice(40), slice(40, 100)))
    got = fitted.explain(batches).contributions
    for name, each in zip(("series", "table"), expected.contributions, strict=True):
        np.testing.assert_allclose(got[name], each, **CLOSE)
    with pytest.raises(ValueError, match=r"one entry for each of the 100 rows of X\. Got 99"):
        explainer.explain(X, reference=[shared, of_rows[1:]], out=out)


def test_batches_of_inputs_with_different_numbers_of_rows():
    inputs = [keras.Input((6,)), keras.Input((6,))]
    explainer = DeepLiftExplainer(keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Add()(inputs))))
    explainer.fit([ROWS, ROWS])
    with pytest.raises(ValueError, match=r"same number of rows\. A batch of X has \[7, 8\]"):
        explainer.transform(iter([([ROWS[:7], ROWS[:8]],)]))
