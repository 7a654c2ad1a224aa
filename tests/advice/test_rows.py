"""Advice about rows and their batches."""

import itertools

import dask.array as da
import dask.dataframe as dd
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers
from sklearn.feature_selection import RFE
from sklearn.neural_network import MLPClassifier

from skdeeplift import DeepLiftExplainer, config_context
from tests.advice.following import contributions, follow

ROWS = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
TABLE = pd.DataFrame(ROWS, columns=list("abc"))
pytestmark = pytest.mark.advice


@pytest.fixture(scope="module")
def model():
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(1)])


@pytest.fixture(scope="module")
def fitted(model):
    return DeepLiftExplainer(model).fit(ROWS)


class Column:
    """A batch that concatenates, of no package that is known."""

    def __init__(self, rows):
        self.rows, self.columns = rows, list("abc")

    shape = property(lambda self: self.rows.shape)
    dtype = property(lambda self: self.rows.dtype)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.rows, dtype)

    def to_pandas(self):
        return pd.DataFrame(self.rows)


def test_batches_of_another_package(model):
    def batches(convert):
        return (convert(Column(part)) for part in (ROWS[:4], ROWS[4:]))

    follow(
        "Convert them, as with batch.to_pandas()",
        lambda: DeepLiftExplainer(model).fit(batches(lambda batch: batch)),
        lambda: DeepLiftExplainer(model).fit(batches(lambda batch: batch.to_pandas())).transform(ROWS),
    )


def test_batches_without_end(model, fitted):
    endless = tf.data.Dataset.from_tensor_slices(ROWS).batch(4).repeat()
    advice = "Pass a part of it, as with dataset.take(100)"
    follow(advice, lambda: fitted.transform(endless), lambda: fitted.transform(endless.take(100)))
    follow(
        advice,
        lambda: DeepLiftExplainer(model).fit(endless),
        lambda: DeepLiftExplainer(model).fit(endless.take(100)).transform(ROWS),
    )

    class Endless(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, position):
            return ROWS[:4]

    class Part(Endless):
        num_batches = 2

    follow(advice, lambda: fitted.transform(Endless()), lambda: fitted.transform(Part()))


def test_lists_of_rows(fitted):
    rows = ROWS.tolist()
    follow(
        "Convert a list of rows to an array, as with np.asarray(batch)",
        lambda: fitted.transform(batch for batch in (rows[:4], rows[4:])),
        lambda: fitted.transform(np.asarray(batch) for batch in (rows[:4], rows[4:])),
    )


def test_labels_of_batches(model):
    def batches():
        return iter([(ROWS[:4], np.ones(4), np.ones(4)), (ROWS[4:], np.ones(4), np.ones(4))])

    follow(
        "as tuples (x, y, sample_weight). Pass y=None and sample_weight=None",
        lambda: DeepLiftExplainer(model).fit(batches(), sample_weight=np.ones(8)),
        lambda: DeepLiftExplainer(model).fit(batches(), y=None, sample_weight=None).transform(ROWS),
    )


def test_generators_at_their_end(model, fitted):
    def make():
        return (part for part in (ROWS[:4], ROWS[4:]))

    used = make()
    fitted.transform(used)
    dataset = tf.data.Dataset.from_tensor_slices(ROWS).batch(4)
    advice = "Make a new generator for each call, or pass a tf.data.Dataset"
    right = [lambda: fitted.transform(make()), lambda: fitted.transform(dataset), lambda: fitted.transform(dataset)]
    follow(advice, lambda: fitted.transform(used), *right)
    follow(
        advice, lambda: DeepLiftExplainer(model).fit(used), lambda: DeepLiftExplainer(model).fit(make()).transform(ROWS)
    )


def test_more_rows_than_memory(model):
    dataset = tf.data.Dataset.from_tensor_slices(np.tile(ROWS, (100, 1))).batch(8)

    def fit(X):
        with config_context(memory_limit=1000):
            return DeepLiftExplainer(model).fit(X).transform(dataset)

    follow(
        "Pass fewer rows, such as dataset.take(100) or X[:10_000]: a sample is enough",
        lambda: fit(dataset),
        lambda: fit(dataset.take(2)),
    )


def test_single_rows_of_a_dataset(fitted):
    dataset = tf.data.Dataset.from_tensor_slices(ROWS)
    follow(
        "Make batches, as with dataset.batch(256)",
        lambda: fitted.transform(dataset),
        lambda: fitted.transform(dataset.batch(256)),
    )


def test_containers_of_lazy_contributions(model):
    lazy = dd.from_pandas(TABLE, npartitions=2)
    explainer = DeepLiftExplainer(model).fit(TABLE)
    follow(
        "pass 'default' or 'pandas'",
        lambda: explainer.set_output(transform="polars").transform(lazy),
        lambda: explainer.set_output(transform="default").transform(lazy).compute(),
        lambda: explainer.set_output(transform="pandas").transform(lazy).compute(),
    )


def test_lazy_tables_among_inputs():
    inputs = [keras.Input((3,)), keras.Input((3,))]
    model = keras.Model(inputs, layers.Dense(1)(layers.concatenate(inputs)))
    table = dd.from_pandas(TABLE, npartitions=2)
    array = table.to_dask_array(lengths=True)
    explainer = DeepLiftExplainer(model).fit([ROWS, ROWS])
    follow(
        "use table.to_dask_array(lengths=True)",
        lambda: explainer.transform([array, table]),
        lambda: [each.compute() for each in explainer.transform([array, table.to_dask_array(lengths=True)])],
    )


def test_arrays_that_are_read_only(fitted, tmp_path):
    path = tmp_path / "contributions.npy"
    np.save(path, np.zeros((8, 3), np.float32))
    follow(
        "Open it for writing, as with numpy.lib.format.open_memmap",
        lambda: fitted.transform(ROWS, out=np.load(path, mmap_mode="r")),
        lambda: fitted.transform(ROWS, out=np.lib.format.open_memmap(path, mode="r+")),
    )


def test_fewer_columns(model):
    y = (ROWS[:, 0] > 0).astype(int)
    unfitted = MLPClassifier((3,), solver="lbfgs", max_iter=300, random_state=0)
    follow(
        "to let RFE or GridSearchCV retrain it, pass an unfitted estimator such as MLPClassifier",
        lambda: RFE(DeepLiftExplainer(model), n_features_to_select=1).fit(ROWS, y),
        lambda: RFE(DeepLiftExplainer(unfitted), n_features_to_select=1).fit_transform(ROWS, y),
    )


def test_letters_on_either_axis():
    rows = np.eye(4, dtype=np.float32)[list(itertools.permutations(range(4)))]
    model = keras.Sequential([keras.Input((4, 4)), layers.Flatten(), layers.Dense(3, "relu"), layers.Dense(1)])
    explainer = DeepLiftExplainer(model, reference="zeros").fit(rows)
    follow(
        "Pass the axis as an int: hypothetical=2 is the last one",
        lambda: explainer.explain(rows, hypothetical=True),
        lambda: explainer.explain(rows, hypothetical=2).hypothetical,
        lambda: explainer.explain(rows, hypothetical=1).hypothetical,
    )


def test_letters_on_no_axis():
    letters = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(4, size=(3, 6))]
    model = keras.Sequential([keras.Input((6, 4)), layers.Flatten(), layers.Dense(3, "relu"), layers.Dense(1)])
    explainer = DeepLiftExplainer(model, reference="zeros").fit(letters)
    follow(
        "Pass rows with one 1 and zeros elsewhere for each letter, or all entries alike where the letter is not known",
        lambda: explainer.explain(2 * letters, hypothetical=True),
        lambda: explainer.explain(letters, hypothetical=True).hypothetical,
        lambda: explainer.explain(np.where(np.arange(6)[:, None] > 3, 0.25, letters), hypothetical=True).hypothetical,
    )


# What is written, and to where


@pytest.mark.parametrize("own", [np.empty_like(ROWS)])
def test_arrays_that_share_memory(fitted, own):
    rows = ROWS.copy()
    follow(
        "out= shares memory with X. Pass an array of its own",
        lambda: fitted.transform(rows, out=rows),
        lambda: fitted.transform(rows, out=own),
    )
    both = {"contributions": own, "multipliers": own}
    follow(
        "shares memory with another array of out=. Pass an array of its own",
        lambda: fitted.explain(rows, multipliers=True, out=both),
        lambda: fitted.explain(rows, multipliers=True, out=both | {"multipliers": np.empty_like(ROWS)}),
    )


def test_fields_that_have_no_place(fitted):
    out = {"contributions": np.empty_like(ROWS), "multipliers": np.empty_like(ROWS)}
    follow(
        "Pass out={'contributions': ..., 'multipliers': ...}",
        lambda: fitted.explain(ROWS, multipliers=True, out=out["contributions"]),
        lambda: fitted.explain(ROWS, multipliers=True, out=out),
    )


def test_writing_of_lazy_rows(fitted):
    lazy, out = da.from_array(ROWS, chunks=(4, 3)), np.full_like(ROWS, np.nan)

    def right():
        da.store(fitted.transform(lazy, out=None), out)
        return out

    follow(
        "Pass out=None, and write the result block by block with dask.array.store(transform(X), out)",
        lambda: fitted.transform(lazy, out=out),
        right,
    )


def test_entries_of_rows(model, fitted):
    dataset = tf.data.Dataset.from_tensor_slices(ROWS).batch(4)
    follow(
        "need one entry for each",
        lambda: fitted.explain(dataset, target=np.zeros(7, int)),
        lambda: fitted.explain(dataset, target=np.zeros(8, int)),
    )
    assert contributions(model, ROWS).shape == ROWS.shape
