"""The network that a command is about."""


def add_model_arguments(parser):
    """Say which file holds the network."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="the network: a .keras or .h5 file, a SavedModel folder, or the .json file of an architecture with "
        "--weights. Python code that is stored in a file is never run",
    )
    parser.add_argument("--weights", metavar="FILE", help="the .h5 file of weights that belongs to a .json file")


def model_of(options):
    """What explainers take as ``estimator=``."""
    return options.model if options.weights is None else (options.model, options.weights)
