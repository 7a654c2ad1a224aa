"""Write the documentation's tables of what is supported: ``python -m tests.conformance``."""

from pathlib import Path

from skdeeplift.network.ops import ANY, ONE, SEVERAL, column, ruled_by
from skdeeplift.propagation.rulesets import SHARED
from tests.conformance.layer_cases import LAYERS
from tests.conformance.test_layers import IN_SEQUENCES, LEFT_OUT

PAGE = Path(__file__).parent.parent.parent / "docs" / "supported.rst"
HEAD = """.. _supported:

=================
What is supported
=================

.. This page is written by ``python -m tests.conformance``.

This page lists the layers of Keras and the operations of TensorFlow that have a rule.
:func:`~skdeeplift.describe` lists the operations of your own network.

Layers
======

For each of these layers, the tests explain a network that contains the layer, by rescale and RevealCancel. They check
that contributions sum to the change of the output:

.. hlist::
   :columns: 4

{layers}

These layers are not tested:

{left_out}

Operations
==========

Rules are attached to the TensorFlow operations that layers consist of. An operation may have one rule for the case that
one of its inputs varies with the network's input, and another rule for the case that several do.

{operations}

While the network is traced, these operations are replaced by several of the operations above, in some or in all cases:

{expanded}

These operations raise an error, unless ``unsupported="integrate"`` or ``"secant"`` is set (see :ref:`rules`):

{unsupported}
"""


def page():
    """Return the page's text."""
    names = "\n".join(f"   * ``{name}``" for name in sorted({*LAYERS, *IN_SEQUENCES}))
    families = {}
    # The method decides about activations, so that the table of rules has none for them.
    kinds = [("activation", "activation"), *((name, rule.family) for name, rule in SHARED.rules.items())]
    for name, family in kinds:
        for op_type, varying in ruled_by(name):
            families.setdefault(family, {}).setdefault(_which(varying), set()).add(op_type)
    operations = [
        (family if number == 0 else "", which, _listed(op_types))
        for family, by_inputs in families.items()
        for number, (which, op_types) in enumerate(by_inputs.items())
    ]
    unsupported = {}
    for op_type, reason in column("why_not").items():
        unsupported.setdefault(reason, []).append(op_type)
    return HEAD.format(
        layers=names,
        left_out=_table(("reason", "layers"), [(reason, _listed(names.split())) for reason, names in LEFT_OUT.items()]),
        operations=_table(("kind", "varying", "operations"), operations),
        expanded=_listed(column("expansion")),
        unsupported=_table(
            ("reason", "operations"), [(reason, _listed(op_types)) for reason, op_types in unsupported.items()]
        ),
    )


def _which(varying):
    words = {ANY: "any", ONE: "one", SEVERAL: "several"}
    return words.get(varying) or "input " + " and ".join(str(position + 1) for position in varying)


def _listed(names):
    return ", ".join(f"``{name}``" for name in sorted(names))


def _table(head, rows):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        for number, cell in enumerate(row):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
