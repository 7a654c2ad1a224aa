"""Methods as tables: the rules that all share, and what each does at an activation."""

from typing import Any, NamedTuple

from skdeeplift.propagation.rules.activation import ACTIVATIONS, rescale
from skdeeplift.propagation.rules.bilinear import BILINEAR
from skdeeplift.propagation.rules.joins import JOINS
from skdeeplift.propagation.rules.linear import LINEAR
from skdeeplift.propagation.rules.maxima import MAXIMA
from skdeeplift.propagation.rules.softmax import SOFTMAX
from skdeeplift.propagation.rules.table import RuleTable
from skdeeplift.propagation.rules.two_variable import TWO_VARIABLE

SHARED = RuleTable.union(LINEAR, JOINS, ACTIVATIONS, BILINEAR, TWO_VARIABLE, MAXIMA, SOFTMAX)


class RuleSet(NamedTuple):
    """What a method does at each op."""

    name: str
    activation: Any
    table: RuleTable = SHARED


RESCALE = RuleSet("rescale", activation=rescale)
RULES = {rule_set.name: rule_set for rule_set in (RESCALE,)}
