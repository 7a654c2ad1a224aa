"""Arguments that name a command's network, and a silent import of TensorFlow."""

import os
import sys


def add_model_arguments(parser):
    """Add the arguments that name the files of the network."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="the network: a .keras or .h5 file, a SavedModel folder, or the .json file of an architecture with "
        "--weights. Python code that is stored in a file is never run",
    )
    parser.add_argument("--weights", metavar="FILE", help="the .h5 file of weights that belongs to a .json file")


def get_model(options):
    """Return the files of the network in the form that explainers take as ``estimator=``."""
    return options.model if options.weights is None else (options.model, options.weights)


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
