"""Parser whose errors are one line in plain words."""

import argparse
import difflib
import re
from functools import partial

# Errors of argparse, and the words in their place.
_ERRORS = (
    (r"^argument (?:\S+/)?(\S+): expected .*", r"\1 needs a value"),
    (r"^argument (?:\S+/)?(\S+): ignored explicit argument (.*)", r"\1 takes no value. Got \2"),
    (r"^argument (?:\S+/)?(\S+): (?:not allowed with|conflicting).*", r"\1 does not go with the other options"),
    (r"^argument (?:\S+/)?(\S+): ", r"\1 "),
)


class Parser(argparse.ArgumentParser):
    """Parser that answers a wrong command line with one line, and suggests the option that was meant.

    Parameters
    ----------
    **options : object
        Parameters of `argparse.ArgumentParser`.
    """

    def __init__(self, **options):
        # An abbreviation would change its meaning when another option is added.
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def parse_known_args(self, args=None, namespace=None):
        """Parse words, and refuse those that are no argument.

        Parameters
        ----------
        args : list of str, default=None
            Words; by default those of the process.
        namespace : argparse.Namespace, default=None
            Object that takes the values.

        Returns
        -------
        options : argparse.Namespace
            Values of the arguments.
        unknown : list of str
            Empty.
        """
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            if not word.startswith("-"):
                self.error(f"{word!r} is one word too many")
            known = [option for option in self._option_string_actions if option.startswith("--")]
            self.error(f"there is no option {word}.{suggest(word, known) or f' {self.prog} --help lists them'}")
        return options, unknown

    def error(self, message):
        """Print one line and exit.

        Parameters
        ----------
        message : str
            The error as argparse words it.
        """
        if missing := re.fullmatch("the following arguments are required: (.*)", message):
            words = missing[1].split(", ")
            positional = self._get_positional_actions()
            expected = f"{self.prog} {' '.join(action.metavar or action.dest for action in positional)}"
            if positional[0].choices:
                expected = f"one of {', '.join(positional[0].choices)}"
            message = f"{' and '.join(words)} {'is' if len(words) == 1 else 'are'} missing: {expected}"
        elif choice := re.fullmatch(
            r"argument (?:\S+/)?(\S+): invalid choice: '?(.*?)'? \(choose from (.*)\)", message
        ):
            name, got, known = choice[1], choice[2], choice[3].replace("'", "").split(", ")
            said = f"there is no command {got!r}." if name == "COMMAND" else f"{name} has no {got!r}."
            message = said + (suggest(got, known) or f" It is one of {', '.join(known)}")
        for pattern, words in _ERRORS:
            message = re.sub(pattern, words, message)
        self.exit(2, f"{self.prog}: error: {message}\n")


def suggest(word, known):
    """Ask for the most similar of some words.

    Parameters
    ----------
    word : str
        The word that is not known.
    known : iterable of str
        Words that are known.

    Returns
    -------
    question : str
        A question that begins with a space; "" if no word is similar.
    """
    names = {name.strip("-").lower(): name for name in known}
    word = word.strip("-").lower()
    similar = [name for name in names if name.startswith(word)] or difflib.get_close_matches(word, names, n=1)
    return f" Did you mean {names[similar[0]]}?" if similar else ""


def whole_number(minimum, *, auto=False):
    """Make the type of an option that takes a whole number.

    Parameters
    ----------
    minimum : int
        The smallest number.
    auto : bool, default=False
        Whether the option takes the word "auto" too.

    Returns
    -------
    parse : callable
        Function of a text that returns the number, or the word.
    """
    return partial(_parse_whole_number, minimum=minimum, auto=auto)


def _parse_whole_number(text, minimum, auto):
    if auto and text == "auto":
        return text
    number = int(text) if re.fullmatch(r"[-+]?\d+", text) else minimum - 1
    if number < minimum:
        kind = f"a whole number, at least {minimum}{', or auto' if auto else ''}"
        raise argparse.ArgumentTypeError(f"takes {kind}. Got {text!r}")
    return number
