"""Recurrent layers, tokens and padding: contributions add up, and a row's do not depend on other rows."""

import keras
import numpy as np
import pytest
from keras import layers

from skdeeplift import DeepLiftExplainer
from tests.conformance.networks import floating_point, one_output, random_rows, randomise_weights
from tests.conformance.sequences import SEQUENCES
from tests.conformance.tokens import TOKENS, VOCABULARY, token_rows

CASES = {build.__name__: build for build in [*SEQUENCES, *TOKENS]}
WITH_TOKENS = [build.__name__ for build in TOKENS]
# One of each kind.
BY_DEFAULT = """
    simple_rnn gru stacked masking tokens_alone tokens_in_a_loop mask_as_an_input columns_of_a_table
    multi_hot_categories bins_looked_up
""".split()
# Those in which rows and references meet in ways of their own.
IN_BATCHES = """
    simple_rnn steps_folded_into_rows attention_inside_of_the_loop tokens_in_a_loop mask_as_an_input tokens_that_attend
    numbers_and_tokens
""".split()
# RevealCancel is compiled for ten seconds and more in each loop; the others are only longer.
BY_PARTS = [
    "simple_rnn",
    "gru",
    "lstm",
    "whole_sequence",
    "attention_inside_of_the_loop",
    *(name for name in WITH_TOKENS if name != "masking_of_both_directions"),
]
# Divide by what they have computed.
ROUNDS_COARSELY = {"tokens_that_attend", "tokens_and_segments", "attention_inside_of_the_loop"}
N_ROWS = 5
map_structure = keras.tree.map_structure


class Network:
    """A model, its rows, and what they are compared with in each mode."""

    def __init__(self, name, dtype):
        built, self.with_padding_of = CASES[name](), None
        self.model = built
        if name in WITH_TOKENS:
            self.model, self.with_padding_of = built
        make_rows = token_rows if name in WITH_TOKENS else random_rows
        self.rows, others = make_rows(self.model, N_ROWS), make_rows(self.model, 2 * N_ROWS, seed=2)
        self.tolerance = (1e-5 if dtype == "float32" else 1e-10) * (10 if name in ROUNDS_COARSELY else 1)
        self.references = {
            "zeros": map_structure(lambda array: np.zeros_like(array[:1]), self.rows),
            "mean": map_structure(_mean, self.rows),
            # The second row meets itself.
            "shared": map_structure(lambda own, other: np.stack([other[0], own[1], other[1]]), self.rows, others),
            "per row": map_structure(lambda array: array.reshape(N_ROWS, 2, *array.shape[1:]), others),
        }
        self.explainer = None

    def with_rule(self, rule):
        if self.explainer is None or self.explainer.rule != rule:
            self.explainer = DeepLiftExplainer(self.model, rule=rule, reference=self.references["shared"])
            self.explainer.fit(self.rows)

    def change(self, mode):
        """Return the change of the output from the references to each row, where both have the row's padding."""
        references = self.references[mode]
        if mode != "per row":
            references = map_structure(lambda array: np.stack([array] * N_ROWS), references)
        number = keras.tree.flatten(references)[0].shape[1]
        rows = map_structure(lambda array: np.repeat(array, number, 0), self.rows)
        references = map_structure(lambda array: array.reshape(-1, *array.shape[2:]), references)
        at_reference = self.model(references, training=False)
        if self.with_padding_of is not None:
            at_reference = self.with_padding_of([*keras.tree.flatten(references), *keras.tree.flatten(rows)])
        change = np.asarray(self.model(rows, training=False), np.float64) - np.asarray(at_reference, np.float64)
        return change.reshape(N_ROWS, number).mean(1)

    def contributions(self, mode, *, only_row=None, batch_size="auto"):
        """One array of shape (rows, features) for all inputs together."""
        chosen = slice(None) if only_row is None else slice(only_row, only_row + 1)
        rows = map_structure(lambda array: array[chosen], self.rows)
        reference = "zeros" if mode == "zeros" else self.references[mode]
        if mode == "per row" and only_row is not None:
            reference = map_structure(lambda array: array[only_row], reference)
        self.explainer.set_params(batch_size=batch_size)
        if mode == "shared":
            # What is compiled in fit serves here too.
            contributions = self.explainer.transform(rows)
        else:
            contributions = self.explainer.explain(rows, reference=reference).contributions
        flat = keras.tree.flatten(contributions)
        return np.concatenate([array.reshape(len(array), -1) for array in flat], 1, dtype=np.float64)


def _mean(array):
    return array.mean(0, keepdims=True) if array.dtype.kind == "f" else np.zeros_like(array[:1])


@pytest.fixture(scope="module")
def network(request):
    name, dtype = request.param
    with floating_point(dtype):
        yield Network(name, dtype)
    keras.backend.clear_session(free_memory=False)


def networks(dtype, names=tuple(CASES), by_default=tuple(BY_DEFAULT)):
    """Parameters for the fixture; slow where a network is not in ``by_default``."""
    for name in names:
        yield pytest.param((name, dtype), id=f"{name}-{dtype}", marks=() if name in by_default else pytest.mark.slow)


def assert_sums_to_change(network, mode, tolerance):
    change = network.change(mode)
    assert np.abs(change).max() > 1e-4
    totals = network.contributions(mode).sum(1)
    np.testing.assert_allclose(totals, change, rtol=0, atol=tolerance * np.abs(change).max())


@pytest.mark.sampled(3)
@pytest.mark.parametrize("network", networks("float64"), indirect=True)
@pytest.mark.parametrize("mode", ["shared", pytest.param("per row", marks=pytest.mark.slow)])
def test_contributions_sum_to_the_change_of_the_output(network, mode):
    network.with_rule("rescale")
    assert_sums_to_change(network, mode, network.tolerance)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("network", networks("float32", BY_DEFAULT, ["simple_rnn", "tokens_in_a_loop"]), indirect=True)
@pytest.mark.parametrize("mode", ["shared", "zeros", "mean"])
def test_contributions_sum_to_the_change_in_single_precision(network, mode):
    network.with_rule("rescale")
    assert_sums_to_change(network, mode, network.tolerance)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("network", networks("float64", BY_PARTS, ["simple_rnn", "one_hot_bins"]), indirect=True)
def test_parts_sum_to_the_change_of_the_output(network):
    network.with_rule("reveal_cancel")
    assert_sums_to_change(network, "shared", 10 * network.tolerance)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("network", networks("float64", IN_BATCHES, ["tokens_in_a_loop"]), indirect=True)
@pytest.mark.parametrize("mode", ["shared", "per row"])
def test_contributions_of_a_row_do_not_depend_on_its_batch(network, mode):
    network.with_rule("rescale")
    together = network.contributions(mode)
    tolerance = network.tolerance * np.abs(together).max()
    alone = np.concatenate([network.contributions(mode, only_row=number) for number in range(N_ROWS)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=tolerance)
    for batch_size in (1, 3):
        in_batches = network.contributions(mode, batch_size=batch_size)
        np.testing.assert_allclose(in_batches, together, rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def attending_to_tokens():
    """A network of four targets, in which padding is masked, and its rows."""
    inputs = keras.Input((4,), dtype="int32")
    looked_up = layers.Embedding(VOCABULARY, 3, mask_zero=True, name="looked_up")(inputs)
    hidden = layers.LSTM(2, return_sequences=True, name="recurrent")(looked_up)
    model = keras.Model(inputs, layers.Dense(2)(hidden))
    randomise_weights(model)
    return model, token_rows(model, N_ROWS)


def test_contributions_of_the_dimensions_of_tokens_sum_to_those_of_the_tokens(attending_to_tokens):
    model, rows = attending_to_tokens
    options = dict(reference="zeros", target="all", check="raise")
    of_tokens = DeepLiftExplainer(model, **options).fit(rows).explain(rows)
    of_dimensions = DeepLiftExplainer(model, layer="looked_up", **options).fit(rows).explain(rows, multipliers=True)
    assert of_tokens.contributions.shape == (N_ROWS, 4, 8)
    assert of_dimensions.contributions.shape == of_dimensions.multipliers.shape == (N_ROWS, 4, 3, 8)
    np.testing.assert_allclose(of_dimensions.contributions.sum(2), of_tokens.contributions, atol=1e-6)
    assert np.abs(of_tokens.convergence_delta).max() < 1e-6
    # A padded step hands its output on, but takes nothing from its own token.
    assert (of_tokens.contributions[rows == 0] == 0).all()


@pytest.mark.slow
def test_targets_of_a_sequence_are_the_same_together_and_alone(attending_to_tokens):
    model, rows = attending_to_tokens
    explainer = DeepLiftExplainer(model, reference="sample", target="all").fit(rows)
    together = explainer.transform(rows).reshape(N_ROWS, 4, 4, 2)
    for target in ((0, 1), (3, 0)):
        alone = explainer.explain(rows, target=target).contributions
        np.testing.assert_allclose(alone, together[..., target[0], target[1]], atol=1e-6)
    # What comes later has no part in it.
    assert (together[:, 2:, 0] == 0).all()
    assert np.abs(together[:, :2, 1]).min(0).max() > 0


def test_units_of_a_recurrent_layer_contribute_the_whole_change(attending_to_tokens):
    model, rows = attending_to_tokens
    explainer = DeepLiftExplainer(model, layer="recurrent", target=(3, 1), reference="zeros").fit(rows)
    explanation = explainer.explain(rows)
    change = explanation.prediction - explanation.reference_value
    assert explanation.contributions.shape == (N_ROWS, 4, 2)
    np.testing.assert_allclose(explanation.contributions.sum((1, 2)), change, atol=1e-6)


def test_rules_that_are_named_act_inside_of_loops():
    """A dense layer stands in the loop, so that there the genomics default is RevealCancel."""
    model = CASES["simple_rnn"]()
    rows = random_rows(model, N_ROWS)

    def contributions(rule):
        return DeepLiftExplainer(model, rule=rule, reference="zeros").fit(rows).explain(rows, multipliers=True)

    found = {rule: contributions(rule) for rule in ("rescale", "reveal_cancel", "genomics_default", "pass_through")}
    np.testing.assert_allclose(found["genomics_default"].contributions, found["reveal_cancel"].contributions, atol=1e-6)
    for rule in ("rescale", "pass_through"):
        product = found[rule].multipliers * rows
        np.testing.assert_allclose(product, found[rule].contributions, atol=1e-6)
        assert np.abs(product - found["reveal_cancel"].contributions).max() > 1e-3
    assert np.abs(found["pass_through"].convergence_delta).max() > 1e-3


def test_state_that_a_layer_keeps_is_left_as_it_was():
    inputs = keras.Input(batch_shape=(4, 3, 2))
    layer = layers.LSTM(2, stateful=True)
    model = one_output(inputs, layer(inputs))
    rows = random_rows(model, 4)
    states = [keras.ops.convert_to_numpy(state) for state in layer.states]
    explainer = DeepLiftExplainer(model, reference="zeros", check="raise").fit(rows)
    first = explainer.transform(rows)
    np.testing.assert_array_equal(explainer.transform(rows), first)
    np.testing.assert_array_equal(explainer.transform(rows[2:]), explainer.transform(np.roll(rows, 2, 0))[:2])
    for state, before in zip(layer.states, states, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(state), before)
