"""
====================
Choosing a reference
====================

Contributions compare a row with a reference, and another reference gives other contributions. This example explains the
same wines against several references, and shows which references are unsuitable.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from skdeeplift import DeepLiftExplainer
from skdeeplift.plotting import ConvergenceDisplay
from skdeeplift.references import TrainingSample, reference_report

# %%
# The network
# ===========
#
# The network tells three cultivars apart by thirteen measurements, in their own units. Its first layer scales the
# measurements.

data = load_wine(as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(
    data.data.astype(np.float32),
    data.target,
    test_size=0.4,
    random_state=0,
    stratify=data.target,
)
keras.utils.set_random_seed(0)
scaling = keras.layers.Normalization()
scaling.adapt(X_train.to_numpy())
model = keras.Sequential(
    [
        keras.Input((X_train.shape[1],)),
        scaling,
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(0.02),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(X_train, y_train, epochs=30, batch_size=16, verbose=0)
accuracy = model.evaluate(X_test, y_test, verbose=0)[1]
print(f"{accuracy:.1%} of {len(X_test)} test wines are right.")

# %%
# Is the reference a possible wine?
# =================================
#
# Zeros are the usual reference for images, where black is no signal. A wine without alcohol, ash and colour does not
# exist, and is far from all training rows. The largest absolute value after scaling shows how far, in comparison with
# the training wines.

choices = ["zeros", "mean", "sample", "kmeans", "nearest_other"]
wines = X_test[y_test == 0]
far = {
    "zeros": np.abs(scaling(np.zeros((1, 13), np.float32))).max(),
    "training wines": np.abs(scaling(X_train.to_numpy())).max(),
}
print({name: round(float(each), 1) for name, each in far.items()})

explainers = {
    choice: DeepLiftExplainer(
        model, reference=choice, target=0, random_state=0, check="raise"
    )
    for choice in choices
}
explanations = {
    choice: explainer.fit(X_train).explain(wines)
    for choice, explainer in explainers.items()
}
at_reference = pd.Series(
    {name: each.reference_value.mean() for name, each in explanations.items()}
)
print(
    f"\nThe mean logit of cultivar 0 is {explanations['zeros'].prediction.mean():.1f}. That of references is:"
)
print(at_reference.round(1).to_string())

# %%
# The same wines are explained against each reference. With ``"zeros"`` they are compared with nothing, with ``"mean"``
# and ``"sample"`` with the average wine, and with ``"nearest_other"`` with the most similar wine of another cultivar.

importances = pd.DataFrame(
    {
        name: np.abs(each.contributions).mean(0)
        for name, each in explanations.items()
    },
    X_train.columns,
)
shares = importances / importances.sum()
figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
drawn = ax.imshow(shares, cmap="viridis", aspect="auto", vmin=0)
ax.set_xticks(range(len(choices)), choices)
ax.set_yticks(range(len(shares)), shares.index)
ax.set_title("share of mean absolute contributions, wines of cultivar 0")
figure.colorbar(drawn, label="share")
plt.show()
correlations = importances.corr("spearman")
print("Rank correlation of importances with those against training wines:")
print(correlations["sample"].round(2).to_string())

# %%
# How many references?
# ====================
#
# Contributions are means over references, with a standard error. The function :func:`reference_report
# <skdeeplift.references.reference_report>` tells how contributions converge as references are added, and how much the
# choice of references matters.

explainer = DeepLiftExplainer(
    model, reference="sample", target=0, max_references=64, random_state=0
).fit(X_train)
clusters = TrainingSample("kmeans", n_clusters=16)
report = reference_report(
    explainer,
    X_test,
    references={"kmeans": clusters, "zeros": "zeros"},
    n_references=[1, 8, 64],
)
columns = [
    "standard_error",
    "change",
    "reference_value",
    "rank_correlation_with_fitted",
]
print(report[columns].round(2).to_string())

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ConvergenceDisplay.from_report(report, ax=ax)
plt.show()

# %%
# More references give a smaller standard error. With ``max_references="auto"``, references are added for each row until
# its standard error is below ``reference_tol``.

automatic = DeepLiftExplainer(
    model,
    reference="sample",
    target=0,
    max_references="auto",
    reference_tol=0.2,
    random_state=0,
).fit(X_train)
numbers = automatic.explain(wines).n_references
print(
    f"For a standard error of 20 %, the wines need {numbers.min()} to {numbers.max()} references."
)

# %%
# What one learns
# ===============
#
# Choose the reference by the question, then look at the network's prediction for it. An extreme prediction means that
# the network does not know such inputs. Zeros are a good reference only if zero means that there is no signal.
