import pytest

from skdeeplift.propagation.rules.table import NOT_SUPPORTED, ONE, SEVERAL, RuleTable
from skdeeplift.propagation.rulesets import SHARED


def test_positions_come_before_numbers_and_numbers_before_any():
    table = RuleTable("family")
    for varying in ((1,), ONE, SEVERAL, "any"):
        table.rule("Op", varying=varying)(lambda: None)
    rules = table.rules
    assert table.find("Op", (1,)) is rules["Op", (1,)]
    assert table.find("Op", (0,)) is rules["Op", ONE]
    assert table.find("Op", (0, 1)) is rules["Op", SEVERAL]
    assert table.find("Op", ()) is rules["Op", SEVERAL]
    assert table.find("Other", (0,)) is None


def test_second_rule_for_an_op_names_both_places():
    first, second = RuleTable("first"), RuleTable("second")

    @first.rule("Op")
    def one_rule():
        pass

    @second.rule("Op")
    def another_rule():
        pass

    with pytest.raises(ValueError, match=r"already has the rule .*one_rule.*another_rule"):
        RuleTable.union(first, second)


def test_rules_can_not_be_changed_from_outside():
    table = RuleTable("family")
    with pytest.raises(TypeError):
        table.rules["Op", "any"] = None


@pytest.mark.parametrize("op_type", NOT_SUPPORTED)
def test_ops_without_a_rule_have_a_reason_and_no_rule_of_all_that_varies(op_type):
    assert NOT_SUPPORTED[op_type]
    assert SHARED.find(op_type, (0, 1, 2)) is None
