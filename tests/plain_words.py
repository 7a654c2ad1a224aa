"""Check of plain words: ``python -m tests.plain_words [FILES]`` prints faults of docstrings, comments and pages.

Summaries of docstrings start with a verb or a noun. Sentences have at most 35 words. Some phrases have a plainer one.
"""

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_WORDS = 35
QUESTION_WORDS = frozenset(
    "what how where which of who whether that as whatever whose with for from in when why".split()
)
# Each phrase with a plainer one.
PHRASES = {
    r"\bcan not\b": "cannot",
    r"\b\w+n't\b": "the words in full, such as 'does not'",
    r"\b(?:it|that|there|what)'s\b": "the words in full, such as 'it is'",
    r"\bof which\b": "a sentence of its own",
    r"\bof (?:these|those)\b(?! [a-z])": "the noun",
    r"\bwhat is (?:given|handed|asked|wanted)\b": "the noun, such as 'rows' or 'arguments'",
    r"\bwhatever\b": "'any' with a noun",
    r"\bat the most\b": "at most",
    r"\bat the least\b": "at least",
}
# Inline code, roles and links count as one word.
_INLINE = re.compile(r":[\w:+-]+:`[^`]+`|``[^`]+``|`[^`]+`_{0,2}|\$[^$]+\$")
_SENTENCE_END = re.compile(r"(?<=[.!?])[)\"'*]*\s+(?=[A-Z`*\"'(\[:])")
_NO_PROSE = re.compile(r"\s*(?:>>>|\.\.\.|\.\. |:\w[\w -]*:|[|+=~^\-*#]{3,}|\||\+-)")


def paragraphs(text):
    """Yield the number of the first line, from 0, and the words of each paragraph of prose."""
    lines, start, depth, found, literal = text.splitlines(), 0, 0, [], None
    for number, line in enumerate([*lines, ""]):
        indent = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and indent <= literal:
            literal = None
        is_prose = line.strip() and literal is None and not _NO_PROSE.match(line)
        is_item = re.match(r"\s*(?:[-*] |\* - |\d+\. |#\. |- )", line)
        if found and (not is_prose or is_item or abs(indent - depth) > 3):
            yield start, " ".join(found)
            found = []
        if is_prose:
            if not found:
                start, depth = number, indent
            found.append(re.sub(r"^\s*(?:[-*] |\* - |\d+\. |#\. )+", "", line).strip())
        if literal is None and (re.match(r"\s*\.\. (?!_)", line) or line.rstrip().endswith("::")):
            literal = indent


def faults(text, first_line):
    """Yield the line and the description of each fault of some prose."""
    for number, paragraph in paragraphs(text):
        line = first_line + number
        for phrase, better in PHRASES.items():
            if match := re.search(phrase, _INLINE.sub("code", paragraph), re.IGNORECASE):
                yield line, f"{match[0]!r}: write {better}"
        for sentence in _SENTENCE_END.split(_INLINE.sub("`code`", paragraph)):
            n_words = len(re.findall(r"[\w'-]+", sentence))
            if n_words > MOST_WORDS:
                yield line, f"a sentence of {n_words} words: {sentence[:60]}..."


def faults_of_messages(node):
    """Yield the faults of the messages of a statement that raises or warns; each value counts as one word."""
    inner = set()
    for part in ast.walk(node):
        if part in inner:
            continue
        if isinstance(part, ast.JoinedStr):
            inner.update(each for each in part.values if isinstance(each, ast.Constant))
            text = "".join(each.value if isinstance(each, ast.Constant) else "`code`" for each in part.values)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            text = part.value
        else:
            continue
        if " " in text:
            yield from faults(text, part.lineno)
            # Other messages are parts of a sentence, or lines of the command line.
            if text[0].isupper() and text[1].islower() and text.rstrip()[-1] not in ".?`":
                yield part.lineno, f"a message without a period at its end: ...{text[-40:]}"


def faults_of_source(text):
    """Yield the faults of the docstrings, comments and messages of a Python file."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (said := ast.get_docstring(node)):
            line = node.body[0].lineno
            word = said.split()[0].strip("*`,.").lower()
            if word in QUESTION_WORDS:
                yield line, f"the summary starts with {word!r}: start with a verb or a noun"
            yield from faults(said, line)
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "warn"):
            yield from faults_of_messages(node)
    comments = [
        token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
    ]
    block, last = [], None
    for token in [*comments, None]:
        is_next = token is not None and last is not None and token.start[0] == last.start[0] + 1
        if block and not is_next:
            yield from faults(" ".join(block), last.start[0] - len(block) + 1)
            block = []
        if token is not None and not re.match(r"#\s*(?:noqa|fmt|type|%%)", token.string):
            block.append(token.string.lstrip("# ").rstrip())
        last = token


def faults_of_file(path):
    """List the faults of a Python file or a page, in the order of lines."""
    text = Path(path).read_text(encoding="utf-8")
    if Path(path).suffix == ".md":
        text = re.sub(r"```.*?```", lambda block: "\n" * block[0].count("\n"), text, flags=re.DOTALL)
    found = faults_of_source(text) if Path(path).suffix == ".py" else faults(text, 1)
    return sorted(set(found))


def files():
    """List the files that are checked: the package, the examples and the pages."""
    pages = [
        path for path in (ROOT / "docs").rglob("*.rst") if not {"generated", "api", "auto_examples"} & {*path.parts}
    ]
    sources = [path for folder in ("skdeeplift", "examples") for path in (ROOT / folder).rglob("*.py")]
    return sorted([*sources, *pages, ROOT / "README.md"])


def main(arguments):
    """Print all faults, and return whether there are some."""
    found = [(path, *fault) for path in arguments or files() for fault in faults_of_file(path)]
    for path, line, fault in found:
        shown = Path(path).resolve()
        print(f"{shown.relative_to(ROOT) if shown.is_relative_to(ROOT) else path}:{line}: {fault}")
    if found:
        print(f"{len(found)} places to write in plain words")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
