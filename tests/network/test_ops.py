import ast
from itertools import chain
from pathlib import Path

import pytest
import tensorflow as tf

import skdeeplift
from skdeeplift.network import ops
from skdeeplift.propagation.rulesets import SHARED

PACKAGE = Path(skdeeplift.__file__).parent
TYPES = ops.where()


def test_tensorflow_has_every_op():
    assert len(TYPES) > 200
    assert [op_type for op_type in TYPES if not hasattr(tf.raw_ops, op_type)] == [ops.TRUNCATION]


def test_no_op_has_two_rows():
    with pytest.raises(ValueError, match="'Relu' already has a row"):
        ops.op("Relu", ops.ACTIVATION)


def test_columns_have_the_names_of_the_fields():
    with pytest.raises(TypeError, match="rampart"):
        ops.op("Dawsn", ops.ACTIVATION, rampart=1.0)
    assert ops.facts_of("Dawsn").family is ops.OTHER


def test_every_rule_that_a_row_names_exists():
    rows = [ops.facts_of(op_type) for op_type in TYPES]
    assert {*SHARED.rules, "activation"} == {name for row in rows for name in row.rules.values()}


def test_sets_and_columns():
    assert ops.where(family=ops.LOOP) == {"While", "StatelessWhile"}
    assert ops.where(elementwise=True, shape_only=True) == {"ZerosLike", "OnesLike"}
    # Position zero is a value as any other; False is none.
    assert ops.column("indices")["OneHot"] == 0
    assert set(ops.column("clamp")) == {"ClipByValue", "Maximum", "Minimum"}
    assert ops.types_ruled_by("split_quotient") == {"RealDiv", "Div"}


def test_rules_by_the_inputs_that_vary():
    quotient = ops.facts_of("RealDiv")
    assert [quotient.rule(varying) for varying in ((0,), (1,), (0, 1), ())] == [
        "apply_weights",
        "activation",
        "split_quotient",
        None,
    ]
    assert quotient.is_straight([0])
    assert not quotient.is_straight([0, 1])
    assert ops.facts_of("AddV2").is_straight([0, 1])
    assert not ops.facts_of("Relu").is_straight([0])


def test_an_op_without_a_row():
    facts = ops.facts_of("Dawsn")
    assert (facts.type, facts.rule((0,)), facts.elementwise, facts.joins_clusters) == ("Dawsn", None, False, False)


def test_elementwise_ops_on_strings_join_no_clusters():
    assert ops.facts_of("AsString").elementwise
    assert not ops.facts_of("AsString").joins_clusters


def op_names(nodes):
    """Op types among the strings of some nodes."""
    return {node.value for node in nodes if isinstance(node, ast.Constant)} & TYPES


def sets_of_ops(tree):
    """Yield the lines at which a module spells out two or more op types, in whatever form."""
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        names = set()
        if isinstance(node, (ast.Set, ast.List, ast.Tuple)):
            names = op_names(node.elts)
        elif isinstance(node, ast.Dict):
            names = op_names(node.keys)
        elif isinstance(node, ast.Call):
            names = op_names(node.args)
        elif isinstance(node, ast.BoolOp):
            compared = (value for value in node.values if isinstance(value, ast.Compare))
            names = op_names(chain.from_iterable(each.comparators for each in compared))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            words = node.value.split()
            # A sentence has words that are no op types.
            names = TYPES & set(words) if all(word[0].isupper() and word.isalnum() for word in words) else set()
        if len(names) > 1:
            yield node.lineno


@pytest.mark.parametrize(
    "code",
    [
        "S = {'Relu', 'Elu'}",
        "S = frozenset(['Relu', 'Elu'])",
        "if op.type in ('Relu', 'Elu'):\n    pass",
        "S = {'Relu': 1, 'Elu': 2}",
        "S = 'Relu Elu NewOp'.split()",
        "@TABLE.rule('Relu', 'Elu')\ndef f():\n    pass",
        "if op.type == 'Relu' or op.type == 'Elu':\n    pass",
    ],
)
def test_what_counts_as_a_set_of_ops(code):
    assert list(sets_of_ops(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["'''Relu Elu'''", "S = ['Relu']", "op.type == 'Relu'", "M = 'Sum and Mean'", "f('Relu', x='Elu')"]
)
def test_what_does_not(code):
    assert not list(sets_of_ops(ast.parse(code)))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_other_module_spells_out_a_set_of_ops(path):
    """A set that is spelled out does not know of a new row. Take it from a column of skdeeplift.network.ops."""
    if path.relative_to(PACKAGE).as_posix() != "network/ops.py":
        assert not list(sets_of_ops(ast.parse(path.read_text(encoding="utf-8"))))
