import numpy as np

from skdeeplift.propagation.sums import weighted_sums


def test_weighted_sums_equal_the_plain_formula():
    generator = np.random.default_rng(0)
    multipliers = generator.normal(size=(4, 3, 5)).astype(np.float32)
    x, r = generator.normal(size=(4, 1, 5)).astype(np.float32), generator.normal(size=(1, 3, 5)).astype(np.float32)
    weights = np.array([0.5, 0.3, 0.2])
    contributions, means, squares = weighted_sums(
        multipliers, x, r, weights, ("contributions", "multipliers", "squares")
    )
    products = (multipliers * (x - r)).astype(np.float64)
    np.testing.assert_allclose(contributions, np.einsum("r,nrf->nf", weights, products), rtol=1e-12)
    np.testing.assert_allclose(means, np.einsum("r,nrf->nf", weights, multipliers.astype(np.float64)), rtol=1e-12)
    np.testing.assert_allclose(squares, np.einsum("r,nrf->nf", weights, products**2), rtol=1e-12)


def test_sums_are_in_float64():
    """A float32 sum would lose the small terms beside the large one."""
    multipliers = np.full((1, 101, 1), 1e-6, np.float32)
    multipliers[0, 0] = 64
    [contributions] = weighted_sums(
        multipliers, np.ones((1, 1, 1), np.float32), np.zeros((1, 101, 1), np.float32), np.ones(101), ("contributions",)
    )
    np.testing.assert_allclose(contributions.numpy().item() - 64, 100 * np.float64(np.float32(1e-6)), rtol=1e-9)
