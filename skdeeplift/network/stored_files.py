"""Files on disk: their names, contents and copies, and errors for unreadable files."""

import contextlib
import json
import os
import re
import shutil
import tempfile
import zipfile

from skdeeplift.exceptions import ModelFileError, ModelFileNotFoundError

ACCEPTED = 'the path of a .keras, .h5 or .hdf5 file, or the two paths ("model.json", "weights.h5")'
DAMAGED = "It is damaged, or of another format than its name says: copy or save it again."
HDF5 = (".h5", ".hdf5")


def check_path(path, extensions):
    """Return a path as text, or raise an error if the file does not exist or has another extension."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"Expected {ACCEPTED}. Received {path!r}.")
    path = os.fsdecode(path)
    if path.lower().endswith(".pb") and os.path.isfile(path):
        raise ModelFileError(
            f"{path!r} is a graph of TensorFlow. Pass the folder of a SavedModel, {os.path.dirname(path)!r}."
            if os.path.basename(path) == "saved_model.pb"
            else f"{path!r} is a frozen graph of TensorFlow. Read it: graph = "
            f"tf.compat.v1.GraphDef.FromString(open({path!r}, 'rb').read()). Then pass a function from one of its "
            "tensors to another, such as 'x:0' and 'y:0': estimator=tf.compat.v1.wrap_function(lambda: "
            "tf.import_graph_def(graph, name=''), []).prune('x:0', 'y:0')"
        )
    if not path.lower().endswith(extensions) and not os.path.isdir(path):
        expected = " or ".join(extensions)
        raise ModelFileError(f"{path!r} does not end in {expected}. Expected {ACCEPTED}.")
    if not os.path.exists(path):
        raise ModelFileNotFoundError(f"The file {path!r} does not exist. Expected {ACCEPTED}.")
    if not os.path.isfile(path):
        further = (
            " Pass the folder itself as estimator=." if os.path.exists(os.path.join(path, "saved_model.pb")) else ""
        )
        raise ModelFileError(f"{path!r} is a folder, not a file. Expected {ACCEPTED}.{further}")
    return path


@contextlib.contextmanager
def clear_error(problem, advice):
    """Convert the many kinds of error that a damaged or foreign file causes into one error with advice."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:
        # Drop the whole configuration, which Keras puts before this text, and escape sequences for bold print.
        reason = re.sub(r"\x1b\[\d*m", "", str(error)).split("Exception encountered:")[-1]
        reason = " ".join(reason.split()).rstrip(".") or type(error).__name__
        # With the full stop of the message, a reason that is cut ends in three dots.
        reason = reason if len(reason) <= 400 else reason[:400] + " .."
        raise ModelFileError(f"{problem}: {reason}. {advice}") from error


@contextlib.contextmanager
def open_hdf5(path):
    """Open an HDF5 file for reading, and convert any error while it is open into a clear error."""
    import h5py

    with clear_error(f"The file {path!r} cannot be read as HDF5", DAMAGED), h5py.File(path, "r") as file:
        yield file


def has_layer_names(group):
    """Test whether weights are in the form of Keras 1 and 2, and of ``.h5`` files of Keras 3."""
    return "layer_names" in group.attrs or "layer_names0" in group.attrs


def holds_weights(file):
    """Test whether an HDF5 file holds weights of any version of Keras."""
    is_old = has_layer_names(file) or "nb_layers" in file.attrs
    return is_old or any(name in file for name in ("model_weights", "layers", "vars"))


def count_arrays(file):
    """Count the arrays of layers in a Keras 3 file of weights."""
    names = []
    file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
    return sum(name.startswith("layers/") and "seed_generator" not in name for name in names)


@contextlib.contextmanager
def copy_ending_in(extension, path, config=None):
    """Yield a path whose ending tells Keras the format: the file's own path, or the path of a copy.

    The copy gets the architecture ``config`` if it is not None.
    """
    if config is None and path.endswith(extension) and path.endswith(".weights.h5") == (extension == ".weights.h5"):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, f"network{extension}")
        if config is not None and extension == ".keras":
            with zipfile.ZipFile(path) as file, zipfile.ZipFile(copy, "w") as target:
                for name in file.namelist():
                    target.writestr(name, json.dumps(config) if name == "config.json" else file.read(name))
        else:
            shutil.copyfile(path, copy)
        if config is not None and extension == ".h5":
            import h5py

            with h5py.File(copy, "a") as file:
                file.attrs["model_config"] = json.dumps(config)
        yield copy
