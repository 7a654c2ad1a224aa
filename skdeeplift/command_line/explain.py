"""Explain a network's output for the rows of a file."""

import inspect
import json
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from skdeeplift.command_line import explain_sequences
from skdeeplift.command_line.data_files import (
    ARRAYS,
    FORMATS,
    PICTURES,
    TABLES,
    add_model_arguments,
    check_writable,
    get_model,
    import_quietly,
    read_rows,
    write_contributions,
    write_picture,
)
from skdeeplift.command_line.sequence_data import kind_of_sequences
from skdeeplift.explanation.explanation_parts import find_parts, has_targets

# Explainer of each method, and the explainer's parameter that --rule sets.
METHODS = {
    "deeplift": ("DeepLiftExplainer", "rule"),
    "integrated_gradients": ("IntegratedGradientsExplainer", "method"),
    "expected_gradients": ("ExpectedGradientsExplainer", None),
    "gradient": ("GradientExplainer", "kind"),
    "guided_backprop": ("GuidedBackpropExplainer", "rule"),
    "lrp": ("LRPExplainer", None),
    "mutagenesis": ("MutagenesisExplainer", "kind"),
    "occlusion": ("OcclusionExplainer", None),
    "shapley_sampling": ("ShapleySamplingExplainer", None),
}
# Number of features in the summary and in the picture.
N_FEATURES = 10

DESCRIPTION = """\
Compute the contribution of each input to a network's output for the rows of a file, and print a summary.

The output changes between a reference, which stands for "no signal", and the row. Contributions divide
this change among the inputs."""
EPILOG = """\
examples:
  skdeeplift explain model.keras patients.csv --index id --drop diagnosis --output contributions.csv
  skdeeplift explain model.keras patients.csv --background training.csv --reference sample --plot importance.png
  skdeeplift explain digits.keras digits.npy --target 8-3 --rule reveal_cancel --reference zeros --output digits.npz
  skdeeplift explain model.keras patients.parquet --method integrated_gradients --set n_steps=200
  skdeeplift explain bpnet.keras regions.bed --genome genome.fa --reference dinucleotide_shuffle --max-references 20 \\
      --head profile --target profile --output profile.npz --modisco modisco --bigwig profile.bw --logo 5

exit codes:
  0 on success, 2 on an error (one line on standard error says what went wrong)"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_model_arguments(parser)
    parser.add_argument(
        "data",
        metavar="DATA",
        help=f"the rows to explain ({', '.join(FORMATS)}); an .npz file of several arrays is for a network of several "
        "inputs; or sequences (.fa, .fasta), or regions of a genome (.bed, .narrowPeak)",
    )
    rows = parser.add_argument_group("rows")
    rows.add_argument("--index", metavar="COLUMN", help="the column that labels the rows of a table")
    rows.add_argument(
        "--drop", metavar="COLUMN", action="append", default=[], help="a column that is not an input; can be repeated"
    )
    rows.add_argument(
        "--background",
        metavar="FILE",
        help="rows that the reference is learned from, such as the training rows (default: DATA)",
    )
    method = parser.add_argument_group("method")
    method.add_argument(
        "--method", choices=METHODS, default="deeplift", metavar="METHOD", help=f"{', '.join(METHODS)} (deeplift)"
    )
    method.add_argument(
        "--rule",
        help="of deeplift: rescale, reveal_cancel, genomics_default, pass_through, guided_backprop_rescale; of "
        "guided_backprop: guided_backprop, deconvnet; of gradient: gradient_x_input, gradient, saliency; of "
        "integrated_gradients: gausslegendre, ... the method of quadrature (default: the first)",
    )
    method.add_argument(
        "--reference",
        metavar="FILE|NAME|NUMBER",
        help='the input that stands for "no signal": a file of one or more rows; a number for all inputs; or mean, '
        "median, zeros, minimum, sample, kmeans, permuted, nearest_other, blur, shuffle, dinucleotide_shuffle, "
        "background_frequency, held (default: mean; sample for expected_gradients)",
    )
    method.add_argument("--max-references", type=int, metavar="N", help="the most references of a row")
    method.add_argument("--head", metavar="NAME", help="the output to explain, of a network that has several")
    method.add_argument(
        "--target",
        default="auto",
        help="the output to explain: auto (a single one, or each row's predicted class), predicted, all, profile (the "
        "logits of a profile, weighted by their softmax), a number, a class's name (see --classes), numbers of each "
        "axis such as 0,2, or a difference of two such as 8-3",
    )
    method.add_argument("--classes", metavar="NAMES", help="names of the outputs, separated by commas")
    method.add_argument(
        "--layer",
        metavar="NAME",
        action="append",
        help="explain this layer's units instead of the inputs; can be repeated",
    )
    method.add_argument("--batch-size", type=int, metavar="N", help="pairs of a row and a reference at once")
    method.add_argument("--seed", type=int, default=0, help="seed of random numbers (default: %(default)s)")
    method.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="any other parameter of the method's explainer, such as n_steps=200; can be repeated",
    )
    explain_sequences.add_arguments(parser)
    results = parser.add_argument_group("results")
    results.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help=f"write contributions ({', '.join(FORMATS)}); an .npz file holds the whole explanation, which "
        "skdeeplift.Explanation.load reads",
    )
    results.add_argument(
        "--plot",
        metavar="FILE",
        type=Path,
        help=f"draw the largest mean absolute contributions of a table ({', '.join(PICTURES)})",
    )
    results.add_argument(
        "--select",
        metavar="N",
        type=int,
        help="keep only the N columns of a table with the largest mean absolute contribution, in all results",
    )
    results.add_argument("--quiet", action="store_true", help="print nothing but errors and warnings")


def run(options):
    """Run the command.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments that `add_arguments` added.

    Raises
    ------
    ImportError, OSError, TypeError, ValueError
        If an option is invalid, or a file cannot be read or written.
    """
    _check_results(options)
    explain_sequences.check_arguments(options)
    if kind_of_sequences(options.data) is not None:
        explain_sequences.run(options, make_explainer)
        return
    X = read_rows(options.data, index=options.index, drop=options.drop)
    background = X
    if options.background is not None:
        background = read_rows(options.background, index=options.index, drop=options.drop, required=False)
    import_quietly()
    explainer = make_explainer(options)
    explanation = explainer.fit(background).explain(X)
    is_table = explanation.feature_names is not None
    column_names = list(explainer.get_feature_names_out()) if is_table else None
    if options.plot is not None and not is_table:
        raise ValueError(
            "--plot draws the columns of a table, but these contributions are not those of a table. Write them with "
            "--output, and draw them in Python with skdeeplift.plotting"
        )
    if options.select is not None:
        explanation, column_names = _select_columns(explanation, column_names, options.select)
    if options.output is not None:
        write_contributions(options.output, explanation, column_names)
    if options.plot is not None:
        write_picture(options.plot, explanation, options.select or N_FEATURES)
    if not options.quiet:
        print(summarise(explanation, options.select or N_FEATURES))
        for path in (options.output, options.plot):
            if path is not None:
                print(f"Wrote {path}")


def _check_results(options):
    """Raise an error for results that cannot be selected or written, before anything is computed."""
    if options.select is not None and options.select < 1:
        raise ValueError(f"--select takes a number of columns, at least 1. Got {options.select}")
    if options.select is not None and options.layer:
        raise ValueError("--select chooses columns of the input, but --layer explains a layer's units")
    read = [options.data, options.background, options.reference, options.model, options.weights]
    for word, path, suffixes in (("--output", options.output, FORMATS), ("--plot", options.plot, PICTURES)):
        if path is not None:
            check_writable(path, suffixes)
            if same := [name for name in read if name is not None and path.exists() and _is_file(name, path)]:
                raise ValueError(f"{word} {path} would replace {same[0]}, which is read. Name another file")
    if options.plot is not None and find_spec("matplotlib") is None:
        raise ImportError("--plot needs matplotlib: pip install 'skdeeplift[plot]'")


def _is_file(name, path):
    """Return whether a word of the command line names an existing file."""
    return Path(name).exists() and path.samefile(name)


def make_explainer(options, network=None):
    """Make the explainer that the options describe.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments that `add_arguments` added.
    network : object, default=None
        The network as the explainer takes it; by default the files that the options name.

    Returns
    -------
    explainer : BaseExplainer
        Unfitted explainer.

    Raises
    ------
    ValueError
        If the method does not have one of the parameters.
    """
    class_name, rule_parameter = METHODS[options.method]
    if options.rule is not None and rule_parameter is None:
        raise ValueError(f"--method {options.method} has no --rule")
    classes = None if options.classes is None else [name.strip() for name in options.classes.split(",")]
    given = {
        rule_parameter: options.rule,
        "reference": None if options.reference is None else _parse_reference(options.reference),
        "max_references": options.max_references,
        "output": options.head,
        "class_names": classes,
        "target": _parse_target(options.target, classes or ()),
        "layer": options.layer[0] if options.layer and len(options.layer) == 1 else options.layer,
        "batch_size": options.batch_size,
        "random_state": options.seed,
        "verbose": int(explain_sequences.is_watched(options) and kind_of_sequences(options.data) is None),
        # The summary prints importances of DATA. Those of the background are not computed from more than one row.
        "max_samples": 1,
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    parameters |= dict(map(_parse_setting, options.set))
    import skdeeplift

    explainer_class = getattr(skdeeplift, class_name)
    known = sorted(inspect.signature(explainer_class).parameters)
    for name in parameters:
        if name not in known:
            raise ValueError(f"--method {options.method} has no {name}; its parameters are {', '.join(known)}")
    return explainer_class(get_model(options) if network is None else network, **parameters)


def _parse_reference(text):
    """Return the rows of a file, a number, or the text itself, which is then a name."""
    if Path(text).suffix.lower() in TABLES + ARRAYS and not re.fullmatch(r"[-+]?\d*\.?\d+", text):
        return read_rows(text)
    try:
        return float(text)
    except ValueError:
        return text


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
    """Return the name and the value of NAME=VALUE, where the value is JSON, a Python constant or text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set takes NAME=VALUE. Got {text!r}")
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        return name.strip(), {"True": True, "False": False, "None": None}.get(value, value)


def _compute_importances(explanation):
    """Return mean absolute contributions and their spread over the rows, as means over several targets."""
    frames = []
    for part in find_parts(explanation)[1]:
        absolute, names = np.abs(part.contributions), explanation.feature_names
        if has_targets(explanation):
            absolute = absolute.mean(-1)
        if names is None:
            prefix = "" if part.name is None else part.name
            names = [f"{prefix}[{', '.join(map(str, position))}]" for position in np.ndindex(*absolute.shape[1:])]
        columns = {"mean |contribution|": absolute.mean(0).ravel(), "spread": absolute.std(0).ravel()}
        frames.append(pd.DataFrame(columns, index=[str(name) for name in names]))
    return pd.concat(frames)


def format_importances(explanation, number, digits):
    """Return the features with the largest mean absolute contributions as the text of a table."""
    importances = _compute_importances(explanation)
    top = importances.sort_values("mean |contribution|", ascending=False, kind="stable").head(number)
    return top.to_string(float_format=f"{{:{digits}}}".format)


def _select_columns(explanation, column_names, number):
    """Keep the columns with the largest mean absolute contributions, in their original order."""
    if column_names is None:
        raise ValueError("--select chooses columns of a table, but these contributions are not those of a table")
    n_columns = explanation.contributions.shape[1]
    if number > n_columns:
        raise ValueError(f"--select takes a number of columns, but there are only {n_columns} columns. Got {number}")
    largest = np.argsort(-_compute_importances(explanation)["mean |contribution|"].to_numpy(), kind="stable")
    kept = np.sort(largest[:number])
    by_column = ("contributions", "standard_error")
    explanation.update({name: explanation[name][:, kept] for name in by_column if explanation[name] is not None})
    X = explanation.X
    explanation.X = X.iloc[:, kept] if hasattr(X, "iloc") else X[:, kept]
    explanation.feature_names = np.asarray(explanation.feature_names)[kept]
    n_targets = len(column_names) // n_columns
    return explanation, [name for column in kept for name in column_names[column * n_targets :][:n_targets]]


def summarise(explanation, number):
    """Summarise an explanation in a few lines.

    Parameters
    ----------
    explanation : Explanation
        Explanation to summarise.
    number : int
        Largest number of features.

    Returns
    -------
    text : str
        Table of the largest mean absolute contributions, and the mean of the target over the rows.
    """
    lines = [format_importances(explanation, number, ".4g"), ""]
    prediction = explanation.prediction
    lines.append(
        f"{len(prediction)} rows; the target is {prediction.mean():.4g} on average "
        f"({prediction.min():.4g} to {prediction.max():.4g})"
    )
    if explanation.reference_value is not None:
        lines[-1] += f", and {np.mean(explanation.reference_value):.4g} at the reference"
        lines.append(f"Largest convergence delta: {np.abs(explanation.convergence_delta).max():.1e}")
    return "\n".join(lines)
