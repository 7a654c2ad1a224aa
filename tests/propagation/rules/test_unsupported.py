import pytest

from skdeeplift.propagation.rules.unsupported import NOT_SUPPORTED
from skdeeplift.propagation.rulesets import SHARED


@pytest.mark.parametrize("op_type", NOT_SUPPORTED)
def test_ops_without_a_rule_have_a_reason_and_no_rule_of_all_that_varies(op_type):
    assert NOT_SUPPORTED[op_type]
    assert SHARED.find(op_type, (0, 1, 2)) is None
