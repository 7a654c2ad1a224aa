"""The command line: ``python -m skdeeplift``, or ``skdeeplift``."""

import argparse
import os
import sys
import warnings

from skdeeplift import __version__
from skdeeplift.command_line import demo, describe, explain

COMMANDS = {"explain": explain, "describe": describe, "demo": demo}
# Of the shell, for what the user stopped.
INTERRUPTED = 130


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        The words behind the program's name; those of the process by default. The demonstration runs if there are none.

    Returns
    -------
    status : int
        Zero on success, 2 if what was asked for can not be done; one line on standard error says why.
    """
    parser = argparse.ArgumentParser(
        prog="skdeeplift",
        description="Explain what the inputs of a TensorFlow or Keras network contribute to its output.",
        epilog="Without a command the demonstration runs. Each command has its own --help.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        of_command = commands.add_parser(
            name,
            help=command.__doc__.splitlines()[0],
            description=command.DESCRIPTION,
            epilog=command.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(of_command)
    given = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(given or ["demo"])
    # What goes wrong is raised; a machine without a GPU needs no line.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            COMMANDS[options.command].run(options)
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"skdeeplift {options.command}: error: {_in_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"skdeeplift {options.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def _show_warning(message, category, filename, lineno, file=None, line=None):
    print(f"skdeeplift: warning: {_in_one_line(message)}", file=sys.stderr)


def _in_one_line(message):
    return " ".join(str(message).split())


if __name__ == "__main__":
    sys.exit(main())
