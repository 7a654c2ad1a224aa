"""The documentation's sources, as text."""

import doctest
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BUILT = {"_build", "api", "auto_examples", "generated", "_templates"}
PAGES = sorted(page for page in DOCS.rglob("*.rst") if not BUILT & set(page.relative_to(DOCS).parts))


MARKDOWN = re.compile(r"```(?P<language>\w+)\n(?P<options>)(?P<code>.*?)```", re.DOTALL)
RESTRUCTURED_TEXT = re.compile(
    r"^\.\. code-block:: (?P<language>\w+)\n(?P<options>(?:   :.*\n)*)\n(?P<code>(?:(?:    .*)?\n)+)", re.MULTILINE
)


class Block(NamedTuple):
    """A block of code on a page."""

    language: str
    caption: str | None
    code: str
    # Number of its first line.
    line: int


def blocks_of(page):
    """Return the blocks of code of a page in reStructuredText or Markdown, but for those behind ``>>>``."""
    text = page.read_text(encoding="utf-8") + "\n"
    blocks = []
    for match in (MARKDOWN if page.suffix == ".md" else RESTRUCTURED_TEXT).finditer(text):
        options = dict(re.findall(r":(\w+): (.*)", match["options"]))
        code = textwrap.dedent(match["code"]).strip() + "\n"
        blocks.append(Block(match["language"], options.get("caption"), code, text.count("\n", 0, match.start())))
    return blocks


def python_of(page):
    """Return all Python of a page, in its order: blocks of code, and what stands behind ``>>>``."""
    examples = doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8"))
    pieces = [(example.lineno, example.source) for example in examples if example.exc_msg is None]
    pieces += [(block.line, block.code) for block in blocks_of(page) if block.language == "python"]
    return [code for _, code in sorted(pieces)]


def name_of(page):
    """What to call a page in the id of a test."""
    return page.relative_to(ROOT).as_posix()
