"""
=================================
Motifs in simulated DNA sequences
=================================

A network reads 200 letters of DNA and tells whether motifs of the proteins GATA1 and TAL1 are in it. The sequences are
simulated, so it is known where each motif was planted, and contributions can be judged: the planted positions should
have larger ones than the rest.

Network and sequences are those of the tutorial by the authors of DeepLIFT [1]_. They belong to this project's
repository, so the example runs in a clone of it.
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
# A row of the table holds a sequence, its three labels and what was planted in it. The network was not trained on the
# 800 test sequences.


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
# The AUROC is the probability that a planted position's absolute contribution is larger than another position's, over
# the sequences in which the task's motifs are.


def make_explainer(rule, sequences, reference=None, max_references=10):
    """Fit an explainer whose reference is, if there is no other, the frequencies of the letters."""
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
    """Tell how well absolute contributions to a task separate its planted motifs from other positions."""
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
# RevealCancel in all layers does worst. Where a convolution's unit is off both at the sequence and at the reference,
# Rescale passes nothing on. RevealCancel passes on what the positive and the negative part of its input would each do
# alone. The two cancel in the sum, but they go to different positions, between motifs as within them.
#
# Shuffled references
# ===================
#
# A reference of frequencies is no sequence. Shuffles of the sequence itself are: here ten of each, drawn so that every
# pair of neighbouring letters is as frequent as it was. Contributions are means over them. They take ten times as long,
# and are judged on the first 200 sequences.

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
# One shuffle is too few: half of what it says is about the shuffle itself, in which chance has put other things. The
# mean over ten finds the motifs about as well as the frequencies do.
#
# Two sequences as logos
# ======================
#
# On the left is the whole sequence, on the right are its planted motifs, shaded in both. A letter's height is its
# position's contribution; letters of negative ones hang down.


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
# The output that stands for both motifs. Rescale gives nearly the whole change to TAL1 and almost none to GATA,
# although both are there. RevealCancel after the dense layers shares the change between them.

draw_sequence(731, task=0)

# %%
# The output that stands for GATA, for a sequence with two TAL1 motifs besides. These should get nothing.

draw_sequence(197, task=1)

# %%
# For motif discovery
# ===================
#
# Hypothetical contributions say what each letter would contribute if it stood there. TF-MoDISco needs them beside the
# sequences, to tell which letters of a motif could be others. ``to_modisco`` writes both.

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
