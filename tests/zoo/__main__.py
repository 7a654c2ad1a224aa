"""Write the documentation's table of the zoo: ``python -m tests.zoo``.

With names of architectures or kinds, only these are measured, and their rows replaced.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.zoo.registry import COPIES, KINDS, N_ROWS, all_architectures

PAGE = Path(__file__).parents[2] / "docs" / "zoo.rst"
METHODS = ("rescale", "RevealCancel", "integrated gradients")
HEAD = """.. _zoo:

===
Zoo
===

.. This page is written by ``python -m tests.zoo``.

This page shows how well each method explains published architectures. Each network below has the structure of a
published architecture, with few units, random weights and random rows. The tests explain each network by three
methods and compare the sum of the contributions with the change of the output.

*exact*
    Contributions sum to the change, without a warning. The tolerance is a thousandth of the largest change of a
    row.
*warned*
    Contributions do not sum, and a warning says so. For integrated gradients, an approximation, the tolerance is a
    hundredth.
*refused*
    The method raises an error, for the reason given.

Times are relative to the plain gradient of the same target, compiled by TensorFlow. "First" is ``fit`` and the
first explanation, relative to the first gradient. "Then" is a later explanation, relative to a later gradient of
the same {rows} rows, or of two rows in the first table. With so few units, most of the time is spent on calls.
:ref:`speed` has networks of usual size.
"""


def write(results):
    """Write the page from the results of all architectures."""
    architectures, lines = all_architectures(), [HEAD.format(rows=COPIES * N_ROWS)]
    for kind in KINDS:
        of_kind = [each for each in architectures.values() if each.kind == kind and each.name in results]
        if not of_kind:
            continue
        heading = sys.modules[f"tests.zoo.{kind}"].__doc__.strip().rstrip(".")
        lines += [
            heading,
            "=" * len(heading),
            "",
            ".. list-table::",
            "   :header-rows: 1",
            "   :widths: 34 22 22 22",
            "",
        ]
        for number, cell in enumerate(("architecture", *METHODS)):
            lines.append(f"   {'* -' if number == 0 else '  -'} {cell}")
        for each in of_kind:
            lines.append(f"   * - {each.title} (``{each.name}``)")
            lines += [f"     - {_cell(results[each.name][method])}" for method in METHODS]
        lines.append("")
    PAGE.write_text("\n".join(lines))


def _cell(result):
    if "first" not in result:
        return result["outcome"]
    return f"{result['outcome']}; first {result['first']:.1f}, then {result['steady']:.1f}"


def read():
    """Read the results that the page shows."""
    if not PAGE.exists():
        return {}
    results = {}
    for match in re.finditer(r"^   \* - .*\(``(\w+)``\)\n((?:     - .*\n){3})", PAGE.read_text(), re.MULTILINE):
        cells = re.findall(r"^     - (.*)$", match[2], re.MULTILINE)
        results[match[1]] = dict(zip(METHODS, map(_parsed, cells), strict=True))
    return results


def _parsed(cell):
    outcome, _, times = cell.partition("; first ")
    if not times:
        return {"outcome": cell}
    first, steady = times.split(", then ")
    return {"outcome": outcome, "first": float(first), "steady": float(steady)}


def main(names):
    """Measure architectures, those of each kind in a process of their own, and write the page."""
    results, architectures = read(), all_architectures()
    for kind in KINDS:
        chosen = [
            each.name
            for each in architectures.values()
            if each.kind == kind and each.is_available and (not names or {each.name, kind} & {*names})
        ]
        if not chosen:
            continue
        command = [sys.executable, "-m", "tests.zoo.timing", *chosen]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                name, result = json.loads(line)
                results[name] = result
                print(name, *(_cell(result[method]) for method in METHODS), sep="\n    ", flush=True)
                write({name: results[name] for name in architectures if name in results})


if __name__ == "__main__":
    main(sys.argv[1:])
