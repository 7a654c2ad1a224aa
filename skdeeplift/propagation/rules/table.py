"""Tables from an op type and its varying inputs to the rule that carries a difference through the op."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from skdeeplift.network import ops


class Rule(NamedTuple):
    """A rule, its family, and the values it needs."""

    function: Any
    family: str
    # Linear rules read no values at the input or at the reference.
    reads_values: bool

    @property
    def place(self):
        """Module and name of the function."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


@dataclass(frozen=True)
class AnyActivation:
    """Entry of a table for ops at which the method decides what an activation does to a difference."""

    family: str = "activation"
    reads_values: bool = True
    place: str = "activation"


class RuleTable:
    """Rules of one family, or of several after ``union``.

    Parameters
    ----------
    family : str
        Name of the family, for the tables that users see.
    reads_values : bool, default=True
        Whether the rules read the values of the op's inputs and outputs at the input and at the reference.
    """

    def __init__(self, family, *, reads_values=True):
        self.family, self.reads_values = family, reads_values
        self._rules = {}

    @property
    def rules(self):
        """Read-only mapping from (op type, pattern of varying inputs) to rule."""
        return MappingProxyType(self._rules)

    def rule(self, function):
        """Decorate a function as the rule that rows of `skdeeplift.network.ops` call by its name."""
        self.enter(function.__name__, Rule(function, self.family, self.reads_values))
        return function

    def enter(self, name, rule):
        """Add a rule for each op type and pattern of varying inputs that names it."""
        places = ops.ruled_by(name)
        if not places:
            raise ValueError(f"No row of skdeeplift.network.ops names the rule {name!r} of {rule.place}.")
        for op_type, varying in places:
            self.add(op_type, varying, rule)

    def add(self, op_type, varying, rule):
        """Add a rule; a second rule for the same op and pattern is an error that names both."""
        known = self._rules.get((op_type, varying))
        if known is not None:
            raise ValueError(
                f"The op {op_type!r} with varying inputs {varying!r} already has the rule {known.place}; "
                f"{rule.place} cannot be a second one."
            )
        self._rules[op_type, varying] = rule

    def find(self, op_type, varying):
        """Return the rule for an op type whose inputs at the positions ``varying`` vary, or None."""
        keys = ((op_type, pattern) for pattern in ops.patterns(varying))
        return next((self._rules[key] for key in keys if key in self._rules), None)

    @classmethod
    def union(cls, *tables):
        """Return one table with the rules of several."""
        union = cls("all")
        for table in tables:
            for (op_type, varying), rule in table.rules.items():
                union.add(op_type, varying, rule)
        return union


# Reasons why ops have no rule, or none for all patterns of varying inputs.
NOT_SUPPORTED = ops.column("why_not")
