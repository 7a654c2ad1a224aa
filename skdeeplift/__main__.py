"""Command line of the package: ``python -m skdeeplift``, or ``skdeeplift``."""

import argparse
import os
import sys
import warnings

from skdeeplift import __version__
from skdeeplift.command_line import demo, describe, explain

COMMANDS = {"explain": explain, "describe": describe, "demo": demo}
# Exit code that shells use for a program that the user interrupts (128 + SIGINT).
INTERRUPTED = 130


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Words behind the program's name. By default those of the process. Without any, the demonstration runs.

    Returns
    -------
    status : int
        0 on success, 130 if interrupted, and 2 on an error, which one line on standard error describes.
    """
    parser = argparse.ArgumentParser(
        prog="skdeeplift",
        description="Explain what the inputs of a TensorFlow or Keras network contribute to its output.",
        epilog="Without a command the demonstration runs. Each command has its own --help.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        command_parser = commands.add_parser(
            name,
            help=command.__doc__.splitlines()[0],
            description=command.DESCRIPTION,
            epilog=command.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(command_parser)
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(words or ["demo"])
    # TensorFlow raises its errors. Its log only adds lines about the machine, such as a missing GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            COMMANDS[options.command].run(options)
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"skdeeplift {options.command}: error: {_join_lines(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"skdeeplift {options.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def _show_warning(message, category, filename, lineno, file=None, line=None):
    """Print a warning as one line, in the place of `warnings.showwarning`."""
    print(f"skdeeplift: warning: {_join_lines(message)}", file=sys.stderr)


def _join_lines(message):
    """Return a message in one line."""
    return " ".join(str(message).split())


if __name__ == "__main__":
    sys.exit(main())
