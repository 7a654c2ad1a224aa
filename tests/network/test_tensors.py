import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.tensors import ALIGNMENT, padded, to_tensor

MANY = 2**18
SMALL, LARGE = (3, 5), (3, MANY)


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int32", "int64", "bool", tf.bfloat16.as_numpy_dtype]
)
@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_tensors_hold_the_rows_and_repeat_the_last(shape, dtype):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    for size in (3, 5):
        tensor = to_tensor(array, size)
        assert tensor.shape == (size, *shape[1:])
        assert tensor.dtype.as_numpy_dtype == array.dtype
        np.testing.assert_array_equal(tensor.numpy(), [*array, *[array[-1]] * (size - 3)])


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_tensors_do_not_follow_what_becomes_of_the_array(shape):
    array = np.ones(shape, np.float32)
    tensor = to_tensor(array, 3)
    array[:] = 2
    assert tensor.numpy().max() == 1


@pytest.mark.parametrize("change", [lambda array: array[:, ::2], np.asfortranarray, lambda array: array[::-1]])
def test_arrays_may_lie_in_memory_as_they_like(change):
    array = change(np.random.default_rng(0).normal(size=(4, MANY)).astype(np.float32))
    array.flags.writeable = False
    np.testing.assert_array_equal(to_tensor(array, 4).numpy(), array)


def test_arrays_lie_where_tensorflow_can_read_them():
    """Kernels of TensorFlow end the process where a tensor does not begin at a multiple of this."""
    for width in [*range(1, 20), *range(MANY, MANY + 20)]:
        tensor = to_tensor(np.ones((1, width), np.float32), 2)
        assert np.asarray(tensor).ctypes.data % ALIGNMENT == 0
        assert tf.nn.relu(tensor).numpy().sum() == 2 * width


def test_tensors_outlive_the_array():
    tensors = [to_tensor(np.full((2, MANY), number, np.float32), 2) for number in range(8)]
    assert [tensor.numpy().mean() for tensor in tensors] == list(range(8))


def test_the_last_entry_or_a_number_fills_an_axis():
    array = np.array([[1, 2], [3, 4]])
    assert padded(array, 2) is array
    assert padded(array, 3).tolist() == [[1, 2], [3, 4], [3, 4]]
    assert padded(array, 4, axis=1, fill=0).tolist() == [[1, 2, 0, 0], [3, 4, 0, 0]]
