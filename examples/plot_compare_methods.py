"""
===================================
Which method explains this network?
===================================

Methods disagree, and all their pictures look plausible. Metrics measure three properties of a good explanation. If the
pixels that it calls important are erased, the prediction should fall. Its contributions of a set of pixels should sum
to their joint effect. It should change when the network's weights are randomized.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skdeeplift import (
    DeepLiftExplainer,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
)
from skdeeplift.metrics import (
    compare_explainers,
    deletion_curve,
    explanation_scorer,
    randomization_check,
)
from skdeeplift.plotting import ImageContributionDisplay

# %%
# A network of digits
# ===================

X, y = load_digits(return_X_y=True)
X = (X / 16).reshape(-1, 8, 8, 1).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, random_state=0, stratify=y
)
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input(X.shape[1:]),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(3e-3),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(X_train, y_train, epochs=8, batch_size=64, verbose=0)
print(
    f"{model.evaluate(X_test, y_test, verbose=0)[1]:.1%} of {len(X_test)} test images are right."
)

# %%
# Five methods
# ============
#
# Each method explains the logit of the predicted digit. Methods with a reference use a black image.

explainers = {
    "RevealCancel": DeepLiftExplainer(
        model, rule="reveal_cancel", reference="zeros"
    ),
    "Rescale": DeepLiftExplainer(model, reference="zeros"),
    "integrated gradients": IntegratedGradientsExplainer(
        model, reference="zeros", n_steps=20, check="ignore"
    ),
    "gradient × input": GradientExplainer(model),
    "guided backprop": GuidedBackpropExplainer(model),
}
explainers = {
    name: explainer.fit(X_train[:50]) for name, explainer in explainers.items()
}
digits = X_test[:40]
explanations = {
    name: explainer.explain(digits) for name, explainer in explainers.items()
}

figure, axes = plt.subplots(
    3, 1 + len(explainers), figsize=(12, 6), layout="constrained"
)
ImageContributionDisplay.from_explanation(
    explanations, rows=[0, 1, 2], scale="row", ax=axes
)
plt.show()

# %%
# Numbers
# =======
#
# Deletion is the fall of the logit while pixels are erased, the largest contributions first; more is better. Insertion
# is the rise of the logit while these pixels are put onto a black image. Sensitivity-n is the correlation between the
# sum of contributions over a random set of pixels and the loss of the output without them. Summation to delta and
# infidelity are errors.

table = compare_explainers(
    explainers,
    digits,
    metrics=[
        "summation_to_delta_error",
        "deletion_score",
        "insertion_score",
        "sensitivity_n",
        "infidelity",
    ],
    fill="zeros",
)
print(table.drop(index="seconds").round(3).to_string())

# %%
# The curves behind the deletion score are means over the images. The dotted curve erases pixels in random order; a
# useful method lies below it.

colors = dict(
    zip(
        explainers,
        ("#D55E00", "#E69F00", "#0072B2", "#56B4E9", "#999999"),
        strict=True,
    )
)
noise = np.random.default_rng(0).normal(size=digits.shape)
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
curves = {}
for name, explainer in explainers.items():
    curve = deletion_curve(
        explainer, digits, fill="zeros", explanation=explanations[name]
    )
    curves[name] = curve.value.mean(0)
    ax.plot(curve.fraction, curves[name], color=colors[name], label=name)
at_random = deletion_curve(
    explainers["Rescale"], digits, fill="zeros", explanation=noise
)
curves["at random"] = at_random.value.mean(0)
ax.plot(
    at_random.fraction,
    curves["at random"],
    color="black",
    linestyle=":",
    label="at random",
)
ax.set(
    xlabel="share of pixels erased", ylabel="mean logit of the predicted digit"
)
ax.legend(frameon=False)
plt.show()
areas = pd.Series({name: curve.mean() for name, curve in curves.items()})

# %%
# A trap: pictures that do not depend on the network
# ==================================================
#
# Guided backpropagation draws sharp pictures. The weights of layers are randomized, from the last layer to the first:
# an explanation of the network must then change. A picture that stays alike shows the image and not the network.

agreement = pd.DataFrame(
    {
        name: randomization_check(each, digits)
        for name, each in explainers.items()
    }
)
print(agreement.round(2).T.to_string())

# %%
# Let cross-validation choose
# ===========================
#
# A metric is also a scorer, so that a grid search can choose the rule and the reference.

search = GridSearchCV(
    DeepLiftExplainer(model, max_samples=20),
    {"rule": ["rescale", "reveal_cancel"], "reference": ["zeros", "mean"]},
    scoring=explanation_scorer("deletion_score", fill="zeros"),
    cv=2,
).fit(digits)
results = pd.DataFrame(search.cv_results_)[
    ["param_rule", "param_reference", "mean_test_score"]
]
print(results.round(2).to_string(index=False))
print("Best:", search.best_params_)
