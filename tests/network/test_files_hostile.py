"""Files that are made to fetch or read other files, or to fill the memory; the lower bound of Keras refuses them."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from skdeeplift.exceptions import ModelFileError
from skdeeplift.network.files import load_network
from tests.network.keras_2_files import SEQUENTIAL_WEIGHTS, keras_2_sequential, write_keras_2


@pytest.fixture
def stored(tmp_path):
    """The same network in every form, with the place of one array of its weights."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
    network.save(tmp_path / "network.keras")
    network.save(tmp_path / "network.h5")
    network.save_weights(tmp_path / "network.weights.h5")
    (tmp_path / "network.json").write_text(network.to_json())
    write_keras_2(tmp_path / "keras_2.h5", keras_2_sequential(), SEQUENTIAL_WEIGHTS)
    return {
        ".keras": (tmp_path / "network.keras", None),
        ".h5": (tmp_path / "network.h5", f"model_weights/dense/{network.name}/dense/kernel"),
        "pair": ((tmp_path / "network.json", tmp_path / "network.weights.h5"), "layers/dense/vars/0"),
        "keras 2": (tmp_path / "keras_2.h5", "model_weights/hidden/hidden/array_0:0"),
    }


def rewrite_member(path, name, content, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path) as file:
        members = {member: file.read(member) for member in file.namelist()}
    with zipfile.ZipFile(path, "w", compression) as file:
        for member, whole in (members | {name: content(members.get(name))}).items():
            file.writestr(member, whole)


@pytest.mark.parametrize("form", [".keras", ".h5", "pair"])
@pytest.mark.parametrize(
    ("module", "name"), [("keras.utils", "get_file"), ("keras.src.utils.file_utils", "get_file"), ("os", "system")]
)
def test_a_function_that_is_no_part_of_a_network_is_not_called(stored, tmp_path, form, module, name):
    (tmp_path / "other.txt").write_text("other")
    arguments = {"origin": (tmp_path / "other.txt").as_uri(), "cache_dir": str(tmp_path / "cache")}
    function = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    config = {"name": "fetch", "function": function, "arguments": arguments}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}

    def with_layer(text):
        architecture = json.loads(text)
        architecture["config"]["layers"].append(layer)
        return json.dumps(architecture)

    path = stored[form][0]
    if form == ".keras":
        rewrite_member(path, "config.json", with_layer)
    elif form == ".h5":
        with h5py.File(path, "a") as file:
            file.attrs["model_config"] = with_layer(file.attrs["model_config"])
    else:
        path[0].write_text(with_layer(path[0].read_text()))
    with pytest.raises(ModelFileError, match=r"not a modeling function|not a KerasSaveable|Could not locate function"):
        load_network(path)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("form", [".keras", ".h5", "pair", "keras 2"])
@pytest.mark.parametrize("kind", ["external", "ExternalLink", "virtual"])
def test_weights_that_lie_in_another_file_are_not_read(stored, tmp_path, form, kind):
    path, place = stored["pair" if form == ".keras" else form]
    with h5py.File(path[1] if isinstance(path, tuple) else path, "a") as file:
        shape = file[place].shape
        del file[place]
        np.ones(shape, np.float32).tofile(tmp_path / "other.bin")
        with h5py.File(tmp_path / "other.h5", "w") as other:
            other["secret"] = np.ones(shape, np.float32)
        if kind == "external":
            file.create_dataset(place, shape, "f", external=[(tmp_path / "other.bin", 0, h5py.h5f.UNLIMITED)])
        elif kind == "ExternalLink":
            file[place] = h5py.ExternalLink(tmp_path / "other.h5", "secret")
        else:
            layout = h5py.VirtualLayout(shape, "f")
            layout[...] = h5py.VirtualSource(tmp_path / "other.h5", "secret", shape)
            file.create_virtual_dataset(place, layout)
    if form == ".keras":
        weights, path = path[1].read_bytes(), stored[form][0]
        rewrite_member(path, "model.weights.h5", lambda _: weights)
    with pytest.raises(ModelFileError, match=f"Not allowed: H5 file with {kind}"):
        load_network(path)


def test_an_archive_that_grows_when_it_is_unpacked_is_not_read(stored, monkeypatch):
    path = stored[".keras"][0]
    rewrite_member(path, "assets/zeros", lambda _: b"\0" * 200_000_000, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zipfile.ZipFile, "testzip", None)
    with pytest.raises(ModelFileError, match=r"network\.keras' of \d{6} bytes would take 2000\d{5} bytes unpacked"):
        load_network(path)


def test_an_archive_that_was_compressed_is_read(stored):
    path = stored[".keras"][0]
    rewrite_member(path, "assets/zeros", lambda _: b"\0" * 1_000_000, zipfile.ZIP_DEFLATED)
    assert load_network(path).count_params() == 3
