import pytest

from skdeeplift.command_line.parser import Parser, suggest, whole_number


@pytest.fixture
def parser():
    parser = Parser(prog="program")
    parser.add_argument("place", metavar="PLACE")
    parser.add_argument("-n", "--number", type=whole_number(1), metavar="N")
    parser.add_argument("--most", type=whole_number(0, auto=True))
    parser.add_argument("--kind", choices=("large", "small"))
    parser.add_argument("--quiet", action="store_true")
    return parser


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "PLACE is missing: program PLACE"),
        (["x", "y"], "'y' is one word too many"),
        (["x", "--qiet"], "there is no option --qiet. Did you mean --quiet?"),
        (["x", "--num", "3"], "there is no option --num. Did you mean --number?"),
        (["x", "--other=3"], "there is no option --other. program --help lists them"),
        (["x", "--number"], "--number needs a value"),
        (["x", "--number", "two"], "--number takes a whole number, at least 1. Got 'two'"),
        (["x", "-n", "0"], "--number takes a whole number, at least 1. Got '0'"),
        (["x", "--most", "-1"], "--most takes a whole number, at least 0, or auto. Got '-1'"),
        (["x", "--kind", "smal"], "--kind has no 'smal'. Did you mean small?"),
        (["x", "--kind", "red"], "--kind has no 'red'. It is one of large, small"),
        (["x", "--quiet=1"], "--quiet takes no value. Got '1'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line(parser, words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(words)
    assert capsys.readouterr() == ("", f"program: error: {message}\n")


def test_whole_numbers(parser):
    options = parser.parse_args(["x", "-n", "3", "--most", "auto"])
    assert (options.number, options.most) == (3, "auto")
    assert parser.parse_args(["x", "--most", "0"]).most == 0


def test_suggestions():
    assert suggest("zeroes", ("zeros", "mean")) == " Did you mean zeros?"
    assert suggest("x", ("zeros", "mean")) == ""
