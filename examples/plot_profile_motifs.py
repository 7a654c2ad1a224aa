"""
=====================================
Motifs of a profile and of its counts
=====================================

Models such as BPNet predict two outputs for a stretch of DNA: the number of reads of an experiment, and the positions
of the reads. This example simulates such an experiment, trains a small network with both outputs, explains each output,
and finds the motifs that shape it.
"""

import shutil
import subprocess
import tempfile

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from skdeeplift import DeepLiftExplainer
from skdeeplift.datasets import make_motif_sequences
from skdeeplift.plotting import SequenceLogoDisplay

# %%
# Sequences and reads
# ===================
#
# Around each site of GATA1 and of TAL1, reads form two peaks. The peaks of GATA1 are 18 positions apart, and the peaks
# of TAL1 26.

LENGTH = 200
PEAKS = {"GATA1": (-4, 14), "TAL1": (-8, 18)}


def simulate(n_sequences, random_state):
    """Simulate sequences, and the number of reads at each position."""
    sequences = make_motif_sequences(
        n_sequences, length=LENGTH, max_sites=2, random_state=random_state
    )
    rate = np.full((n_sequences, LENGTH), 0.02)
    for motif, offsets in enumerate(PEAKS.values()):
        planted = sequences.planted[:, :, motif]
        starts = planted & ~np.roll(planted, 1, axis=1)
        for offset in offsets:
            for shift, height in ((-1, 0.3), (0, 0.6), (1, 0.3)):
                rate += height * np.roll(starts, offset + shift, axis=1)
    reads = np.random.default_rng(random_state).poisson(rate).astype("float32")
    return sequences, {
        "profile": reads,
        "log_counts": np.log1p(reads.sum(1, keepdims=True)),
    }


train, of_train = simulate(3000, random_state=0)
test, of_test = simulate(300, random_state=1)

# %%
# A network with two outputs
# ==========================
#
# Dilated convolutions have a wide field of view. The output of the profile has a logit for each position, and its loss
# is that of a multinomial distribution over the positions.


def profile_loss(reads, logits):
    return -tf.reduce_mean(
        tf.reduce_sum(reads * tf.nn.log_softmax(logits), -1)
    )


keras.utils.set_random_seed(0)
sequence = keras.Input((LENGTH, 4), name="sequence")
hidden = keras.layers.Conv1D(24, 11, padding="same", activation="relu")(
    sequence
)
for layer in range(1, 4):
    dilated = keras.layers.Conv1D(
        24, 3, dilation_rate=2**layer, padding="same", activation="relu"
    )(hidden)
    hidden = keras.layers.Add()([hidden, dilated])
profile = keras.layers.Flatten(name="profile")(
    keras.layers.Conv1D(1, 25, padding="same")(hidden)
)
log_counts = keras.layers.Dense(1, name="log_counts")(
    keras.layers.GlobalAveragePooling1D()(hidden)
)
model = keras.Model(sequence, {"profile": profile, "log_counts": log_counts})
losses = {"profile": profile_loss, "log_counts": "mse"}
model.compile(
    keras.optimizers.Adam(4e-3),
    losses,
    loss_weights={"profile": 1.0, "log_counts": 10.0},
)
model.fit(train.data, of_train, epochs=8, batch_size=64, verbose=0)
predicted = model.predict(test.data, verbose=0)["log_counts"][:, 0]
correlation = np.corrcoef(predicted, of_test["log_counts"][:, 0])[0, 1]
print(f"Correlation of log counts, predicted and simulated: {correlation:.2f}")

# %%
# Both explained
# ==============
#
# The parameter ``output`` chooses the output. With ``target="profile"``, the target is the sum of all positions'
# logits, weighted by their probabilities, so that contributions tell what shapes the profile, at any position of its
# peaks. References are shuffles of each sequence that keep its pairs of neighbouring letters.

explanations = {}
for output, target in {"profile": "profile", "log_counts": "auto"}.items():
    explainer = DeepLiftExplainer(
        model,
        output=output,
        target=target,
        reference="dinucleotide_shuffle",
        max_references=10,
        random_state=0,
    )
    explanations[output] = explainer.fit(test.data).explain(
        test.data, hypothetical=True
    )
    importance = np.abs(explanations[output].contributions.sum(-1))
    inside = test.planted.any(-1)
    print(
        f"{output}: {importance[inside].sum() / importance.sum():.0%} of all contributions lie in planted sites,"
    )
    print(f"    which are {inside.mean():.0%} of all positions.")

row = int(np.flatnonzero(test.target.all(1))[1])
sites = {
    name: [
        (int(start), int(start) + 10)
        for start in np.flatnonzero(np.diff(planted, prepend=False) & planted)
    ]
    for name, planted in zip(test.motifs, test.planted[row].T, strict=True)
}
figure, axes = plt.subplots(3, 1, figsize=(11, 6.5), layout="constrained")
axes[0].bar(
    np.arange(LENGTH),
    of_test["profile"][row],
    color="0.6",
    width=1.0,
    label="simulated reads",
)
logits = model.predict(test.data[[row]], verbose=0)["profile"][0]
expected = (
    of_test["profile"][row].sum() * np.exp(logits) / np.exp(logits).sum()
)
axes[0].plot(expected, color="tab:orange", label="predicted profile")
axes[0].set(xlim=(-0.5, LENGTH - 0.5), ylabel="reads")
axes[0].legend()
for ax, (output, explanation) in zip(
    axes[1:], explanations.items(), strict=True
):
    SequenceLogoDisplay.from_explanation(
        explanation, row=row, highlights=sites, ax=ax
    )
    ax.set_title(
        f"contributions to the {output.replace('_', ' ')}", loc="left", pad=14
    )
plt.show()

# %%
# Motifs
# ======
#
# TF-MoDISco (``pip install modisco-lite``) makes motifs of hypothetical contributions. If it is installed, it finds
# both motifs for each output.


def letters_of(pattern):
    """Return the letters of a pattern that are far from the background."""
    information = (
        pattern * np.log2(np.maximum(pattern, 1e-3) / [0.3, 0.2, 0.2, 0.3])
    ).sum(1)
    letters = zip(pattern.argmax(1), information, strict=True)
    return "".join(
        "ACGT"[letter] if bits > 0.5 else "." for letter, bits in letters
    ).strip(".")


if shutil.which("modisco") is None:
    print("modisco-lite is not installed.")
else:
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        for output, explanation in explanations.items():
            paths = explanation.to_modisco(f"{folder}/{output}")
            files = [
                "-s",
                str(paths[0]),
                "-a",
                str(paths[1]),
                "-o",
                f"{folder}/{output}.h5",
            ]
            subprocess.run(
                ["modisco", "motifs", *files, "-n", "2000", "-w", str(LENGTH)],
                check=True,
            )
            with h5py.File(f"{folder}/{output}.h5") as file:
                for name, pattern in file["pos_patterns"].items():
                    number = pattern["seqlets"]["n_seqlets"][0]
                    print(
                        f"{output}, {name}: {letters_of(pattern['sequence'][:])} at {number} places"
                    )
