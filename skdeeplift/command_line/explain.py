"""Explain a network's output for the rows of a file."""

import re
import sys
import warnings

import numpy as np
import pandas as pd

from skdeeplift.command_line import explain_sequences, explainer_options, result_files
from skdeeplift.command_line.data_files import (
    FORMATS,
    STANDARD_INPUT,
    add_row_arguments,
    check_columns,
    read_rows,
)
from skdeeplift.command_line.model_files import (
    add_model_arguments,
    check_model,
    import_quietly,
    input_shapes,
    load_model,
)
from skdeeplift.command_line.named_inputs import join_columns, split_columns
from skdeeplift.command_line.option_words import say_in_options
from skdeeplift.command_line.picture_files import IMAGES, PIXELS, Pictures
from skdeeplift.command_line.result_files import STANDARD_OUTPUT, explained_classes, is_image, kept_if_lost
from skdeeplift.command_line.sequence_data import kind_of_sequences
from skdeeplift.command_line.summary import N_FEATURES, select_columns, summarise

USAGE = "MODEL DATA [options]"
DESCRIPTION = """\
Compute the contribution of each input to a network's output for the rows of a file, and print a summary.

The output changes between a reference, which stands for "no signal", and the row. Contributions divide
this change among the inputs."""
EPILOG = """\
columns of the output, before one for each column of DATA:
  explained_class   the class that is explained, if the network has several or --classes names it
  prediction        the target at the row; the logit if the network ends in a softmax or sigmoid
  reference_value   the target at the reference. The contributions of a row sum to prediction - reference_value

examples:
  skdeeplift explain model.keras patients.csv --index id --drop diagnosis --output contributions.csv
  skdeeplift explain model.keras patients.csv --background training.csv --reference sample --plot importance.png
  skdeeplift explain digits.keras digits.npy --target 8-3 --rule reveal_cancel --reference zeros --output digits.npz
  skdeeplift explain animals.keras cat.png --pixels 0..1 --reference blur --plot cat_explained.png
  skdeeplift explain model.keras patients.parquet --method integrated_gradients --set n_steps=200
  cat patients.csv | skdeeplift explain model.keras - --output - > contributions.csv
  skdeeplift explain bpnet.keras regions.bed --genome genome.fa --reference dinucleotide_shuffle --max-references 20 \\
      --head profile --target profile --output profile.npz --modisco modisco --bigwig profile.bw --logo 5

exit codes:
  0    success
  2    an error: one line on standard error says what went wrong
  130  interrupted
  1    an error in skdeeplift itself"""


def add_arguments(parser):
    """Add the arguments of the command."""
    add_model_arguments(parser)
    parser.add_argument(
        "data",
        metavar="DATA",
        help=f"the rows to explain ({', '.join(FORMATS)}, or - for standard input); an .npz file with one array for "
        f"each input of the network; a picture or a folder of pictures ({', '.join(IMAGES)}); sequences (.fa, "
        ".fasta), or regions of a genome (.bed, .narrowPeak)",
    )
    rows = parser.add_argument_group("rows")
    add_row_arguments(rows)
    rows.add_argument(
        "--background",
        metavar="FILE",
        help="rows from which the reference is learned, such as the training rows (default: DATA)",
    )
    rows.add_argument(
        "--pixels",
        choices=PIXELS,
        metavar="RANGE",
        help="range of pixel values that the network takes: 0..255, 0..1, or signed for -1 to 1",
    )
    explainer_options.add_arguments(parser)
    result_files.add_arguments(parser)
    explain_sequences.add_arguments(parser)


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
    _check_options(options)
    if kind_of_sequences(options.data) is not None:
        explain_sequences.run(options)
        return
    given = _read_files(options)
    notes = _check_files(options, **given)
    import_quietly()
    network = load_model(options)
    shapes = input_shapes(network)
    arrays = {name: _to_network(each, options, shapes) for name, each in given.items()}
    X, background, has_columns = arrays["rows"], arrays["background"], _has_named_columns(given["rows"], shapes)
    explainer = explainer_options.make_explainer(
        options, network, reference=arrays["reference"], verbose=explain_sequences.is_watched(options)
    )
    _fit(explainer, X, background, options.method)
    column_names = None if has_columns else _column_names(explainer)
    _check_contributions(options, explainer, column_names, X, has_columns)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        raises = explainer.get_params(deep=False).get("check") == "raise"
        explanation = (explainer.set_params(check="warn") if raises else explainer).explain(X)
    if has_columns:
        column_names, notes = join_columns(explanation, given["rows"]), []
    elif isinstance(given["rows"], Pictures):
        explanation.index = pd.Index(given["rows"].names, name="picture")
    if (classes := explained_classes(explanation, options.target, has_names=options.classes is not None)) is not None:
        explanation["explained_class"] = classes
    if options.select is not None:
        column_names = select_columns(explanation, column_names, options.select)
    _write(options, explanation, column_names, notes)
    for warning in caught:
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
    if raises and (missed := [each for each in caught if "SummationToDelta" in each.category.__name__]):
        raise ValueError(str(missed[0].message))


def _check_options(options):
    """Raise an error for options that cannot be followed, before any file is read."""
    check_model(options)
    explainer_options.check_method(options)
    result_files.check_results(options)
    if options.select is not None and options.layer:
        raise ValueError(
            "--select chooses columns of the input, and --layer explains the units of a layer. Leave one of them out"
        )
    if [options.data, options.background, options.reference].count(STANDARD_INPUT) > 1:
        raise ValueError("standard input can be read once: pass - for one of DATA, --background and --reference")
    explain_sequences.check_arguments(options)


def _read_files(options):
    """Return the rows, the background and the reference; None for a file that is not named."""
    rows = read_rows(options.data, index=options.index, drop=options.drop)
    background = options.background
    if background is not None:
        background = read_rows(background, index=options.index, drop=options.drop, required=False)
    return {"rows": rows, "background": background, "reference": explainer_options.read_reference(options)}


def _check_files(options, rows, background, reference):
    """Compare the files with each other and with the options, and return notes for the summary."""
    if isinstance(rows, Pictures) and options.pixels is None:
        raise ValueError(
            "DATA holds pictures, and the network does not define the range of its pixels. Pass --pixels 0..255 (a "
            "network that scales pixels itself), 0..1, or signed (from -1 to 1)"
        )
    if options.pixels is not None and not isinstance(rows, Pictures):
        raise ValueError(f"--pixels is for pictures ({', '.join(IMAGES)}). Got {options.data}")
    several = isinstance(rows, (list, dict))
    first = next(iter(rows.values() if isinstance(rows, dict) else rows), ()) if several else rows
    explainer_options.check_number_of_rows(options, len(first))
    checked = [check_columns(rows, background, "--background"), check_columns(rows, reference, "--reference")]
    shape = np.shape(rows) if hasattr(rows, "shape") else ()
    if not options.layer:
        result_files.check_shapes(
            options,
            is_table=len(shape) == 2,
            n_columns=shape[-1] if shape else None,
            is_image=isinstance(rows, Pictures) or is_image(shape),
            n_arrays=len(rows) if several else 1,
        )
    if not isinstance(rows, pd.DataFrame) or any(checked):
        return []
    names = ", ".join(rows.columns[:5]) + (", ..." if rows.shape[1] > 5 else "")
    note = f"The order of the columns is not checked: the network has no names for {names}"
    return [f"{note}. To check it, pass the training rows by --background"]


def _to_network(rows, options, shapes):
    """Return rows in the form in which the network takes them."""
    if isinstance(rows, Pictures):
        if shapes is not None and len(shapes) > 1:
            raise ValueError(
                f"the network takes {len(shapes)} inputs, and pictures fill only one. Pass an .npz file with an array "
                "for each input"
            )
        return rows.to_array(options.pixels, None if shapes is None else next(iter(shapes.values())))
    return split_columns(rows, shapes) if _has_named_columns(rows, shapes) else rows


def _has_named_columns(rows, shapes):
    """Return whether rows are a table for a network that has one input for each column."""
    return isinstance(rows, pd.DataFrame) and shapes is not None and len(shapes) > 1


def _fit(explainer, X, background, method):
    """Fit an explainer to the background; errors name the file that they are about."""
    if background is None:
        explainer.fit(X)
        return
    try:
        explainer.fit(background)
    except (TypeError, ValueError) as error:
        message = say_in_options(str(error), method)
        raise ValueError(re.sub(r"\bDATA\b", "the file of --background", message)) from error


def _column_names(explainer):
    """Return the names of the columns of contributions, or None if these are no table."""
    try:
        return list(explainer.get_feature_names_out())
    except ValueError:
        return None


def _check_contributions(options, explainer, column_names, X, has_columns):
    """Raise an error if the network's contributions do not suit the options, before rows are explained."""
    layers = options.layer or ()
    result_files.check_shapes(
        options,
        is_table=column_names is not None or has_columns,
        n_columns=len(X) if has_columns else getattr(explainer, "n_features_in_", None),
        is_image=_draws_image(explainer, X, layers),
        n_arrays=max(len(layers), 1 if has_columns or not isinstance(X, (list, dict)) else len(X)),
    )


def _draws_image(explainer, X, layers):
    """Return whether contributions have the form of images, and so have the rows."""
    if not hasattr(X, "shape") or not is_image(np.shape(X)) or len(layers) > 1:
        return False
    return not layers or is_image((None, *explainer.bound_.unit_shapes[0]))


def _write(options, explanation, column_names, notes):
    """Write all results, the largest first; keep the explanation elsewhere if its file cannot be written."""
    to_standard_output = options.output == STANDARD_OUTPUT
    # The table has standard output for itself.
    stream = sys.stderr if to_standard_output else sys.stdout

    def say(*lines):
        if not options.quiet:
            print(*lines, sep="\n", file=stream)

    with kept_if_lost(explanation, options.output is not None):
        if options.output is not None:
            result_files.write_contributions(options.output, explanation, column_names)
    say(summarise(explanation, options.select or N_FEATURES), *notes)
    if options.output is not None and not to_standard_output:
        say(f"Wrote {options.output}")
    if options.plot is not None:
        with kept_if_lost(explanation, options.output is None):
            result_files.write_picture(options.plot, explanation, options.select or N_FEATURES)
        say(f"Wrote {options.plot}")
