"""Tables of rules that carry a difference through ops."""

from collections.abc import Callable
from typing import NamedTuple

from skdeeplift.network import ops


class Rule(NamedTuple):
    """A rule, its family, and the values it needs."""

    function: Callable
    family: str
    # Linear rules read no values at the input or at the reference.
    reads_values: bool


class RuleTable:
    """Rules of one family, or of several after ``union``.

    Parameters
    ----------
    family : str
        Name of the family, for the tables that users see.
    reads_values : bool, default=True
        Whether the rules read the values of the op's inputs and outputs at the input and at the reference.

    Attributes
    ----------
    rules : dict of str to Rule
        The rules by the names that rows of `skdeeplift.network.ops` call them by.
    """

    def __init__(self, family, *, reads_values=True):
        self.family, self.reads_values, self.rules = family, reads_values, {}

    def rule(self, function):
        """Decorate a function as the rule that rows of `skdeeplift.network.ops` call by its name."""
        self.rules[function.__name__] = Rule(function, self.family, self.reads_values)
        return function

    def find(self, op_type, varying):
        """Return the rule for an op type whose inputs at the positions ``varying`` vary, or None."""
        return self.rules.get(ops.facts_of(op_type).rule(varying))

    @classmethod
    def union(cls, *tables):
        """Return one table with the rules of several."""
        union = cls("all")
        for table in tables:
            union.rules.update(table.rules)
        return union
