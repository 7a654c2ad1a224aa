"""
=========================================
A table with thousands of useless columns
=========================================

The breast-cancer table has thirty columns of measurements. Here 1970 columns are added, each a measurement with
shuffled rows: it has the same values, but they belong to other tumours. Does a network's explanation tell measurements
from shuffled copies, and where should a selection stop?
"""

import time

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer

N_COLUMNS = 2000

# %%
# Measurements and shuffled copies
# ================================
#
# A shuffled copy is a *probe*: any importance that it gets comes from chance.

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
generator = np.random.default_rng(0)
copies = {
    f"shuffled {name} {number}": generator.permutation(X[name])
    for number in range(1, N_COLUMNS // X.shape[1] + 1)
    for name in X
}
is_real = np.arange(N_COLUMNS) < X.shape[1]
wide = pd.concat([X, pd.DataFrame(copies, X.index)], axis=1).iloc[
    :, :N_COLUMNS
]
X_train, X_test, y_train, y_test = train_test_split(
    wide, y, random_state=0, stratify=y
)
scaler = StandardScaler().set_output(transform="pandas").fit(X_train)
X_train, X_test = (
    scaler.transform(X_train).astype(np.float32),
    scaler.transform(X_test).astype(np.float32),
)


def train(columns):
    """Train a network on some columns."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((len(columns),)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(1e-3),
        "binary_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        X_train[columns].to_numpy(),
        y_train.to_numpy(),
        epochs=10,
        batch_size=32,
        verbose=0,
    )
    return model


def accuracy(model, columns, rows, y):
    """Tell how many rows are right."""
    return model.evaluate(rows[columns].to_numpy(), y.to_numpy(), verbose=0)[1]


model = train(wide.columns)
of_train, of_test = (
    accuracy(model, wide.columns, X_train, y_train),
    accuracy(model, wide.columns, X_test, y_test),
)
print(
    f"{of_train:.1%} of {len(X_train)} training rows are right, and {of_test:.1%} of {len(X_test)} others."
)

# %%
# Explaining 2000 columns
# =======================
#
# With one reference, the mean, contributions cost as much as a plain gradient. The number of runs of the network does
# not depend on the number of columns, unlike methods that remove columns one by one.

explainer = DeepLiftExplainer(model, check="raise").fit(X_train)
start = time.perf_counter()
explanation = explainer.explain(X_train)
seconds = time.perf_counter() - start
print(f"{explanation.contributions.size} contributions in {seconds:.2f} s.")

importances = pd.Series(
    np.abs(explanation.contributions).mean(0), wide.columns
)
ranked = importances.sort_values(ascending=False)
is_real_by_rank = pd.Series(is_real, wide.columns)[ranked.index]
auroc = roc_auc_score(is_real, importances)
print(f"A measurement is above a shuffled copy with probability {auroc:.2f}.")
print(
    f"Of the 30 columns with the largest importance {is_real_by_rank[:30].sum()} are measurements."
)

# %%
# Where to stop
# =============
#
# By default, ``SelectFromModel`` keeps columns above the mean importance. In a wide table these are hundreds of
# columns, since importances by chance raise the mean too. The probes give a better threshold: an importance that at
# most one in a hundred probes surpasses.

threshold = np.quantile(importances[~is_real], 0.99)
selected = {
    "above the mean": importances > importances.mean(),
    "above 99 % of the probes": importances > threshold,
}
table = pd.DataFrame(
    {
        name: {
            "measurements": (mask & is_real).sum(),
            "shuffled copies": (mask & ~is_real).sum(),
        }
        for name, mask in selected.items()
    }
).T
print(table)

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
bins = np.linspace(0, ranked.iloc[0], 60)
axes[0].hist(
    importances[~is_real], bins, color="#999999", label="shuffled copies"
)
axes[0].hist(importances[is_real], bins, color="#D55E00", label="measurements")
axes[0].axvline(importances.mean(), color="black", linestyle=":", label="mean")
axes[0].axvline(threshold, color="black", label="99 % of the probes")
axes[0].set(
    yscale="log", xlabel="mean absolute contribution", ylabel="columns"
)
axes[0].legend(frameon=False)
axes[1].plot(
    np.arange(1, 201),
    is_real_by_rank[:200].cumsum(),
    color="#D55E00",
    label="by contribution",
)
axes[1].plot(
    [1, 30],
    [1, 30],
    color="grey",
    linestyle=":",
    label="all of them measurements",
)
axes[1].set(
    xlabel="columns taken, the most important first",
    ylabel="measurements among them",
)
axes[1].legend(frameon=False)
plt.show()

# %%
# What it is good for
# ===================
#
# The test rows did not influence the selection, so they can judge it. The same network is trained on the selected
# columns alone.

selected_columns = wide.columns[importances > threshold]
of_selected = accuracy(
    train(selected_columns), selected_columns, X_test, y_test
)
print(
    f"With {len(selected_columns)} columns {of_selected:.1%} of the test rows are right; with all {of_test:.1%} were."
)

# %%
# A trap
# ======
#
# Each shuffled copy has little importance, but there are many copies. An explanation tells what a network does, not
# what is true of tumours. This network, which has memorised its training rows, uses the copies.

share = importances[is_real].sum() / importances.sum()
print(f"The measurements' share of all importance is {share:.1%}.")
