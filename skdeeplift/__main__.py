"""Command line of the package: ``python -m skdeeplift``, or ``skdeeplift``."""

import os
import sys
import warnings

from skdeeplift import __version__

# Exit codes: an error of the user's, a fault of the program, and those that shells use for a program that the user
# interrupts (128 + SIGINT), or whose reader has gone (128 + SIGPIPE).
WRONG, FAULT, INTERRUPTED, NO_READER = 2, 1, 130, 141
# Environment variable that lets a fault through with its traceback.
TRACEBACK = "SKDEEPLIFT_TRACEBACK"


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Words behind the program's name. By default those of the process. Without any, the demonstration runs.

    Returns
    -------
    status : int
        0 on success, 2 on an error, which one line on standard error describes, 130 if interrupted, 141 if the reader
        of standard output is gone, and 1 on a fault of the program.
    """
    words = (sys.argv[1:] if arguments is None else arguments) or ["demo"]
    try:
        return _run(words)
    except KeyboardInterrupt:
        _print(f" {words[0]}: interrupted")
        return INTERRUPTED


def _run(words):
    """Parse the words, and run their command."""
    # Imported here, so that an interrupt during the import is answered as any other.
    from skdeeplift.command_line import demo, describe, explain
    from skdeeplift.command_line.option_words import say_in_options
    from skdeeplift.command_line.parser import Parser

    parser = Parser(
        prog="skdeeplift",
        description="Explain what the inputs of a TensorFlow or Keras network contribute to its output.",
        epilog="Without a command the demonstration runs. Each command has its own --help.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in {"explain": explain, "describe": describe, "demo": demo}.items():
        command_parser = commands.add_parser(
            name,
            help=command.__doc__.splitlines()[0],
            usage=f"skdeeplift {name} {command.USAGE}",
            description=command.DESCRIPTION,
            epilog=command.EPILOG,
        )
        command.add_arguments(command_parser)
        command_parser.set_defaults(run=command.run)
    options = parser.parse_args(words)
    run = vars(options).pop("run")
    # TensorFlow raises its errors. Its log only adds lines about the machine, such as a missing GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    method = getattr(options, "method", "deeplift")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: _print(
                f": warning: {say_in_options(str(message), method)}"
            )
            run(options)
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return NO_READER
    except (ImportError, MemoryError, OSError, TypeError, ValueError) as error:
        _print(f" {options.command}: error: {say_in_options(_say(error), method)}")
        return WRONG
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        _print(
            f" {options.command}: the program failed, which is a fault of skdeeplift: {_say(error)} "
            f"(the same command with {TRACEBACK}=1 in front says where)"
        )
        return FAULT
    return 0


def _print(text):
    print(f"skdeeplift{text}", file=sys.stderr)


def _say(error):
    """Return the message of an error in one line, without the number that the operating system gives it."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror + ("" if error.filename is None else f": {str(error.filename)!r}")
    return " ".join(text.split()) or "there is not enough memory"


if __name__ == "__main__":
    sys.exit(main())
