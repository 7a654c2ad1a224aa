import keras
import numpy as np
import pytest

from skdeeplift import DeepLiftExplainer
from skdeeplift.network.bind import bind
from skdeeplift.rows.validation import check_rows, importance_rows, input_labels, shapes_of_rows


def network(*inputs):
    flat = [keras.layers.Flatten()(each) for each in inputs]
    joined = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    model = keras.Model(list(inputs) if len(inputs) > 1 else inputs[0], keras.layers.Dense(1)(joined))
    return model, bind(
        model,
        [np.zeros((1, *each.shape[1:])) for each in inputs] if len(inputs) > 1 else np.zeros((1, *inputs[0].shape[1:])),
    )


def test_a_table_sets_the_number_of_columns():
    model, bound = network(keras.Input((3,)))
    explainer = DeepLiftExplainer(model)
    [array] = check_rows(explainer, [[1, 2, 3]], bound, reset=True)
    assert array.dtype == np.float32
    assert explainer.n_features_in_ == 3
    with pytest.raises(ValueError, match="4 features"):
        check_rows(explainer, np.zeros((1, 4)), bound, reset=False)


@pytest.mark.parametrize("n_inputs", [1, 2])
def test_what_is_not_finite_is_found_and_what_is_large_is_not(n_inputs):
    """A sum of large numbers is not finite either, or is not a number, and tells nothing."""
    inputs = [keras.Input((2,), name=f"in_{number}") for number in range(n_inputs)]
    model, bound = network(*inputs)
    good = np.array([[3e38, 3e38], [-3e38, -3e38], [1, 2]], np.float32)

    def check(array):
        return check_rows(
            DeepLiftExplainer(model), [good] * (n_inputs - 1) + [array] if n_inputs > 1 else array, bound, True
        )

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
    arrays = check_rows(explainer, {"b": np.ones((2, 2, 2)), "a": np.zeros((2, 3))}, bound, reset=True)
    assert [array.shape for array in arrays] == [(2, 3), (2, 2, 2)]
    with pytest.raises(ValueError, match="Got 2, 1"):
        check_rows(explainer, [np.zeros((2, 3)), np.zeros((1, 2, 2))], bound, reset=True)
    with pytest.raises(ValueError, match=r"X\['b'\] has shape \(2, 3, 2\)"):
        check_rows(explainer, [np.zeros((2, 3)), np.zeros((2, 3, 2))], bound, reset=True)


def test_importances_are_of_all_rows_or_of_some_in_order():
    arrays = [np.zeros((100, 3))]
    assert importance_rows(arrays, 100, np.random.RandomState(0)) == slice(None)
    chosen = importance_rows(arrays, 20, np.random.RandomState(0))
    assert len(set(chosen)) == 20
    assert (np.diff(chosen) > 0).all()
    # Fewer where a row is large.
    assert len(importance_rows([np.zeros((100, 1_000_000))], 1000, np.random.RandomState(0))) == 16
