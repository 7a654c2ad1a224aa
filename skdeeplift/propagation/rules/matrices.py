"""Inverses, linear equations and Cholesky factors of varying matrices.

Each follows from a product of matrices that is known, such as ``A Y = B``. So the split is exact and linear in each
difference, as that of a product is.
"""

import tensorflow as tf

from skdeeplift.propagation.rules.table import RuleTable

MATRICES = RuleTable("matrix equation")


@MATRICES.rule
def invert(op, differences, coefficient):
    """Carry an inverse ``Y`` by ``Y_x - Y_r = -(Y_x d Y_r + Y_r d Y_x) / 2``.

    The mean is over the two orders in which the change ``Y_x - Y_r = -Y_x d Y_r = -Y_r d Y_x`` may be written.
    """
    at_input, at_reference = map(coefficient, op.at_both_ends(op.outputs[0]))
    difference = tf.linalg.adjoint(differences[0]) if op.attribute("adjoint") else differences[0]
    both = at_input @ difference @ at_reference + at_reference @ difference @ at_input
    return [both * coefficient(tf.constant(-0.5, both.dtype))]


@MATRICES.rule
def solve_equations(op, differences, coefficient):
    """Carry the solution of ``A Y = B``, where ``A`` changes before ``B`` or behind it; each order counts half.

    ``Y_x - Y_r = (G_x (d_B - d_A Y_r) + G_r (d_B - d_A Y_x)) / 2``, where ``G`` is the inverse of ``A``.
    """

    def read(matrix):
        """Return the matrix of the equations. A triangular solver reads one half of it."""
        if op.type == "MatrixTriangularSolve":
            matrix = tf.linalg.band_part(matrix, *((-1, 0) if op.attribute("lower") else (0, -1)))
        return tf.linalg.adjoint(matrix) if op.attribute("adjoint") else matrix

    of_matrix, of_right_side = differences
    inverses = [coefficient(tf.linalg.inv(read(end))) for end in _ends(op, 0)]
    solutions = op.at_both_ends(op.outputs[0])
    total = 0
    for inverse, solution in zip(inverses, reversed(solutions), strict=True):
        change = 0 if of_right_side is None else of_right_side
        if of_matrix is not None:
            change += coefficient(tf.constant(-1, solution.dtype)) * (read(of_matrix) @ coefficient(solution))
        total += inverse @ change / 2
    return [total]


@MATRICES.rule
def factorise(op, differences, coefficient):
    """Carry a Cholesky factor by ``A_x - A_r = M d_L' + d_L M'``, where ``M`` is the mean of the factor's two values.

    ``M`` is triangular with a positive diagonal, so that ``d_L = M F(M^-1 d_A M'^-1)``, where ``F`` keeps the lower
    triangle and half of the diagonal. The op reads the lower triangle of ``A`` only.
    """
    at_input, at_reference = op.at_both_ends(op.outputs[0])
    mean = (at_input + at_reference) / 2
    inverse, mean = coefficient(tf.linalg.inv(mean)), coefficient(mean)
    lower = tf.linalg.band_part(differences[0], -1, 0)
    whole = lower + tf.linalg.adjoint(tf.linalg.set_diag(lower, tf.zeros_like(tf.linalg.diag_part(lower))))
    inner = tf.linalg.band_part(inverse @ whole @ tf.linalg.adjoint(inverse), -1, 0)
    return [mean @ tf.linalg.set_diag(inner, tf.linalg.diag_part(inner) / 2)]


@MATRICES.rule
def take_determinant(op, differences, coefficient):
    """Carry a determinant, which is linear in each row, as its rows change one after the other in both orders."""
    at_input, at_reference = op.at_both_ends(op.inputs[0])
    cofactors = (_cofactors_between(at_input, at_reference) + _cofactors_between(at_reference, at_input)) / 2
    return [tf.reduce_sum(coefficient(cofactors) * differences[0], [-2, -1])]


def _cofactors_between(before, behind):
    """Return the cofactors of each row, where the rows before it are from one matrix and those behind from another."""
    number = before.shape[-1]
    is_before = tf.linalg.band_part(tf.ones((number, number), tf.bool), -1, 0)[..., None]
    mixed = tf.where(is_before, before[..., None, :, :], behind[..., None, :, :])
    # A row is replaced by each unit vector: axes are the row, the unit vector, and the matrix.
    is_replaced = tf.eye(number, dtype=tf.bool)[:, None, :, None]
    return tf.linalg.det(tf.where(is_replaced, tf.eye(number, dtype=before.dtype)[:, None, :], mixed[..., None, :, :]))


def _ends(op, position):
    """Return an operand at the row and at the reference of each pair; one that does not vary is the same at both."""
    value = op.inputs[position]
    if value in op.at_input:
        return op.at_both_ends(value)
    return [op.constant(position)] * 2
