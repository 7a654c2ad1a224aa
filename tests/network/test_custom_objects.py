import keras
import numpy as np
import pytest

from skdeeplift import load_network
from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.custom_objects import CustomObjects, say_call
from tests.network.keras_2_files import (
    SEQUENTIAL_OUTPUT,
    SEQUENTIAL_WEIGHTS,
    X,
    keras_2_layer,
    keras_2_sequential,
    predict,
    write_keras_2,
)


def doubled_layer():
    class Doubled(keras.layers.Layer):
        def call(self, rows):
            return 2 * rows

    return Doubled


def write_doubled(path, name="Doubled"):
    """The network of ``keras_2_sequential``, whose output is doubled."""
    config = keras_2_sequential()
    config["config"].append(keras_2_layer(name, "doubled"))
    return write_keras_2(path, config, SEQUENTIAL_WEIGHTS)


def check(model):
    assert predict(model, X).tolist() == (2.0 * SEQUENTIAL_OUTPUT_ARRAY).tolist()


SEQUENTIAL_OUTPUT_ARRAY = np.array(SEQUENTIAL_OUTPUT)


@pytest.mark.parametrize("name", ["Doubled", "Custom>Doubled", "package>Doubled"])
@pytest.mark.parametrize("key", ["Doubled", "Custom>Doubled", "other>Doubled"])
def test_classes_by_name_with_and_without_a_package(tmp_path, name, key):
    check(load_network(write_doubled(tmp_path / "network.h5", name), custom_objects={key: doubled_layer(), "np": np}))


@pytest.mark.parametrize("name", ["Doubled", "Custom>Doubled", "package>Doubled"])
@pytest.mark.parametrize("package", [None, "", "package", "other"])
def test_registered_classes_need_no_entry(tmp_path, name, package):
    path, layer = write_doubled(tmp_path / "network.h5", name), doubled_layer()
    with pytest.raises(ModelFileError, match="register_keras_serializable"):
        load_network(path)
    before = dict(keras.saving.get_custom_objects())
    try:
        keras.saving.register_keras_serializable(*([] if package is None else [package]))(layer)
        check(load_network(path))
    finally:
        keras.saving.get_custom_objects().clear()
        keras.saving.get_custom_objects().update(before)


@pytest.mark.parametrize("name", ["Doubled", "Custom>Doubled"])
def test_classes_of_a_scope_need_no_entry(tmp_path, name):
    with keras.saving.custom_object_scope({"Doubled": doubled_layer()}):
        check(load_network(write_doubled(tmp_path / "network.h5", name)))


def test_an_activation_by_name(tmp_path):
    config = keras_2_sequential()
    config["config"][2]["config"]["activation"] = "halved"
    path = write_keras_2(tmp_path / "network.h5", config, SEQUENTIAL_WEIGHTS)
    model = load_network(path, custom_objects={"halved": lambda x: x / 2})
    assert (predict(model, X) == SEQUENTIAL_OUTPUT_ARRAY / 2).all()
    with pytest.raises(ModelFileError, match=r"custom_objects=\{'halved': halved\}"):
        load_network(path)


def test_a_class_of_the_users_own_comes_before_the_one_of_keras(tmp_path):
    path = write_doubled(tmp_path / "network.h5", "Softmax")
    check(load_network(path, custom_objects={"Softmax": doubled_layer()}))


def test_functions_for_code_have_the_very_name_of_the_layer():
    objects = CustomObjects({"package>layer": len, "class": doubled_layer()})
    assert objects.find_function("layer", "class") is None
    assert objects.find_function("layer", "package>layer") == "package>layer"


def test_two_classes_of_one_name_are_not_confused():
    objects = CustomObjects({"a>Name": doubled_layer(), "b>Name": doubled_layer()})
    assert objects.find("c>Name") is None
    assert objects.find("b>Name") == "b>Name"


@pytest.mark.parametrize("given", [["Doubled"], {"Doubled": 3}, {3: doubled_layer()}])
def test_what_is_no_dict_of_objects(tmp_path, given):
    with pytest.raises(TypeError, match="custom_objects= takes a dict of names to classes and functions"):
        load_network(write_doubled(tmp_path / "network.h5"), custom_objects=given)


def test_calls_that_are_said_are_calls():
    call = say_call("a.h5", ["p>Own", "<lambda>", "lambda", "a b"], kernels="theano")
    objects = "{'p>Own': Own, '<lambda>': function, 'lambda': function, 'a b': function}"
    assert call == f"skdeeplift.load_network('a.h5', custom_objects={objects}, kernels='theano')"
