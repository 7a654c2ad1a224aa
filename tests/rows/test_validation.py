import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf
from keras import layers, ops
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from skdeeplift import DeepLiftExplainer
from skdeeplift.network.bind import bind
from skdeeplift.propagation.lookups import Vocabulary
from skdeeplift.rows.validation import check_rows, importance_rows, input_labels, shapes_of_rows

TOKENS = np.array([[1, 2, 3], [4, 0, 2]], np.int32)


@pytest.fixture(scope="module")
def of_tokens():
    inputs = keras.Input((3,), dtype="int32")
    looked_up = layers.Embedding(5, 2, name="embedding")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(looked_up)))
    return DeepLiftExplainer(model, reference="zeros").fit(TOKENS)


@pytest.fixture(scope="module")
def of_table():
    return DeepLiftExplainer(keras.Sequential([keras.Input((4,)), layers.Dense(1)])).fit(np.zeros((1, 4)))


def network(*inputs):
    flat = [layers.Flatten()(each) for each in inputs]
    joined = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    model = keras.Model(list(inputs) if len(inputs) > 1 else inputs[0], layers.Dense(1)(joined))
    return model, bind(
        model,
        [np.zeros((1, *each.shape[1:])) for each in inputs] if len(inputs) > 1 else np.zeros((1, *inputs[0].shape[1:])),
    )


def test_a_table_sets_the_number_of_columns():
    model, bound = network(keras.Input((3,)))
    explainer = DeepLiftExplainer(model)
    [array] = check_rows(explainer, [[1, 2, 3]], bound, Vocabulary(bound.graph), reset=True)
    assert array.dtype == np.float32
    assert explainer.n_features_in_ == 3
    with pytest.raises(ValueError, match="4 features"):
        check_rows(explainer, np.zeros((1, 4)), bound, Vocabulary(bound.graph), reset=False)


@pytest.mark.parametrize("n_inputs", [1, 2])
def test_what_is_not_finite_is_found_and_what_is_large_is_not(n_inputs):
    """A sum of large numbers is not finite either, or is not a number, and tells nothing."""
    inputs = [keras.Input((2,), name=f"in_{number}") for number in range(n_inputs)]
    model, bound = network(*inputs)
    good = np.array([[3e38, 3e38], [-3e38, -3e38], [1, 2]], np.float32)

    def check(array):
        rows = [good] * (n_inputs - 1) + [array] if n_inputs > 1 else array
        return check_rows(DeepLiftExplainer(model), rows, bound, Vocabulary(bound.graph), True)

    np.testing.assert_array_equal(check(good)[-1], good)
    for bad in (np.nan, np.inf, -np.inf):
        array = good.copy()
        array[2, 1] = bad
        with pytest.raises(ValueError, match=r"contains NaN|contains infinity"):
            check(array)
    with pytest.raises(ValueError, match="contains infinity"):
        check(good.astype(np.float64) * 10)


def test_several_inputs_need_the_same_number_of_rows():
    model, bound = network(keras.Input((3,), name="a"), keras.Input((2, 2), name="b"))
    assert input_labels(bound) == ["X['a']", "X['b']"]
    assert shapes_of_rows(bound) == "(n_rows, 3), (n_rows, 2, 2)"
    explainer = DeepLiftExplainer(model)
    arrays = check_rows(
        explainer, {"b": np.ones((2, 2, 2)), "a": np.zeros((2, 3))}, bound, Vocabulary(bound.graph), reset=True
    )
    assert [array.shape for array in arrays] == [(2, 3), (2, 2, 2)]
    with pytest.raises(ValueError, match="Got 2, 1"):
        check_rows(explainer, [np.zeros((2, 3)), np.zeros((1, 2, 2))], bound, Vocabulary(bound.graph), reset=True)
    with pytest.raises(ValueError, match=r"X\['b'\] has shape \(2, 3, 2\)"):
        check_rows(explainer, [np.zeros((2, 3)), np.zeros((2, 3, 2))], bound, Vocabulary(bound.graph), reset=True)


def test_importances_are_of_all_rows_or_of_some_in_order():
    arrays = [np.zeros((100, 3))]
    assert importance_rows(arrays, 100, np.random.RandomState(0)) == slice(None)
    chosen = importance_rows(arrays, 20, np.random.RandomState(0))
    assert len(set(chosen)) == 20
    assert (np.diff(chosen) > 0).all()
    # Fewer where a row is large.
    assert len(importance_rows([np.zeros((100, 1_000_000))], 1000, np.random.RandomState(0))) == 16


@pytest.mark.parametrize(("token", "outside"), [(5, True), (99, True), (-6, True), (4, False), (-5, False)])
def test_ids_beyond_the_vocabulary(of_tokens, token, outside):
    rows = np.array([[1, 2, token]])
    if not outside:
        assert of_tokens.transform(rows).shape == (1, 3)
        return
    message = rf"X holds the id {token}, and the network looks up ids in a table of 5 rows. Expected ids from 0 to 4"
    with pytest.raises(ValueError, match=message):
        of_tokens.transform(rows)
    with pytest.raises(ValueError, match=f"X holds the id {token}"):
        DeepLiftExplainer(of_tokens.estimator).fit(rows)
    with pytest.raises(ValueError, match=f"reference= for X holds the id {token}"):
        of_tokens.explain(TOKENS, reference=rows[0])
    with pytest.raises(ValueError, match=f"reference= for X holds the id {token}"):
        DeepLiftExplainer(of_tokens.estimator, reference=rows[0]).fit(TOKENS)


def test_ids_of_columns_with_tables_of_their_own():
    inputs = keras.Input((2,), dtype="int32", name="codes")
    numbers = keras.Input((1,), name="numbers")
    looked_up = [layers.Embedding(size, 2)(inputs[:, column]) for column, size in enumerate((3, 9))]
    model = keras.Model([inputs, numbers], layers.Dense(1)(layers.Concatenate()([*looked_up, numbers])))
    explainer = DeepLiftExplainer(model).fit([np.array([[2, 8]]), np.ones((1, 1))])
    with pytest.raises(ValueError, match=r"X\['codes'\] holds the id 5, .* table of 3 rows"):
        explainer.transform({"codes": np.array([[5, 5]]), "numbers": np.ones((1, 1))})


@pytest.mark.parametrize("value", [1.5, 3e9, -0.25])
def test_numbers_that_are_no_integers(of_tokens, value):
    rows = np.array([[1.0, 2.0, value]])
    with pytest.raises(ValueError, match=r"X holds .*, but the network takes int32 there, which has no such number"):
        of_tokens.transform(rows)
    with pytest.raises(ValueError, match=r"reference= for X holds .*int32"):
        of_tokens.explain(TOKENS, reference=rows[0])


def test_whole_numbers_may_come_in_any_dtype(of_tokens):
    expected = of_tokens.transform(TOKENS)
    for rows in (TOKENS.astype(float), TOKENS.astype(np.int64), TOKENS.astype(np.uint8), TOKENS.tolist()):
        np.testing.assert_array_equal(of_tokens.transform(rows), expected)
        np.testing.assert_array_equal(of_tokens.explain(rows, reference=rows[0]).contributions[0], [0, 0, 0])


def test_masks_that_are_neither_true_nor_false():
    inputs = [keras.Input((3,), name="numbers"), keras.Input((3,), dtype="bool", name="mask")]
    model = keras.Model(inputs, layers.Dense(1)(ops.where(inputs[1], inputs[0], 0.0)))
    explainer = DeepLiftExplainer(model).fit([np.ones((2, 3)), np.ones((2, 3))])
    assert explainer.explain([np.ones((2, 3)), np.ones((2, 3))], multipliers=True).multipliers[1].shape == (2, 3)
    with pytest.raises(ValueError, match=r"X\['mask'\] holds 0\.5, but the network takes bool"):
        explainer.transform([np.ones((2, 3)), np.full((2, 3), 0.5)])


def test_ids_in_an_input_of_floating_point_numbers():
    """Keras makes such an input by default; the network would truncate fractions."""
    model = keras.Sequential([keras.Input((3,)), layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)])
    rows = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 0.0]])
    explainer = DeepLiftExplainer(model).fit(rows)
    np.testing.assert_array_equal(explainer.references_.arrays[0], np.zeros((1, 3)))
    assert explainer.references_.arrays[0].dtype == np.float32
    change = np.asarray(model(rows) - model(np.zeros((1, 3))))[:, 0]
    np.testing.assert_allclose(explainer.transform(rows).sum(1), change, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match=r"X holds 1\.5, but the network takes int64 there"):
        explainer.transform(np.full((1, 3), 1.5))
    with pytest.raises(ValueError, match=r"X holds the id 5\.0, and .* a table of 5 rows"):
        explainer.transform(np.full((1, 3), 5.0))
    with pytest.raises(ValueError, match=r"reference= for X holds 0\.5, but the network takes"):
        DeepLiftExplainer(model, reference=np.full(3, 0.5)).fit(rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((3, 5)), "X has 5 features, but DeepLiftExplainer is expecting 4"),
        (np.zeros((3, 4, 1)), "Found array with dim 3"),
        (np.zeros(4), "Expected 2D array, got 1D"),
        (np.full((3, 4), np.inf), "infinity"),
        (np.full((3, 4), np.nan), "NaN"),
        (np.zeros((0, 4)), "Found array with 0 sample"),
        ([["a", "b", "c", "d"]], "could not convert string to float"),
    ],
)
def test_rows_that_are_no_table_of_numbers_are_errors(of_table, rows, message):
    with pytest.raises(ValueError, match=message):
        of_table.transform(rows)


def test_sparse_rows_are_errors(of_table):
    for method in (of_table.transform, DeepLiftExplainer(of_table.estimator).fit):
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            method(scipy.sparse.csr_matrix(np.ones((3, 4))))


def test_network_of_another_width(of_table):
    with pytest.raises(ValueError, match=r"X has 7 features, but the network bound to DeepLiftExplainer takes 4\."):
        DeepLiftExplainer(of_table.estimator).fit(np.zeros((3, 7)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((3, 5, 5)), r"X has shape \(3, 5, 5\), but the network .* takes \(n_rows, 5, 5, 2\)"),
        (np.zeros((3, 5, 4, 2)), r"X has shape \(3, 5, 4, 2\)"),
        (np.full((3, 5, 5, 2), np.nan), "NaN"),
        (np.zeros((0, 5, 5, 2)), "0 sample"),
    ],
)
def test_images_of_another_shape_are_errors(rows, message):
    with pytest.raises(ValueError, match=message):
        DeepLiftExplainer(network(keras.Input((5, 5, 2)))[0]).fit(rows)


def test_rows_of_several_lengths(of_table):
    with pytest.raises(TypeError, match="rows of one length"):
        DeepLiftExplainer(of_table.estimator).fit([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (pd.DataFrame({"a": [1.0, 2.0], "b": [1, 2], "c": [3, "red"], "d": [0, 0]}), "'red' in column 'c' of row 1"),
        (
            pd.DataFrame({"a": [1.0], "b": pd.to_datetime(["2020-01-01"]), "c": [0], "d": [0]}),
            r"Timestamp.* in column 'b' of row 0",
        ),
        (np.array([["2020", "2021", "2022", "2023"]], "M8[Y]"), r"date\(2020, 1, 1\) in column 0 of row 0"),
        (np.array([[1, 2, 3, 4]], "m8[s]"), "in column 0 of row 0"),
        ([[1.0, "red", 2.0, 3.0]], "'red' in column 1 of row 0"),
        (np.array([[1, {}, 2, 3]], object), r"\{\} in column 1 of row 0"),
    ],
)
def test_entries_that_are_no_numbers_are_named(of_table, rows, found):
    for call in (of_table.transform, DeepLiftExplainer(of_table.estimator).fit):
        with pytest.raises((TypeError, ValueError), match=rf"X holds .*{found}, which is no number.*make_pipeline"):
            call(rows)


def test_text_in_front_of_integers():
    inputs = keras.Input((2,), dtype="int32")
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(layers.Embedding(5, 2)(inputs))))
    text = np.array([["a", "x"], ["b", "y"]])
    with pytest.raises(ValueError, match="X holds 'a' in column 0 of row 0"):
        DeepLiftExplainer(model).fit(text)
    with pytest.raises(ValueError, match="X holds '1' in column 0 of row 0"):
        DeepLiftExplainer(model).fit(np.array([["1", "2"]]))
    # The advice.
    ids = OrdinalEncoder().fit_transform(text)
    followed = make_pipeline(OrdinalEncoder(), DeepLiftExplainer(model)).fit_transform(text)
    np.testing.assert_array_equal(followed, DeepLiftExplainer(model).fit_transform(ids))


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_masked_entries_and_matrices_are_refused(of_table):
    masked = np.ma.masked_array(np.ones((2, 4)), [[0, 0, 0, 0], [0, 1, 0, 0]])
    for call in (
        lambda: of_table.transform(masked),
        lambda: of_table.transform(iter([masked, masked])),
        lambda: DeepLiftExplainer(of_table.estimator).fit(masked),
        lambda: DeepLiftExplainer(of_table.estimator, reference=masked[1]).fit(np.ones((2, 4))),
        lambda: of_table.explain(np.ones((2, 4)), reference=masked[1]),
    ):
        with pytest.raises(ValueError, match=r"has masked entries.*\.filled\("):
            call()
    expected = of_table.transform(np.array([[1.0, 1, 1, 1], [1, 0, 1, 1]]))
    np.testing.assert_array_equal(of_table.transform(masked.filled(0)), expected)
    # Nothing of this array is masked.
    np.testing.assert_array_equal(of_table.transform(np.ma.masked_array(np.ones((1, 4)))), expected[:1])
    for call in (of_table.transform, DeepLiftExplainer(of_table.estimator).fit):
        with pytest.raises(TypeError, match=r"np.matrix is not supported.*np.asarray"):
            call(np.matrix(np.ones((2, 4), np.float32)))


def test_list_of_arrays_for_one_input(of_table):
    several = [np.zeros((5, 4)), np.zeros((7, 4))]
    for call in (of_table.transform, DeepLiftExplainer(of_table.estimator).fit):
        with pytest.raises(ValueError, match=r"list of arrays of the shapes \(5, 4\), \(7, 4\). .*np.concatenate"):
            call(several)
    assert of_table.transform(np.concatenate(several)).shape == (12, 4)


def test_ids_behind_an_offset():
    inputs = keras.Input((2,), dtype="int32")
    table = layers.Embedding(5, 2)
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(table(inputs + np.array([0, 3])))))
    explainer = DeepLiftExplainer(model).fit([[4, 1], [0, 0]])
    message = (
        r"X does not fit .* computes the id 12 from the id 9 of row 1, at position \(1,\), .* in a table of 5 rows"
    )
    with pytest.raises(ValueError, match=message):
        explainer.transform([[2, 1], [2, 9]])
    with pytest.raises(ValueError, match=message):
        DeepLiftExplainer(model).fit([[2, 1], [2, 9]])
    with pytest.raises(ValueError, match=r"reference= for X does not fit .* the id 9 of row 0"):
        explainer.explain([[0, 0]], reference=[0, 9])
    with pytest.raises(ValueError, match=r"computes the id -1 from the id -9"):
        explainer.transform([[0, -9]])
    embedding = DeepLiftExplainer(model, layer=table.name).fit([[4, 1], [0, 0]])
    np.testing.assert_allclose(
        explainer.transform([[4, 1]]), embedding.transform([[4, 1]]).sum(-1), rtol=1e-6, atol=1e-7
    )


def test_columns_as_keras_takes_them():
    """Keras adds the last axis of inputs with one column, and so do explainers."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32), columns=["a", "b"])
    inputs = {name: keras.Input((1,), name=name) for name in frame}
    output = layers.Dense(1)(layers.Concatenate()(list(inputs.values())))
    by_name, by_place = keras.Model(inputs, output), keras.Model(list(inputs.values()), output)
    columns = {name: frame[[name]].to_numpy() for name in frame}
    explainer = DeepLiftExplainer(by_name).fit(columns)
    expected = explainer.transform(columns)
    got = DeepLiftExplainer(by_name).fit(dict(frame)).transform(dict(frame))
    for name in frame:
        np.testing.assert_array_equal(got[name], expected[name])
    for rows in (
        [frame["a"], frame["b"]],
        [frame["a"].to_numpy(), frame[["b"]].to_numpy()],
        [frame["a"].tolist(), frame["b"].tolist()],
        [tf.constant(frame["a"]), tf.constant(frame["b"])],
    ):
        for each, name in zip(DeepLiftExplainer(by_place).fit(rows).transform(rows), frame, strict=True):
            np.testing.assert_array_equal(each, expected[name])
    explanation = explainer.explain(dict(frame))
    assert explanation.X["a"].shape == explanation.contributions["a"].shape == (6, 1)
    np.testing.assert_allclose(explanation.to_frame()["value"], np.concatenate([frame["a"], frame["b"]]))
    batches = tf.data.Dataset.from_tensor_slices(dict(frame)).batch(4)
    np.testing.assert_array_equal(DeepLiftExplainer(by_name).fit(batches).transform(batches)["b"], expected["b"])
    out = {name: np.zeros((6, 1), np.float32) for name in frame}
    streamed = explainer.explain(dict(frame), out=out)
    np.testing.assert_array_equal(streamed.contributions["a"], expected["a"])


def test_last_axis_of_an_image_without_channels():
    images = np.random.default_rng(0).normal(size=(4, 3, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((3, 3, 1)), layers.Flatten(), layers.Dense(1)])
    explainer = DeepLiftExplainer(model).fit(images)
    np.testing.assert_array_equal(explainer.transform(images), explainer.transform(images[..., None]))
    assert explainer.explain(images).X.shape == (4, 3, 3, 1)
    with pytest.raises(ValueError, match=r"X has shape \(3, 3, 1\)"):
        explainer.transform(images[0][..., None])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("reference", ["mean", "median", "minimum"])
def test_bfloat16_is_a_float(reference):
    inputs = keras.Input((2,), dtype="bfloat16")
    model = keras.Model(inputs, layers.Dense(1, dtype="bfloat16")(inputs))
    explainer = DeepLiftExplainer(model, reference=reference, check="ignore").fit([[1.0, 2.0], [1.0, 2.0]])
    np.testing.assert_array_equal(explainer.references_.arrays[0].astype(np.float32), [[1, 2]])
    np.testing.assert_array_equal(explainer.transform([[1.0, 2.0]]).astype(np.float32), [[0, 0]])
