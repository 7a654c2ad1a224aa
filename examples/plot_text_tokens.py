"""
==========================
Words that turn a sentence
==========================

A network reads short reviews, such as "the food was not very good", and tells praise from blame. Which words does it
use, and does it understand "not"? The reviews are made from templates, so the deciding words are known.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skdeeplift import DeepLiftExplainer, ShapleySamplingExplainer
from skdeeplift.datasets import make_reviews
from skdeeplift.plotting import TokenDisplay

# %%
# Reviews and network
# ===================
#
# Words are tokens, numbers of a vocabulary; 0 is padding. Each word is embedded, a convolution reads five words
# together, and dense layers take the mean of each filter over the review.

train, test = (
    make_reviews(3000, random_state=0),
    make_reviews(500, random_state=1),
)
for text, label in zip(test.texts[:4], test.target, strict=False):
    print("praise:" if label else "blame: ", text)

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input(train.data.shape[1:], dtype="int32"),
        keras.layers.Embedding(len(train.vocabulary), 8, name="embedding"),
        keras.layers.Conv1D(32, 5, padding="same", activation="relu"),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(
    keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"]
)
model.fit(train.data, train.target, epochs=10, batch_size=64, verbose=0)
accuracy = model.evaluate(test.data, test.target, verbose=0)[1]
print(f"{accuracy:.1%} of {len(test.data)} other reviews are right.")

# %%
# Contributions of words
# ======================
#
# Tokens have no mean. The reference is a review of padding alone, the default for integers. The contribution of a word
# is the sum over the dimensions of its embedding.

explainer = DeepLiftExplainer(model, check="raise").fit(train.data)
explanation = explainer.explain(test.data)
has_not = np.array(["not" in text for text in test.texts])
shown = [*np.flatnonzero(~has_not)[:2], *np.flatnonzero(has_not)[:3]]

figure, ax = plt.subplots(figsize=(9, 4.6), layout="constrained")
TokenDisplay.from_explanation(
    explanation, rows=shown, vocabulary=test.vocabulary, padding=0, ax=ax
)
plt.show()

# %%
# "not" and "bad" together speak for praise, and so does "was" before "perfect". Why "was"? Directly before the
# adjective, it tells that there is no "not". The reference is padding, so the network compares "was perfect" with
# "perfect" alone, which it never saw.
#
# The next table has the mean contribution of a word over all test reviews of one sentence, without and with "not".


def mean_contributions(contributions):
    """Average over reviews of one sentence, by word and by the presence of "not"."""
    one = np.array([" and " not in text for text in test.texts])
    words = test.vocabulary[test.data]
    kept = one[:, None] & (test.data > 0)
    frame = pd.DataFrame(
        {
            "word": words[kept],
            "not": np.broadcast_to(has_not[:, None], words.shape)[kept],
            "contribution": contributions[kept],
        }
    )
    return frame.pivot_table(
        index="word", columns="not", values="contribution"
    )


by_word = mean_contributions(explanation.contributions)
print(
    by_word.loc[["good", "great", "bad", "awful", "was", "not", "the"]]
    .round(2)
    .to_string()
)

# %%
# A trap: one number for each word
# ================================
#
# The word "not" turns praise into blame and blame into praise. A word's contribution is one number, so the joint effect
# of two words must be shared between them. Methods share it differently: Shapley values average over all orders in
# which words replace padding, and DeepLIFT passes through the network once. Neither is wrong. Read a pair of words
# together: the sums of both methods are much more alike.

shapley = ShapleySamplingExplainer(
    model, n_permutations=25, random_state=0
).fit(train.data)
few = np.flatnonzero(
    has_not & np.array([" and " not in text for text in test.texts])
)[:40]
of_shapley = shapley.explain(test.data[few]).contributions
of_deeplift = explanation.contributions[few]
telling = test.planted[few]
one_word = np.corrcoef(of_shapley[telling], of_deeplift[telling])[0, 1]
together = np.corrcoef(
    (of_shapley * telling).sum(1), (of_deeplift * telling).sum(1)
)[0, 1]
print(
    f"Correlation of the methods, of single words {one_word:.2f}; of 'not' and adjective together {together:.2f}."
)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
axes[0].scatter(
    of_deeplift[telling], of_shapley[telling], s=12, color="#0072B2"
)
axes[1].scatter(
    (of_deeplift * telling).sum(1),
    (of_shapley * telling).sum(1),
    s=12,
    color="#D55E00",
)
for ax, title in zip(
    axes, ["single words", "'not' and its adjective together"], strict=True
):
    ax.axline((0, 0), slope=1, color="grey", linewidth=0.8, linestyle=":")
    ax.set(title=title, xlabel="DeepLIFT", ylabel="Shapley sampling")
plt.show()
