"""The house as its syntax trees show it: rooms, arrows between them, and names that stay inside of a module."""

import ast
import inspect
from collections import Counter
from pathlib import Path

import pytest

import skdeeplift

PACKAGE = Path(skdeeplift.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
# From the top to the bottom: a folder imports from those below only. Rows of a call come with their references and
# targets, so that they stand above both.
ORDER = """
    command_line plotting metrics selection explainers binding explanation rows references targets execution
    perturbation propagation network datasets sequences
""".split()
LOWEST = [
    "annotations",
    "compat",
    "config",
    "dtypes",
    "exceptions",
    "number_text",
    "replacement",
    "shared_docstrings",
    "warn",
]
# An explanation's own pictures, which it asks of the displays when it is drawn.
UPWARDS = {("explanation/explanation.py", "plotting")}
# Public by the convention of named tuples, in spite of the underscore.
OF_NAMED_TUPLES = {"_replace", "_asdict", "_fields", "_make"}


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def private_names(tree):
    """List the private names that a module takes from objects which it does not define."""
    nodes = list(ast.walk(tree))
    defined = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {target.attr for target in targets if isinstance(target, ast.Attribute)}
    for node in nodes:
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
            continue
        of_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        of_super = isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super"
        if not of_self and not of_super and node.attr not in defined | OF_NAMED_TUPLES:
            yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "compat.py"], ids=name_of)
def test_modules_take_no_private_names_from_each_other(path):
    imported = [
        f"line {node.lineno}: {alias.name}"
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skdeeplift")
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert not imported
    assert not list(private_names(TREES[path]))


def room_of(module):
    """Return the folder, or the module at the top, that a module of the package belongs to; "" for the package."""
    return module.split(".")[1] if "." in module else ""


def module_of(name):
    """Return the module that a name of the package itself stands for, or comes from."""
    value = getattr(skdeeplift, name)
    return value.__name__ if inspect.ismodule(value) else value.__module__


def is_for_type_checkers(node):
    """Test whether a statement runs for type checkers alone, which read imports that no program makes."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imported_rooms(tree):
    """List the rooms that a module imports from, also inside of functions, with the lines that do."""
    unseen = {
        id(part)
        for node in ast.walk(tree)
        if is_for_type_checkers(node)
        for each in node.body
        for part in ast.walk(each)
    }
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package"
            modules = [node.module]
            if node.module == "skdeeplift":
                modules = [module_of(alias.name) for alias in node.names if not alias.name.startswith("__")]
        else:
            continue
        for module in modules:
            if module.partition(".")[0] == "skdeeplift":
                yield room_of(module), node.lineno


def test_every_folder_has_a_place():
    assert sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()) == sorted(ORDER)
    top = {path.stem for path in PACKAGE.glob("*.py")}
    assert top == {"__init__", "__main__", *LOWEST}


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent != PACKAGE], ids=name_of)
def test_folders_import_from_those_below(path):
    own = ORDER.index(path.relative_to(PACKAGE).parts[0])
    # The package itself stands for all of it, so that only the command line imports it.
    allowed = {*ORDER[own:], *LOWEST, *([""] if own == 0 else [])}
    allowed |= {room for module, room in UPWARDS if module == name_of(path)}
    upwards = [f"line {line}: {room}" for room, line in imported_rooms(TREES[path]) if room not in allowed]
    assert not upwards


@pytest.mark.parametrize("name", LOWEST)
def test_modules_at_the_bottom_import_from_each_other_only(name):
    assert {room for room, _ in imported_rooms(TREES[PACKAGE / f"{name}.py"])} <= set(LOWEST)


def test_imports_for_type_checkers_are_in_one_module():
    """Only those of names that are imported at their first use stand beside these names."""
    found = {name_of(path) for path, tree in TREES.items() if any(map(is_for_type_checkers, ast.walk(tree)))}
    assert found == {"annotations.py", "__init__.py", "metrics/__init__.py"}


def test_names_of_files_occur_once():
    counts = Counter(path.name for path in MODULES if path.name not in ("__init__.py", "compat.py"))
    assert [name for name, count in counts.items() if count > 1] == []


def test_files_of_tests_are_named_after_their_source():
    """Tests of ``room/source.py`` are in ``tests/room/test_source.py``, or ``test_source_topic.py`` for one topic."""
    tests = Path(__file__).parent
    misnamed = []
    for path in sorted(path for room in ORDER for path in (tests / room).rglob("test_*.py")):
        folder = path.relative_to(tests).parent
        name = path.stem.removeprefix("test_")
        sources = [source.stem.strip("_") for source in (PACKAGE / folder).glob("*.py")]
        if not any(name == source or name.startswith(f"{source}_") for source in sources):
            misnamed.append((folder / path.name).as_posix())
    assert not misnamed, misnamed


def test_explainers_have_few_bases():
    """Parts of an explainer are attributes, not bases."""
    defined = {node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    tree = TREES[PACKAGE / "explainers" / "base.py"]
    [explainer] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "BaseExplainer"]
    own = [ast.unparse(base) for base in explainer.bases if ast.unparse(base) in defined]
    assert len(own) <= 2


def test_warnings_are_given_in_one_place():
    """At the user's line; only warnings of other processes are given again where they were."""
    warns = {
        name_of(path)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("warnings.warn", "warnings.warn_explicit")
    }
    assert warns <= {"warn.py", "execution/parallel.py"}
    for path, tree in TREES.items():
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "warnings"]
        assert not imports, name_of(path)
