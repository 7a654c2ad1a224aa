"""TensorFlow, without the lines that it writes when it is imported."""

import os
import sys


def import_quietly():
    """Import TensorFlow, which then writes of the machine's features to standard error, whatever its log level is."""
    if "tensorflow" in sys.modules:
        return
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow  # noqa: F401, ICN001
    finally:
        os.dup2(kept, 2)
        os.close(kept)
