"""Explanations of the sequences in a file, block by block, and the files that other programs read."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from skdeeplift.command_line.data_files import check_exists
from skdeeplift.command_line.explainer_options import make_explainer, read_reference
from skdeeplift.command_line.finished_blocks import FinishedBlocks, delete_blocks
from skdeeplift.command_line.model_files import import_quietly, input_shapes, load_model
from skdeeplift.command_line.parser import whole_number
from skdeeplift.command_line.result_files import STANDARD_OUTPUT, check_writable, explained_classes, write_contributions
from skdeeplift.command_line.sequence_data import kind_of_sequences, read_sequences
from skdeeplift.command_line.summary import say_target
from skdeeplift.replacement import replace_together

# Number of sequences that are explained before their results are written to disk.
BLOCK = 64
# Number of letters in a picture, around the largest contribution.
LETTERS_DRAWN = 200
# Arguments that do not change the results, only where they are written.
_OF_RESULTS = ("output", "bigwig", "modisco", "logo", "quiet", "restart", "command")


def add_arguments(parser):
    """Add the arguments that are only for sequences."""
    sequences = parser.add_argument_group("sequences (DATA ends in .bed, .narrowPeak, .fa or .fasta)")
    sequences.add_argument("--genome", metavar="FILE", help="the FASTA file of the regions' genome")
    sequences.add_argument(
        "--length",
        type=whole_number(1),
        metavar="N",
        help="length of the sequences (default: the length of the network's input)",
    )
    sequences.add_argument(
        "--center",
        choices=("middle", "summit"),
        default="middle",
        help="center of the windows: the middle of each region, or its summit in a narrowPeak file",
    )
    sequences.add_argument(
        "--by-strand", action="store_true", help="take the reverse complement of regions with the strand -"
    )
    sequences.add_argument(
        "--alphabet",
        default="ACGT",
        metavar="LETTERS",
        help="the letters in the order of the network's columns (default: %(default)s)",
    )
    sequences.add_argument(
        "--hypothetical", action="store_true", help="also compute the contribution that each other letter would have"
    )
    sequences.add_argument(
        "--float16", action="store_true", help="store contributions in half precision, which takes half the space"
    )
    sequences.add_argument(
        "--modisco", metavar="FOLDER", type=Path, help="write the two files that TF-MoDISco reads into this folder"
    )
    sequences.add_argument("--bigwig", metavar="FILE", type=Path, help="write the contribution of each position")
    sequences.add_argument("--logo", metavar="N", type=whole_number(0), default=0, help="draw N sequences as letters")
    sequences.add_argument(
        "--restart", action="store_true", help="delete the unfinished results of an interrupted command, and start anew"
    )


def check_arguments(options):
    """Raise an error for arguments that cannot be followed, before anything is computed."""
    if kind_of_sequences(options.data) is None:
        words = ("genome", "length", "by_strand", "hypothetical", "float16", "modisco", "bigwig", "logo", "restart")
        if given := [word for word in words if getattr(options, word)]:
            raise ValueError(
                f"--{given[0].replace('_', '-')} needs sequences: a DATA file that ends in .bed, .narrowPeak, .fa or "
                f".fasta. Got {options.data}"
            )
        return
    for word in ("index", "drop", "background", "pixels", "plot", "select"):
        if getattr(options, word):
            raise ValueError(f"--{word} is for tables and pictures, not for sequences. Leave it out")
    if options.output == STANDARD_OUTPUT:
        raise ValueError("--output - is for tables, not for sequences. Name a file")
    for name in filter(None, (options.data, options.genome)):
        check_exists(Path(name))
    if options.layer and (len(options.layer) > 1 or options.bigwig or options.modisco or options.logo):
        raise ValueError(
            "--bigwig, --modisco and --logo take contributions of letters, not of a layer. Explain one --layer of "
            "sequences at a time, with --output"
        )
    if options.target == "all" and (options.bigwig or options.modisco or options.logo):
        raise ValueError("--bigwig, --modisco and --logo take the contributions to one target, not to all")
    if options.bigwig is not None:
        if kind_of_sequences(options.data) != "regions":
            raise ValueError("--bigwig needs regions of a genome: a DATA file that ends in .bed or .narrowPeak")
        check_writable(options.bigwig, (".bw", ".bigwig"))
    if options.modisco is not None:
        if options.modisco.exists() and not options.modisco.is_dir():
            raise NotADirectoryError(f"--modisco names a folder, but {str(options.modisco)!r} is a file")
        if not options.modisco.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(options.modisco.parent)!r}")
    if options.logo:
        if first_result(options) is None:
            raise ValueError("--logo writes its pictures beside the results. Pass --output, --modisco or --bigwig too")
        from skdeeplift.plotting.display import check_matplotlib

        check_matplotlib("--logo")


def is_watched(options):
    """Return whether a progress bar is visible."""
    return not options.quiet and sys.stderr.isatty()


def first_result(options):
    """Return the first path among the results, beside which others are written; None if nothing is written."""
    return next((path for path in (options.output, options.modisco, options.bigwig) if path is not None), None)


def run(options):
    """Explain the sequences of a file.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments of the command.
    """
    reference = read_reference(options)
    import_quietly()
    network = load_model(options)
    data = read_sequences(options, _input_shape(network))
    explainer = make_explainer(options, network, reference=reference).fit(data.X)
    wants_hypothetical, path = options.hypothetical or options.modisco is not None, first_result(options)
    if path is None:
        explanation = explainer.explain(data.X, hypothetical=wants_hypothetical)
    else:
        folder = path.with_name(f"{path.name}.unfinished")
        if options.restart:
            delete_blocks(folder)
        blocks = FinishedBlocks(folder, _describe(options), len(data.X))
        explanation = _explain_blocks(explainer, data.X, blocks, wants_hypothetical, options)
    explanation.index = pd.Index(data.names, name="sequence")
    if (classes := explained_classes(explanation, options.target, has_names=options.classes is not None)) is not None:
        explanation["explained_class"] = classes
    lines = [] if options.quiet else [_summarise(explanation, data)]
    lines += [
        line
        for write in (_write_output, _write_modisco, _write_bigwig, _draw)
        for line in write(options, explanation, data)
    ]
    if path is not None:
        # Deleted only after all results are written.
        delete_blocks(folder)
    if not options.quiet:
        print("\n".join(lines))


def _input_shape(network):
    """Return the shape of the network's only input, without the batch; None if it is not known."""
    shapes = input_shapes(network)
    if shapes is None:
        return None
    if len(shapes) > 1:
        raise ValueError(
            f"the network has {len(shapes)} inputs, but the file holds sequences for one. Use Python: "
            'skdeeplift.sequences reads the file, and the reference "held" keeps inputs that are not explained'
        )
    return next(iter(shapes.values()))


def _describe(options):
    """Describe all that results depend on: the arguments, and the files that they name."""
    described = {name: value for name, value in vars(options).items() if name not in _OF_RESULTS}
    described["hypothetical"] = options.hypothetical or options.modisco is not None
    for word in ("model", "weights", "data", "genome", "reference"):
        if (name := getattr(options, word)) is not None and Path(name).exists():
            facts = Path(name).stat()
            described[word] = [str(name), facts.st_size, facts.st_mtime_ns]
    return {name: value if isinstance(value, list) else str(value) for name, value in described.items()}


def _explain_blocks(explainer, X, blocks, hypothetical, options):
    """Explain the sequences that are not explained yet, and return the explanation of all."""
    n_rows, said = len(X), set()
    # If all blocks are finished, the last is explained again for the fields that are no arrays.
    start = min(blocks.n_finished, (n_rows - 1) // BLOCK * BLOCK)
    with tqdm(total=n_rows, initial=start, desc="Explaining", unit="sequence", disable=not is_watched(options)) as bar:
        try:
            for first in range(start, n_rows, BLOCK):
                rows = X[first : first + BLOCK]
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    explanation = explainer.explain(rows, hypothetical=hypothetical)
                for warning in caught:
                    if warning.category not in said:
                        said.add(warning.category)
                        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
                blocks.add(first, _arrays(explanation, len(rows), options.float16))
                bar.update(len(rows))
        except KeyboardInterrupt:
            if blocks.n_finished:
                print(
                    f"{blocks.n_finished} of {n_rows} sequences are explained. Repeat the command to go on from there.",
                    file=sys.stderr,
                )
            raise
    explanation.update(blocks.arrays)
    explanation.X = X
    return explanation


def _arrays(explanation, n_rows, half):
    """Return the fields with one entry for each row."""
    from skdeeplift.explanation.subsets import OF_ELEMENTS

    fields = {name: value for name, value in explanation.items() if name not in ("X", "class_names", "feature_names")}
    arrays = {name: value for name, value in fields.items() if isinstance(value, np.ndarray) and len(value) == n_rows}
    if half:
        for name in arrays.keys() & set(OF_ELEMENTS):
            if np.nanmax(np.abs(arrays[name]), initial=0) > np.finfo(np.float16).max:
                raise ValueError(f"{name} are too large for half precision. Leave --float16 out")
            arrays[name] = arrays[name].astype(np.float16)
    return arrays


def _summarise(explanation, data):
    """Return a few lines about the sequences and their target."""
    length = data.letters_last(explanation.X[:1]).shape[1]
    return "\n".join(say_target(explanation, f"sequences of {length} letters"))


def _write_output(options, explanation, data):
    if options.output is not None:
        write_contributions(options.output, explanation, None)
        yield f"Wrote {options.output}"


def _write_modisco(options, explanation, data):
    if options.modisco is not None:
        sequences, hypothetical = explanation.to_modisco(options.modisco)
        yield f"Wrote {sequences} and {hypothetical}. Find motifs with"
        yield f"  modisco motifs -s {sequences} -a {hypothetical} -n 2000 -o {options.modisco / 'motifs.h5'}"


def _write_bigwig(options, explanation, data):
    if options.bigwig is not None:
        from skdeeplift.sequences import write_bigwig

        scores = data.letters_last(np.asarray(explanation.contributions)).sum(2, dtype=np.float32)
        if options.by_strand:
            is_reversed = (data.regions["strand"] == "-").to_numpy()
            scores[is_reversed] = scores[is_reversed, ::-1]
        write_bigwig(options.bigwig, data.regions, scores, options.genome)
        yield f"Wrote {options.bigwig}"


def _draw(options, explanation, data):
    """Draw the first sequences, around the letters that contribute most."""
    if not options.logo:
        return
    from skdeeplift.plotting import SequenceLogoDisplay

    result = first_result(options)
    folder, stem = (result, "") if result == options.modisco else (result.parent, f"{result.stem}_")
    drawn = explanation[: options.logo]
    scores = data.letters_last(np.asarray(drawn.contributions)).sum(2, dtype=float)
    for row, (score, name) in enumerate(zip(scores, data.names, strict=False)):
        start = max(0, min(np.abs(score).argmax() - LETTERS_DRAWN // 2, len(score) - LETTERS_DRAWN))
        display = SequenceLogoDisplay.from_explanation(
            drawn, position=row, alphabet=options.alphabet, positions=(start, min(start + LETTERS_DRAWN, len(score)))
        )
        display.ax_.set_title(name)
        path = folder / f"{stem}logo_{row + 1}.png"
        with replace_together(path) as [unfinished]:
            display.figure_.savefig(unfinished, dpi=150)
        yield f"Wrote {path}"
