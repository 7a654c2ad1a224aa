"""Files on disk: their names, contents and copies, and errors for files that cannot be read."""

import json
import zipfile

import h5py
import pytest

from skdeeplift.exceptions import ModelFileError, ModelFileNotFoundError
from skdeeplift.network.stored_files import (
    DAMAGED,
    HDF5,
    check_path,
    clear_error,
    copy_ending_in,
    count_arrays,
    has_layer_names,
    holds_weights,
    open_hdf5,
)


@pytest.mark.parametrize("as_type", [str, bytes, lambda path: path], ids=["text", "bytes", "path"])
def test_paths_of_all_types_become_text(tmp_path, as_type):
    path = tmp_path / "network.H5"
    path.touch()
    assert check_path(str(path).encode() if as_type is bytes else as_type(path), HDF5) == str(path)


def test_paths_that_name_no_network_say_what_to_pass(tmp_path):
    with pytest.raises(TypeError, match=r"Expected the path of a \.keras.*Received 3"):
        check_path(3, HDF5)
    with pytest.raises(ModelFileNotFoundError, match=r"missing\.h5' does not exist"):
        check_path(tmp_path / "missing.h5", HDF5)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelFileError, match=r"notes\.txt' does not end in \.h5 or \.hdf5"):
        check_path(tmp_path / "notes.txt", HDF5)
    with pytest.raises(ModelFileError, match=r"is a folder, not a file\. Expected .*\)\.$"):
        check_path(tmp_path, HDF5)
    (tmp_path / "frozen.pb").touch()
    with pytest.raises(ModelFileError, match="is a frozen graph of TensorFlow"):
        check_path(tmp_path / "frozen.pb", HDF5)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(ModelFileError, match="Pass the folder itself as estimator="):
        check_path(tmp_path, HDF5)
    with pytest.raises(ModelFileError, match="Pass the folder of a SavedModel"):
        check_path(tmp_path / "saved_model.pb", HDF5)


def test_errors_of_all_kinds_become_one_with_advice():
    for error, reason in (
        (ValueError("\x1b[1mbold\x1b[0m  and\nlong."), "bold and long"),
        (RuntimeError("a configuration Exception encountered: no such layer"), "no such layer"),
        (KeyError(), "KeyError"),
        (OSError("x" * 500), "x" * 400 + r" \.\."),
    ):
        expected = pytest.raises(ModelFileError, match=rf"^It is broken: {reason}\. Copy it$")
        with expected as caught, clear_error("It is broken", "Copy it"):
            raise error
        assert caught.value.__cause__ is error
    with pytest.raises(ModelFileError, match=r"^said already$"), clear_error("It is broken", "Copy it"):
        raise ModelFileError("said already")


def test_hdf5_files_that_are_damaged_say_so(tmp_path):
    (tmp_path / "weights.h5").write_bytes(b"no HDF5")
    damaged = pytest.raises(ModelFileError, match=r"weights\.h5' cannot be read as HDF5: .*" + DAMAGED)
    with damaged, open_hdf5(str(tmp_path / "weights.h5")):
        pass


@pytest.mark.parametrize("names", ["layer_names", "layer_names0", "nb_layers", "model_weights", "layers", "vars"])
def test_weights_of_any_version_are_recognised(tmp_path, names):
    path = str(tmp_path / "weights.h5")
    with h5py.File(path, "w") as file:
        file.create_group(names) if names in ("model_weights", "layers", "vars") else file.attrs.update({names: "a"})
    with open_hdf5(path) as file:
        assert holds_weights(file)
        assert has_layer_names(file) == names.startswith("layer_names")


def test_files_without_weights_hold_none(tmp_path):
    path = str(tmp_path / "table.h5")
    with h5py.File(path, "w") as file:
        file["table"] = [1, 2]
    with open_hdf5(path) as file:
        assert not holds_weights(file)


def test_arrays_of_layers_are_counted_without_seeds(tmp_path):
    path = str(tmp_path / "model.weights.h5")
    with h5py.File(path, "w") as file:
        for name in ("layers/dense/vars/0", "layers/dense/vars/1", "layers/dropout/seed_generator/vars/0", "vars/0"):
            file[name] = [1.0]
    with open_hdf5(path) as file:
        assert count_arrays(file) == 2


def test_files_of_the_right_name_are_not_copied(tmp_path):
    for name, extension in (("a.weights.h5", ".weights.h5"), ("a.h5", ".h5"), ("a.keras", ".keras")):
        with copy_ending_in(extension, str(tmp_path / name)) as path:
            assert path == str(tmp_path / name)


def test_copies_have_the_ending_and_the_architecture(tmp_path):
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file["array"] = [1, 2]
    with copy_ending_in(".h5", str(tmp_path / "a.weights.h5"), {"name": "new"}) as path:
        assert path.endswith("network.h5")
        with h5py.File(path) as file:
            assert file["array"][:].tolist() == [1, 2]
            assert json.loads(file.attrs["model_config"]) == {"name": "new"}
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as file:
        file.writestr("config.json", "{}")
        file.writestr("metadata.json", '{"version": 3}')
    with copy_ending_in(".keras", str(tmp_path / "a.keras"), {"name": "new"}) as path, zipfile.ZipFile(path) as file:
        assert json.loads(file.read("config.json")) == {"name": "new"}
        assert json.loads(file.read("metadata.json")) == {"version": 3}
    # The files themselves stay as they were.
    with zipfile.ZipFile(tmp_path / "a.keras") as file:
        assert file.read("config.json") == b"{}"
    with h5py.File(tmp_path / "a.weights.h5") as file:
        assert "model_config" not in file.attrs
