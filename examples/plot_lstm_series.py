"""
==================================
When did an LSTM make up its mind?
==================================

A recurrent network reads forty steps of a noisy series and predicts one of two classes. Which steps decide the class?
The series are simulated, so the answer is known: a short event tells the class, and a distractor of the same size does
not.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from skdeeplift import DeepLiftExplainer, GradientExplainer, OcclusionExplainer
from skdeeplift.datasets import make_event_series

# %%
# The series and the network
# ==========================
#
# The event goes up and then down in class 1, and down and then up in class 0. Its sum is zero in both classes, so that
# only a network with memory can tell them apart.

train = make_event_series(
    2000, length=40, event_length=8, noise=0.2, random_state=0
)
test = make_event_series(
    300, length=40, event_length=8, noise=0.2, random_state=1
)

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input(train.data.shape[1:]),
        keras.layers.LSTM(16, return_sequences=True),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"]
)
model.fit(train.data, train.target, epochs=6, batch_size=64, verbose=0)
accuracy = model.evaluate(test.data, test.target, verbose=0)[1]
print(f"{accuracy:.1%} of {len(test.data)} test series are right.")

# %%
# Contributions of steps
# ======================
#
# The reference is a series without events. The LSTM needs no special parameter: contributions pass through its loop,
# gate by gate and step by step, and still sum to the change of the output.

explainers = {
    "DeepLIFT": DeepLiftExplainer(model, reference="zeros", check="raise"),
    "gradient × input": GradientExplainer(model),
    "occlusion": OcclusionExplainer(model, reference="zeros"),
}
explanations = {
    name: explainer.fit(train.data).explain(test.data)
    for name, explainer in explainers.items()
}
contributions = {
    name: explanation.contributions[..., 0]
    for name, explanation in explanations.items()
}
missed = np.abs(explanations["DeepLIFT"].convergence_delta).max()
print(
    f"DeepLIFT's contributions miss the change of the logit by {missed:.0e} at the most."
)

# %%
# The table has the probability that a step of the event has a larger absolute contribution than another step. It also
# has the shares of the event and the distractor in all absolute contributions. Each takes up a fifth of the series.

table = pd.DataFrame(
    {
        name: {
            "AUROC": roc_auc_score(
                test.planted.ravel(), np.abs(scores).ravel()
            ),
            "share of event": np.abs(scores)[test.planted].sum()
            / np.abs(scores).sum(),
            "of distractor": np.abs(scores)[test.distractor].sum()
            / np.abs(scores).sum(),
        }
        for name, scores in contributions.items()
    }
).T
print(table.round(2).to_string())

# %%
# Two series are shown, with the event shaded in grey. Red steps speak for class 1, and blue steps against it. The
# hatched distractor is as large, but has small contributions.

rows = [int(np.flatnonzero(test.target == each)[0]) for each in (1, 0)]
styles = [
    (test.planted, {"facecolor": "0.88"}),
    (
        test.distractor,
        {"facecolor": "none", "edgecolor": "0.8", "hatch": "//"},
    ),
]
figure, axes = plt.subplots(
    2, 2, figsize=(11, 5), sharex=True, layout="constrained"
)
for column, row in zip(axes.T, rows, strict=True):
    series, scores = test.data[row, :, 0], contributions["DeepLIFT"][row]
    column[0].plot(series, color="black", linewidth=1)
    column[0].set(title=f"class {test.target[row]}", ylabel="value")
    column[1].bar(
        np.arange(len(scores)),
        scores,
        1,
        color=np.where(scores > 0, "#b2182b", "#2166ac"),
    )
    column[1].set(xlabel="step", ylabel="contribution to the logit")
    for ax in column:
        for mask, style in styles:
            start, stop = np.flatnonzero(mask[row])[[0, -1]]
            ax.axvspan(start - 0.5, stop + 0.5, zorder=0, linewidth=0, **style)
plt.show()

# %%
# A trap: where is not when
# =========================
#
# Contributions tell which steps of the input matter, not when the network made its decision. To find the time of the
# decision, let the network read only the first steps, without events in the rest, and compare the logit with that of a
# series without events.

n_steps = test.data.shape[1]
few = test.data[:100]
beginnings = np.stack(
    [
        np.where(np.arange(n_steps)[:, None] < stop, few, 0)
        for stop in range(n_steps + 1)
    ]
)
predictions = (
    explainers["DeepLIFT"]
    .explain(beginnings.reshape(-1, n_steps, 1))
    .prediction.reshape(n_steps + 1, -1)
)
changes = (predictions - predictions[0]) / (predictions[-1] - predictions[0])
decided = (changes > 0.5)[::-1].argmin(0)
decided = n_steps + 1 - decided - test.planted[:100].argmax(1)
print(
    f"Half of the change is there for good {np.median(decided):.0f} steps after the event began (median). It takes 8."
)
