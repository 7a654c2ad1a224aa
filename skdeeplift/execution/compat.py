"""Private parts of joblib that this folder relies on."""
# ruff: noqa: F401

# `Parallel` asks this function which backend is active. There is no public way to ask before the rows are cut.
from joblib.parallel import get_active_backend
