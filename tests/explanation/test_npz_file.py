import os
import pickle
import traceback
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from skdeeplift import DeepLiftExplainer, Explanation


def saved_and_loaded(tmp_path, **fields):
    Explanation(**fields).save(tmp_path / "explanation.npz")
    return Explanation.load(tmp_path / "explanation.npz")


def same(first, second):
    """Return whether two values are equal, and of the same types."""
    assert type(first) is type(second)
    if isinstance(first, dict):
        assert list(first) == list(second)
        for key in first:
            same(first[key], second[key])
    elif isinstance(first, (list, tuple)):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            same(one, other)
    elif isinstance(first, pd.DataFrame):
        pd.testing.assert_frame_equal(first, second)
    elif isinstance(first, pd.Index):
        pd.testing.assert_index_equal(first, second, exact=True)
        assert getattr(first, "freq", None) == getattr(second, "freq", None)
    elif isinstance(first, np.ndarray):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    else:
        assert first == second or (first != first and second != second)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint64", "bool", "complex64"])
def test_arrays_come_back_bit_by_bit(tmp_path, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    for given in (array, np.asfortranarray(array), array[:, ::2], array[:0], np.array(3, dtype)):
        same(saved_and_loaded(tmp_path, contributions=given).contributions, given)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        0.1,
        float("nan"),
        "naïve",
        np.float32(0.1),
        np.int64(2**62),
        (0, 1),
        {8: 1, 3: -1},
        {(0, 1): 0.5, "b": None},
        [np.zeros(2), {"a": np.ones(3, np.int32)}],
        np.array(["age", "height", "with\0null", ""], dtype=object),
        np.array([["a", 1], [None, (2, "b")]], dtype=object),
        np.array(["cat", "tiger"]),
        np.array(["2020-01-01", "NaT"], "datetime64[ns]"),
    ],
)
def test_values_of_all_kinds_come_back(tmp_path, value):
    same(saved_and_loaded(tmp_path, target=value).target, value)


INDICES = [
    pd.RangeIndex(2, 12, 5, name="row"),
    pd.Index([3, 1]),
    pd.Index([0.1, np.nan], name="time"),
    pd.Index(["a", "b"], name=("of", 2)),
    pd.Index(["a", None], dtype=object),
    pd.Index([True, False]),
    pd.date_range("2020-01-01", periods=2, freq="h", tz="Europe/Zurich"),
    pd.date_range("2020-01-01", periods=2, freq="D"),
    pd.DatetimeIndex(["2020-01-01 00:00:00.123456789", None]),
    pd.to_timedelta([1, 2], unit="s"),
    pd.period_range("2020-01", periods=2, freq="M"),
    pd.CategoricalIndex(["b", "a"], categories=["b", "a", "c"], ordered=True),
    pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["letter", None]),
]


@pytest.mark.parametrize("index", INDICES, ids=lambda index: f"{type(index).__name__}-{index.dtype}")
def test_indices_of_all_kinds_come_back(tmp_path, index):
    loaded = saved_and_loaded(tmp_path, index=index, X=pd.DataFrame({"x": [1.0, 2.0]}, index=index))
    same(loaded.index, index)
    pd.testing.assert_frame_equal(loaded.X, pd.DataFrame({"x": [1.0, 2.0]}, index=index))


def test_frames_of_all_dtypes_come_back(tmp_path):
    mixed = pd.DataFrame(
        {
            "float": np.array([0.1, np.nan], np.float32),
            "integer": np.array([1, 2], np.int8),
            "flag": [True, False],
            "nullable": pd.array([2**60 + 1, None], dtype="Int64"),
            "real": pd.array([0.1, None], dtype="Float64"),
            "not missing": pd.arrays.FloatingArray(np.array([np.nan, 1.0]), np.array([False, True])),
            "sparse": pd.arrays.SparseArray([0.0, 0.1]),
            "truth": pd.array([True, None], dtype="boolean"),
            "text": ["a", None],
            "object": np.array(["a", 1], dtype=object),
            "category": pd.Categorical(["u", None], categories=["v", "u"]),
            "when": pd.to_datetime(["2020-01-01 12:00", None], utc=True),
            3: [0, 0],
        },
        index=["first", "second"],
    )
    twice = pd.DataFrame([[1, 2.5], [3, 4.5]], columns=["a", "a"])
    for frame in (mixed, twice, mixed[["float"]], mixed[[]], mixed[:0], pd.DataFrame(np.eye(3), columns=list("abc"))):
        same(saved_and_loaded(tmp_path, X=frame).X, frame)


@pytest.mark.parametrize("reference", ["mean", "sample"])
def test_an_explanation_of_a_frame(tmp_path, reference):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 3)), columns=list("abc"), index=list("vwxyz"))
    explanation = DeepLiftExplainer(model, reference=reference).fit(frame).explain(frame)
    explanation.class_names = np.array(["cat", "tiger"], dtype=object)
    path = tmp_path / "explanation"
    explanation.save(str(path))
    loaded = Explanation.load(str(path))
    assert type(loaded) is Explanation
    assert [entry.name for entry in tmp_path.iterdir()] == ["explanation"]
    same(dict(loaded), dict(explanation))


def test_tensors_come_back_as_arrays(tmp_path):
    same(saved_and_loaded(tmp_path, X=tf.constant([[1.0]])).X, np.array([[1.0]], np.float32))


class Harmful:
    def __reduce__(self):
        return os.system, ("false",)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"target": len}, r"explanation\.target is a builtin_function_or_method.*explanation\.target = 'name'"),
        (
            {"X": {"a": [Harmful()]}},
            r"explanation\.X\['a'\]\[0\] is a Harmful, which cannot be written without pickle",
        ),
        ({"X": np.array([Harmful()], dtype=object)}, "is a Harmful"),
        ({"X": np.zeros(2, "f4,i4")}, "is a ndarray"),
        ({"X": np.ma.masked_array([1, 2], [True, False])}, "is a MaskedArray"),
        ({"index": pd.interval_range(0, 2)}, "of dtype interval"),
    ],
)
def test_what_cannot_be_written(tmp_path, fields, message):
    path = tmp_path / "explanation.npz"
    Explanation(contributions=np.zeros(2)).save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=message):
        Explanation(**fields).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["explanation.npz"]


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "explanation.npz"
    Explanation(contributions=np.zeros(2)).save(path)
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        Explanation(contributions=np.ones(2)).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["explanation.npz"]


def test_files_that_hold_no_explanation(tmp_path):
    path = tmp_path / "explanation.npz"
    with pytest.raises(FileNotFoundError):
        Explanation.load(path)
    Explanation(contributions=np.random.default_rng(0).normal(size=1000)).save(path)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 255
    contents = [b"", b"no file of ours", whole[: len(whole) // 2], bytes(damaged), pickle.dumps(Harmful())]
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(ValueError, match="holds no explanation to read"):
            Explanation.load(path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(ValueError, match=r"structure.*Expected a file that Explanation\.save wrote"):
        Explanation.load(path)
    np.savez(path, structure=np.frombuffer(b'{"format": "skdeeplift.Explanation 2"}', np.uint8))
    with pytest.raises(ValueError, match=r"the format is .skdeeplift\.Explanation 2"):
        Explanation.load(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="holds no explanation to read: it is one array"):
        Explanation.load(path)


HOSTILE = {
    "deep": '{"list": [' * 5000 + "]}" * 5000,
    "empty part": "{}",
    "not a list": '{"list": 3}',
    "other shape": '{"objects": [1, 2], "shape": [3]}',
    "no index": '{"index": {}}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_structure(tmp_path, kind):
    path, text = (
        tmp_path / "explanation.npz",
        f'{{"format": "skdeeplift.Explanation 1", "fields": {{"X": {HOSTILE[kind]}}}}}',
    )
    np.savez(path, structure=np.frombuffer(text.encode(), np.uint8))
    with pytest.raises(ValueError, match=r"holds no explanation to read: ['\w].*Expected a file"):
        Explanation.load(path)


def test_a_header_that_declares_more_than_memory_holds(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2000000000000,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "explanation.npz", "w") as file:
        file.writestr("structure.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ValueError, match="holds no explanation to read: Unable to allocate"):
        Explanation.load(tmp_path / "explanation.npz")


def test_objects_in_a_file_are_not_run(tmp_path):
    path = tmp_path / "explanation.npz"
    text = np.frombuffer(b'{"format": "skdeeplift.Explanation 1", "fields": {"X": {"array": "array_0"}}}', np.uint8)
    np.savez(path, structure=text, array_0=np.array([Harmful()], dtype=object))
    path.with_suffix(".pickle").write_bytes(pickle.dumps({"X": 1}))
    for each in (path, path.with_suffix(".pickle")):
        with pytest.raises(ValueError, match="it holds pickled objects, which may run code") as raised:
            Explanation.load(each)
        # NumPy's advice is to trust the file. The traceback does not show it either.
        told = "".join(traceback.format_exception(raised.value))
        assert not {"allow_pickle=", "unsafely"} & set(told.replace("`", " ").split())


def test_numbers_in_bfloat16_are_widened(tmp_path):
    numbers = np.array([[1.5, -2.25]]).astype(tf.bfloat16.as_numpy_dtype)
    loaded = saved_and_loaded(tmp_path, contributions=numbers)
    assert loaded.contributions.dtype == np.float32
    np.testing.assert_array_equal(loaded.contributions, [[1.5, -2.25]])


def test_parts_of_an_unknown_kind(tmp_path):
    text = b'{"format": "skdeeplift.Explanation 1", "fields": {"X": {"later": 1}}}'
    np.savez(tmp_path / "explanation.npz", structure=np.frombuffer(text, np.uint8))
    with pytest.raises(ValueError, match="it has an unknown part 'later'"):
        Explanation.load(tmp_path / "explanation.npz")
