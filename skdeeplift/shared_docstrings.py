"""Docstrings whose placeholders, such as ``%(target)s``, stand for descriptions that several objects share."""

import inspect
import re
import textwrap
from functools import cache

_ENTRY = re.compile(r"^(?P<name>\w+) : .*\n(?P<description>(?:(?: {4}.*)?\n)*)", re.MULTILINE)
_PLACEHOLDER = re.compile(r"^(?P<indent> *)(?P<head>\w+ : .*\n(?P=indent) {4})?%\((?P<name>\w+)\)s$", re.MULTILINE)


def fill_placeholders(described, shared):
    """Replace each placeholder in the docstring of a class or function by its entry in a shared docstring.

    A placeholder has a line of its own. The lines below it continue the description. Below a name and a type, the
    placeholder stands for the description alone, so that an object may have a default of its own.

    Parameters
    ----------
    described : class or function
        Object whose docstring is filled in place.
    shared : str or None
        Docstring with an entry for each name: ``name : type``, and below it the description. None under ``python -OO``,
        which removes all docstrings.

    Raises
    ------
    ValueError
        If the shared docstring has no entry of a placeholder's name.
    """
    if not described.__doc__ or not shared:
        return
    entries = _read_entries(shared)
    placeholders = list(_PLACEHOLDER.finditer(described.__doc__))
    if unknown := [each["name"] for each in placeholders if each["name"] not in entries]:
        raise ValueError(
            f"The docstring of {described.__qualname__} has placeholders without a shared description: "
            f"{', '.join(unknown)}. There are descriptions of {', '.join(sorted(entries))}."
        )
    described.__doc__ = _PLACEHOLDER.sub(lambda found: _fill(found, entries[found["name"]]), described.__doc__)


@cache
def _read_entries(shared):
    """Return the entries of a shared docstring, as matches of the pattern, by their names."""
    return {entry["name"]: entry for entry in _ENTRY.finditer(inspect.cleandoc(shared) + "\n")}


def _fill(placeholder, entry):
    """Return the text that takes the place of a placeholder."""
    head = (placeholder["head"] or entry[0]).splitlines()[0].strip()
    return textwrap.indent(f"{head}\n{entry['description'].rstrip()}", placeholder["indent"])
