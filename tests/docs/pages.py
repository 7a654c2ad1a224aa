"""The documentation's sources, as text."""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BUILT = {"_build", "api", "auto_examples", "generated", "_templates"}
PAGES = sorted(page for page in DOCS.rglob("*.rst") if not BUILT & set(page.relative_to(DOCS).parts))


class Block(NamedTuple):
    """A block of code on a page."""

    language: str
    caption: str | None
    code: str


def blocks_of(page):
    """Return the blocks of code of a page in reStructuredText or Markdown, but for those behind ``>>>``."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".md":
        return [Block(language, None, code) for language, code in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)]
    pattern = r"^\.\. code-block:: (\w+)\n((?:   :.*\n)*)\n((?:(?:    .*)?\n)+)"
    found = re.findall(pattern, text + "\n", re.MULTILINE)
    return [
        Block(language, dict(re.findall(r":(\w+): (.*)", options)).get("caption"), textwrap.dedent(code).strip() + "\n")
        for language, options, code in found
    ]


def name_of(page):
    """What to call a page in the id of a test."""
    return page.relative_to(ROOT).as_posix()
