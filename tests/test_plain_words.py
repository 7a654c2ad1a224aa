"""The check of plain words finds what reads badly, and nothing else."""

import pytest

from tests.plain_words import faults, faults_of_source

LONG = " ".join(["word"] * 36)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One thought a sentence. Another one.", []),
        (f"Word {LONG}.", ["a sentence of 37 words"]),
        (f"Word {' '.join(['word'] * 20)}. {' '.join(['Word'] * 20)}.", []),
        ("It can not be done.", ["'can not': write cannot"]),
        ("It doesn't work.", ['"doesn\'t"']),
        ("``can not`` and :ref:`of which <page>` are code.", []),
        (f"Text::\n\n    {LONG} {LONG}\n\nText again.", []),
        (f">>> {LONG}", []),
        ("- an item\n- another item of which something is said", ["'of which'"]),
    ],
)
def test_sentences_and_phrases_of_prose_are_found(text, found):
    got = [fault for _, fault in faults(text, 1)]
    assert len(got) == len(found)
    assert all(fault.startswith(start) for fault, start in zip(got, found, strict=True))


def test_messages():
    """A value counts as one word, and a sentence goes on behind it; fragments and lines of the shell have no period."""
    half = " ".join(["word"] * 18)
    source = f'''
raise ValueError(f"{half.capitalize()} {{value}} {half}.")
raise ValueError(f"Got {{value!r}}. Pass one")
warn("It has no rows", UserWarning)
raise ValueError("it has no rows")
raise ValueError(f"DATA has {{n}} rows")
raise ValueError(f"Expected 1. Got {{value!r}}")
'''
    found = list(faults_of_source(source))
    assert [line for line, _ in found] == [2, 3, 4]
    assert "a sentence of 37 words" in found[0][1]
    assert found[1][1] == "a message without a period at its end: ...Got `code`. Pass one"


def test_sentences_and_phrases_of_sources_are_found():
    source = f'''"""Sources."""

def function():
    """What a function returns."""
    # A comment that
    # can not be right.
    value = "can not, which is no message"
    raise ValueError(f"{{value}} can not be used.")

def other():
    """Return a number.

    {LONG} {LONG}.
    """
'''
    found = sorted(faults_of_source(source))
    assert [line for line, _ in found] == [4, 5, 8, 13]
    assert "the summary starts with 'what'" in found[0][1]
