"""
=================================
Selecting features without a leak
=================================

Does a feature selection help, or does it only remember the answers? Noise is the honest test: columns without
information about the classes, so that no more than half of the predictions can be right. A selection with a higher
accuracy has seen the test rows.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skdeeplift import DeepLiftExplainer

N_ROWS, N_COLUMNS, N_SELECTED, N_REPEATS = 100, 500, 10, 6

# %%
# Three ways to cross-validate a selection
# ========================================
#
# Each way trains a network and takes the ten columns with the largest mean absolute contributions. A logistic
# regression then classifies by these columns, in four folds.
#
# - *Before the folds*: columns are selected once, on all rows. This is the common mistake.
# - *Trained network*: columns are selected in each fold, on its training rows, but by a network that was trained on all
#   rows. It looks right, as all is in a pipeline; yet the network remembers the test rows.
# - *Untrained network*: the explainer is given an estimator that is not trained, and each fold trains its own.


def network(seed):
    """Make an untrained network."""
    return MLPClassifier(
        (16,),
        alpha=1.0,
        learning_rate_init=0.01,
        tol=1e-3,
        n_iter_no_change=5,
        random_state=seed,
    )


def selector(estimator, seed):
    """Select the columns with the largest contributions."""
    explainer = DeepLiftExplainer(estimator, random_state=seed)
    return SelectFromModel(
        explainer, max_features=N_SELECTED, threshold=-np.inf
    )


def accuracies(seed):
    """Cross-validate on noise, in all three ways."""
    generator = np.random.default_rng(seed)
    X, y = (
        generator.normal(size=(N_ROWS, N_COLUMNS)),
        generator.permutation(np.arange(N_ROWS) % 2),
    )
    folds = StratifiedKFold(4, shuffle=True, random_state=seed)
    classifier = LogisticRegression()
    trained = FrozenEstimator(network(seed).fit(X, y))
    chosen = selector(trained, seed).fit(X, y).transform(X)
    of_trained, of_untrained = (
        make_pipeline(selector(each, seed), classifier)
        for each in (trained, network(seed))
    )
    return {
        "before the folds": cross_val_score(
            classifier, chosen, y, cv=folds
        ).mean(),
        "trained network": cross_val_score(of_trained, X, y, cv=folds).mean(),
        "untrained network": cross_val_score(
            of_untrained, X, y, cv=folds
        ).mean(),
    }


table = pd.DataFrame([accuracies(seed) for seed in range(N_REPEATS)])
print(
    f"Accuracy in cross-validation, means over {N_REPEATS} tables of {N_ROWS} rows and {N_COLUMNS} columns of noise:"
)
print(table.mean().round(2).to_string())

# %%
# Only the last way finds the truth: the columns have no information.

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for position, (name, color) in enumerate(
    zip(table, ("#D55E00", "#E69F00", "#0072B2"), strict=True)
):
    ax.scatter(
        table[name], np.full(N_REPEATS, position), color=color, alpha=0.6
    )
    ax.scatter(table[name].mean(), position, color="black", marker="|", s=500)
ax.axvline(0.5, color="grey", linestyle=":")
ax.set_yticks(range(table.shape[1]), table.columns)
ax.set(
    xlabel="accuracy in cross-validation on noise (line: mean)",
    xlim=(0.3, 1.02),
    ylim=(2.6, -0.6),
)
plt.show()

# %%
# What to do
# ==========
#
# Pass an untrained estimator, and put the selection into the pipeline. If the network is already trained and cannot be
# trained again, judge its selection on rows that were not in its training.
