"""Options that choose an explainer and its parameters."""

import ast
import math
import re
from pathlib import Path
from typing import NamedTuple

from skdeeplift.command_line.data_files import ARRAYS, STANDARD_INPUT, TABLES, read_rows
from skdeeplift.command_line.parser import suggest, whole_number
from skdeeplift.command_line.settings import check_value, names_of_settings


class MethodOptions(NamedTuple):
    """Explainer of a method, and its values of --rule."""

    explainer: str
    # Name of the explainer's parameter that --rule sets; None if there is none.
    rule_parameter: str | None = None
    # Values of that parameter, the default first.
    rules: tuple = ()
    # Whether the method compares rows with a reference.
    has_reference: bool = True


METHODS = {
    "deeplift": MethodOptions(
        "DeepLiftExplainer",
        "rule",
        ("rescale", "reveal_cancel", "genomics_default", "pass_through", "guided_backprop_rescale"),
    ),
    "integrated_gradients": MethodOptions(
        "IntegratedGradientsExplainer",
        "method",
        ("gausslegendre", "midpoint", "trapezoid", "riemann_left", "riemann_right"),
    ),
    "expected_gradients": MethodOptions("ExpectedGradientsExplainer"),
    "gradient": MethodOptions(
        "GradientExplainer", "kind", ("gradient_x_input", "gradient", "saliency"), has_reference=False
    ),
    "guided_backprop": MethodOptions(
        "GuidedBackpropExplainer", "rule", ("guided_backprop", "deconvnet"), has_reference=False
    ),
    "lrp": MethodOptions("LRPExplainer", has_reference=False),
    "mutagenesis": MethodOptions(
        "MutagenesisExplainer", "kind", ("change", "centered", "contribution"), has_reference=False
    ),
    "occlusion": MethodOptions("OcclusionExplainer"),
    "shapley_sampling": MethodOptions("ShapleySamplingExplainer"),
}
# Names of references. `skdeeplift.references` has them too, and imports TensorFlow.
REFERENCES = (
    *("mean", "median", "zeros", "minimum", "sample", "kmeans", "permuted", "nearest_other", "blur", "shuffle"),
    *("dinucleotide_shuffle", "background_frequency", "held"),
)
# References that are learned from rows, so that those of a single row equal it.
_LEARNED = (None, "mean", "median", "minimum", "sample", "kmeans", "permuted", "nearest_other")
_RULES = "; ".join(f"{name}: {', '.join(each.rules)}" for name, each in METHODS.items() if each.rules)
# Parameters of all explainers that options set.
_OF_OPTIONS = ("output", "class_names", "target", "layer", "batch_size", "random_state", "verbose", "max_samples")
_CONSTANTS = {"true": True, "false": False, "none": None, "null": None}


def add_arguments(parser):
    """Add the arguments that choose an explainer and its parameters."""
    method = parser.add_argument_group("method")
    method.add_argument(
        "--method",
        choices=METHODS,
        default="deeplift",
        metavar="METHOD",
        help=f"{', '.join(METHODS)} (default: %(default)s)",
    )
    method.add_argument("--rule", help=f"the variant of the method, by default the first. {_RULES}")
    method.add_argument(
        "--reference",
        metavar="FILE|NAME|NUMBER",
        help='the input that stands for "no signal": a file of one or more rows; a number for all inputs; or '
        f"{', '.join(REFERENCES)} (default: mean; sample for expected_gradients)",
    )
    method.add_argument(
        "--max-references",
        type=whole_number(1, auto=True),
        metavar="N",
        help="largest number of references for each row",
    )
    method.add_argument("--head", metavar="NAME", help="the output to explain, if the network has several")
    method.add_argument(
        "--target",
        default="auto",
        help="the output to explain: auto (the only output, or the predicted class of each row), predicted, all, "
        "profile (the logits of a profile, weighted by their softmax), a number counted from 0, the name of a "
        "class (see --classes), a number for each axis such as 0,2, or a difference of two such as 8-3 (default: "
        "%(default)s)",
    )
    method.add_argument(
        "--classes",
        metavar="NAMES",
        help="names of the classes, in the order of the outputs and separated by commas; two for a single logit",
    )
    method.add_argument(
        "--layer",
        metavar="NAME",
        action="append",
        help="explain the units of this layer instead of the inputs; can be repeated",
    )
    method.add_argument(
        "--batch-size",
        type=whole_number(1, auto=True),
        metavar="N",
        help="number of pairs of a row and a reference that are computed at once",
    )
    method.add_argument(
        "--seed", type=whole_number(0), default=0, metavar="N", help="seed of the random numbers (default: %(default)s)"
    )
    method.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="any other parameter of the method, such as n_steps=200, center_logits=true or "
        '\'rule={"dense": "reveal_cancel"}\'; can be repeated',
    )


def check_method(options):
    """Raise an error for options that the method does not have, before TensorFlow is imported."""
    method = METHODS[options.method]
    if options.rule is not None and options.rule not in method.rules:
        if not method.rules:
            raise ValueError(f"--method {options.method} has no --rule. Leave it out")
        raise ValueError(
            f"--rule of --method {options.method} is one of {', '.join(method.rules)}. Got {options.rule!r}."
            + suggest(options.rule, method.rules)
        )
    if options.reference is not None and not method.has_reference:
        others = ", ".join(name for name, each in METHODS.items() if each.has_reference)
        raise ValueError(
            f"--method {options.method} compares rows with no reference. Leave --reference out, or pass one of "
            f"{others} as --method"
        )
    reference = _parse_reference_name(options.reference)
    if isinstance(reference, float) and not math.isfinite(reference):
        raise ValueError(f"--reference takes a finite number. Got {options.reference}")
    if isinstance(reference, str) and reference not in REFERENCES:
        raise ValueError(
            f"--reference takes a number, the file of one or more rows, or one of {', '.join(REFERENCES)}. Got "
            f"{reference!r}.{suggest(reference, REFERENCES)}"
        )
    names = _parse_classes(options) or ()
    if len(set(names)) < len(names):
        raise ValueError(f"--classes takes one name for each class, and each name once. Got {options.classes!r}")
    _check_settings(options)


def _check_settings(options):
    """Raise an error for parameters that the method does not have, and for values that no network allows."""
    for name, value in {"max_references": options.max_references, **dict(map(_parse_setting, options.set))}.items():
        if value is None and name == "max_references":
            continue
        takers = [each for each in METHODS if name in parameters_of(each)]
        if options.method not in takers:
            option = "--max-references" if name == "max_references" else f"--set {name}"
            known = names_of_settings(options.method)
            advice = f" It is for {', '.join(takers)}." if takers else suggest(name, known)
            raise ValueError(
                f"--method {options.method} does not take {option}.{advice} Further parameters of {options.method} are "
                f"{', '.join(known)}"
            )
        check_value(name, value)


def parameters_of(method):
    """Return the names of the parameters of a method's explainer, except the network."""
    chosen = METHODS[method]
    references = ("reference", "max_references") if chosen.has_reference else ()
    return {*names_of_settings(method), *_OF_OPTIONS, *references, chosen.rule_parameter} - {None}


def check_number_of_rows(options, n_rows):
    """Raise an error for a single row that would be compared with itself."""
    learns = METHODS[options.method].has_reference and options.reference in _LEARNED
    if n_rows == 1 and learns and options.background is None:
        raise ValueError(
            "DATA has one row, and a reference that is learned from it is the row itself, so that all contributions "
            "are zero. Pass the training rows by --background, or another reference, such as --reference zeros"
        )


def make_explainer(options, network, *, reference=None, verbose=False):
    """Make the explainer that the options describe.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments that `add_arguments` added.
    network : object
        The network as the explainer takes it.
    reference : array-like, default=None
        Rows of the file that --reference names; None if it names no file.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    explainer : BaseExplainer
        Unfitted explainer.
    """
    method, classes = METHODS[options.method], _parse_classes(options)
    given = {
        method.rule_parameter: options.rule,
        "reference": _parse_reference_name(options.reference) if reference is None else reference,
        "max_references": options.max_references,
        "output": options.head,
        "class_names": classes,
        "target": _parse_target(options.target, classes or ()),
        "layer": options.layer[0] if options.layer and len(options.layer) == 1 else options.layer,
        "batch_size": options.batch_size,
        "random_state": options.seed,
        "verbose": int(verbose),
        # The summary prints importances of DATA. Those of the background are not computed from more than one row.
        "max_samples": 1,
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    parameters |= dict(map(_parse_setting, options.set))
    import skdeeplift

    return getattr(skdeeplift, method.explainer)(network, **parameters)


def read_reference(options):
    """Return the rows of the file that --reference names, or None."""
    text = options.reference
    names_file = text is not None and _parse_reference_name(text) is None
    return read_rows(text, index=options.index, drop=options.drop, required=False) if names_file else None


def _parse_reference_name(text):
    """Return a number, or the name of a kind of reference; None for a file."""
    if text is None or text == STANDARD_INPUT:
        return None
    try:
        return float(text)
    except ValueError:
        is_file = Path(text).suffix.lower() in TABLES + ARRAYS or Path(text).is_file()
        return None if is_file else text


def _parse_classes(options):
    return None if options.classes is None else [name.strip() for name in options.classes.split(",")]


def _parse_target(text, class_names):
    """Return a class, an index, a tuple of indices, the weights of a difference, or the text itself."""
    if text in class_names:
        return text
    if match := re.fullmatch(r"(\d+)-(\d+)", text):
        return {int(match[1]): 1, int(match[2]): -1}
    if re.fullmatch(r"-?\d+(,-?\d+)*", text):
        numbers = tuple(int(number) for number in text.split(","))
        return numbers if len(numbers) > 1 else numbers[0]
    plus, dash, minus = text.partition("-")
    if dash and {plus, minus} <= set(class_names):
        return {plus: 1, minus: -1}
    return text


def _parse_setting(text):
    """Return the name and the value of NAME=VALUE, where the value is a literal of Python or JSON, or text."""
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name.isidentifier():
        raise ValueError(f"--set takes NAME=VALUE, such as --set n_steps=200. Got {text!r}")
    if name == "estimator":
        raise ValueError("--set does not take the network: MODEL names it")
    if value.lower() in _CONSTANTS:
        return name, _CONSTANTS[value.lower()]
    try:
        return name, ast.literal_eval(re.sub(r"\b(true|false|null)\b(?=\s*[,}\]])", _constant, value))
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        if value[:1] in ("[", "{", "(", '"', "'"):
            raise ValueError(
                f"the value of --set {name} has a bracket or a quotation mark that is not closed, or words without "
                f"quotation marks inside brackets. Got {value!r}"
            ) from error
        return name, value


def _constant(match):
    return repr(_CONSTANTS[match[0]])
