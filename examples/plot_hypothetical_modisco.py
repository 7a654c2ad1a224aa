"""
=========================================
From hypothetical contributions to motifs
=========================================

A contribution tells the effect of the letter at a position. Hypothetical contributions tell the effects of all four
letters, and TF-MoDISco makes motifs of them. This example trains a network on simulated DNA, compares both kinds of
contributions, reconstructs the motif, and writes the files for TF-MoDISco.
"""

import tempfile

import keras
import matplotlib.pyplot as plt
import numpy as np

from skdeeplift import DeepLiftExplainer
from skdeeplift.datasets import make_motif_sequences
from skdeeplift.plotting import SequenceLogoDisplay

# %%
# Sequences and network
# =====================
#
# Half of the sequences contain a site of the protein GATA1. Sites vary as the motif of the protein does: some positions
# always have the same letter, and others hardly matter.

train = make_motif_sequences(3000, motifs=("GATA1",), random_state=0)
test = make_motif_sequences(400, motifs=("GATA1",), random_state=1)
motif = train.motifs["GATA1"]

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input(train.data.shape[1:]),
        keras.layers.Conv1D(24, 12, activation="relu"),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=["accuracy"]
)
model.fit(train.data, train.target[:, 0], epochs=8, batch_size=64, verbose=0)
accuracy = model.evaluate(test.data, test.target[:, 0], verbose=0)[1]
print(f"{accuracy:.1%} of {len(test.data)} test sequences are right.")

# %%
# Two kinds of contributions
# ==========================
#
# References are shuffles of each sequence that keep its pairs of neighbouring letters. Motifs are lost, and the
# composition is not. With ``hypothetical=True``, the same multipliers are applied to all four letters of a position.

explainer = DeepLiftExplainer(
    model,
    rule="genomics_default",
    reference="dinucleotide_shuffle",
    max_references=10,
    random_state=0,
    check="raise",
).fit(train.data[:10])
positive = test.target[:, 0] == 1
sequences, planted = test.data[positive], test.planted[positive, :, 0]
explanation = explainer.explain(sequences, hypothetical=True)

row = int(np.argsort(-explanation.prediction)[len(sequences) // 4])
start = int(planted[row].argmax())
window = max(start - 8, 0), min(start + 18, 100)
figure, axes = plt.subplots(2, 1, figsize=(9, 5), layout="constrained")
for ax, hypothetical in zip(axes, (False, True), strict=True):
    SequenceLogoDisplay.from_explanation(
        explanation,
        row=row,
        positions=window,
        hypothetical=hypothetical,
        highlights={"planted": (start, start + len(motif))},
        ax=ax,
    )
axes[0].set_title(
    "contributions of the letters that are there", loc="left", pad=14
)
axes[1].set_title(
    "hypothetical contributions of all letters", loc="left", pad=14
)
plt.show()

# %%
# If a position tolerates several letters, the hypothetical logo has several letters above the line. If only one letter
# fits, all others are far below the line.
#
# The motif, put together again
# =============================
#
# TF-MoDISco finds stretches of large contributions, aligns them, and averages them. A simple version takes the ten
# neighbouring letters of each sequence with the largest sum of contributions, and averages their hypothetical
# contributions.

width = len(motif)
scores = explanation.contributions.sum(-1)
sums = np.lib.stride_tricks.sliding_window_view(scores, width, axis=1).sum(-1)
starts = sums.argmax(1)
found = np.mean(np.abs(starts - planted.argmax(1)) <= 1)
print(
    f"In {found:.0%} of {len(sequences)} sequences the stretch is the planted site, give or take a letter."
)

most_common = np.bincount(starts - planted.argmax(1) + 100).argmax() - 100
print(f"Most often it begins {most_common} letters from where the site does.")
average = np.mean(
    [
        each[first : first + width]
        for each, first in zip(explanation.hypothetical, starts, strict=True)
    ],
    axis=0,
)
probabilities = np.maximum(motif, 0.01)
information = np.log2(probabilities / [0.3, 0.2, 0.2, 0.3])
correlation = np.corrcoef(average.ravel(), information.ravel())[0, 1]
print(
    f"Correlation of the average with the motif's log-odds over the background: {correlation:.2f}."
)

figure, axes = plt.subplots(2, 1, figsize=(7, 5), layout="constrained")
SequenceLogoDisplay(average, ylabel="mean hypothetical\ncontribution").plot(
    ax=axes[0]
)
SequenceLogoDisplay(motif * information, ylabel="information\n(bits)").plot(
    ax=axes[1]
)
axes[0].set_title("what the network has learned")
axes[1].set_title("the motif that was planted")
plt.show()

# %%
# For TF-MoDISco
# ==============
#
# The method ``to_modisco`` writes the files for ``modisco motifs -s sequences.npz -a hypothetical.npz -n 2000``.

with tempfile.TemporaryDirectory() as folder:
    shapes = {}
    for path in explanation.to_modisco(folder):
        with np.load(path) as arrays:
            shapes[path.name] = arrays["arr_0"].shape
print(shapes)

# %%
# A trap
# ======
#
# Hypothetical contributions are no predictions: their multipliers are those of the unchanged sequence. Here each letter
# is put into the planted site, and the logit is computed again. The order of the letters by harm is right. The size of
# the harm is not, since another letter also changes the network's activations.

changed = np.repeat(sequences[[row]], 4 * width, axis=0)
for position in range(width):
    for letter in range(4):
        changed[4 * position + letter, start + position] = np.eye(4)[letter]
effects = (
    explainer.explain(changed).prediction - explanation.prediction[row]
).reshape(width, 4)
there = explanation.hypothetical[row, start : start + width]
expected = there - explanation.contributions[row, start : start + width].sum(
    1, keepdims=True
)
agreement = np.corrcoef(expected.ravel(), effects.ravel())[0, 1]
print(
    f"Correlation of what a letter should change and of what it does: {agreement:.2f}."
)
print(
    f"The largest fall that is expected is {expected.min():.1f}, the largest that happens {effects.min():.1f}."
)
