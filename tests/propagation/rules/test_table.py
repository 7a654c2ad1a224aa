import pytest

from skdeeplift.network import ops
from skdeeplift.propagation.rules.complex_parts import COMPLEX
from skdeeplift.propagation.rules.decisions import DECISIONS
from skdeeplift.propagation.rules.factors import FACTORS
from skdeeplift.propagation.rules.linear import JOINS, LINEAR, LISTS
from skdeeplift.propagation.rules.matrices import MATRICES
from skdeeplift.propagation.rules.maxima import MAXIMA
from skdeeplift.propagation.rules.places import PLACES
from skdeeplift.propagation.rules.rescale import SOFTMAX
from skdeeplift.propagation.rules.table import Rule, RuleTable
from skdeeplift.propagation.rules.two_operands import BILINEAR, TWO_VARIABLE
from skdeeplift.propagation.rules.winners import WINNERS
from skdeeplift.propagation.rulesets import SHARED

NOT_SUPPORTED = ops.column("why_not")


def negate(op, differences, coefficient):
    pass


def test_a_rule_is_for_the_ops_whose_rows_name_it():
    table = RuleTable("family", reads_values=False)
    assert table.rule(negate) is negate
    assert table.rules == {"negate": Rule(negate, "family", False)}
    assert table.find("Neg", (0,)).function is negate
    assert table.find("Relu", (0,)) is None
    assert table.find("Dawsn", (0,)) is None


def test_a_union_finds_the_rules_of_all_tables():
    first, second = RuleTable("first"), RuleTable("second")
    first.rule(negate)
    assert RuleTable.union(first, second).find("Neg", (0,)) is RuleTable.union(second, first).find("Neg", (0,))


def test_no_two_rules_have_one_name():
    tables = [LINEAR, JOINS, LISTS, BILINEAR, FACTORS, MATRICES, TWO_VARIABLE, COMPLEX, DECISIONS, MAXIMA, WINNERS]
    tables += [PLACES, SOFTMAX]
    assert len(SHARED.rules) == sum(len(table.rules) for table in tables)


@pytest.mark.parametrize("op_type", NOT_SUPPORTED)
def test_ops_without_a_rule_have_a_reason_and_no_rule_of_all_that_varies(op_type):
    assert NOT_SUPPORTED[op_type]
    # What puts elements at places has a rule where these are constant.
    assert SHARED.find(op_type, (0, 1, 2)) is None or op_type in ops.types_ruled_by("join")
