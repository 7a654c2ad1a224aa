"""Products of two varying tensors: exact and symmetric."""

from skdeeplift.propagation.rules.table import SEVERAL, RuleTable

BILINEAR = RuleTable("bilinear")


@BILINEAR.rule("Mul", "MulNoNan", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", varying=SEVERAL)
def product(op, differences, coefficient):
    """Give each factor's difference times the mean of the other factor's two values.

    ``op(x_a, x_b) - op(r_a, r_b) = op(d_a, (x_b + r_b)/2) + op((x_a + r_a)/2, d_b)``: the Shapley value of two players,
    used for products in Lundberg and Lee 2017 (arXiv:1705.07874), section 4.2.
    """
    first, second = op.inputs
    mean_first, mean_second = (coefficient(op.combine(_mean, value)) for value in (first, second))
    [of_first] = op.run([differences[0], mean_second])
    [of_second] = op.run([mean_first, differences[1]])
    return [of_first + of_second]


def _mean(at_input, at_reference):
    return (at_input + at_reference) / 2
