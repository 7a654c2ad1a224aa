"""Messages of the library in the words of the command line."""

import inspect
import re
import sys

from skdeeplift.command_line.explainer_options import METHODS, REFERENCES
from skdeeplift.command_line.parser import suggest

# Options that stand for parameters of explainers. Any other parameter is set by --set.
OPTIONS = {
    "target": "--target",
    "reference": "--reference",
    "max_references": "--max-references",
    "output": "--head",
    "class_names": "--classes",
    "layer": "--layer",
    "batch_size": "--batch-size",
    "random_state": "--seed",
}
# Sentences and phrases of the library, and their replacements.
PHRASES = (
    (
        r"X has (\d+) features, but the network bound to \w+ takes (.+?)\. A bound network .*",
        lambda match: f"The network takes {match[2]} columns, and DATA has {match[1]}. {_advise_on_columns(match)}",
    ),
    (
        r"Found array with dim (\d+), while dim <= 2 is required by \w+\.?",
        "DATA has rows with several axes, and the network takes a table, a line of numbers for each row",
    ),
    (
        r"Expected 2D array, got (\d)D array instead.*",
        r"DATA has \1 axis, and the network takes a table, a line of numbers for each row",
    ),
    (
        r"The network takes a \w+(?: or \w+)? of (\d+) inputs \((.*?)\)\. Got .*",
        r"The network takes \1 inputs (\2), and DATA is another number. Pass an .npz file with an array for each",
    ),
    (r"The network takes one array\. Got a dict of (\d+)\.", r"The network takes one array, and DATA has \1."),
    (r"but the network takes (?:u?int|bool)\w* there, which has no such number", "but the network takes whole ones"),
    (
        r"The target (.+?) is out of range: for this network it is",
        r"--target \1 is out of range: for this network it is",
    ),
    (r"^A target is\b", "--target is"),
    (r"\ban integer from (0) to 0\b", r"\1"),
    (r"\ban integer from\b", "a number from"),
    (r"\ba tuple of (\d+) integers, each below \((.*?)\)", r"\1 numbers separated by commas, each below \2"),
    (
        r", a dict of indices to weights, a Profile, or a callable\. (Got .*?)\.?(?: If it is the name of a class.*)?$",
        r", or a difference of two such as 1-0. \1. To choose classes by their names, pass --classes",
    ),
    (r", a dict of indices to weights,", ", a difference of two such as 1-0,"),
    (r"but the network's outputs have shape \((\d+),\)", r"but the number of outputs is \1"),
    (r", or memory_limit= to config_context,", ""),
    (r", or a smaller n_neighbors=", ""),
    (r"Expected what keras\.Model\.to_json\(\) writes", "Expected an architecture that Keras wrote"),
    (r"\bthe network bound to \w+", "the network"),
    (r"Pass (\w+)=None\b", r"Leave \1= out"),
    (r"\b[Ff]it an explainer with\b", "Pass"),
    (r"\bthose in fit\b", "those of --background"),
)
_CONSTRAINT = re.compile(r"The '(\w+)' parameter of (\w+) must be (.*)\. Got (.*) instead\.?", re.DOTALL)
_RANGE = re.compile(r"an? (int|float) in the range ([\[(])(\S+), (\S+?)([\])])")
_KINDS = {"'bool'": "true, false", "'int'": "a whole number", "'float'": "a number", "'dict'": "", "'list'": ""}


def _advise_on_columns(match):
    """Advise on a table with another number of columns, the first group, than a network takes, the second."""
    if int(match[1]) > int(match[2]):
        return "Leave columns out that are not inputs with --drop NAME"
    return "Add the columns that the network was trained on and DATA lacks"


def say_in_options(message, method="deeplift"):
    """Rewrite a message of the library for the command line, with options in place of parameters.

    Parameters
    ----------
    message : str
        Message of an error or a warning.
    method : str, default="deeplift"
        Name of the method, whose explainer has a parameter that --rule sets.

    Returns
    -------
    message : str
        The message in one line.
    """
    message = " ".join(message.split())
    options = {**OPTIONS, METHODS[method].rule_parameter: "--rule", "rule": "--rule"}
    message = _CONSTRAINT.sub(lambda match: _say_constraint(match, options), message)
    for pattern, words in PHRASES:
        message = re.sub(pattern, words, message)
    known = "|".join(sorted(_parameters() | {"rule"}, key=len, reverse=True))
    # Parameters within paths, calls of Python, and behind --set are not replaced.
    assigned = re.compile(rf"(?<![\w/.=\"'(-])(?<!--set )({known})=(\"[^\"]*\"|'[^']*'|[^\s,;.)]*)")
    message = assigned.sub(lambda match: _say_assignment(match[1], match[2], options), message)
    names = {each.explainer: f"--method {name}" for name, each in METHODS.items()}
    names |= {name.title().replace("_", ""): f"--reference {name}" for name in REFERENCES if "_" in name}
    message = re.sub(r"\b[A-Z][a-z]+[A-Z]\w+\b", lambda match: names.get(match[0], match[0]), message)
    message = re.sub(r"\[('[^\[\]]*')\]", r"\1", message)
    message = re.sub(r"\((\d+),\)", r"(\1)", message)
    message = re.sub(r"\bX\b(?![\w=:(])", "DATA", message)
    return message.rstrip(".")


def _parameters():
    """Return the names of all parameters of explainers, except the network's."""
    # Only an imported library can have raised an error.
    if "tensorflow" not in sys.modules:
        return set(OPTIONS)
    import skdeeplift

    classes = [getattr(skdeeplift, explainer) for explainer, *_ in METHODS.values()]
    return {name for each in classes for name in inspect.signature(each).parameters} - {"estimator"}


def _option_of(name, options):
    return options.get(name, f"--set {name}")


def _say_assignment(name, value, options):
    """Rewrite a parameter and its value, such as ``batch_size=8``, as an option."""
    value = value.strip("\"'")
    if name in options:
        return f"{options[name]} {value}".rstrip()
    return f"--set {name}" + (f"={_say_value(value)}" if value else "")


def _say_value(text):
    return {"True": "true", "False": "false", "None": "none"}.get(text, text)


def _say_constraint(match, options):
    """Rewrite scikit-learn's message about a parameter, without the classes that the parameter takes."""
    name, _, expected, got = match.groups()
    names = sorted(re.findall(r"'([^']*)'", " ".join(re.findall(r"among \{([^}]*)\}", expected))))
    choices = list(names)
    for kind, opening, low, high, closing in _RANGE.findall(expected):
        number = "a whole number" if kind == "int" else "a number"
        least = "" if low == "-inf" else f" {'of at least' if opening == '[' else 'above'} {low}"
        most = "" if high == "inf" else f" {'up to' if closing == ']' else 'below'} {high}"
        choices.append(f"{number}{least}{most}")
    choices += [words for kind, words in _KINDS.items() if f"instance of {kind}" in expected and words not in choices]
    if name == "reference":
        choices.append("a file of rows")
    if re.search(r"\bNone\b", expected):
        choices.append("none")
    said = ", ".join(filter(None, choices))
    text = got.strip("'")
    return f"{_option_of(name, options)} takes {said}. Got {_say_value(text)!r}.{suggest(text, names)}"
