"""Runs an example as a script, and writes what it found: ``run_example.py EXAMPLE VALUES [FOLDER_OF_FIGURES]``."""

import pickle
import runpy
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

KEPT = (bool, int, float, str, list, tuple, dict, np.ndarray, np.number, pd.DataFrame, pd.Series)


def main(example, values, figures=None):
    found = {}
    for name, value in runpy.run_path(example, run_name="__main__").items():
        if isinstance(value, KEPT) and not name.startswith("__"):
            try:
                pickled = pickle.dumps(value)
            except Exception:  # noqa: BLE001 - what can not be pickled is no finding
                continue
            # Data are no findings, nor is what only the example knows.
            if len(pickled) < 10**6 and b"__main__" not in pickled:
                found[name] = value
    found["n_figures"] = len(plt.get_fignums())
    Path(values).write_bytes(pickle.dumps(found))
    if figures is not None:
        for number in plt.get_fignums():
            plt.figure(number).savefig(Path(figures) / f"{Path(example).stem}_{number}.png", dpi=80)


if __name__ == "__main__":
    main(*sys.argv[1:])
