"""A table of numbers and words, and an encoder of it."""

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder


def pets(n_rows=60, seed=0):
    """A table in which the pet and the weight decide; the encoder below returns columns in another order."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": random.normal(size=n_rows),
            "pet": pd.Categorical(random.choice(["cat", "dog", "newt"], n_rows)),
            "height": random.normal(size=n_rows).astype(np.float32),
            "color": random.choice(["red", "green"], n_rows),
            "weight": random.normal(size=n_rows),
        },
        index=[f"row {row}" for row in range(n_rows)],
    )
    y = frame["weight"] + 2.0 * (frame["pet"] == "cat") + 0.01 * random.normal(size=n_rows)
    return frame, y


def encoder():
    return make_column_transformer((OneHotEncoder(sparse_output=False), ["color", "pet"]), remainder="passthrough")
