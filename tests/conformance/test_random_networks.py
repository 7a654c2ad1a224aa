"""Properties of every network, tried on networks that are built at random."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skdeeplift import (
    DeepLiftExplainer,
    GradientExplainer,
    GuidedBackpropExplainer,
    IntegratedGradientsExplainer,
    LRPExplainer,
    MutagenesisExplainer,
    OcclusionExplainer,
    ShapleySamplingExplainer,
)
from skdeeplift.exceptions import SummationToDeltaWarning, UnsupportedOpError
from tests.conformance.grammar import N_OUTPUTS, build, layers_with_activations, networks
from tests.conformance.networks import floating_point, random_rows

N_ROWS = 5
SUMMING = ["rescale", "reveal_cancel", "genomics_default"]
# Fractions of float32 and float64: what summation-to-delta holds to.
TOLERANCE = {("rescale", "float32"): 1e-5, "float32": 1e-4, ("rescale", "float64"): 1e-10, "float64": 1e-9}

rules = st.one_of(
    st.sampled_from(SUMMING),
    # Those of layers, from the first on.
    st.lists(st.sampled_from(SUMMING), min_size=1, max_size=4),
    st.just("shapley"),
)
targets = st.one_of(
    st.just("all"),
    st.integers(0, N_OUTPUTS - 1),
    st.fixed_dictionaries(dict.fromkeys((0, 1), st.floats(-2, 2, width=16))),
    st.lists(st.integers(0, N_OUTPUTS - 1), min_size=N_ROWS, max_size=N_ROWS),
)
references = st.sampled_from(["mean", "zeros", "shared", "of each row"])


def examples(number):
    """Decorate a test that is run on so many networks, or on as many as the profile that was chosen says."""
    chosen = settings.get_current_profile_name() not in ("default", "ci")
    return settings(
        max_examples=settings.default.max_examples if chosen else number,
        deadline=None,
        derandomize=not chosen,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.fixture(autouse=True)
def _free_graphs():
    yield
    keras.backend.clear_session()


def check_sums(network, rule, target, reference, pre_activation, center_logits, dtype):
    """Compare what contributions add up to with the change of the network's own output."""
    with floating_point(dtype):
        built = build(network)
        rows = as_list(random_rows(built.model, N_ROWS, network.seed))
        compared = made_references(reference, rows, network.seed)
        explainer = explainer_of(built, rule, pre_activation=pre_activation, center_logits=center_logits)
        explainer.set_params(target=0 if isinstance(target, list) else target, reference=as_given(compared))
        of_rows = target if isinstance(target, list) else None
        try:
            got, is_warned = explainer.fit(as_given(rows)).transform(as_given(rows), target=of_rows), False
        except SummationToDeltaWarning:
            explainer.set_params(check="ignore").fit(as_given(rows))
            got, is_warned = explainer.transform(as_given(rows), target=of_rows), True
        explained = built.logits if pre_activation else built.model
        outputs, at_references = outputs_at(explained, rows, references_of_rows(compared, rows))
    change = outputs - at_references.mean(0)
    size = max(np.abs(outputs).max(), np.abs(at_references).max())
    if center_logits:
        change = change - change.mean(-1, keepdims=True)
    change = change @ weights(target) if not isinstance(target, list) else change[np.arange(N_ROWS), target, None]
    n_targets = change.shape[-1]
    totals = sum(each.reshape(N_ROWS, -1, n_targets).sum(1, dtype=np.float64) for each in as_list(got))
    tolerance = TOLERANCE.get((rule, dtype) if isinstance(rule, str) else None, TOLERANCE[dtype])
    # Where the output hardly changes, its own rounding is what is left, or that of contributions which cancel:
    # RevealCancel's parts go on behind a relu that shows none of them, and normalisation multiplies zeros by a million.
    absolute = sum(np.abs(each).reshape(N_ROWS, -1, n_targets).sum(1, dtype=np.float64) for each in as_list(got)).max()
    assert not is_warned or absolute > 1e4 * np.abs(change).max()
    rounding = np.finfo(dtype).eps * (16 * size + 4 * absolute)
    np.testing.assert_allclose(totals, change, rtol=0, atol=tolerance * np.abs(change).max() + rounding)


def explainer_of(built, rule, **parameters):
    if rule == "shapley":
        return ShapleySamplingExplainer(built.model, n_permutations=2, random_state=0, **parameters)
    if isinstance(rule, list):
        names = layers_with_activations(built)
        rule = {name: rule[position % len(rule)] for position, name in enumerate(names)} or "rescale"
    return DeepLiftExplainer(built.model, rule=rule, **parameters)


def made_references(kind, rows, seed):
    """Return the user's reference for each input; if there are several references, one is a row."""
    generator = np.random.default_rng(seed + 1)

    def noise(array, *axes):
        return generator.normal(size=(*axes, *array.shape[1:])).astype(array.dtype)

    if kind == "mean":
        return ["mean" for _ in rows]
    if kind == "zeros":
        return [np.zeros_like(array[0]) for array in rows]
    if kind == "shared":
        return [np.concatenate([noise(array, 2), array[-1:]]) for array in rows]
    return [np.stack([noise(array, N_ROWS), array[::-1]], 1) for array in rows]


def references_of_rows(compared, rows):
    """The references of each row: for each input an array of shape (n_references, n_rows, *features)."""
    made = [
        array.mean(0, dtype=np.float64).astype(array.dtype) if isinstance(each, str) else each
        for each, array in zip(compared, rows, strict=True)
    ]
    if made[0].ndim == rows[0].ndim + 1:
        return [np.swapaxes(each, 0, 1) for each in made]
    return [np.repeat(each.reshape(-1, 1, *array.shape[1:]), N_ROWS, 1) for each, array in zip(made, rows, strict=True)]


def outputs_at(model, rows, compared):
    """Return the model's own outputs at rows, and at the references of each row."""
    together = [np.concatenate([array[None], each]) for array, each in zip(rows, compared, strict=True)]
    in_a_row = as_given([array.reshape(-1, *array.shape[2:]) for array in together])
    outputs = np.asarray(model(in_a_row, training=False), np.float64).reshape(-1, N_ROWS, N_OUTPUTS)
    return outputs[0], outputs[1:]


def weights(target):
    """One column of weights of outputs for each target."""
    if target == "all":
        return np.eye(N_OUTPUTS)
    of_outputs = target if isinstance(target, dict) else {target: 1.0}
    return np.array([[of_outputs.get(index, 0.0)] for index in range(N_OUTPUTS)])


def as_list(arrays):
    return arrays if isinstance(arrays, list) else [arrays]


def as_given(arrays):
    return arrays if len(arrays) > 1 else arrays[0]


summing = given(
    network=networks(),
    rule=rules,
    target=targets,
    reference=references,
    pre_activation=st.booleans(),
    center_logits=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)


@examples(2)
@summing
def test_contributions_sum_to_the_change_of_the_output(
    network, rule, target, reference, pre_activation, center_logits, dtype
):
    check_sums(network, rule, target, reference, pre_activation, center_logits, dtype)


@pytest.mark.slow
@examples(56)
@summing
def test_contributions_of_more_networks_sum_to_the_change_of_the_output(
    network, rule, target, reference, pre_activation, center_logits, dtype
):
    check_sums(network, rule, target, reference, pre_activation, center_logits, dtype)


@pytest.mark.slow
@examples(2)
@given(network=networks(), rule=st.sampled_from(["rescale", "reveal_cancel"]))
def test_an_op_without_a_rule_is_named_or_integrated(network, rule):
    with floating_point("float64"):
        built = build(network, without_rule=True)
        rows = random_rows(built.model, N_ROWS, network.seed)
        explainer = DeepLiftExplainer(built.model, target=0, rule=rule)
        with pytest.raises(UnsupportedOpError, match="no rule for the op 'Betainc'"):
            explainer.fit(rows)
        explainer.set_params(unsupported="integrate").fit(rows)
        explanation = explainer.explain(rows)
        # A polynomial is integrated exactly.
        change = np.abs(explanation.prediction - explanation.reference_value)
        assert np.abs(explanation.convergence_delta).max() <= 1e-9 * change.max() + 1e-13


LINEAR_IN_THE_TARGET = {
    **{rule: (DeepLiftExplainer, dict(rule=rule)) for rule in ("rescale", "reveal_cancel", "pass_through")},
    "gradient": (GradientExplainer, dict(kind="gradient")),
    "paths": (IntegratedGradientsExplainer, dict(n_steps=3, check="ignore")),
    "epsilon-LRP": (LRPExplainer, dict()),
    "mutagenesis": (MutagenesisExplainer, dict(letters_axis=-1)),
    "occlusion": (OcclusionExplainer, dict()),
}
EXPLAINERS = {
    **LINEAR_IN_THE_TARGET,
    "guided rescale": (DeepLiftExplainer, dict(rule="guided_backprop_rescale")),
    "guided backpropagation": (GuidedBackpropExplainer, dict()),
    "Shapley values": (ShapleySamplingExplainer, dict(n_permutations=1, random_state=0)),
}


# Where an activation hardly changes, its slope has few digits in float32, and so have contributions, though their sum
# has all. Equality is tested in float64.
@pytest.mark.slow
@examples(3)
@given(network=networks(), name=st.sampled_from(sorted(EXPLAINERS)), batch_size=st.sampled_from([1, 3, 7]))
def test_contributions_are_those_of_each_row_reference_and_target(network, name, batch_size):
    """Neither their order nor the others beside them matter."""
    with floating_point("float64"):
        built = build(network)
        rows = as_list(random_rows(built.model, N_ROWS, network.seed))
        kind, parameters = EXPLAINERS[name]
        explainer = kind(built.model, target=0, **parameters)
        compares = hasattr(explainer, "reference")
        shared = made_references("shared", rows, network.seed)
        if compares:
            explainer.set_params(reference=as_given(shared))

        def contributions(*changes, rows=rows, **parameters):
            got = explainer.set_params(**parameters).explain(as_given(rows), **dict(changes)).contributions
            return np.concatenate([each.reshape(N_ROWS, -1) for each in as_list(got)], 1)

        explainer.fit(as_given(rows))
        expected = contributions()
        assert_equal(contributions(rows=[array[::-1] for array in rows]), expected[::-1])
        if compares:
            assert_equal(contributions(("reference", as_given([array[::-1] for array in shared]))), expected)
        assert_equal(contributions(batch_size=batch_size), expected)
        other = contributions(("target", 1))
        if name in LINEAR_IN_THE_TARGET:
            assert_equal(contributions(("target", {0: 2.0, 1: -3.0})), 2 * expected - 3 * other)
        got = as_list(explainer.explain(as_given(rows), target="all").contributions)
        together = np.concatenate([each.reshape(N_ROWS, -1, N_OUTPUTS) for each in got], 1)
        assert_equal(together, np.stack([expected, other], -1))


def assert_equal(actual, expected):
    # Some of these networks are constant, so that rounding is all there is.
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9 * np.abs(expected).max() + 1e-14)
