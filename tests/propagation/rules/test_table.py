import pytest

from skdeeplift.network.ops import ANY, ONE, SEVERAL
from skdeeplift.propagation.rules.table import NOT_SUPPORTED, Rule, RuleTable
from skdeeplift.propagation.rulesets import SHARED


def first(op, differences, coefficient):
    pass


def second(op, differences, coefficient):
    pass


def test_positions_come_before_numbers_and_numbers_before_any():
    table = RuleTable("family")
    for varying in ((1,), ONE, SEVERAL, ANY):
        table.add("Op", varying, Rule(first, "family", True))
    rules = table.rules
    assert table.find("Op", (1,)) is rules["Op", (1,)]
    assert table.find("Op", (0,)) is rules["Op", ONE]
    assert table.find("Op", (0, 1)) is rules["Op", SEVERAL]
    assert table.find("Op", ()) is rules["Op", SEVERAL]
    assert table.find("Other", (0,)) is None


def test_a_rule_is_for_the_ops_whose_rows_name_it():
    table = RuleTable("family", reads_values=False)

    @table.rule
    def negate(op, differences, coefficient):
        pass

    assert table.rules == {("Neg", ANY): Rule(negate, "family", False)}


def test_a_rule_that_no_row_names():
    with pytest.raises(ValueError, match=r"No row of skdeeplift.network.ops names the rule 'first' of .*first"):
        RuleTable("family").rule(first)


def test_second_rule_for_an_op_names_both_places():
    tables = [RuleTable("first"), RuleTable("second")]
    for table, function in zip(tables, (first, second), strict=True):
        table.add("Op", ANY, Rule(function, table.family, True))
    with pytest.raises(ValueError, match=r"already has the rule .*first.*second cannot be"):
        RuleTable.union(*tables)


def test_rules_can_not_be_changed_from_outside():
    table = RuleTable("family")
    with pytest.raises(TypeError):
        table.rules["Op", "any"] = None


@pytest.mark.parametrize("op_type", NOT_SUPPORTED)
def test_ops_without_a_rule_have_a_reason_and_no_rule_of_all_that_varies(op_type):
    assert NOT_SUPPORTED[op_type]
    assert SHARED.find(op_type, (0, 1, 2)) is None
