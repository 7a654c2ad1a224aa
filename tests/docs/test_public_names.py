"""Each public name has a docstring with an example that runs (``--doctest-modules`` runs them all)."""

import doctest
import importlib
import pkgutil

import pytest

import skdeeplift

MODULES = [
    "skdeeplift",
    *(f"skdeeplift.{each.name}" for each in pkgutil.iter_modules(skdeeplift.__path__) if not each.name.startswith("_")),
]


def public_names():
    """The objects that a module exports, by their full names; a name that two modules export is listed twice."""
    found = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            found[f"{module_name}.{name}"] = getattr(module, name)
    return found


NAMES = {name: found for name, found in public_names().items() if callable(found)}


@pytest.mark.parametrize("name", NAMES)
def test_has_an_example(name):
    examples = doctest.DocTestParser().get_examples(NAMES[name].__doc__ or "")
    assert examples, f"{name} has no example."
    # One that shows nothing, or is left out, tells nobody whether it works.
    assert any(example.want for example in examples)
    assert not any(example.options.get(doctest.SKIP) for example in examples)
    # It is found by pytest where it is defined, and not only imported.
    assert NAMES[name].__module__.startswith("skdeeplift.")
