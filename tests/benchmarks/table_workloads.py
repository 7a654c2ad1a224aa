"""The workloads of the table: networks, rows and references as they are met in practice."""

from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks import networks

# Rows that the plain network is run on at once, which it is fast with.
USUAL_BATCH = 8192


class Workload(NamedTuple):
    """What is explained, and against what."""

    title: str
    # Returns the network whose output is explained, without a final softmax.
    network: Any
    # Takes a number of rows, and returns them.
    rows: Any
    number: int
    n_references: int = 1
    # An output, or "all".
    target: Any = 0
    # References of rows' own, as the explainer takes them; else the first of other rows.
    reference: str | None = None
    methods: tuple = ("rescale", "reveal_cancel", "integrated", "expected", "guided")
    # Rows of a batch of the plain network.
    batch: int = 1024
    # The most that Rescale may take, as a multiple of the plain network forward and back over the same pairs.
    bound: float | None = None

    @property
    def n_pairs(self):
        """How many rows the plain network is run on, forward and back, for each target."""
        return self.number * self.n_references


def _table(width):
    return lambda number: np.random.default_rng(0).normal(size=(number, width)).astype("float32")


def _of_images(*shape):
    return lambda number: networks.images(number, shape)


def _of_sequences(*shape):
    return lambda number: networks.sequences(number, shape)


def _lstm():
    return networks.lstm_network(50)


def _transformer():
    return networks.transformer_network(blocks=1)


def _mobilenet():
    return networks.mobilenet_network(networks.images(16, (96, 96, 3)))


def _cnn():
    return networks.logits(networks.cnn_network())


def _dense(*units):
    return lambda: networks.dense(*units)


DEEPLIFT = ("rescale", "reveal_cancel")
WORKLOADS = {
    "A1": Workload("MLP 2000-256-128-1", _dense(2000, 256, 128, 1), _table(2000), 1000, bound=1.3),
    "A100": Workload("the same", _dense(2000, 256, 128, 1), _table(2000), 1000, 100, methods=DEEPLIFT, bound=0.6),
    "A10": Workload("MLP 2000-256-128-10", _dense(2000, 256, 128, 10), _table(2000), 1000, target=3, bound=1.3),
    "B1": Workload("MLP 30-64-64-2", _dense(30, 64, 64, 2), _table(30), 10_000, target=1, batch=USUAL_BATCH, bound=3),
    "B100": Workload(
        "the same",
        _dense(30, 64, 64, 2),
        _table(30),
        10_000,
        100,
        target=1,
        methods=DEEPLIFT,
        batch=USUAL_BATCH,
        bound=1.5,
    ),
    "C1": Workload("CNN 28 x 28", _cnn, _of_images(28, 28, 1), 256, target=3, batch=256, bound=1.3),
    "C10": Workload("the same", _cnn, _of_images(28, 28, 1), 256, 10, 3, methods=DEEPLIFT, batch=256, bound=0.8),
    "C-all": Workload("the same, all 10 outputs", _cnn, _of_images(28, 28, 1), 256, 1, "all", None, DEEPLIFT, 256),
    "D": Workload(
        "genomics, 1000 x 4",
        networks.genomics_network,
        lambda number: networks.dna(number, 1000),
        64,
        20,
        0,
        "dinucleotide_shuffle",
        DEEPLIFT,
        128,
        1.2,
    ),
    "E1": Workload("LSTM 32, 50 steps", _lstm, _of_sequences(50, 8), 128, batch=128, bound=2),
    "E10": Workload("the same", _lstm, _of_sequences(50, 8), 128, 10, methods=DEEPLIFT, batch=1280, bound=2),
    "F10": Workload(
        "transformer block", _transformer, _of_sequences(32, 32), 64, 10, methods=DEEPLIFT, batch=640, bound=2
    ),
    "G": Workload(
        "MobileNetV2, 96 x 96",
        _mobilenet,
        _of_images(96, 96, 3),
        16,
        target=3,
        methods=("rescale", "guided"),
        batch=16,
        bound=1.3,
    ),
    "H": Workload(
        "MLP 200-256-128-100, all outputs",
        _dense(200, 256, 128, 100),
        _table(200),
        200,
        target="all",
        methods=DEEPLIFT,
        batch=200,
    ),
    "I": Workload(
        "MLP 30-64-64-2",
        _dense(30, 64, 64, 2),
        _table(30),
        1_000_000,
        target=1,
        methods=("rescale",),
        batch=USUAL_BATCH,
    ),
}
