"""Plugin of pytest that notes which test reaches each message of the package, in ``messages.json``.

``python -m pytest -p tests.message_recorder tests`` uses it, also with ``-n 2``. In such a run each place that raises
or warns reports itself; the files of the package stay as they are. A run of some tests updates the messages that they
reach, and keeps the entries of other tests.
"""

import builtins
import importlib.machinery
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.message_sites import PACKAGE, Key, all_sites, has_test, read_record, sites_of, write_record

WRAPPER = "_note_message"
# A message gives advice if a clause begins with one of these verbs, or names a command.
VERBS = """
    add build call choose convert copy explain fill fit free give import increase install leave load look make move name
    open pass put raise record register remove replace report save see select set use wrap write
""".split()
ADVICE = re.compile(rf"(?:^|[.:;,)] |\b(?:or|and|it) )(?i:{'|'.join(VERBS)}) |\bpass |pip install")


class Recorder:
    """Tests that reach each message."""

    def __init__(self):
        self.current = None
        self.ran = set()
        self.marked = set()
        self.failed = set()
        self.seconds = defaultdict(float)
        self.tests = defaultdict(set)
        self.advising = set()

    def note(self, file, function, message, value):
        """Note that the current test reaches a message, and pass the message or its exception on."""
        if self.current is not None:
            key = Key(file, function, message)
            self.tests[key].add(self.current)
            # The message of another package, which this one may hold, gives advice of its own.
            handled = str(sys.exception() or "")
            text = str(value).replace(handled, "") if handled else str(value)
            if ADVICE.search(text):
                self.advising.add(key)
        return value

    def to_lists(self):
        """Return everything in types that processes may exchange."""
        tests = [[*key, sorted(tests), key in self.advising] for key, tests in self.tests.items()]
        return [sorted(self.ran), sorted(self.marked), sorted(self.failed), dict(self.seconds), tests]

    def add(self, ran, marked, failed, seconds, tests):
        """Add what another process has recorded."""
        self.ran.update(ran)
        self.marked.update(marked)
        self.failed.update(failed)
        for test, each in seconds.items():
            self.seconds[test] += each
        for *key, names, advises in tests:
            self.tests[Key(*key)].update(names)
            if advises:
                self.advising.add(Key(*key))

    def update(self, record):
        """Return a record with what this run has seen: a test that still reaches a message stays its test."""
        updated = {}
        for key in all_sites():
            old, tests = record.get(key, {}), self.tests[key] - self.failed
            test = self._choose(key, old.get("test"), tests)
            if test is None:
                continue
            updated[key] = {"test": test}
            if key in self.advising or (not self.tests[key] and "advice" in old):
                updated[key]["advice"] = self._choose(key, old.get("advice"), tests & self.marked)
        return updated

    def _choose(self, key, old, tests):
        if old in tests or (old is not None and old not in self.ran and has_test(old)):
            return old
        return min(tests, key=lambda name: (_distance(name, key), self.seconds[name], name), default=None)


def _distance(test, key):
    """Return 0 for a test in the file of tests of a site's file, 1 for one of its folder, otherwise 2."""
    of_test, of_site = Path(test.partition("::")[0]), Path("tests", key.file)
    if of_test.parent != of_site.parent:
        return 2
    return 0 if of_test.stem.startswith(f"test_{of_site.stem.strip('_')}") else 1


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        tree = sites_of(Path(self.path), WRAPPER)[1]
        return compile(tree, self.path, "exec", dont_inherit=True)


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] != PACKAGE.name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


recorder = Recorder()


def pytest_addoption(parser):
    """Add the option, and have the package's modules report to the recorder from their import on.

    This hook is the first that runs, and it does not run where only doctests of this file are looked for.
    """
    parser.addoption("--messages", default=None, help="file of the record, instead of tests/messages.json")
    if PACKAGE.name in sys.modules:
        raise pytest.UsageError(
            "The package was imported before. Pass -p tests.message_recorder; for some tests, no -n."
        )
    setattr(builtins, WRAPPER, recorder.note)
    sys.meta_path.insert(0, _Finder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    name = item.nodeid.partition("[")[0]
    # A doctest is no function that the record could name.
    recorder.current = name if "::" in name and name.startswith("tests/") else None
    if recorder.current is not None:
        recorder.ran.add(name)
        if item.get_closest_marker("advice") is not None:
            recorder.marked.add(name)
    try:
        return (yield)
    finally:
        recorder.current = None


def pytest_runtest_logreport(report):
    name = report.nodeid.partition("[")[0]
    recorder.seconds[name] += report.duration
    if report.failed:
        recorder.failed.add(name)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over what a process of pytest-xdist has recorded."""
    if "messages" in getattr(node, "workeroutput", {}):
        recorder.add(*node.workeroutput["messages"])


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["messages"] = recorder.to_lists()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if not hasattr(config, "workeroutput"):
        path = config.getoption("--messages")
        write_record(recorder.update(read_record(path)), path)
