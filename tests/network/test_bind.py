import keras
import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.bind import bind


def inputs_model(structure):
    first, second = keras.Input((3,), name="first"), keras.Input((2,), name="second")
    outputs = keras.layers.Dense(1)(keras.layers.concatenate([first, second]))
    return keras.Model({"first": first, "second": second} if structure is dict else [first, second], outputs)


def test_model_is_shared_not_copied():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network = bind(model, np.zeros((2, 3)))
    assert network.model is model
    assert network.takes_table
    assert network.graph is network.graph


def test_path_is_loaded(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")
    network = bind(tmp_path / "model.keras", np.zeros((2, 3)))
    np.testing.assert_array_equal(network.model.get_weights()[0], model.get_weights()[0])


def test_unbuilt_model_takes_its_shape_from_the_rows():
    network = bind(keras.Sequential([keras.layers.Dense(2)]), np.zeros((5, 7)))
    assert network.input_specs.shape.as_list() == [None, 7]
    assert network.graph.outputs[0].shape.as_list() == [None, 2]


def test_open_axes_are_completed_from_the_rows():
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.Conv1D(2, 3), keras.layers.GlobalAveragePooling1D()])
    assert bind(model, np.zeros((2, 9, 4))).input_specs.shape.as_list() == [None, 9, 4]


def test_lists_and_dicts():
    first, second = np.zeros((4, 3)), np.ones((4, 2))
    for structure, given in [
        (list, [first, second]),
        (list, {"second": second, "first": first}),
        (dict, {"first": first, "second": second}),
    ]:
        network = bind(inputs_model(structure), given)
        assert network.input_names == ["first", "second"]
        flat = network.flatten(given)
        assert flat[0] is first
        assert flat[1] is second


@pytest.mark.parametrize(
    ("structure", "given", "message"),
    [
        (list, np.zeros((4, 3)), r"list or dict of 2 inputs \(first, second\)\. Got one ndarray"),
        (list, [np.zeros((4, 3))], "Got 1 arrays"),
        (dict, [np.zeros((4, 3)), np.zeros((4, 2))], "takes a dict of 2 inputs"),
        (
            dict,
            {"first": np.zeros((4, 3)), "third": np.zeros((4, 2))},
            r"\['first', 'second'\]. Got \['first', 'third'\]",
        ),
    ],
)
def test_rows_in_another_structure(structure, given, message):
    with pytest.raises(ValueError, match=message):
        bind(inputs_model(structure), given)


def test_dict_for_a_single_input():
    with pytest.raises(ValueError, match="takes one array"):
        bind(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), {"x": np.zeros((2, 3))})


@pytest.mark.parametrize("estimator", [None, 3, object(), keras.layers.Dense(2)])
def test_what_can_not_be_explained(estimator):
    with pytest.raises(TypeError, match=r"takes a keras\.Model"):
        bind(estimator, np.zeros((2, 3)))


def test_other_backend(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"backend 'jax'.*KERAS_BACKEND"):
        bind(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]), np.zeros((2, 3)))


def test_module_that_can_not_be_called():
    with pytest.raises(TypeError, match=r"takes a keras\.Model, a tf\.Module that can be called"):
        bind(tf.Module(), np.zeros((2, 3)))
