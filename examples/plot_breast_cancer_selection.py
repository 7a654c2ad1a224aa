"""
===================================================
Selecting the measurements of a breast-cancer table
===================================================

A tumour has thirty measurements of cell nuclei. Which measurements make a network call the tumour malignant, and how
many does the network need? Contributions answer the first question, for all tumours and for a single one. Feature
selection in a :class:`~sklearn.pipeline.Pipeline` answers the second question, with the number of columns chosen by
cross-validation.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import DeepLiftExplainer, MeanAbsoluteImportance
from skdeeplift.plotting import (
    BeeswarmDisplay,
    ImportanceDisplay,
    WaterfallDisplay,
)

# %%
# The network
# ===========
#
# The classes have names, so that contributions are to the log-odds of "malignant", the second class in alphabetical
# order.

data = load_breast_cancer(as_frame=True)
X, y = data.data, data.target_names[data.target]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, random_state=0, stratify=y
)


def network():
    """Make an untrained network behind a scaler."""
    return make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        MLPClassifier(
            (16,),
            alpha=5.0,
            learning_rate_init=0.01,
            tol=1e-3,
            n_iter_no_change=5,
            random_state=0,
        ),
    )


# %%
# What it looks at
# ================
#
# The explainer trains an untrained estimator in ``fit``. Each tumour is compared with 100 others, drawn from the
# training rows: a contribution tells how much a measurement moves the log-odds away from their average.

explainer = DeepLiftExplainer(
    network(), reference="sample", random_state=0, check="raise"
).fit(X_train, y_train)
accuracy_of_all = explainer.score(X_test, y_test)
explanation = explainer.explain(X_test)
print(
    f"With all 30 columns {accuracy_of_all:.1%} of {len(X_test)} test rows are right."
)
print(
    f"Contributions miss the change of the log-odds by at most {np.abs(explanation.convergence_delta).max():.0e}."
)

figure, axes = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
ImportanceDisplay.from_explanation(explanation, max_features=10, ax=axes[0])
BeeswarmDisplay.from_explanation(explanation, max_features=10, ax=axes[1])
plt.show()

# %%
# The left plot shows the size of a measurement's contributions, the right plot also their sign: large and uneven nuclei
# speak for malignancy.
#
# One tumour
# ==========
#
# The network is least certain about this tumour. The contributions lead from the log-odds of the average tumour to
# those of this tumour.

uncertain = int(np.abs(explanation.prediction).argmin())
probability = explainer.predict_proba(X_test)[uncertain, 1]
print(
    f"It is malignant with probability {probability:.2f}, says the network. It is {y_test[uncertain]}."
)

figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
WaterfallDisplay.from_explanation(
    explanation, position=uncertain, max_features=9, ax=ax
)
plt.show()

# %%
# How many does it need?
# ======================
#
# The explainer works in :class:`~sklearn.feature_selection.SelectFromModel`. Since the network is untrained, each fold
# of the cross-validation trains its own, and no test row influences the selection. The chosen number of columns is the
# smallest with an accuracy within one standard error of the best.

N_FOLDS = 4


def smallest_that_is_good(results):
    """Return the position of the smallest selection within one standard error of the best."""
    means, deviations = results["mean_test_score"], results["std_test_score"]
    best = means.argmax()
    return int(
        np.argmax(means >= means[best] - deviations[best] / np.sqrt(N_FOLDS))
    )


selector = SelectFromModel(
    DeepLiftExplainer(network(), random_state=0), threshold=-np.inf
)
search = GridSearchCV(
    make_pipeline(selector, network()),
    {"selectfrommodel__max_features": [2, 6, 15, 30]},
    cv=N_FOLDS,
    refit=smallest_that_is_good,
).fit(X_train, y_train)
scores = pd.DataFrame(
    {
        "accuracy": search.cv_results_["mean_test_score"],
        "deviation": search.cv_results_["std_test_score"],
    },
    index=pd.Index(
        search.cv_results_["param_selectfrommodel__max_features"].astype(int),
        name="columns",
    ),
)
print(scores.round(3))
selected = search.best_estimator_[0].get_feature_names_out().tolist()
accuracy_of_selected = search.best_estimator_.score(X_test, y_test)
print(
    f"\n{len(selected)} columns: {', '.join(selected)}.\n{accuracy_of_selected:.1%} of the test rows are right."
)

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.errorbar(
    scores.index,
    scores["accuracy"],
    scores["deviation"],
    marker="o",
    capsize=3,
)
ax.set_xscale("log", base=2)
ax.set_xticks(scores.index, scores.index)
ax.set(xlabel="selected columns", ylabel="accuracy in cross-validation")
plt.show()

# %%
# A trap: columns that say the same
# =================================
#
# Radius, perimeter and area of the same nuclei are nearly one measurement. The network spreads its weights over these
# columns, so each looks less important than the measurement is. :class:`~skdeeplift.MeanAbsoluteImportance` adds
# contributions within groups before it takes absolute values.

size = [
    "mean radius",
    "mean perimeter",
    "mean area",
    "worst radius",
    "worst perimeter",
    "worst area",
]
groups = {"size": size} | {
    name: [name] for name in X.columns if name not in size
}
contributions = explainer.set_output(transform="pandas").transform(X_test)
grouped = MeanAbsoluteImportance(groups=groups).fit(contributions)
importances = pd.Series(
    grouped.feature_importances_, grouped.get_feature_names_out()
).sort_values(ascending=False)
largest_of_size = contributions[size].abs().mean().max()
correlation = X_train[size].corr().to_numpy().min()
print(f"Correlations among the six are {correlation:.2f} and more.")
print(
    f"Largest importance of one of them: {largest_of_size:.2f}; of all six together: {importances['size']:.2f}."
)
print(importances.head(5).round(2).to_string())
