"""Annotations of public names are complete, and agree with the parameters' constraints and with each other."""

import ast
import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import skdeeplift
from skdeeplift import metrics
from skdeeplift.compat import StrOptions
from skdeeplift.explainers.deeplift import RULE_NAMES

ROOT = Path(__file__).parents[1]
MODULES = [skdeeplift, *(value for name in skdeeplift.__all__ if inspect.ismodule(value := getattr(skdeeplift, name)))]
PUBLIC = [value for module in MODULES for name in module.__all__ if callable(value := getattr(module, name))]
CLASSES = [value for value in PUBLIC if inspect.isclass(value) and not issubclass(value, Exception)]
ESTIMATORS = [value for value in CLASSES if hasattr(value, "_parameter_constraints")]
# Made by scikit-learn, which annotates them.
OF_SKLEARN = re.compile(r"set_\w+_request|set_output|get_params|set_params")


def functions_of(value):
    """Return a function itself, or the methods of a class that this package defines, by their names."""
    if not inspect.isclass(value):
        return {value.__name__: value}
    methods = {"__init__": value.__init__} if "__init__" in vars(value) else {}
    for name in dir(value):
        method = getattr(value, name, None)
        if not name.startswith("_") and inspect.isroutine(method) and not OF_SKLEARN.fullmatch(name):
            methods[name] = method
    return {
        name: each for name, each in methods.items() if str(getattr(each, "__module__", "")).startswith("skdeeplift")
    }


FUNCTIONS = {
    f"{value.__name__}.{name}": function
    for value in [*CLASSES, *(each for each in PUBLIC if not inspect.isclass(each))]
    for name, function in functions_of(value).items()
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_annotated(name):
    signature = inspect.signature(FUNCTIONS[name])
    parameters = [each for each in signature.parameters.values() if each.name not in ("self", "cls")]
    assert [each.name for each in parameters if each.annotation is each.empty] == []
    assert signature.return_annotation is not signature.empty
    for each in parameters:
        assert each.default is not None or each.annotation == "Any" or "None" in each.annotation, each
    # Names in annotations exist at run time too, for programs that read types.
    typing.get_type_hints(inspect.unwrap(getattr(FUNCTIONS[name], "__func__", FUNCTIONS[name])))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.__name__)
def test_annotations_agree_with_the_constraints(estimator):
    for name, parameter in inspect.signature(estimator).parameters.items():
        constraints, annotation = estimator._parameter_constraints[name], parameter.annotation
        if constraints == "no_validation":
            continue
        words = {
            word for part in re.findall(r"Literal\[(.*?)\]", annotation) for word in ast.literal_eval(f"({part},)")
        }
        options = {word for each in constraints if isinstance(each, StrOptions) for word in each.options}
        takes_text = re.search(r"\bstr\b|\w+Like\b|RuleName|GroupsLike", annotation)
        assert words == options or (not words and takes_text), (name, words, options)
        takes_none = None in constraints or "random_state" in constraints
        assert takes_none == ("None" in annotation), (name, annotation)
        assert ("boolean" in constraints) == ("bool" in annotation), (name, annotation)


def test_names_of_rules_are_those_of_the_explainer():
    tree = ast.parse((ROOT / "skdeeplift/annotations.py").read_text(encoding="utf-8"))
    [value] = [n.value for n in ast.walk(tree) if isinstance(n, ast.AnnAssign) and n.target.id == "RuleName"]
    assert set(ast.literal_eval(value.slice)) == RULE_NAMES


@pytest.mark.parametrize("module", [skdeeplift, metrics], ids=lambda module: module.__name__)
def test_type_checkers_find_the_names_that_are_imported_at_their_first_use(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {alias.name: node.module for node in block.body for alias in node.names}
    assert set(imported) == set(module.__all__)
    for name, home in imported.items():
        value = getattr(module, name)
        assert (value.__name__ == f"{home}.{name}") if inspect.ismodule(value) else (value.__module__ == home)


@pytest.mark.slow
def test_type_checkers_infer_and_refuse_what_typed_calls_say(tmp_path):
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), "--python-executable", sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
