"""
=================================
Motifs in simulated DNA sequences
=================================

A network reads 200 letters of DNA and tells whether they contain motifs of the proteins GATA1 and TAL1. The sequences
are simulated, so the position of each motif is known, and contributions can be judged: planted positions should have
larger contributions than other positions.

The network and the sequences are those of the tutorial by the authors of DeepLIFT [1]_. They are part of this project's
repository, so the example runs in a clone of the repository.
"""

import gzip
import re
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from skdeeplift import DeepLiftExplainer
from skdeeplift.plotting import SequenceLogoDisplay
from skdeeplift.references import BackgroundFrequency

HERE = Path(globals().get("__file__", "example.py")).resolve().parent
DATA = HERE.parent / "tests" / "paper" / "genomics"
NETWORK = (
    DATA / "keras2_conv1d_record_5_model_PQzyq_modelJson.json",
    DATA / "keras2_conv1d_record_5_model_PQzyq_modelWeights.h5",
)
LETTERS = "ACGT"
FREQUENCIES = [0.3, 0.2, 0.2, 0.3]  # of the letters between motifs
RULES = ["rescale", "reveal_cancel", "genomics_default"]
TASKS = [
    ("GATA", "TAL1"),
    ("GATA",),
    ("TAL1",),
]  # the motifs that each of the three outputs stands for

# %%
# The sequences
# =============
#
# A row of the table holds a sequence, its three labels and its planted motifs. The network was not trained on the 800
# test sequences.


def load():
    """Return the table of the test sequences, and their one-hot letters."""
    if not DATA.is_dir():
        raise FileNotFoundError(
            f"This example reads {DATA}. Run it in a clone of the repository."
        )
    table = pd.read_csv(
        DATA / "sequences.simdata.gz",
        sep="\t",
        index_col="seqName",
        keep_default_na=False,
    )
    names = (
        gzip.decompress((DATA / "test.txt.gz").read_bytes()).decode().split()
    )
    table = table.loc[names]
    letters = np.array([list(sequence) for sequence in table["sequence"]])
    return table, (letters[..., None] == list(LETTERS)).astype(np.float32)


def planted_motifs(embeddings):
    """Return the motif, start and stop of each planted site, in the order of positions."""
    found = re.findall(r"pos-(\d+)_([A-Z0-9]+)_\w+-([ACGT]+)", embeddings)
    spans = [
        (motif, int(start), int(start) + len(site))
        for start, motif, site in found
    ]
    return sorted(spans, key=lambda span: span[1])


table, sequences = load()
print(table[["task1", "task2", "task3"]].sum())

# %%
# Do contributions find the motifs?
# =================================
#
# The reference has, at every position, the frequencies of the letters between motifs. A position's contribution is the
# sum over its four letters. ``"genomics_default"`` is RevealCancel after dense layers and Rescale after convolutions.
#
# The AUROC is the probability that a planted position has a larger absolute contribution than another position, over
# the sequences that contain the task's motifs.


def make_explainer(rule, sequences, reference=None, max_references=10):
    """Fit an explainer whose reference, by default, is the frequencies of the letters."""
    return DeepLiftExplainer(
        NETWORK,
        rule=rule,
        reference=BackgroundFrequency(FREQUENCIES)
        if reference is None
        else reference,
        max_references=max_references,
        target=0,
        check="raise",
        random_state=0,
    ).fit(sequences[:1])


def motif_auroc(explainer, table, sequences, task):
    """Compute how well absolute contributions to a task separate planted motifs from other positions."""
    positive = (table[f"task{task + 1}"] == 1).to_numpy()
    contributions = explainer.explain(
        sequences[positive], target=task
    ).contributions.sum(-1)
    planted = np.zeros(contributions.shape, bool)
    for row, embeddings in zip(
        planted, table["embeddings"][positive], strict=True
    ):
        for motif, start, stop in planted_motifs(embeddings):
            row[start:stop] |= motif in TASKS[task]
    return roc_auc_score(planted.ravel(), np.abs(contributions).ravel())


explainers = {rule: make_explainer(rule, sequences) for rule in RULES}
auroc = pd.DataFrame(
    {
        " and ".join(motifs): [
            motif_auroc(explainers[rule], table, sequences, task)
            for rule in RULES
        ]
        for task, motifs in enumerate(TASKS)
    },
    index=RULES,
)
print(auroc.round(3))

# %%
# RevealCancel in all layers is worst. If a convolution's unit is zero both at the sequence and at the reference,
# Rescale passes nothing on. RevealCancel passes on the separate effects of the positive and the negative part of the
# unit's input. The two effects cancel in the sum, but belong to different positions, also outside of motifs.
#
# Shuffled references
# ===================
#
# A reference of frequencies is no sequence, but a shuffle of the sequence is one. Here each sequence has ten shuffles,
# which keep the frequency of every pair of neighbouring letters. Contributions are means over the shuffles. They take
# ten times as long, and are judged on the first 200 sequences.

few = slice(200)
by_reference = {
    "frequencies": explainers["genomics_default"],
    "one shuffle": make_explainer(
        "genomics_default", sequences, "dinucleotide_shuffle", max_references=1
    ),
    "ten shuffles": make_explainer(
        "genomics_default",
        sequences,
        "dinucleotide_shuffle",
        max_references=10,
    ),
}
of_references = pd.DataFrame(
    {
        " and ".join(motifs): [
            motif_auroc(each, table[few], sequences[few], task)
            for each in by_reference.values()
        ]
        for task, motifs in enumerate(TASKS)
    },
    index=list(by_reference),
)
print(of_references.round(3))

# %%
# One shuffle is too few: half of each contribution is about the shuffle itself, in which other letters stand by chance.
# The mean over ten shuffles finds the motifs about as well as the frequencies do.
#
# Two sequences as logos
# ======================
#
# The left column shows the whole sequence, the right column its planted motifs, which are shaded in both. The height of
# a letter is the contribution of its position. Letters with negative contributions hang down.


def draw_sequence(row, task):
    """Draw one sequence's contributions to a task by all rules."""
    motifs = planted_motifs(table["embeddings"].iloc[row])
    windows = [(0, sequences.shape[1])] + [
        (start - 3, stop + 3) for _, start, stop in motifs
    ]
    figure, axes = plt.subplots(
        len(RULES),
        len(windows),
        figsize=(12, 6),
        sharey=True,
        width_ratios=[55] + [stop - start for start, stop in windows[1:]],
        layout="constrained",
    )
    heights = []
    for rule, axes_of_rule in zip(RULES, axes, strict=True):
        explanation = explainers[rule].explain(sequences[[row]], target=task)
        heights.append(explanation.contributions[0].sum(-1))
        for ax, window in zip(axes_of_rule, windows, strict=True):
            spans = [
                span
                for _, *span in motifs
                if window[0] <= span[0] and span[1] <= window[1]
            ]
            SequenceLogoDisplay.from_explanation(
                explanation, positions=window, highlights=spans, ax=ax
            )
            ax.set(xlabel="", ylabel="")
        axes_of_rule[0].set_ylabel(f"{rule}\ncontribution")
    axes[0, 0].set_ylim(1.05 * np.min(heights), 1.05 * np.max(heights))
    for ax, (motif, *_) in zip(axes[0, 1:], motifs, strict=True):
        ax.set_title(motif)
    figure.suptitle(
        f"{table.index[row]}: contributions to the output for {' and '.join(TASKS[task])}"
    )
    figure.supxlabel("position")


# %%
# The explained output tells whether both motifs are present. Rescale gives nearly the whole change to TAL1 and almost
# none to GATA, although both are present. RevealCancel after the dense layers shares the change between the motifs.

draw_sequence(731, task=0)

# %%
# The explained output tells whether GATA is present. The sequence also has two TAL1 motifs, whose contributions should
# be zero.

draw_sequence(197, task=1)

# %%
# For motif discovery
# ===================
#
# Hypothetical contributions tell what each letter would contribute at a position. TF-MoDISco needs them with the
# sequences, to find the letters of a motif that can be replaced. The method ``to_modisco`` writes both.

explanation = explainers["genomics_default"].explain(
    sequences[:100], target=0, hypothetical=True
)
print(explanation)
with tempfile.TemporaryDirectory() as folder:
    for path in explanation.to_modisco(folder):
        with np.load(path) as arrays:
            print(path.name, arrays["arr_0"].shape)

plt.show()

# %%
# References
# ==========
#
# .. [1] Shrikumar, A., Greenside, P., & Kundaje, A. (2017). Learning important features through propagating activation
#    differences. Proceedings of ICML 34. https://arxiv.org/abs/1704.02685
