import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.network.devices import CPU
from skdeeplift.propagation.sums import TERMS, SourceTensors, compute_terms, sum_over_references, sum_plain


@pytest.mark.parametrize("sum_up", [sum_over_references, sum_plain])
def test_sums_equal_the_plain_formula(sum_up):
    generator = np.random.default_rng(0)
    multipliers = generator.normal(size=(4, 3, 5)).astype(np.float32)
    x, r = generator.normal(size=(4, 1, 5)).astype(np.float32), generator.normal(size=(1, 3, 5)).astype(np.float32)
    weights = np.array([0.5, 0.3, 0.2])
    contributions, means, squares = sum_up(
        SourceTensors(multipliers[:, :, None], x, r), weights, ("contributions", "multipliers", "squares")
    )
    assert contributions.shape == (4, 1, 5)
    contributions, means, squares = (array.numpy()[:, 0] for array in (contributions, means, squares))
    products = (multipliers * (x - r)).astype(np.float64)
    np.testing.assert_allclose(contributions, np.einsum("r,nrf->nf", weights, products), rtol=1e-12)
    np.testing.assert_allclose(means, np.einsum("r,nrf->nf", weights, multipliers.astype(np.float64)), rtol=1e-12)
    np.testing.assert_allclose(squares, np.einsum("r,nrf->nf", weights, products**2), rtol=1e-12)


def test_sums_are_in_float64():
    """A float32 sum would lose the small terms beside the large one."""
    multipliers = np.full((1, 101, 1), 1e-6, np.float32)
    multipliers[0, 0] = 64
    x, r = np.ones((1, 1, 1), np.float32), np.zeros((1, 101, 1), np.float32)
    [contributions] = sum_over_references(
        SourceTensors(multipliers[:, :, None], x, r), np.ones(101), ("contributions",)
    )
    np.testing.assert_allclose(contributions.numpy().item() - 64, 100 * np.float64(np.float32(1e-6)), rtol=1e-9)


def test_parts_and_letters_by_hand():
    """One reference 1, one row 3, so a difference of 2, with a spread of 4: parts 3 and -1.

    With the multipliers 5 of the difference and 1 of the spread, the parts have 6 and 4: 6 * 3 - 4 * 1 = 14. Of two
    letters, of which the second is 0 at the row and 1 at the reference, with multiplier 5 too, either one makes 5 less
    what the reference makes, 5 + 5.
    """
    source = SourceTensors(
        multipliers=np.full((1, 1, 1, 2), 5.0),
        spread_multipliers=np.ones((1, 1, 1, 2)),
        at_input=np.array([[[3.0, 0.0]]]),
        at_reference=np.array([[[1.0, 1.0]]]),
        spread=np.array([[[4.0, 1.0]]]),
        signed_spread=np.array([[[4.0, 1.0]]]),
    )
    expected = {
        "contributions": [14, -4],
        "squares": [196, 16],
        "multipliers": [5, 5],
        "positive_multipliers": [6, 6],
        "negative_multipliers": [4, 4],
        "positive_difference": [3, 0],
        "negative_difference": [-1, -1],
        "hypothetical": [-5, -5],
    }
    for sums in (
        sum_over_references(source, np.ones(1), tuple(TERMS), 0),
        compute_terms(source, tuple(TERMS), 0),
    ):
        for name, tensor in zip(TERMS, sums, strict=True):
            np.testing.assert_allclose(tensor, [[expected[name]]], err_msg=name)


def test_a_part_that_is_zero_but_for_rounding_keeps_its_multiplier():
    """A spread a little below the difference leaves a negative part above zero, whose sign nothing has turned."""
    delta = np.full((1, 1, 1), 7.4113398, np.float32)
    source = SourceTensors(
        multipliers=np.full((1, 1, 1, 1), 5, np.float32),
        spread_multipliers=np.ones((1, 1, 1, 1), np.float32),
        at_input=delta,
        at_reference=np.zeros_like(delta),
        spread=delta * np.float32(1 - 2e-7),
        signed_spread=delta * np.float32(1 - 2e-7),
    )
    [negative] = compute_terms(source, ("negative_multipliers",))
    np.testing.assert_allclose(negative, [[[4]]])


UNROLLED = CPU.unrolled_references


@pytest.mark.sampled(3)
@pytest.mark.parametrize("number", [1, UNROLLED - 1, UNROLLED, 2 * UNROLLED - 1, 2 * UNROLLED, 4 * UNROLLED + 3])
@pytest.mark.parametrize("shared", [True, False])
def test_every_reference_counts_once(number, shared):
    """The sums of few are written out, those of many go round a loop."""
    random = np.random.default_rng(number)
    multipliers, spread_multipliers = random.normal(size=(2, 3, number, 2, 4)).astype(np.float32)
    x, r = random.normal(size=(3, 1, 4)), random.normal(size=(1 if shared else 3, number, 4))
    spread, weights = random.uniform(size=(3, number, 4)), random.uniform(size=number)
    x, r, spread = (array.astype(np.float32) for array in (x, r, spread))
    wanted = ("contributions", "squares", "multipliers", "hypothetical")
    source = SourceTensors(*map(tf.constant, (multipliers, x, r, spread_multipliers, spread)))
    got = sum_over_references(source, tf.constant(weights), wanted, 0)
    double = [np.asarray(each, np.float64) for each in (multipliers, spread_multipliers, x, r, spread)]
    multipliers, spread_multipliers, x, r, spread = double
    contributions = multipliers * (x - r)[:, :, None] + spread_multipliers * spread[:, :, None]
    at_reference = (multipliers * r[:, :, None]).sum(-1, keepdims=True)
    expected = contributions, contributions**2, multipliers, multipliers - at_reference
    for tensor, of_pairs in zip(got, expected, strict=True):
        np.testing.assert_allclose(tensor, np.einsum("rntf,n->rtf", of_pairs, weights), rtol=1e-5, atol=1e-5)
