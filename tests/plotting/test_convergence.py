import keras
import numpy as np
import pandas as pd
import pytest

from skdeeplift import DeepLiftExplainer, IntegratedGradientsExplainer
from skdeeplift.plotting import ConvergenceDisplay
from skdeeplift.plotting.convergence import relative_errors
from skdeeplift.references import reference_report
from tests.plotting.explanations import of_classes, of_inputs, table

ROWS = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])


def lines(display):
    return {line.get_label(): line for line in display.ax_.lines if not line.get_label().startswith("_")}


def test_errors_by_hand():
    # Beside |f(x) - f(reference)| = 1.5, 2.5 and sums of absolute contributions 4.5, 3.5, which are larger.
    explanation = table(convergence_delta=np.array([0.45, -0.035]))
    np.testing.assert_allclose(relative_errors(explanation), [0.1, 0.01])
    # Inputs add up together: three times as large.
    explanation = of_inputs()
    explanation.convergence_delta = np.array([0.45, -0.035])
    np.testing.assert_allclose(relative_errors(explanation), [0.1 / 3, 0.01 / 3])
    explanation = of_classes()
    explanation.convergence_delta = np.array([[0.45, 0.225], [0.35, 0.0]])
    np.testing.assert_allclose(relative_errors(explanation), [[0.1, 0.1], [0.1, 0]])
    nothing = table(contributions=np.zeros((2, 3)), prediction=np.full(2, 0.5), convergence_delta=np.array([0, 1e-9]))
    assert relative_errors(nothing).tolist() == [0, np.inf]


def test_share_of_rows():
    display = ConvergenceDisplay({"one": [0.1, 1e-5, 1e-7, 0.0]}, tolerance=1e-3).plot()
    [line] = lines(display).values()
    assert line.get_label() == "one: 3 of 4 rows within 0.001"
    np.testing.assert_allclose(line.get_xdata(), [1e-16, 1e-16, 1e-7, 1e-5, 0.1])
    np.testing.assert_allclose(line.get_ydata(), [0, 0.25, 0.5, 0.75, 1])
    assert line.get_drawstyle() == "steps-post"
    assert display.ax_.get_xscale() == "log"


def test_explanations_have_lines():
    one, two = table(convergence_delta=np.array([0.45, 0.0])), table()
    display = ConvergenceDisplay.from_explanation({"one": one, "two": two})
    assert list(lines(display)) == ["one: 1 of 2 rows within 0.001", "two: 2 of 2 rows within 0.001"]
    assert list(lines(ConvergenceDisplay.from_explanation(one, tolerance=1))) == ["2 of 2 rows within 1"]
    with pytest.raises(ValueError, match=r"draws convergence deltas, .* 'two' has none"):
        ConvergenceDisplay.from_explanation({"one": one, "two": table(convergence_delta=None)})
    with pytest.raises(TypeError, match="Got ndarray"):
        ConvergenceDisplay.from_explanation(np.zeros(3))


def test_report():
    index = pd.MultiIndex.from_tuples([("fitted", 1), ("fitted", 4), ("zeros", 1)], names=["reference", "n_references"])
    report = pd.DataFrame({"change": [0.5, 0.0, 0.0], "standard_error": [np.nan, 0.25, np.nan]}, index)
    display = ConvergenceDisplay.from_report(report)
    drawn = lines(display)
    assert list(drawn) == ["fitted, distance from the final ones", "fitted, standard error"]
    change, error = drawn.values()
    assert (change.get_xdata().tolist(), change.get_ydata().tolist()) == ([1], [0.5])
    assert (error.get_xdata().tolist(), error.get_ydata().tolist()) == ([4], [0.25])
    assert display.ax_.get_xlabel() == "number of references"
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == ["1", "4"]
    with pytest.raises(ValueError, match="No choice of the report has several references"):
        ConvergenceDisplay.from_report(report.loc[["zeros"]])
    with pytest.raises(ValueError, match="takes the DataFrame that"):
        ConvergenceDisplay.from_report(report.reset_index())
    with pytest.raises(ValueError, match="Pass one of the two"):
        ConvergenceDisplay().plot()


def test_references_settle(network):
    explainer = DeepLiftExplainer(network, reference="sample", random_state=0).fit(ROWS)
    display = ConvergenceDisplay.from_explainer(explainer, ROWS, over="references", references=["mean"])
    report = reference_report(explainer, ROWS, references=["mean"])
    line = lines(display)["fitted, distance from the final ones"]
    np.testing.assert_allclose(line.get_ydata(), report.loc["fitted"]["change"].iloc[:-1])
    assert lines(display)["fitted, standard error"].get_xdata().tolist() == [2, 4, 8, 12]


def test_steps_settle(network):
    explainer = IntegratedGradientsExplainer(network, n_steps=7, reference="zeros").fit(ROWS)
    display = ConvergenceDisplay.from_explainer({"one": explainer}, ROWS, over="steps", numbers=[8, 1, 3])
    error = lines(display)["one, convergence delta"]
    assert error.get_xdata().tolist() == [1, 3, 8]
    few = IntegratedGradientsExplainer(network, n_steps=3, reference="zeros", check="ignore").fit(ROWS).explain(ROWS)
    np.testing.assert_allclose(error.get_ydata()[1], relative_errors(few).mean(), rtol=1e-4)
    assert (np.diff(error.get_ydata()) < 0).all()
    most = IntegratedGradientsExplainer(network, n_steps=8, reference="zeros").fit(ROWS).transform(ROWS)
    change = np.linalg.norm(few.contributions - most, axis=1) / np.linalg.norm(most, axis=1)
    np.testing.assert_allclose(
        lines(display)["one, distance from the final ones"].get_ydata()[1], change.mean(), rtol=1e-4
    )
    # The explainer is as it was.
    assert explainer.n_steps == 7
    assert explainer.check == "warn"
    assert (explainer.explain(ROWS).n_steps == 7).all()


def test_rows_of_an_explainer(network):
    explainer = DeepLiftExplainer(network).fit(ROWS)
    assert list(lines(ConvergenceDisplay.from_explainer(explainer, ROWS))) == ["12 of 12 rows within 0.001"]
    with pytest.raises(ValueError, match="DeepLiftExplainer takes no steps"):
        ConvergenceDisplay.from_explainer(explainer, ROWS, over="steps")
    with pytest.raises(ValueError, match=r"over= takes 'rows', 'references' or 'steps'. Got 'all'"):
        ConvergenceDisplay.from_explainer(explainer, ROWS, over="all")
