"""List the operations of a network, with the layer and the rule of each."""

from skdeeplift.command_line.data_files import add_row_arguments, read_rows
from skdeeplift.command_line.explainer_options import METHODS
from skdeeplift.command_line.model_files import add_model_arguments, check_model, get_model, import_quietly

USAGE = "MODEL [options]"
DESCRIPTION = """\
List the operations between the input and the output of a network, each with its layer and its rule.
Operations without a rule are listed with the reason."""
EPILOG = """\
example:
  skdeeplift describe model.keras --rule reveal_cancel"""
COLUMNS = ["layer", "op", "family", "rule", "supported"]


def add_arguments(parser):
    """Add the arguments of the command."""
    rules = METHODS["deeplift"].rules
    add_model_arguments(parser)
    parser.add_argument(
        "--rule", choices=rules, default=rules[0], metavar="RULE", help=f"{', '.join(rules)} (default: %(default)s)"
    )
    parser.add_argument(
        "--data", metavar="FILE", help="some rows, for a network that does not define the shape of its inputs"
    )
    add_row_arguments(parser)


def run(options):
    """Run the command.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments that `add_arguments` added.
    """
    check_model(options)
    X = None if options.data is None else read_rows(options.data, index=options.index, drop=options.drop)
    # Imported after the files are read, so that an error in them shows before TensorFlow's seconds of import.
    import_quietly()
    from skdeeplift.explanation.op_table import describe

    table = describe(get_model(options), X, rule=options.rule)
    printed = table[COLUMNS].assign(supported=table["supported"].map({True: "yes", False: "no"}))
    print(printed.to_string(index=False))
    for row in table[table["supported"] & (table["reason"] != "")].itertuples():
        print(f"\n- {row.name}: {row.reason}")
    n_layers, n_unsupported = table["layer"].replace("", None).nunique(), int((~table["supported"]).sum())
    print(f"\n{len(table)} operations in {n_layers} layers; ", end="")
    if n_unsupported == 0:
        print("each has a rule.")
        return
    print(f"{n_unsupported} cannot be explained:")
    for row in table[~table["supported"]].itertuples():
        print(f"- {row.name}: {row.reason}")
