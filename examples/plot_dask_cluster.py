"""
=====================================
More rows than memory: a Dask cluster
=====================================

Explainers accept arrays and tables of Dask like those of NumPy and pandas. Contributions stay lazy: they are computed
when they are needed, block by block, on the machines of the cluster.
"""

import pickle

import dask.dataframe as dd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from dask.distributed import Client, LocalCluster
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer, MeanAbsoluteImportance
from skdeeplift.plotting import ImportanceDisplay

# %%
# A cluster
# =========
#
# This cluster runs in threads of the same process, so that it starts at once. For several processes or machines, only
# this line changes, such as to ``Client("tcp://scheduler:8786")``. The explainer is sent to each worker once.

cluster = LocalCluster(
    n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
)
client = Client(cluster)

# %%
# Many rows
# =========
#
# The data are ten blocks of 20,000 tumours each. A worker makes a block when it needs the block, as if it read a file:
# rows of the breast-cancer table, drawn with replacement, with a little noise.

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
N_BLOCKS, N_ROWS = 10, 20_000


def load(block):
    """Make a block of rows."""
    generator = np.random.default_rng(block)
    rows = X.iloc[generator.integers(len(X), size=N_ROWS)].reset_index(
        drop=True
    )
    return rows * generator.normal(1, 0.02, rows.shape)


rows = dd.from_map(load, range(N_BLOCKS), meta=X)
print(f"{N_BLOCKS * N_ROWS} rows in {rows.npartitions} blocks.")

# %%
# Explain them
# ============
#
# The network was trained on the small table. The method ``transform`` returns a Dask table at once, with the same
# blocks.

scaler = StandardScaler().set_output(transform="pandas")
network = make_pipeline(
    scaler,
    MLPClassifier(
        (32, 16),
        alpha=1.0,
        learning_rate_init=0.01,
        tol=1e-3,
        n_iter_no_change=5,
        random_state=0,
    ),
).fit(X, y)
explainer = DeepLiftExplainer(
    FrozenEstimator(network),
    reference="kmeans",
    max_references=5,
    random_state=0,
).fit(X)
explainer.set_output(transform="pandas")
print(
    f"An explainer has {len(pickle.dumps(explainer)) / 1000:.0f} kB on its way to a worker."
)

contributions = explainer.transform(rows)
print(
    type(contributions).__name__,
    "of",
    contributions.npartitions,
    "blocks, none of them computed yet",
)

# %%
# Summaries are computed on the workers, and only summaries are sent back.

importance = MeanAbsoluteImportance().fit(contributions)
importances = pd.Series(importance.feature_importances_, X.columns)
print(f"{importance.n_samples_seen_} rows:")
print(importances.nlargest(5).round(3).to_string())

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ImportanceDisplay(
    importances, X.columns, spread=importance.feature_importances_std_
).plot(max_features=10, ax=ax)
plt.show()

# %%
# The numbers equal those computed on one machine.

first = load(0)
difference = np.abs(
    contributions.partitions[0].compute().to_numpy()
    - explainer.transform(first).to_numpy()
).max()
print(f"Largest difference to the same rows in memory: {difference}")

# %%
# A trap
# ======
#
# The call ``contributions.compute()`` would send all contributions to this machine. Instead, let the workers write
# files with ``contributions.to_parquet(...)``, reduce the contributions as above, or select rows: here the rows of the
# first two blocks with the largest contributions.

strongest = (
    contributions.partitions[:2].abs().max(axis=1).nlargest(5).compute()
)
print(strongest.round(2).to_string())

client.close()
cluster.close()
