"""Tables from (op type, which of its inputs vary) to the rule that says what the op does to a difference."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

ANY, ONE, SEVERAL = "any", "one", "several"


class Rule(NamedTuple):
    """A rule and what has to be there for it."""

    function: Any
    family: str
    # Linear rules read neither the values at the input nor those at the reference.
    reads_values: bool

    @property
    def place(self):
        """Where the rule is written."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


@dataclass(frozen=True)
class AnyActivation:
    """Stands in a table for "whatever the method does at activations"."""

    family: str = "activation"
    reads_values: bool = True
    place: str = "activation"


class RuleTable:
    """Rules of one family, or, after ``union``, of all.

    Parameters
    ----------
    family : str
        The family's name, for the documentation's table.
    reads_values : bool, default=True
        Whether the rules read the values of the op's inputs and outputs at the input and at the reference.
    """

    def __init__(self, family, *, reads_values=True):
        self.family, self.reads_values = family, reads_values
        self._rules = {}

    @property
    def rules(self):
        """Read-only mapping of (op type, which inputs vary) to rule."""
        return MappingProxyType(self._rules)

    def rule(self, *op_types, varying=ANY):
        """Decorate a function as the rule of some op types.

        Parameters
        ----------
        *op_types : str
            TensorFlow's names of the ops.
        varying : {"any", "one", "several"} or tuple of int, default="any"
            Which inputs vary where this rule holds: their positions, or how many.
        """

        def register(function):
            for op_type in op_types:
                self.add(op_type, varying, Rule(function, self.family, self.reads_values))
            return function

        return register

    def add(self, op_type, varying, rule):
        """Enter a rule; an entry that exists is an error that names both places."""
        known = self._rules.get((op_type, varying))
        if known is not None:
            raise ValueError(
                f"The op {op_type!r} with varying inputs {varying!r} already has the rule {known.place}; "
                f"{rule.place} can not be a second one."
            )
        self._rules[op_type, varying] = rule

    def find(self, op_type, varying):
        """Return the rule for an op type of which the inputs at the positions ``varying`` vary, or None."""
        number = ONE if len(varying) == 1 else SEVERAL
        for key in (tuple(varying), number, ANY):
            if (op_type, key) in self._rules:
                return self._rules[op_type, key]
        return None

    @classmethod
    def union(cls, *tables):
        """Return one table of the rules of several."""
        union = cls("all")
        for table in tables:
            for (op_type, varying), rule in table.rules.items():
                union.add(op_type, varying, rule)
        return union


_CHOICE = "it chooses by a condition that depends on the input, and is no function of one tensor"
_BRANCH = "which branch is taken is known only when the network runs"
_FACTORS = "a product of many varying factors has no exact split that is worth its cost"
_ROWS = "it joins entries of the leading axis, which is the batch"
_DECOMPOSITION = "a matrix decomposition is no sum, product or elementwise function"

NOT_SUPPORTED = {
    **dict.fromkeys(("Case", "If", "StatelessCase", "StatelessIf"), _BRANCH),
    "Cumprod": _FACTORS,
    "Prod": _FACTORS,
    "Qr": _DECOMPOSITION,
    "SegmentMax": _ROWS,
    "SegmentMin": _ROWS,
    "Select": _CHOICE,
    "SelectV2": _CHOICE,
    "Svd": _DECOMPOSITION,
    "UnsortedSegmentMax": _ROWS,
    "UnsortedSegmentMin": _ROWS,
}
