"""List a network's operations, their layers, and the rule that each follows."""

from skdeeplift.command_line.data_files import read_rows
from skdeeplift.command_line.model_files import add_model_arguments, model_of
from skdeeplift.command_line.quiet_import import import_quietly

DESCRIPTION = """\
List the operations that differences flow through in a network, the layer that each was made in, and
the rule that it follows. An operation that has no rule is listed with the reason."""
EPILOG = """\
example:
  skdeeplift describe model.keras --rule reveal_cancel"""
SHOWN = ["layer", "op", "family", "rule", "supported"]


def add_arguments(parser):
    """Say what the command takes."""
    add_model_arguments(parser)
    parser.add_argument(
        "--rule",
        default="rescale",
        help="rescale, reveal_cancel, genomics_default, pass_through or guided_backprop_rescale (default: %(default)s)",
    )
    parser.add_argument(
        "--data", metavar="FILE", help="some rows, for a network that does not say itself what it takes"
    )


def run(options):
    """Run the command.

    Parameters
    ----------
    options : argparse.Namespace
        What `add_arguments` added.
    """
    X = None if options.data is None else read_rows(options.data)
    # After the files are read, since TensorFlow takes seconds to import.
    import_quietly()
    from skdeeplift.explanation.op_table import describe

    table = describe(model_of(options), X, rule=options.rule)
    shown = table[SHOWN].assign(supported=table["supported"].map({True: "yes", False: "no"}))
    print(shown.to_string(index=False))
    n_layers, n_without = table["layer"].replace("", None).nunique(), int((~table["supported"]).sum())
    print(f"\n{len(table)} operations in {n_layers} layers; ", end="")
    if n_without == 0:
        print("each has a rule.")
        return
    print(f"{n_without} can not be explained:")
    for row in table[~table["supported"]].itertuples():
        print(f"- {row.name}: {row.reason}")
