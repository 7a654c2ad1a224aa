"""Files of the network that the command line explains, checked before TensorFlow is imported."""

import json
import os
import sys
import zipfile
from pathlib import Path

from skdeeplift.command_line.data_files import FORMATS, check_exists
from skdeeplift.command_line.picture_files import IMAGES

EXPECTED = "MODEL is a .keras or .h5 file, a SavedModel folder, or a .json file with --weights"
_HDF5 = (".h5", ".hdf5")
_DAMAGED = "It is damaged, or of another format than its name says: copy or save it again"


def add_model_arguments(parser):
    """Add the arguments that name the files of the network."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="the network: a .keras or .h5 file, a SavedModel folder, or the .json file of an architecture with "
        "--weights. Python code that is stored in a file is never run",
    )
    parser.add_argument("--weights", metavar="FILE", help="the .h5 file of weights that belongs to a .json file")


def check_model(options):
    """Raise an error for files that hold no network, without TensorFlow.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments that `add_model_arguments` added.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If a file does not hold a network.
    """
    path, suffix = Path(options.model), Path(options.model).suffix.lower()
    if suffix in FORMATS + IMAGES and Path(getattr(options, "data", None) or "").suffix.lower() in (".keras", *_HDF5):
        raise ValueError(f"MODEL comes before DATA: {options.data} {options.model}")
    check_exists(path)
    if path.is_dir():
        if not any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
            raise ValueError(f"the folder {str(path)!r} holds no SavedModel: it has no saved_model.pb. {EXPECTED}")
    elif suffix == ".json":
        if options.weights is None:
            raise ValueError(f"{str(path)!r} is an architecture without weights. Pass its file of weights by --weights")
        _check_architecture(path)
    elif suffix == ".keras":
        _check_archive(path)
    elif suffix in _HDF5:
        _check_hdf5(path, "model_config")
    elif path.name == "saved_model.pb":
        raise ValueError(f"{str(path)!r} is part of a SavedModel. Pass its folder, {str(path.parent)!r}")
    else:
        raise ValueError(f"cannot read {str(path)!r}: {EXPECTED}")
    if options.weights is not None:
        if suffix != ".json":
            raise ValueError(f"--weights belongs to the .json file of an architecture. Leave it out for {str(path)!r}")
        weights = Path(options.weights)
        check_exists(weights)
        if weights.suffix.lower() not in _HDF5:
            raise ValueError(f"--weights takes a file that ends in {' or '.join(_HDF5)}. Got {str(weights)!r}")
        _check_hdf5(weights)


def _check_archive(path):
    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValueError(f"cannot read {str(path)!r} as a .keras file. {_DAMAGED}") from error
    if "config.json" not in names:
        raise ValueError(f"{str(path)!r} holds no network: it has no config.json. {EXPECTED}")


def _check_architecture(path):
    try:
        is_network = isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        is_network = False
    if not is_network:
        raise ValueError(f"{str(path)!r} holds no architecture in JSON, as Keras writes it")


def _check_hdf5(path, attribute=None):
    """Raise an error if an HDF5 file cannot be opened, or does not have an attribute."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            has_attribute = attribute is None or attribute in file.attrs
    except (OSError, RuntimeError) as error:
        raise ValueError(f"cannot read {str(path)!r} as an .h5 file. {_DAMAGED}") from error
    if not has_attribute:
        raise ValueError(
            f"{str(path)!r} holds no architecture. If it holds weights, pass the .json file of the architecture as "
            f"MODEL, and --weights {path}"
        )


def import_quietly():
    """Import TensorFlow without its messages about the machine, which ignore TensorFlow's log level."""
    if "tensorflow" in sys.modules:
        return
    # TensorFlow's C++ libraries write to the file descriptor, which replacing sys.stderr does not change.
    stderr = os.dup(2)
    try:
        with open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), 2)
        import tensorflow  # noqa: F401, ICN001
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def get_model(options):
    """Return the files of the network in the form that explainers take as ``estimator=``."""
    return options.model if options.weights is None else (options.model, options.weights)


def load_model(options):
    """Load the network.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments that `add_model_arguments` added.

    Returns
    -------
    network : keras.Model or str
        The network; the name of the folder of a SavedModel, which an explainer loads.
    """
    from skdeeplift.network.files import load_network

    files = get_model(options)
    return files if isinstance(files, str) and Path(files).is_dir() else load_network(files)


def input_shapes(network):
    """Return the shapes of a network's inputs without the rows, by their names; None if they are not known.

    Parameters
    ----------
    network : keras.Model or str
        The network as `load_model` returns it.

    Returns
    -------
    shapes : dict of str to tuple, or None
        None as the size of an axis stands for any.
    """
    inputs = getattr(network, "inputs", None)
    return None if not inputs else {tensor.name: tuple(tensor.shape[1:]) for tensor in inputs}
