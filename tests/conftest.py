"""Settings of all tests."""

import gc
import itertools
import os
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis
import pytest
import tensorflow as tf

from tests.doctest_lines import correct_lines

# Of two processes side by side, each has one core.
threads = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)

# For tests of what is drawn at random, by command: anew each time, and many.
hypothesis.settings.register_profile("exhaustive", max_examples=500, deadline=None, print_blob=True)


def pytest_configure(config):
    config.addinivalue_line("markers", "advice: follows the advice of each message that it reaches, to a result")
    config.addinivalue_line("filterwarnings", "error::skdeeplift.exceptions.SummationToDeltaWarning")


@pytest.hookimpl(tryfirst=True)  # before pytest looks at the option -m
def pytest_collection_modifyitems(items):
    """Mark as slow all but one in every few cases of the tests that are marked ``sampled``, of those not slow yet."""
    sampled = (item for item in items if item.get_closest_marker("sampled") and not item.get_closest_marker("slow"))
    for (_, name), cases in itertools.groupby(sampled, key=lambda item: (item.path, item.originalname)):
        cases = list(cases)
        every = min(cases[0].get_closest_marker("sampled").args[0], len(cases))
        # The name decides where to start, so that one test keeps its first case and another one its second.
        for number, case in enumerate(cases, start=zlib.crc32(name.encode())):
            if number % every:
                case.add_marker(pytest.mark.slow)
    correct_lines(items)


def pytest_collection_finish(session):
    """Keep the objects of imported packages, about a million, out of each search for unreachable objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True, scope="module")
def graphs_as_they_are(request):
    """Leave out TensorFlow's optimizer of graphs, which takes longer than these small networks do.

    Tests of conformance, and modules of tests that are marked ``optimized``, run it, as users do.
    """
    is_marked = request.node.get_closest_marker("optimized") is not None
    is_off = not is_marked and request.path.parent.name != "conformance"
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": is_off})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
