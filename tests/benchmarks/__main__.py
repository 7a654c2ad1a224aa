"""Print how long explanations take compared with other ways, and how much memory."""

import argparse
import importlib.util
import json

from tests.benchmarks import table
from tests.benchmarks.measure import in_fresh_process, limit_threads
from tests.benchmarks.workloads import BENCHMARKS


def main():
    """Measure what the command line names, each in a process of its own, or one here."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help=f"of {', '.join(BENCHMARKS)}, or of the table's workloads; by default all",
    )
    parser.add_argument("--json", metavar="name", help="measure this one in this process, and print bare numbers")
    parser.add_argument("--table", action="store_true", help="measure the table of docs/benchmarks.md, and write it")
    parser.add_argument("--methods", nargs="*", choices=table.NAMES, help="only these methods of the table's")
    arguments = parser.parse_args()
    if arguments.table:
        table.write(arguments.names, arguments.methods)
        return
    if arguments.json:
        limit_threads()
        print(json.dumps(BENCHMARKS[arguments.json].run()._asdict()))
        return
    for name in arguments.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        print(f"{name}: {benchmark.run.__doc__}", flush=True)
        if name.endswith("shap") and importlib.util.find_spec("shap") is None:
            print("    not measured, since shap is not installed")
            continue
        measured = in_fresh_process(name)
        verdict = "" if measured.ratio <= benchmark.bound else ", EXCEEDED"
        print(f"    {measured} {benchmark.unit}; at most {benchmark.bound:.2f}{verdict}", flush=True)


if __name__ == "__main__":
    main()
