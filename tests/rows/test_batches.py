import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from skdeeplift import config_context
from skdeeplift.rows.batches import gives_batches, read_batches, rows_for_fit

ROWS = np.arange(12.0).reshape(6, 2)


class InBatches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, position):
        return ROWS[2 * position : 2 * position + 2], np.ones(2)


class Endless(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return None

    def __getitem__(self, position):
        return ROWS


def test_what_gives_batches():
    dataset = tf.data.Dataset.from_tensor_slices(ROWS)
    for source in (dataset, InBatches(), iter([ROWS]), (rows for rows in [ROWS]), map(len, [])):
        assert gives_batches(source)
    for rows in (ROWS, ROWS.tolist(), tuple(ROWS), {"a": ROWS}, pd.DataFrame(ROWS), tf.constant(ROWS), "ab", None, 3):
        assert not gives_batches(rows)


def test_batches_are_read_as_keras_reads_them():
    weights = np.full(6, 2.0)
    for source, numbers in (
        (iter([ROWS]), 1),
        (iter([(ROWS,)]), 1),
        (iter([(ROWS, ROWS[:, 0])]), 2),
        (iter([(ROWS, ROWS[:, 0], weights)]), 3),
    ):
        [batch] = read_batches(source)
        assert [each is not None for each in batch] == [True, numbers > 1, numbers > 2]
        np.testing.assert_array_equal(batch[0], ROWS)
    assert [len(rows) for rows, _, _ in read_batches(InBatches())] == [2, 2, 2]


@pytest.mark.parametrize("source", [Endless(), tf.data.Dataset.from_tensors(ROWS).repeat()], ids=["keras", "tf.data"])
def test_batches_without_end_are_refused(source):
    with pytest.raises(ValueError, match="without end"):
        list(read_batches(source))


def test_rows_to_fit_on():
    X, y, weights = rows_for_fit(iter([(ROWS, ROWS[:, 0]), (ROWS[:1], ROWS[:1, 0])]), None, None)
    np.testing.assert_array_equal(X, np.concatenate([ROWS, ROWS[:1]]))
    np.testing.assert_array_equal(y, X[:, 0])
    assert weights is None
    assert rows_for_fit(ROWS, 1, 2)[0] is ROWS
    with pytest.raises(ValueError, match="bring their own"):
        rows_for_fit(InBatches(), np.ones(6), None)
    with pytest.raises(ValueError, match="gave no batches"):
        rows_for_fit(iter([]), None, None)
    with pytest.raises(ValueError, match="one entry for each of its rows"):
        rows_for_fit(iter([(ROWS, 3)]), None, None)
    with pytest.raises(ValueError, match="some without"):
        rows_for_fit(iter([ROWS, (ROWS, ROWS[:, 0])]), None, None)


def test_rows_to_fit_on_stay_below_the_memory_limit(tmp_path):
    h5py = pytest.importorskip("h5py")
    with config_context(memory_limit=ROWS.nbytes), h5py.File(tmp_path / "rows.h5", "w") as file:
        rows_for_fit(iter([ROWS]), None, None)
        read = iter([ROWS, ROWS, ROWS])
        with pytest.raises(ValueError, match="more than the 96 bytes that fit may read"):
            rows_for_fit(read, None, None)
        # It was noticed when it came to that, not at the end.
        assert len(list(read)) == 1
        with pytest.raises(ValueError, match="more than the 96 bytes"):
            rows_for_fit(file.create_dataset("rows", data=np.ones((13,))), None, None)


def test_labels_of_a_bound_network_have_any_structure():
    labels = {"p": ROWS[:, :1], "q": ROWS[:, 1:]}
    batches = tf.data.Dataset.from_tensor_slices((ROWS, labels, ROWS[:, 0])).batch(4)
    X, y, weights = rows_for_fit(batches, None, None, is_trained=False)
    np.testing.assert_array_equal(X, ROWS)
    assert y is None
    np.testing.assert_array_equal(weights, ROWS[:, 0])
    with pytest.raises(ValueError, match="Got a dict with the keys 'p', 'q'"):
        rows_for_fit(batches, None, None)
    of_outputs = tf.data.Dataset.from_tensor_slices((ROWS, labels, {"p": ROWS[:, 0], "q": ROWS[:, 1]})).batch(4)
    with pytest.raises(ValueError, match=r"Got a dict with the keys 'p', 'q'; choose one, as with dataset.map"):
        rows_for_fit(of_outputs, None, None, is_trained=False)
    chosen = of_outputs.map(lambda x, y, weights: (x, y, weights["q"]))
    np.testing.assert_array_equal(rows_for_fit(chosen, None, None, is_trained=False)[2], ROWS[:, 1])
    some = iter([(ROWS, ROWS[:, 0]), (ROWS, None)])
    assert rows_for_fit(some, None, None, is_trained=False)[1] is None


@pytest.mark.parametrize("form", [lambda buffer: buffer, pd.DataFrame, lambda buffer: (buffer, buffer[:, 0])])
def test_source_may_reuse_its_buffer(form):
    def source():
        buffer = np.empty((2, 2))
        batch = form(buffer) if form is not pd.DataFrame else pd.DataFrame(buffer, copy=False)
        for start in (0, 2, 4):
            buffer[:] = ROWS[start : start + 2]
            yield batch

    np.testing.assert_array_equal(rows_for_fit(source(), None, None)[0], ROWS)
