"""Run perturbations of a TensorFlow function directly, in float64."""

import numpy as np
import tensorflow as tf

from skdeeplift.execution.problem import Problem
from skdeeplift.execution.references import References
from skdeeplift.execution.run import run_once
from skdeeplift.network.network import trace
from skdeeplift.perturbation.perturbation import Perturbation, whole_inputs
from skdeeplift.targets.target import Target

SUM = Target("single")


def method_of(function, shapes, make_schemes, sums_to_delta=False, layer_before=None, dtype=tf.float64):
    """Trace a function of some tensors, whose shapes are given without the batch, and perturb its inputs.

    With ``layer_before``, what goes into the first op of this type is perturbed as a layer is.
    """
    graph, _ = trace(lambda inputs: function(*inputs), [tf.TensorSpec((None, *shape), dtype) for shape in shapes])
    sources = whole_inputs(graph, graph.outputs[0])
    if layer_before is not None:
        value = next(op.inputs[0] for op in graph.ops if op.type == layer_before)
        sources = [sources[0]._replace(value=value)]
    return Perturbation(graph, graph.outputs[0], sources, make_schemes(sources), sums_to_delta)


def contributions(method, rows, references, target=SUM, weights=None, per_row=False, **options):
    """Explain rows; ``references`` holds one array for each input."""
    n_references = references[0].shape[per_row]
    weights = np.full(n_references, 1 / n_references) if weights is None else weights
    return run_once(Problem(method, rows, target, References(references, per_row, weights), **options))
