"""
=======================================
Inside of a residual network: one layer
=======================================

Inner layers have contributions too. Which channels of an inner layer make a network see an 8 and not a 3, and where in
the image? The digits are those of scikit-learn, and the network has two residual blocks.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdeeplift import DeepLiftExplainer
from skdeeplift.plotting import ImageContributionDisplay

# %%
# The network
# ===========

X, y = load_digits(return_X_y=True)
X = (X / 16).reshape(-1, 8, 8, 1).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, random_state=0, stratify=y
)


def block(hidden, name):
    """Two convolutions beside the identity."""
    inner = layers.Conv2D(
        16, 3, padding="same", activation="relu", name=f"{name}_first"
    )(hidden)
    inner = layers.BatchNormalization(
        momentum=0.9, name=f"{name}_normalisation"
    )(inner)
    inner = layers.Conv2D(16, 3, padding="same", name=f"{name}_second")(inner)
    return layers.Activation("relu", name=name)(
        layers.Add(name=f"{name}_sum")([hidden, inner])
    )


keras.utils.set_random_seed(0)
inputs = keras.Input(X.shape[1:])
hidden = layers.Conv2D(16, 3, padding="same", activation="relu", name="stem")(
    inputs
)
hidden = block(block(hidden, "block_1"), "block_2")
outputs = layers.Dense(10, activation="softmax")(
    layers.Flatten()(layers.MaxPooling2D(2)(hidden))
)
model = keras.Model(inputs, outputs)
model.compile(
    keras.optimizers.Adam(3e-3),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(X_train, y_train, epochs=8, batch_size=64, verbose=0)
accuracy = model.evaluate(X_test, y_test, verbose=0)[1]
print(f"{accuracy:.1%} of {len(X_test)} test images are right.")

# %%
# Contributions of an inner layer
# ===============================
#
# The parameter ``layer`` names the layer whose units to explain. All paths to the output pass through the end of the
# first block, so contributions of its units sum to the same change of the output as those of the pixels. Inside the
# block they would not, since the identity bypasses the convolutions.

target = {8: 1, 3: -1}
eights = X_test[y_test == 8]
totals = {}
for layer in (None, "block_1", "block_1_second"):
    explainer = DeepLiftExplainer(
        model, reference="zeros", target=target, layer=layer, max_samples=50
    )
    explanation = explainer.fit(X_train).explain(eights)
    contributions = explanation.contributions
    totals[layer or "pixels"] = contributions.reshape(len(eights), -1).sum(
        1, dtype=float
    )
    if layer == "block_1":
        of_block = explanation
    elif layer is None:
        of_pixels = explanation
change = of_pixels.prediction - of_pixels.reference_value
table = pd.DataFrame(totals).assign(change=change)
print(
    "Sums of contributions to the log-odds of 8 against 3, of the first five eights:"
)
print(table.head().round(2))

# %%
# Channels
# ========
#
# The sum over positions gives the contributions of channels.

of_channels = of_block.contributions.sum((1, 2))
order = np.argsort(-np.abs(of_channels.mean(0)))
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
ax.boxplot(
    of_channels[:, order],
    patch_artist=True,
    boxprops={"facecolor": "#9ecae1"},
    medianprops={"color": "black"},
)
ax.axhline(0, color="grey", linewidth=0.8)
ax.set_xticks(range(1, 17), order)
ax.set(
    xlabel="channel of block_1",
    ylabel="contribution",
    title="8 against 3, over all eights of the test images",
)
plt.show()

# %%
# Does the network need the channels with the largest contributions? Set a channel to its values at the reference, run
# the rest of the network, and measure the fall of the log-odds.

tail = keras.Model(model.get_layer("block_1").output, outputs)
head = keras.Model(inputs, model.get_layer("block_1").output)
units, at_reference = (
    head.predict(eights, verbose=0),
    head.predict(np.zeros_like(eights[:1]), verbose=0),
)


def log_odds(units):
    """Return the log-odds of 8 against 3 from the units of the block on."""
    probabilities = tail.predict(units, verbose=0)
    return np.log(probabilities[:, 8] / probabilities[:, 3])


losses = []
for channel in range(units.shape[-1]):
    without = units.copy()
    without[..., channel] = at_reference[..., channel]
    losses.append((log_odds(units) - log_odds(without)).mean())
correlation = np.corrcoef(of_channels.mean(0), losses)[0, 1]
print(
    f"Correlation of a channel's mean contribution and of what is lost without it: {correlation:.2f}"
)

# %%
# Where in the image
# ==================
#
# Units have the same positions as pixels. Black pixels equal the reference and contribute zero. A unit sees the pixels
# around it, so units beside the strokes have contributions, where the layer sees edges.

figure, axes = plt.subplots(3, 3, figsize=(8, 7.5), layout="constrained")
ImageContributionDisplay.from_explanation(
    {"pixels": of_pixels, "units of block_1": of_block},
    rows=[0, 1, 2],
    scale="panel",
    ax=axes,
)
plt.show()
