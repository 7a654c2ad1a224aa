import pickle
from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers
from numpy.lib.format import open_memmap
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer, Explanation, GradientExplainer, IntegratedGradientsExplainer
from skdeeplift.exceptions import SummationToDeltaError, SummationToDeltaWarning
from skdeeplift.rows import blocks
from tests.binding.networks import folded_layer

ROWS = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)
CLOSE = dict(rtol=1e-5, atol=1e-6)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Make blocks of 32 rows of six columns."""
    monkeypatch.setattr(blocks, "NUMBERS_OF_BLOCK", 6 * 32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3)])


@pytest.fixture(scope="module")
def explainer(model):
    return DeepLiftExplainer(model, target=1).fit(ROWS)


class InBatches(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, position):
        return ROWS[25 * position : 25 * position + 25], None


def on_disk(path, array):
    mapped = open_memmap(path, "w+", array.dtype, array.shape)
    mapped[:] = array
    mapped.flush()
    return np.load(path, mmap_mode="r")


def generated(size=7):
    return ((ROWS[start : start + size], start) for start in range(0, 100, size))


SOURCES = {
    "memory map": lambda path: on_disk(path / "rows.npy", ROWS),
    "memory map in float64": lambda path: on_disk(path / "rows.npy", ROWS.astype(np.float64)),
    "tf.data": lambda path: tf.data.Dataset.from_tensor_slices((ROWS, ROWS[:, 0])).batch(33),
    "PyDataset": lambda path: InBatches(),
    "generator": lambda path: generated(),
    "large batches": lambda path: generated(90),
    "list of frames": lambda path: iter([pd.DataFrame(ROWS[:60]), pd.DataFrame(ROWS[60:])]),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("with_out", [False, True])
def test_all_sources_give_what_an_array_gives(explainer, source, with_out, tmp_path):
    expected = explainer.explain(ROWS)
    out = open_memmap(tmp_path / "out.npy", "w+", np.float32, ROWS.shape) if with_out else None
    X = SOURCES[source](tmp_path)
    got = explainer.explain(X, out=out)
    np.testing.assert_allclose(got.contributions, expected.contributions, **CLOSE)
    for name in ("prediction", "reference_value", "convergence_delta", "n_references", "reference_spread"):
        np.testing.assert_allclose(got[name], expected[name], **CLOSE)
    assert isinstance(got.X, np.ndarray if "map" in source or not with_out else type(None)) or "frames" in source
    if with_out:
        assert got.contributions is out
        np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected.contributions, **CLOSE)
        out[:] = np.nan
    transformed = explainer.transform(SOURCES[source](tmp_path), out=out)
    np.testing.assert_allclose(transformed, expected.contributions, **CLOSE)
    assert transformed is out or not with_out


def test_calls_without_rows_are_errors(explainer, tmp_path):
    for X in (ROWS[:0], on_disk(tmp_path / "rows.npy", ROWS)[:0]):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            explainer.transform(X, out=np.zeros((0, 6), np.float32))


def test_blocks_are_smaller_where_there_are_more_results(model, monkeypatch):
    monkeypatch.setattr(blocks, "NUMBERS_OF_BLOCK", 6 * 3 * 16)
    explainer, starts = DeepLiftExplainer(model, target="all").fit(ROWS), []

    class Watched(np.ndarray):
        def __setitem__(self, rows, values):
            starts.append(rows.start)
            super().__setitem__(rows, values)

    explainer.transform(ROWS, out=np.zeros((100, 18), np.float32).view(Watched))
    assert starts == list(range(0, 100, 16))


def test_arrays_of_h5py(explainer, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        X, out = file.create_dataset("X", data=ROWS), file.create_dataset("out", ROWS.shape, np.float32)
        assert explainer.transform(X, out=out) is out
        np.testing.assert_allclose(out[:], explainer.transform(ROWS), **CLOSE)
        with pytest.raises(ValueError, match="shares memory with X"):
            explainer.transform(X, out=X)


def test_all_targets_are_written_flat_and_with_their_axis(model, tmp_path):
    explainer = DeepLiftExplainer(model, target="all").fit(ROWS)
    flat, out = np.zeros((100, 18), np.float32), np.zeros((100, 6, 3), np.float32)
    np.testing.assert_allclose(explainer.transform(ROWS, out=flat), explainer.transform(ROWS), **CLOSE)
    explanation = explainer.explain(generated(), out=out)
    np.testing.assert_allclose(out.reshape(100, 18), flat, **CLOSE)
    assert explanation.prediction.shape == (100, 3)
    with pytest.raises(ValueError, match=r"Expected \(100, 6, 3\)"):
        explainer.explain(ROWS, out=flat)


def test_several_inputs_and_layers(tmp_path):
    inputs = {name: keras.Input((6,), name=name) for name in ("a", "b")}
    joined = layers.Dense(4, "tanh", name="joined")(layers.Concatenate()(list(inputs.values())))
    network = keras.Model(inputs, layers.Dense(1)(joined))
    X = {"a": on_disk(tmp_path / "a.npy", ROWS), "b": ROWS[::-1].copy()}
    explainer = DeepLiftExplainer(network).fit({name: np.array(rows) for name, rows in X.items()})
    expected = explainer.transform({name: np.array(rows) for name, rows in X.items()})
    out = {name: np.zeros_like(ROWS) for name in X}
    for results in (
        explainer.transform(X),
        explainer.transform(X, out=out),
        explainer.transform({name: rows[start : start + 9] for name, rows in X.items()} for start in range(0, 100, 9)),
    ):
        for name in X:
            np.testing.assert_allclose(results[name], expected[name], **CLOSE)
    with pytest.raises(ValueError, match="out= takes 2 arrays"):
        explainer.transform(X, out=out["a"])
    # Columns of one array have no element in common.
    both = np.zeros((100, 12), np.float32)
    explainer.transform(X, out={"a": both[:, :6], "b": both[:, 6:]})
    np.testing.assert_allclose(both, np.hstack([expected["a"], expected["b"]]), **CLOSE)
    with pytest.raises(ValueError, match="shares memory with another array of out="):
        explainer.transform(X, out={"a": both[:, :6], "b": both[:, 5:11]})
    for shorter in ({"a": X["a"], "b": ROWS[:40]}, {"a": X["a"][:40], "b": ROWS}):
        lengths = ", ".join(str(len(rows)) for rows in shorter.values())
        with pytest.raises(ValueError, match=f"same number of rows. Got {lengths}"):
            explainer.transform(shorter)
        with pytest.raises(ValueError, match=f"same number of rows. Got {lengths}"):
            explainer.transform({name: np.array(rows) for name, rows in shorter.items()}, out=out)
    of_units = DeepLiftExplainer(network, layer="joined").fit({name: np.array(rows) for name, rows in X.items()})
    names = ("contributions", "positive_multipliers")
    units = {name: np.zeros((100, 4), np.float32) for name in names}
    explanation = of_units.explain(X, out=units)
    whole = of_units.explain({name: np.array(rows) for name, rows in X.items()})
    for name in names:
        np.testing.assert_allclose(units[name], whole[name], **CLOSE)
    assert explanation.negative_multipliers is None


def test_columns_and_index_of_frames(model):
    frame = pd.DataFrame(ROWS, columns=list("abcdef"), index=np.arange(100) + 5)
    explainer = DeepLiftExplainer(model, target=1).fit(frame)
    expected, out = explainer.explain(frame), np.zeros_like(ROWS)
    for X in (frame, (frame[start : start + 30] for start in range(0, 100, 30))):
        got = explainer.explain(X, out=out)
        assert got.index.equals(frame.index)
        assert list(got.feature_names) == list("abcdef")
    got = explainer.explain(frame[start : start + 30] for start in range(0, 100, 30))
    pd.testing.assert_frame_equal(got.to_frame(), expected.to_frame(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="feature names"):
        explainer.explain(iter([frame[list("fedcba")]]))


def test_pipelines_and_training_on_batches(tmp_path):
    y = (ROWS[:, 0] > 0).astype(int)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=20, random_state=0, tol=1))
    expected = DeepLiftExplainer(pipeline).fit(ROWS, y)
    got = DeepLiftExplainer(pipeline).fit(iter([(ROWS[:40], y[:40]), (ROWS[40:], y[40:])]))
    np.testing.assert_allclose(got.feature_importances_, expected.feature_importances_, rtol=1e-5)
    X = on_disk(tmp_path / "rows.npy", ROWS)
    np.testing.assert_allclose(got.transform(X), expected.transform(ROWS), **CLOSE)
    np.testing.assert_allclose(got.explain(X).X, expected.explain(ROWS).X, **CLOSE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [GradientExplainer, partial(IntegratedGradientsExplainer, check="ignore")])
def test_other_methods(kind, model):
    explainer = kind(model, target=1).fit(ROWS)
    expected, got = explainer.explain(ROWS), explainer.explain(generated())
    np.testing.assert_allclose(got.contributions, expected.contributions, **CLOSE)
    assert (got.n_steps is None) == (expected.n_steps is None)


def test_rows_that_do_not_add_up_are_counted_over_all_blocks(model):
    rough = dict(target=1, n_steps=1, method="riemann_left", convergence_tol=1e-3)
    explainer = IntegratedGradientsExplainer(model, check="ignore", **rough).fit(ROWS)
    delta = explainer.explain(ROWS).convergence_delta
    with pytest.warns(SummationToDeltaWarning) as of_all:
        explainer.set_params(check="warn").transform(ROWS)
    with pytest.warns(SummationToDeltaWarning) as in_blocks:
        explainer.transform(generated())
    [of_all], [in_blocks] = of_all, in_blocks
    assert np.abs(delta).max() > 0
    assert str(of_all.message)[:110] == str(in_blocks.message)[:110]
    explainer.set_params(check="raise")
    out = np.full_like(ROWS, np.nan)
    with pytest.raises(SummationToDeltaError, match="row"):
        explainer.transform(generated(), out=out)


def test_the_row_that_is_not_finite_is_named(explainer, tmp_path):
    rows = ROWS.copy()
    rows[70, 2] = rows[90, 1] = np.nan
    out = np.zeros_like(ROWS)
    for X in (on_disk(tmp_path / "rows.npy", rows), iter(np.split(rows, [32, 64, 96]))):
        with pytest.raises(ValueError, match="NaN") as caught:
            explainer.transform(X, out=out)
        assert caught.value.__notes__ == [
            "Row 70 of X is the first that holds NaN or infinity.",
            "The first 64 rows (up to row 63) are finished, and in out=. Go on with X[64:].",
        ]
        np.testing.assert_allclose(out[:64], explainer.transform(ROWS[:64]), **CLOSE)


def test_a_file_is_not_written_over_while_it_is_read(explainer, tmp_path):
    X = on_disk(tmp_path / "rows.npy", ROWS)
    with pytest.raises(ValueError, match="shares memory with X"):
        explainer.transform(X, out=np.load(tmp_path / "rows.npy", mmap_mode="r+"))
    np.testing.assert_array_equal(X, ROWS)


def test_parts_of_one_file(explainer, tmp_path):
    """They may be written into while others are read."""
    on_disk(tmp_path / "rows.npy", np.concatenate([ROWS, ROWS]))
    both = np.load(tmp_path / "rows.npy", mmap_mode="r+")
    of_file = dict(dtype=np.float32, shape=ROWS.shape)
    behind = np.memmap(tmp_path / "rows.npy", mode="r+", offset=both.offset + ROWS.nbytes - 24, **of_file)
    again = np.load(tmp_path / "rows.npy", mmap_mode="r+")
    for X, out in ((both[:100], behind), (behind, both[:100]), (both[:100], both[99:199]), (both[:100], again[99:199])):
        with pytest.raises(ValueError, match="shares memory with X"):
            explainer.transform(X, out=out)
    np.testing.assert_array_equal(both, np.concatenate([ROWS, ROWS]))
    for out in (behind[:99], again[99:198]):
        out[:] = 0
        explainer.transform(both[:99], out=out)
        np.testing.assert_allclose(both[99:198], explainer.transform(ROWS[:99]), **CLOSE)
    np.testing.assert_array_equal(both[:99], ROWS[:99])
    out = {"contributions": both[:100], "multipliers": again[:100]}
    with pytest.raises(ValueError, match="'multipliers' shares memory with another array of out="):
        explainer.explain(ROWS, multipliers=True, out=out)


@pytest.mark.parametrize("X", [ROWS, None], ids=["array", "batches"])
def test_what_out_takes(explainer, X):
    def rows():
        return generated() if X is None else X

    for out, error, message in (
        (np.zeros((100, 5), np.float32), ValueError, "out= has shape"),
        (np.zeros((100, 6), np.int64), ValueError, "out= has dtype"),
        ([[0.0] * 6] * 100, (TypeError, ValueError), "out= takes"),
        (
            {"contributions": np.zeros_like(ROWS), "colours": 1},
            ValueError,
            "takes the keys contributions, multipliers.*'colours'",
        ),
        (np.zeros((90, 6), np.float32), ValueError, "out= has"),
        (np.zeros((101, 6), np.float32), ValueError, "out= has"),
    ):
        with pytest.raises(error, match=message):
            explainer.explain(rows(), out=out)
    with pytest.raises(ValueError, match="no array for multipliers"):
        explainer.explain(rows(), multipliers=True, out=np.zeros_like(ROWS))
    with pytest.raises(ValueError, match="'standard_error', which this explanation does not have"):
        explainer.explain(rows(), out={"contributions": np.zeros_like(ROWS), "standard_error": np.zeros_like(ROWS)})
    with pytest.raises(ValueError, match="shares memory with X"):
        explainer.transform(ROWS, out=ROWS)
    twice = np.zeros_like(ROWS)
    with pytest.raises(ValueError, match="'multipliers' shares memory with another array of out="):
        explainer.explain(rows(), multipliers=True, out={"contributions": twice, "multipliers": twice[::-1]})


def test_layers_of_several_entries_of_a_row_are_written_as_they_are_returned():
    explainer, rows = folded_layer()
    out = np.zeros((4, 5, 4), np.float32)
    explainer.transform(rows, out=out)
    np.testing.assert_allclose(out, explainer.transform(rows), **CLOSE)


def test_labels_that_are_floating_point_numbers(tmp_path):
    """A classifier of the classes 0., 1. and 2. predicts floats, which are labels and no weights of outputs."""
    y = np.arange(100) % 3 * 1.0
    explainer = DeepLiftExplainer(MLPClassifier((4,), max_iter=3, random_state=0, tol=1)).fit(ROWS, y)
    target = explainer.predict(ROWS)
    assert target.dtype.kind == "f"
    expected = explainer.transform(ROWS, target=target)
    np.testing.assert_allclose(expected, explainer.transform(ROWS), **CLOSE)
    np.testing.assert_array_equal(explainer.explain(ROWS, target=target).target, target)
    for X in (generated(), on_disk(tmp_path / "rows.npy", ROWS), tf.data.Dataset.from_tensor_slices(ROWS).batch(33)):
        np.testing.assert_allclose(explainer.transform(X, target=target), expected, **CLOSE)
    with pytest.raises(ValueError, match=r"names the class .*3.0.*, which is none of"):
        explainer.transform(ROWS, target=target + 1)


def test_an_explanation_names_the_masks_that_references_share(tmp_path):
    tokens = keras.Input((4,), dtype="int32")
    hidden = keras.layers.GRU(2)(keras.layers.Embedding(6, 3, mask_zero=True)(tokens))
    X = np.array([[1, 2, 3, 0], [4, 5, 0, 0], [1, 1, 1, 1]])
    explainer = DeepLiftExplainer(keras.Model(tokens, keras.layers.Dense(1)(hidden))).fit(X)
    for explanation in (explainer.explain(X), explainer.explain(iter([X[:2], X[2:]]))):
        [mask] = explanation.shared_masks
        assert "NotEqual" in mask
        explanation.save(tmp_path / "explanation.npz")
        assert Explanation.load(tmp_path / "explanation.npz").shared_masks == [mask]
    numbers = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    assert DeepLiftExplainer(numbers).fit(X).explain(X).shared_masks is None


def test_call_ends_with_the_fit_that_it_began_with(model):
    """Another thread may refit the explainer between two blocks of a call."""
    explainer = DeepLiftExplainer(model, target=1, reference="mean").fit(ROWS[:50])
    expected = explainer.transform(ROWS)

    def source():
        for start in range(0, 100, 50):
            explainer.fit(ROWS[50 + start // 2 :] + 1)
            yield ROWS[start : start + 50]

    np.testing.assert_allclose(explainer.transform(source()), expected, **CLOSE)
    assert not np.allclose(explainer.transform(ROWS), expected)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("activation", "outputs", "parameters", "unit"),
    [
        ("softmax", 3, {}, "logit"),
        ("softmax", 3, {"target": {0: 1, 2: -1}}, "logit"),
        ("softmax", 3, {"target": 1, "center_logits": True}, "centered logit"),
        ("softmax", 3, {"target": 1, "pre_activation": False}, "probability"),
        ("log_softmax", 3, {"target": 1, "pre_activation": False}, "log-probability"),
        ("softmax", 3, {"target": np.array([0.5, 0.5, 0.0])}, "probability"),
        ("softmax", 3, {"target": lambda output: output[:, 0]}, "value"),
        ("sigmoid", 1, {}, "log-odds"),
        ("sigmoid", 1, {"pre_activation": False}, "probability"),
        ("sigmoid", 3, {"target": "all"}, "log-odds"),
        ("linear", 1, {}, "value"),
        ("linear", 3, {"target": 1, "center_logits": True}, "centered value"),
        ("tanh", 1, {}, "value"),
    ],
)
def test_units_of_targets(activation, outputs, parameters, unit, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(outputs, activation)])
    explainer = DeepLiftExplainer(model, **parameters).fit(np.eye(3))
    n_outputs = 1 if callable(parameters.get("target")) else outputs
    explanation, batches = explainer.explain(np.eye(3)), explainer.explain(iter([np.eye(3)[:2], np.eye(3)[2:]]))
    assert {(each.target_unit, each.n_outputs) for each in (explanation, batches)} == {(unit, n_outputs)}
    if not callable(parameters.get("target")):
        explanation.save(tmp_path / "explanation.npz")
        for again in (Explanation.load(tmp_path / "explanation.npz"), pickle.loads(pickle.dumps(explanation))):
            assert (again.target_unit, again.n_outputs) == (unit, outputs)


def test_layers_are_named(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="hidden"), keras.layers.Dense(1)])
    explanation = DeepLiftExplainer(model, layer="hidden").fit(np.eye(3)).explain(iter([np.eye(3)]))
    explanation.save(tmp_path / "explanation.npz")
    again = Explanation.load(tmp_path / "explanation.npz")
    assert explanation.layer == again.layer == "hidden"
    # The values of the inputs are not those of the units.
    assert "value" not in again.to_frame()


def test_lists_of_inputs_keep_the_names_that_the_user_gave():
    def explain(names, X):
        inputs = [keras.Input((6,), name=name) for name in names]
        model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(inputs)))
        return DeepLiftExplainer(model, reference="zeros").fit([ROWS, ROWS]).explain(X)

    explanation = explain(["a", "b"], [ROWS[:4], ROWS[4:8]])
    assert explanation.input_names == ["a", "b"]
    assert explanation.to_frame()["input"].unique().tolist() == ["a", "b"]
    # Keras counts inputs without a name, so that their names differ from run to run.
    assert explain([None, None], [ROWS[:4], ROWS[4:8]]).input_names is None
