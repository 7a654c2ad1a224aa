"""Sites of the package that raise or warn, found in its syntax trees.

A site is a ``raise`` statement, a warning, or a call that makes an exception for another function to raise. Two kinds
of ``raise`` are left out: those without an exception, which raise the current one again, and ``NotImplementedError`` of
methods that each subclass defines. The key of a site is its file, its function and the source of its message, so that
it survives moved lines.
"""

import ast
import functools
import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "skdeeplift"
RECORD = ROOT / "tests" / "messages.json"
WARNINGS = {"warn", "refuse_xla", "warnings.warn_explicit"}


class Key(NamedTuple):
    """Key of a site."""

    file: str
    function: str
    message: str


class _Sites(ast.NodeTransformer):
    """Sites of a module. With a wrapper, the tree passes the exception or message of each site through it."""

    def __init__(self, file, wrapper=None):
        self.file = file
        self.wrapper = wrapper
        self.names = []
        self.keys = []
        self.counts = Counter()

    def _enter(self, node):
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _enter  # noqa: N815

    def visit_Raise(self, node):
        if node.exc is None or "NotImplementedError" in ast.unparse(node.exc):
            return node
        # An exception made elsewhere counts where it is made, and where it is raised.
        if _is_exception(node.exc):
            self.generic_visit(node)
        else:
            node.exc = self._wrap(node.exc, node.exc)
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        if _is_exception(node):
            return self._wrap(node, node)
        if ast.unparse(node.func) in WARNINGS and node.args:
            node.args[0] = self._wrap(node, node.args[0])
        return node

    def _wrap(self, site, value):
        key = Key(self.file, ".".join(self.names), _message(site))
        self.counts[key] += 1
        if self.counts[key] > 1:
            key = key._replace(message=f"{key.message} ({self.counts[key]})")
        self.keys.append(key)
        if self.wrapper is None:
            return value
        arguments = [*map(ast.Constant, key), value]
        call = ast.Call(ast.Name(self.wrapper, ast.Load()), arguments, [])
        return ast.fix_missing_locations(ast.copy_location(call, value))


def _is_exception(node):
    """Return whether an expression makes an exception, by the name of its class."""
    name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
    return name[:1].isupper() and name.endswith(("Error", "Interrupt", "Exit"))


def _message(site):
    """Return the source of a message, an f-string without its quotes."""
    if not isinstance(site, ast.Call):
        return ast.unparse(site)
    name = ast.unparse(site.func)
    if not site.args:
        return ast.unparse(site)
    parts = [_text(node) for node in _parts(site.args[0])]
    category = [ast.unparse(node) for node in site.args[1:2]] if name == "warn" else []
    if not _is_exception(site) and name not in WARNINGS:
        return ast.unparse(site)
    return f"{(category or [name])[0]}: {''.join(parts)}"


def _parts(node):
    return node.values if isinstance(node, ast.JoinedStr) else [node]


def _text(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.FormattedValue):
        return ast.unparse(ast.JoinedStr([node]))[2:-1]
    return f"{{{ast.unparse(node)}}}"


def sites_of(path, wrapper=None):
    """Find the sites of a file.

    Parameters
    ----------
    path : pathlib.Path
        Path of the file.
    wrapper : str, optional
        Name of a function of a key and a value, which the tree calls at each site.

    Returns
    -------
    keys : list of Key
        Keys of the sites.
    tree : ast.Module
        Syntax tree of the module.
    """
    sites = _Sites(path.relative_to(PACKAGE).as_posix(), wrapper)
    tree = sites.visit(ast.parse(path.read_bytes()))
    return sites.keys, tree


def all_sites():
    """Return the keys of all sites of the package."""
    return [key for path in sorted(PACKAGE.rglob("*.py")) for key in sites_of(path)[0]]


def read_record(path=None):
    """Return the record: for each key its test, and for advice the test that follows it."""
    path = Path(path or RECORD)
    files = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {
        Key(file, function, message): entry
        for file, functions in files.items()
        for function, messages in functions.items()
        for message, entry in messages.items()
    }


def write_record(record, path=None):
    """Write a record, in the order of files and of lines."""
    files = {}
    for key, entry in record.items():
        files.setdefault(key.file, {}).setdefault(key.function, {})[key.message] = entry
    text = json.dumps(files, indent=1, ensure_ascii=False)
    Path(path or RECORD).write_text(text + "\n", encoding="utf-8")


@functools.cache
def _tests_of(path):
    """Return the functions of tests of a file, with whether they follow advice."""
    tree = ast.parse((ROOT / path).read_bytes())
    marks = [ast.unparse(node.value) for node in tree.body if isinstance(node, ast.Assign)]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        node.name: any("mark.advice" in mark for mark in [*map(ast.unparse, node.decorator_list), *marks])
        for node in functions
    }


def has_test(name, *, marked=False):
    """Return whether there is a test of this name, a node's without its parameters, and with a mark if need be."""
    path, _, function = name.partition("::")
    tests = _tests_of(path) if (ROOT / path).exists() else {}
    return function in tests and (tests[function] or not marked)
