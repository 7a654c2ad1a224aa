"""The table of `docs/benchmarks.md`: every workload beside the plain network and beside other packages."""

import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

import numpy as np

from tests.benchmarks.comparisons import plain_gradient
from tests.benchmarks.floor import floor_of
from tests.benchmarks.measure import ROOT, ROUNDS, THREADS, duration, limit_threads, resident_memory
from tests.benchmarks.peers import is_installed, peers_of
from tests.benchmarks.table_workloads import WORKLOADS

PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
# Between these the README has a line for each workload.
START, END = "<!-- Written by python -m tests.benchmarks --table -->", "<!-- Until here -->"
PEERS = ("shap", "captum", "tangermeme")
N_STEPS = 50
NAMES = {
    "rescale": "DeepLIFT, Rescale",
    "reveal_cancel": "DeepLIFT, RevealCancel",
    "integrated": f"integrated gradients, {N_STEPS} steps",
    "expected": f"expected gradients, {N_STEPS} draws",
    "guided": "guided backprop",
}
# A peer whose first call takes longer than this is called but once, and if it takes longer than that, not to its end.
SECONDS_ENOUGH, SECONDS_MOST = 2, 20


def explainer_of(workload, method, network, references):
    """Make the explainer of a method, fitted."""
    import skdeeplift

    given = {"target": workload.target, "max_samples": 1, "random_state": 0}
    if method not in ("guided", "expected"):
        given["check"] = "ignore"
    if method != "guided":
        given["reference"] = references if workload.reference is None else workload.reference
        given["max_references"] = max(workload.n_references, 2)
    make, own = {
        "rescale": (skdeeplift.DeepLiftExplainer, {}),
        "reveal_cancel": (skdeeplift.DeepLiftExplainer, {"rule": "reveal_cancel"}),
        "integrated": (skdeeplift.IntegratedGradientsExplainer, {"n_steps": N_STEPS}),
        "expected": (skdeeplift.ExpectedGradientsExplainer, {"n_draws": N_STEPS}),
        "guided": (skdeeplift.GuidedBackpropExplainer, {}),
    }[method]
    return make(network, **given, **own).fit(workload.rows(2))


def measure(name, method):
    """Time one method on one workload in this process, in turn with the plain network and with other packages."""
    workload = WORKLOADS[name]
    network = workload.network()
    X = workload.rows(workload.number + workload.n_references)
    X, references = X[: workload.number], X[workload.number :]
    explainer = explainer_of(workload, method, network, references)
    before = resident_memory("VmHWM")
    result = {"first": duration(lambda: explainer.transform(X)), "memory": resident_memory("VmHWM") - before}
    explanation = explainer.explain(X[: min(len(X), 256)])
    if explanation.convergence_delta is not None and method in ("rescale", "reveal_cancel", "integrated"):
        change = np.abs(explanation.prediction - explanation.reference_value).max()
        result["delta"] = float(np.abs(explanation.convergence_delta).max() / change)
    others = peers_of(workload, method, network, X, references)
    if method == "rescale" and workload.reference is None:
        expected = explainer.explain(X[:2]).contributions
        for explain in others.values():
            np.testing.assert_allclose(explain(X[:2]), expected, rtol=2e-2, atol=1e-3 * np.abs(expected).max())
    forward, both = _plain(workload, method, network, X)
    calls = {"ours": lambda: explainer.transform(X), "forward": forward, "both": both}
    calls.update({peer: lambda explain=explain: explain(X) for peer, explain in others.items()})
    result["seconds"] = _in_turn(calls)
    n_targets = network.output_shape[-1] if workload.target == "all" else 1
    result["floor"] = floor_of(workload, network, n_targets)
    return result


def _in_turn(calls):
    seconds = {name: [] for name in calls}
    slow = {}
    for name, call in calls.items():
        taken = _at_most(SECONDS_MOST, call)
        if name in PEERS and taken > SECONDS_ENOUGH:
            slow[name] = [taken]
    numbers = {name: max(1, round(0.1 / duration(call))) for name, call in calls.items() if name not in slow}
    for _ in range(ROUNDS):
        for name, number in numbers.items():
            # Not what another package leaves behind: caches that are cold, and threads that still wait for work.
            calls[name]()
            seconds[name].append(duration(calls[name], number))
    return {**seconds, **slow}


def _at_most(seconds, call):
    """Time a call, which is given up after so many seconds: it took at least these."""

    def give_up(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        return duration(call)
    except TimeoutError:
        return seconds
    finally:
        signal.alarm(0)


def _plain(workload, method, network, X):
    """Return functions that run the plain compiled network over all pairs: forward, and forward and back."""
    import tensorflow as tf

    target = 0 if workload.target == "all" else workload.target
    gradient = plain_gradient(network, target)
    forward = tf.function(lambda rows: network(rows, training=False))
    number = {"integrated": N_STEPS, "expected": N_STEPS, "guided": 1}.get(method, workload.n_references)
    batch = tf.constant(np.resize(X, (workload.batch, *X.shape[1:])))
    whole, rest = divmod(workload.number * number, workload.batch)
    batches = [batch] * whole + [batch[:rest]] * bool(rest)
    times = network.output_shape[-1] if workload.target == "all" else 1

    def over_pairs(function):
        return lambda: [function(rows).numpy() for _ in range(times) for rows in batches]

    return over_pairs(forward), over_pairs(gradient)


def in_fresh_process(name, method):
    """Measure in a process that nothing else has warmed up or filled."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = f"from tests.benchmarks.table import print_measured; print_measured({name!r}, {method!r})"
    finished = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if finished.returncode:
        raise RuntimeError(f"The benchmark {name!r} of {method!r} failed:\n{finished.stderr}")
    return json.loads(finished.stdout.splitlines()[-1])


def print_measured(name, method):
    """Measure, and print as JSON."""
    limit_threads()
    print(json.dumps(measure(name, method)))


def line(name, method, measured):
    """One line of the table, as Markdown."""
    workload, seconds = WORKLOADS[name], measured["seconds"]

    def ratio(other):
        """Ours over another, by the medians."""
        return statistics.median(seconds["ours"]) / statistics.median(seconds[other])

    peers = [_times_ours(seconds, peer) for peer in PEERS]
    operations, moved = measured["floor"]
    rate = operations / statistics.median(seconds["ours"]) / 1e9
    size = f"{workload.number:,} x {workload.n_references}"
    bound = f" (≤ {workload.bound:g})" if method == "rescale" and workload.bound else ""
    cells = [
        name,
        f"{workload.title}, {size}",
        NAMES[method],
        f"{statistics.median(seconds['ours']):.3f}",
        f"{ratio('both'):.2f}{bound}",
        f"{ratio('forward'):.2f}",
        *peers,
        f"{operations / 1e9:.1f}" if method in ("rescale",) else "",
        f"{moved / 2**20:.0f}" if method in ("rescale",) else "",
        f"{rate:.0f}" if method in ("rescale",) else "",
        f"{measured['memory']:.0f}",
        f"{measured['first']:.1f}",
        f"{measured['delta']:.0e}" if "delta" in measured else "",
    ]
    return "| " + " | ".join(cells) + " |"


def _times_ours(seconds, peer):
    if peer not in seconds:
        return ""
    ratio = statistics.median(seconds[peer]) / statistics.median(seconds["ours"])
    return f"> {ratio:.0f}" if seconds[peer] == [SECONDS_MOST] else f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0f}"


HEADER = [
    "",
    "workload, rows x references",
    "method",
    "seconds",
    "to forward + backward",
    "to forward",
    *(f"{peer}, times ours" for peer in PEERS),
    "least GFLOP",
    "least MB",
    "GFLOP/s",
    "memory, MB",
    "first call, s",
    "convergence delta",
]
IN_README = ["", "workload, rows x references", "seconds", "to forward + backward", *HEADER[6:9]]
ABOUT = """# Benchmarks

This page compares times, memory and precision of explanations. `python -m tests.benchmarks --table` measured it on
{machine}, with {versions}. TensorFlow and Torch had {threads} threads.

Each line was measured in a separate process. The explainer, other packages and the plain compiled network (forward;
forward and backward) took turns on the same pairs of rows and references. Numbers are medians of {rounds}. A ratio
below one means that explaining is faster than running the plain network over the pairs, which happens if many pairs
share a reference. Brackets hold the target for a ratio. Times of other packages are multiples of ours. An empty cell
means that the package does not offer the method, raises on the network, or is not installed.

The least operations and bytes are those of a perfect implementation: rows and references forward and pairs backward
through the products alone, each array and weight moved once. Memory is the increase of the process's peak by the first
call. The convergence delta is the largest of 256 rows, relative to the largest change of the output.

"""


def write(names=None, methods=None, page=PAGE):
    """Measure workloads, and write the page, again with each line that is there."""
    lines = ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
    for peer in PEERS:
        if not is_installed(peer):
            print(f"{peer} is not installed, and left out")
    about = ABOUT.format(machine=_machine(), versions=_versions(), threads=THREADS, rounds=ROUNDS)
    start = time.monotonic()
    for name in names or WORKLOADS:
        for method in WORKLOADS[name].methods:
            if not methods or method in methods:
                lines.append(line(name, method, in_fresh_process(name, method)))
                page.write_text(about + "\n".join(lines) + "\n", encoding="utf-8")
                print(f"{time.monotonic() - start:5.0f} s {lines[-1]}", flush=True)
    summarise(page)


def summarise(page=PAGE, readme=README):
    """Write one line for each workload of the page into the README, of Rescale."""
    kept = [HEADER.index(name) for name in IN_README]
    rows = [[cell.strip() for cell in each.split("|")[1:-1]] for each in page.read_text("utf-8").splitlines()]
    of_rescale = [row for row in rows if len(row) == len(HEADER) and row[HEADER.index("method")] == NAMES["rescale"]]
    lines = [[HEADER[position] for position in kept], ["---"] * len(kept)]
    lines += [[row[position] for position in kept] for row in of_rescale]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    before, _, rest = readme.read_text("utf-8").partition(START)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{START}\n\n{table}\n\n{END}{after}", "utf-8")


def _machine():
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            processor = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} cores of {processor}, {platform.system()}"


def _versions():
    from importlib.metadata import version

    packages = ["tensorflow", "keras", *(peer for peer in (*PEERS, "torch") if is_installed(peer))]
    return ", ".join(f"{package} {version(package)}" for package in packages)
