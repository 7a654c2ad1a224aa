"""Messages of the package: a test raises each message, and another test follows its advice to a result.

``tests/messages.json`` lists the messages by file, function and source. An entry names the test that raises the message
and, if the message gives advice, the test that follows it, which has the mark ``advice``. This command writes the list:

    python -m pytest -n 2 -p tests.message_recorder tests

To update the entries of some tests, name their files instead of ``tests``, and leave out ``-n``.
"""

import ast
import shutil
import subprocess
import sys

import pytest

from tests import message_recorder
from tests.message_sites import RECORD, ROOT, Key, all_sites, has_test, read_record, sites_of

HINT = "Write the tests, and record them by python -m pytest -p tests.message_recorder FILES_OF_TESTS"
MODULE = """
def f(x):
    raise ValueError(f"x is {x!r}. Pass 1.")
class A:
    def g(self, x):
        try:
            raise made(x)
        except KeyError:
            raise
        warn("so " + x, UserWarning)
        raise NotImplementedError
def made(x):
    return TypeError(x)
def twice(x):
    if x:
        raise ValueError("no")
    raise ValueError("no") from x
"""


@pytest.fixture(scope="module")
def record():
    return read_record()


def test_each_message_is_raised_by_a_test(record):
    missing = [" | ".join(key) for key in all_sites() if key not in record]
    assert not missing, f"No test is known to raise these messages. {HINT}"


def test_no_other_messages_are_listed(record):
    stale = [" | ".join(key) for key in record.keys() - set(all_sites())]
    assert not stale, f"These messages are no longer in the sources. {HINT}"


def test_tests_of_messages_exist(record):
    lost = {entry["test"] for entry in record.values() if not has_test(entry["test"])}
    assert not lost, f"These tests do not exist. {HINT}"


def test_advice_is_followed_by_a_test(record):
    advice = {" | ".join(key): entry["advice"] for key, entry in record.items() if "advice" in entry}
    missing = [key for key, test in advice.items() if test is None or not has_test(test, marked=True)]
    assert not missing, f"No test with the mark advice is known to follow these messages. {HINT}"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_messages_are_raised_by_the_tests_listed(record, tmp_path):
    path = tmp_path / "messages.json"
    shutil.copy(RECORD, path)
    tests = sorted({entry[kind] for entry in record.values() for kind in ("test", "advice") if entry.get(kind)})
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.message_recorder", f"--messages={path}"]
    # Some of the cases of a test, or the whole test, are slow.
    options += ["-m", "not (exhaustive or benchmark)"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert read_record(path) == record


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.message_sites.PACKAGE", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    return path


def test_keys_have_the_function_and_the_source(module):
    assert [key[1:] for key in sites_of(module)[0]] == [
        ("f", "ValueError: x is {x!r}. Pass 1."),
        ("A.g", "made(x)"),
        ("A.g", "UserWarning: {'so ' + x}"),
        ("made", "TypeError: {x}"),
        ("twice", "ValueError: no"),
        ("twice", "ValueError: no (2)"),
    ]


def test_sites_pass_their_values_through_a_function(module):
    notes = []

    def note(*key, value):
        notes.append((key, str(value)))
        return value

    namespace = {"note": lambda *arguments: note(*arguments[:-1], value=arguments[-1])}
    exec(compile(sites_of(module, "note")[1], module, "exec"), namespace)
    with pytest.raises(ValueError, match="x is 2") as caught:
        namespace["f"](2)
    assert caught.traceback[-1].lineno == 2  # the line stays, counted from 0
    assert notes == [(("module.py", "f", "ValueError: x is {x!r}. Pass 1."), "x is 2. Pass 1.")]
    with pytest.raises(TypeError, match="y"):
        namespace["A"]().g("y")
    assert [key[1] for key, _ in notes[1:]] == ["made", "A.g"]
    assert ast.unparse(sites_of(module)[1]) == ast.unparse(ast.parse(MODULE))


def test_records_keep_tests_that_still_raise_the_message(monkeypatch):
    key = Key("targets/target.py", "f", "ValueError: no")
    monkeypatch.setattr(message_recorder, "all_sites", lambda: [key])
    monkeypatch.setattr(message_recorder, "has_test", lambda name: name != "tests/gone.py::test")
    own, room, other = "tests/targets/test_target.py::test", "tests/targets/test_more.py::test", "tests/test.py::test"

    def updated(old, ran, advises=True, failed=()):
        recorder = message_recorder.Recorder()
        recorder.add([*ran, "tests/a.py::other"], [other], failed, {}, [[*key, ran, advises]] if ran else [])
        return recorder.update({key: old} if old else {}).get(key)

    assert updated(None, [other, room, own]) == {"test": own, "advice": other}
    assert updated(None, [other, room, own], failed=[own]) == {"test": room, "advice": other}
    assert updated({"test": other, "advice": None}, [own, other]) == {"test": other, "advice": other}
    assert updated({"test": room, "advice": other}, [own], advises=False) == {"test": room}
    assert updated({"test": "tests/gone.py::test"}, [own]) == {"test": own, "advice": None}
    assert updated({"test": "tests/gone.py::test"}, []) is None
    assert updated({"test": "tests/a.py::other", "advice": other}, []) is None
    assert updated({"test": room, "advice": other}, []) == {"test": room, "advice": other}
