"""Draw the pictures of the landing page, the tutorial and the user guide: ``python docs/make_pictures.py``.

The landing page's network and images are those of the paper's authors, as in the example of RevealCancel and Rescale.
"""

import contextlib
import doctest
import gzip
import re
import shutil
import tempfile
import textwrap
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from skdeeplift import DeepLiftExplainer

HERE = Path(__file__).parent
MNIST = HERE.parent / "tests" / "paper" / "mnist"
NETWORK = MNIST / "keras2_mnist_cnn_allconv.h5"
DIGIT, OTHER = 8, 3
N_ERASED = 157  # 20 % of the pixels
N_SHOWN = 4
# Pages of the user guide whose code writes the pictures that they show.
PAGES = "pictures explanations feature_selection images keras_hub metrics sequences tables text".split()


def load():
    """Test images of the first digit."""
    images, labels = (
        np.frombuffer(gzip.decompress((MNIST / name).read_bytes()), np.uint8, offset=offset)
        for name, offset in [("t10k-images-idx3-ubyte.gz", 16), ("t10k-labels-idx1-ubyte.gz", 8)]
    )
    return images.reshape(-1, 28, 28, 1)[labels == DIGIT].astype(np.float32)


def erase(images, contributions):
    """Set to 0 the pixels with the largest positive contributions."""
    scores = contributions.reshape(len(images), -1)
    erased = images.reshape(len(images), -1).copy()
    for row, row_scores in zip(erased, scores, strict=True):
        largest = np.argsort(-row_scores, kind="stable")[:N_ERASED]
        row[largest[row_scores[largest] > 0]] = 0
    return erased.reshape(images.shape)


def draw(path):
    """Draw images, contributions, and images without the pixels that contribute most."""
    images = load()[:200]
    target = {DIGIT: 1, OTHER: -1}
    explainer = DeepLiftExplainer(NETWORK, rule="reveal_cancel", reference="zeros", target=target).fit(images[:1])
    before = explainer.explain(images)
    erased = erase(images, before.contributions)
    after = explainer.explain(erased)
    # Those that were clearly the digit, and clearly are the other one now.
    shown = np.argsort(np.maximum(-before.prediction, after.prediction))[:N_SHOWN]
    figure = Figure(figsize=(8, 6.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(3, N_SHOWN)
    titles = "four images", f"red: pixels for an {DIGIT}\nblue: pixels for a {OTHER}", "without the reddest pixels"
    for row, title in enumerate(titles):
        axes[row, 0].set_ylabel(title, fontsize=12)
    for column, position in enumerate(shown):
        contributions = before.contributions[position, ..., 0]
        limit = np.percentile(np.abs(contributions[contributions != 0]), 98)
        axes[0, column].imshow(images[position, ..., 0], cmap="gray_r")
        axes[1, column].imshow(contributions, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes[1, column].contour(images[position, ..., 0], [100], colors="0.5", linewidths=0.6)
        axes[2, column].imshow(erased[position, ..., 0], cmap="gray_r")
        for row, explanation in ((0, before), (2, after)):
            read = DIGIT if explanation.prediction[position] > 0 else OTHER
            axes[row, column].set_xlabel(f"the network reads: {read}", fontsize=12)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_color("0.8")
    figure.savefig(path, dpi=120)


def run(page, pictures):
    """Run the code of a page, and keep the pictures that it draws: a dict of its names for them to ours."""
    namespace = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for example in doctest.DocTestParser().get_examples((HERE / page).read_text(encoding="utf-8")):
            if example.exc_msg is None:
                exec(example.source, namespace)
        for name, path in pictures.items():
            shutil.copy(name, HERE / path)
        plt.close("all")


def draw_quick_start(path):
    """Run the code of the landing page, and draw the picture that it ends in."""
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)",
        (HERE / "index.rst").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    namespace = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in blocks:
            exec(textwrap.dedent(block), namespace)
        namespace["explanation"].plot.beeswarm().figure_.savefig(path, dpi=120)


def draw_slopes(path):
    """Draw the output of the network on the page of contributions, with its gradient and its mean slope."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    total = np.linspace(-0.2, 2.4, 100)
    ax.plot(total, np.minimum(total, 1), color="black", label="output")
    ax.plot([1.6, 2.4], [1, 1], color="C3", linestyle=":", linewidth=4, label="gradient at the row: 0")
    ax.plot([0, 2], [0, 1], color="C0", linestyle="--", label="slope from the reference: 0.5")
    ax.plot([0, 2], [0, 1], "ko")
    ax.annotate("reference", (0, 0), xytext=(8, -4), textcoords="offset points")
    ax.annotate("row", (2, 1), xytext=(0, 8), textcoords="offset points", ha="center")
    ax.set(xlabel="x1 + x2", ylim=(-0.25, 1.25))
    ax.legend(frameon=False, loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def pictures_of(page):
    """The pictures that a page shows, by the names under which its code writes them."""
    shown = re.findall(
        r"^\.\. image:: \.\./(_static/pictures/\S+)", (HERE / page).read_text(encoding="utf-8"), re.MULTILINE
    )
    return {Path(path).name: path for path in shown}


if __name__ == "__main__":
    # No window opens.
    mpl.use("agg")
    draw(HERE / "_static" / "contributions.png")
    draw_quick_start(HERE / "_static" / "quick_start.png")
    run("tutorial.rst", {"importance.png": "_static/tutorial.png"})
    draw_slopes(HERE / "_static" / "pictures" / "slopes.png")
    for name in PAGES:
        page = f"user_guide/{name}.rst"
        run(page, pictures_of(page))
    page, table = "user_guide/methods_compared", "methods_compared.csv"
    run(f"{page}.rst", pictures_of(f"{page}.rst") | {table: f"{page}.csv"})
