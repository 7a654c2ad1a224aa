"""Lines of the source that failing doctests name."""

from pathlib import Path


def correct_lines(items):
    """Let failing doctests name their lines of the source, where shared descriptions lengthen the docstring."""
    for test in (item.dtest for item in items if hasattr(item, "dtest")):
        if test.lineno is None or not test.examples or not test.filename.endswith(".py"):
            continue
        first = test.examples[0]
        lines = Path(test.filename).read_text(encoding="utf-8").splitlines()[test.lineno :]
        prompt = ">>> " + first.source.splitlines()[0]
        in_source = next((n for n, line in enumerate(lines) if line.strip() == prompt), first.lineno)
        added = first.lineno - in_source
        test.docstring = "\n".join(test.docstring.split("\n")[added:])
        for example in test.examples:
            example.lineno -= added
