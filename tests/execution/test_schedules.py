"""Schedules: rows whose work is repeated, and the numbers that come of it."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from skdeeplift.execution.problem import Problem
from skdeeplift.execution.references import Path, References
from skdeeplift.execution.results import Results
from skdeeplift.execution.schedules import (
    FIRST_DRAWS,
    MOST_DRAWS,
    ONCE,
    Draws,
    Noise,
    Schedule,
    Steps,
    UntilPrecise,
    draw_references,
    repeat_until_enough,
)
from skdeeplift.network.network import trace
from skdeeplift.propagation.lookups import input_sources
from skdeeplift.propagation.paths import Paths
from skdeeplift.targets.target import Target
from tests.functions import streams_of

REFERENCES = np.random.RandomState(0).normal(size=(6, 2))
WEIGHTS = np.random.default_rng(0).normal(size=(5, 3))
ROWS = np.random.default_rng(2).normal(size=(11, 5))


def run(problem):
    return problem.schedule.run(problem)


def references_of(rows, weights=None):
    weights = np.ones(len(rows)) if weights is None else np.asarray(weights, float)
    return References([rows], False, weights / weights.sum())


def repeat(excess_of, first, most, far=np.inf):
    """Repeat work whose excess is a function of the row and its amount; return the results and the calls."""
    calls = []

    def attempt(rows, done, amount):
        calls.append((list(rows), done, amount))
        return np.array([excess_of[row] / amount for row in rows])

    results = repeat_until_enough(len(excess_of), first, most, attempt, far)
    return [result.tolist() for result in results], calls


def test_only_rows_that_need_it_are_repeated():
    """A row is within tolerance after as many units of work as its number says; the last never is."""
    found, calls = repeat([3, 7, 4, 100], 4, 20)
    assert calls == [([0, 1, 2, 3], 0, 4), ([1, 3], 4, 8), ([3], 8, 16), ([3], 16, 20)]
    assert found == [[4, 8, 4, 20], [4, 12, 4, 48], [True, True, True, False]]


def test_rows_far_from_converging_take_larger_steps():
    """After 4 the last row is 6 times beyond its tolerance, more than 4, and takes 16 next."""
    found, calls = repeat([7, 24], 4, 100, far=4)
    assert calls == [([0, 1], 0, 4), ([0], 4, 8), ([1], 4, 16), ([1], 16, 32)]
    assert found == [[8, 32], [12, 52], [True, True]]


def test_the_most_may_be_less_than_the_first():
    found, calls = repeat([1, 9], 5, 3)
    assert calls == [([0, 1], 0, 3)]
    assert found == [[3, 3], [3, 3], [True, False]]


def test_rows_that_are_finished_are_counted():
    counts = []
    bar = SimpleNamespace(update=counts.append)
    repeat_until_enough(3, 1, 4, lambda rows, _, amount: np.array([1, 2, 9])[rows] / amount, progress=bar)
    assert counts == [1, 1, 1]


def test_draws_are_by_weight():
    drawn = draw_references(references_of(REFERENCES[:3], [1, 0, 3]), 4000, 0)
    share = (drawn.arrays[0] == REFERENCES[2]).all(1).mean()
    assert abs(share - 0.75) < 0.03
    assert not (drawn.arrays[0] == REFERENCES[1]).all(1).any()
    assert drawn.path.positions.shape == (4000, 1)
    assert abs(drawn.path.positions.mean() - 0.5) < 0.02
    np.testing.assert_allclose(drawn.weights, 1 / 4000)


def test_draws_depend_neither_on_order_nor_on_how_duplicates_are_weighted():
    weights = np.array([2, 1, 3, 1, 2, 1])
    expected = draw_references(references_of(REFERENCES, weights), 50, 7).arrays[0]
    order = np.random.RandomState(1).permutation(6)
    other = references_of(REFERENCES[order], weights[order])
    np.testing.assert_array_equal(draw_references(other, 50, 7).arrays[0], expected)
    other = references_of(np.repeat(REFERENCES, weights, 0))
    np.testing.assert_array_equal(draw_references(other, 50, 7).arrays[0], expected)


@pytest.fixture(scope="module")
def paths():
    """f = a - 2 b, whose gradients are the same everywhere: contributions are a - a' and -2 (b - b')."""
    specs = [tf.TensorSpec((None, 2), tf.float64)]
    graph, _ = trace(lambda structure: structure[0] @ tf.constant([[1.0], [-2.0]], tf.float64), specs)
    return Paths(graph, graph.outputs[0], input_sources(graph, graph.outputs[0]), together=True)


def drawn_problem(method, rows, references, tolerance):
    rows = np.asarray(rows, float)
    return Problem(method, [rows], Target("single"), references, schedule=Draws("auto", tolerance, 0))


def test_as_many_draws_as_a_tolerance_needs(paths):
    """Every draw counts once: the mean and its standard error are those of all draws of all rounds."""
    given = references_of(REFERENCES + 3)
    results = run(drawn_problem(paths, np.zeros((1, 2)), given, 0.02))
    [number] = results.n_references
    assert number > FIRST_DRAWS
    assert not results.unconverged.any()
    rounds = [FIRST_DRAWS * 2**power for power in range(10)]
    starts = [0, *(start for start in rounds if start < number)]
    stops = [*starts[1:], number]
    drawn = [
        draw_references(given, stop - start, [0, start] if start else 0).arrays[0]
        for start, stop in zip(starts, stops, strict=True)
    ]
    contributions = np.concatenate(drawn) * [-1, 2]
    assert len(contributions) == number
    mean, error = contributions.mean(0), contributions.std(0, ddof=1) / np.sqrt(number)
    np.testing.assert_allclose(results.contributions[0], mean[None], rtol=1e-9)
    np.testing.assert_allclose(results.of_sources["standard_error"][0], error[None], rtol=1e-7)
    # Both as roots of sums of squares; with half the draws the error was too large.
    assert np.linalg.norm(error) <= 0.02 * np.linalg.norm(mean)
    half = contributions[: number // 2]
    error = half.std(0, ddof=1) / np.sqrt(len(half))
    assert np.linalg.norm(error) > 0.02 * np.linalg.norm(half.mean(0))


def test_draws_have_an_end(paths):
    """A row at the mean of its references has contributions near zero, beside which no error is small."""
    problem = drawn_problem(paths, REFERENCES.mean(0)[None], references_of(REFERENCES), 1e-6)
    results = run(problem)
    assert results.unconverged.all()
    assert results.n_references == MOST_DRAWS
    assert f"After {MOST_DRAWS} draws the standard errors of 1 of 1 rows" in problem.schedule.warning(results)


def test_rows_that_are_precise_enough_are_left_alone(paths):
    """Far from all references the error is small beside contributions; each row has the draws that it has alone."""
    rows, given = np.array([[1000.0, 1000.0], [0.0, 0.0]]), references_of(REFERENCES + 3)
    results = run(drawn_problem(paths, rows, given, 0.02))
    assert results.n_references[0] == FIRST_DRAWS < results.n_references[1]
    for row in range(2):
        alone = run(drawn_problem(paths, rows[[row]], given, 0.02))
        assert alone.n_references[0] == results.n_references[row]
        np.testing.assert_allclose(alone.contributions[0][0], results.contributions[0][row], rtol=1e-12)


def test_a_number_of_draws_is_drawn_before_the_call():
    schedule = Draws(30, 0.1, 5)
    given = references_of(REFERENCES)
    expected = draw_references(given, 30, 5)
    np.testing.assert_array_equal(schedule.prepare(given, None).arrays[0], expected.arrays[0])
    assert Draws("auto", 0.1, 5).prepare(given, None) is given


def test_noise_is_the_same_for_all_rows_and_in_their_dtype():
    schedule = Noise(0.5, 2000, 3)
    arrays = [np.zeros((4, 2), np.float32), np.zeros((4, 3))]
    noise = schedule.prepare(None, arrays)
    assert [array.shape for array in noise.arrays] == [(2000, 2), (2000, 3)]
    assert [array.dtype for array in noise.arrays] == [np.float32, np.float64]
    assert not noise.per_row
    for array in noise.arrays:
        np.testing.assert_allclose(array.std(), 0.5, rtol=0.05)
    again = schedule.prepare(None, [array[:1] for array in arrays])
    np.testing.assert_array_equal(again.arrays[0], noise.arrays[0])
    with pytest.raises(ValueError, match=r"the network takes integers\. Pass noise_scale=0"):
        schedule.check_rows([np.zeros((4, 2), int)])


@dataclass(frozen=True)
class MadeUp(Schedule):
    """Contributions whose error is a factor of the row over the number of steps."""

    factors: tuple
    calls: list
    in_sum: bool = True
    prediction: float = 1.0

    def run(self, problem):
        positions, weights = problem.references.path
        assert positions.shape == (1, len(weights))
        [rows], n_steps = problem.rows, len(weights)
        self.calls.append((rows[:, 0].tolist(), n_steps))
        error = np.asarray(self.factors)[rows[:, 0]] / n_steps
        contributions = (1 - error)[:, None] if self.in_sum else np.stack([1 + error, -error], 1)
        prediction = np.full(len(rows), self.prediction)
        return Results({"contributions": [contributions]}, prediction, np.zeros(len(rows)), None)


def refine(factors, max_steps, sums=True, **errors):
    """Return the results of rows with made-up errors, and the calls that computed them."""
    calls = []
    method = SimpleNamespace(coarsest_dtype=tf.float64, sources=["x"], summing=[(0,)] if sums else [])
    inner = MadeUp(tuple(factors), calls, **errors)
    tolerance = 0.1 if inner.in_sum else 0.01
    schedule = Steps("midpoint", "auto", tolerance, max_steps, inner=inner)
    rows, references = np.arange(len(factors))[:, None], references_of(np.zeros((1, 1)))
    return run(Problem(method, [rows], Target("single"), references, schedule=schedule)), calls


def test_steps_grow_for_rows_that_do_not_add_up():
    """Within 0.1: two are confirmed by 10 steps, the third jumps by four, the last ends at the most."""
    results, calls = refine([0.2, 0.8, 2.4, 50], 60)
    assert calls == [([0, 1, 2, 3], 5), ([0, 1], 10), ([2, 3], 20), ([2], 40), ([3], 60)]
    np.testing.assert_array_equal(results.n_steps, [15, 15, 65, 85])
    np.testing.assert_allclose(results.contributions[0][:, 0], [0.98, 0.92, 0.94, 1 - 50 / 60])
    # The last row does not add up, which the check of sums reports.
    assert not results.unsettled.any()


def test_contributions_that_add_up_by_chance_are_computed_again():
    """The contributions 1 + c / n and -c / n always add up; they may change by 0.08 of their size.

    For c = 0.6 both change by c / 10 from 5 to 10 steps, 0.12 of 1.12, and by 0.06 of 1.06 from 10 to 20. For c = 40
    each change is large.
    """
    results, calls = refine([0.6, 40], 20, in_sum=False)
    assert calls == [([0, 1], 5), ([0, 1], 10), ([0, 1], 20)]
    assert results.unsettled.tolist() == [False, True]
    schedule = Steps("midpoint", "auto", 0.01, 20)
    assert "contributions of 1 of 2 rows still change with the number of steps at max_steps=20" in schedule.warning(
        results
    )


def test_the_sums_of_layers_do_not_matter():
    """Nothing adds up here, but the first row changes little from 5 to 10 steps."""
    results, calls = refine([1e-3, 40], 20, prediction=7.0, sums=False)
    assert calls == [([0, 1], 5), ([0, 1], 10), ([1], 20)]
    assert results.unsettled.tolist() == [False, True]


def test_fewer_steps_than_the_first_try():
    results, calls = refine([9, 0.1], 3)
    assert calls == [([0, 1], 3)]
    np.testing.assert_array_equal(results.n_steps, [3, 3])


def test_a_number_of_steps_is_the_same_for_all_rows(paths):
    problem = Problem(paths, [REFERENCES], Target("single"), references_of(np.zeros((1, 2))))
    results = run(problem.replace(schedule=Steps("midpoint", 3, 0.1, 60)))
    np.testing.assert_array_equal(results.n_steps, [3] * 6)
    np.testing.assert_allclose(results.contributions[0], REFERENCES * [1, -2], rtol=1e-12)


@pytest.fixture(scope="module")
def streams():
    return streams_of(lambda x: tf.tanh(tf.nn.relu(x @ tf.constant(WEIGHTS))), (5,))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("of_rows", [False, True])
def test_references_are_added_until_the_tolerance_is_met(streams, of_rows):
    references = np.random.default_rng(1).normal(size=(300, 5))
    given = np.broadcast_to(references, (11, 300, 5)).copy() if of_rows else references
    given = References([given], of_rows, np.full(300, 1 / 300), is_random=True)
    problem = Problem(streams, [ROWS], Target({(1,): 1.0}), given, schedule=UntilPrecise(0.2))
    got = run(problem)
    assert set(got.n_references) <= {16, 32, 64, 128, 256, 300}
    assert len(set(got.n_references)) > 1
    for number, row in zip(*np.unique(got.n_references, return_index=True), strict=True):
        fixed = References([references[:number]], False, np.full(number, 1 / number))
        # Chunks of the same shape for all numbers, which are compiled once.
        alone = Problem(streams, [ROWS[[row]]], Target({(1,): 1.0}), fixed, ("contributions", "squares"), batch_size=16)
        alone = run(alone)
        for name in ("contributions", "standard_error"):
            of_row, expected = got.of_sources[name][0][row], alone.of_sources[name][0][0]
            np.testing.assert_allclose(of_row, expected, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(got.reference_value[row], alone.reference_value[0], rtol=1e-10)
        np.testing.assert_allclose(got.reference_spread[row], alone.reference_spread[0], rtol=1e-7)
        sizes = [np.linalg.norm(alone.of_sources[name][0]) for name in ("standard_error", "contributions")]
        assert sizes[0] <= 0.2 * sizes[1] or number == 300
    # Three hundred are all that the user gave, and fewer than the automatic number.
    assert not got.unconverged.any()


def test_references_that_are_not_random_are_all_used(streams):
    given = References([ROWS], False, np.full(11, 1 / 11))
    problem = Problem(streams, [ROWS], Target({(1,): 1.0}), given, schedule=UntilPrecise(0.9))
    got, expected = run(problem), run(problem.replace(schedule=ONCE))
    np.testing.assert_array_equal(got.n_references, np.full(11, 11))
    np.testing.assert_array_equal(got.contributions[0], expected.contributions[0])


def test_warnings_about_tolerances_that_are_not_met():
    results = Results({}, None, None, None, np.array([16, 1024, 512]), unconverged=np.array([False, True, True]))
    message = "standard error of 2 of 3 rows' contributions is above 0.05 of their size after 1024 references"
    assert message in UntilPrecise(0.05).warning(results)
    assert message in Steps("midpoint", 5, 0.1, 60, inner=UntilPrecise(0.05)).warning(results)
    fixed, auto = (Steps("midpoint", n_steps, 0.1, 60).advice for n_steps in (5, "auto"))
    assert 'Raise n_steps, or pass n_steps="auto".' in fixed
    assert "Raise max_steps, or convergence_tol if this is enough." in auto
    for advice in (fixed, auto):
        assert "DeepLiftExplainer has no such error" in advice


@pytest.fixture(scope="module")
def steep():
    """f = sigmoid(2000 (x - 1/2)), which changes within a hundredth of the way from 0 to 1."""
    specs = [tf.TensorSpec((None, 1), tf.float64)]
    graph, _ = trace(lambda structure: tf.sigmoid(2000 * (structure[0] - 0.5)), specs)
    return Paths(graph, graph.outputs[0], input_sources(graph, graph.outputs[0]), together=True)


def draws_of(method, rows, positions, schedule, wanted=("contributions",)):
    """Explain rows by draws at some positions on the path from zero."""
    number = len(positions)
    references = References(
        [np.zeros((number, 1))], False, np.full(number, 1 / number), path=Path(np.array(positions)[:, None], np.ones(1))
    )
    rows = np.array(rows, float)[:, None]
    return run(Problem(method, [rows], Target("single"), references, wanted=wanted, schedule=schedule))


@pytest.mark.parametrize("wanted", [("contributions",), ("contributions", "squares")])
def test_draws_that_miss_the_change_are_noticed(steep, wanted):
    """At 1 no draw is near 1/2, so contributions and errors are zero; at 0.1 nothing changes; 0 is the reference."""
    schedule = Draws(4, 0.05, 0)
    results = draws_of(steep, [1, 0.1, 0], [0.1, 0.2, 0.7, 0.9], schedule, wanted)
    np.testing.assert_allclose(results.contributions[0], 0, atol=1e-30)
    assert results.unconverged.tolist() == [True, False, False]
    message = schedule.warning(results)
    assert "In 1 of 3 rows the 4 draws miss much of the change of the target" in message
    for advice in ("Raise n_draws", "pre_activation=True"):
        assert advice in message


def test_draws_whose_standard_errors_show_what_is_missing_are_left_alone(steep):
    """One of four draws meets the slope of 500: a contribution of 125 and an error of 125, for a change of 1."""
    results = draws_of(steep, [1], [0.1, 0.5, 0.7, 0.9], Draws(4, 0.05, 0), ("contributions", "squares"))
    np.testing.assert_allclose(results.contributions[0], [[125]])
    np.testing.assert_allclose(results.of_sources["standard_error"][0], [[125]])
    assert not results.unconverged.any()


def test_a_layer_whose_contributions_need_not_sum_is_not_compared_with_the_change(steep, monkeypatch):
    monkeypatch.setattr(steep, "summing", [])
    assert not draws_of(steep, [1], [0.1, 0.2], Draws(2, 0.05, 0)).unconverged.any()


def test_small_errors_do_not_mean_that_no_change_is_missed(steep):
    """A first hundred draws that all miss the change have no error at all."""
    rows = np.array([[1.0]])
    schedule = Draws("auto", 0.05, 7)
    given = references_of(np.zeros((1, 1)))
    steeper = trace(lambda structure: tf.sigmoid(1e6 * (structure[0] - 0.5)), [tf.TensorSpec((None, 1), tf.float64)])[0]
    method = Paths(steeper, steeper.outputs[0], input_sources(steeper, steeper.outputs[0]), together=True)
    results = run(Problem(method, [rows], Target("single"), given, schedule=schedule))
    assert results.n_references == FIRST_DRAWS
    assert results.unconverged.all()
    assert f"the {FIRST_DRAWS} draws miss much of the change" in schedule.warning(results)
