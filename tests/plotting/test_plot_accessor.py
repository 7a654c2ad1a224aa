import inspect

import numpy as np
import pandas as pd
import pytest

from skdeeplift import Explanation, plotting
from skdeeplift.plotting.plot_accessor import PlotAccessor
from tests.plotting.explanations import of_classes, of_inputs, of_rows, table

METHODS = {
    "bar": "ImportanceDisplay",
    "heatmap": "HeatmapDisplay",
    "force": "ForceDisplay",
    "beeswarm": "BeeswarmDisplay",
    "waterfall": "WaterfallDisplay",
    "dependence": "DependenceDisplay",
    "image": "ImageContributionDisplay",
    "logo": "SequenceLogoDisplay",
    "text": "TokenDisplay",
}


def of_kind(kind, n_rows=2):
    """Return an explanation of a kind of rows."""
    random = np.random.default_rng(0)
    X = {
        "image": random.normal(size=(n_rows, 6, 6, 3)),
        "gray": random.normal(size=(n_rows, 6, 6)),
        "sequence": np.eye(4)[random.integers(4, size=(n_rows, 7))],
        "tokens": random.integers(1, 9, size=(n_rows, 5)),
        "array": random.normal(size=(n_rows, 2, 2, 2, 2)),
    }[kind]
    return Explanation(
        contributions=random.normal(size=X.shape),
        prediction=np.zeros(n_rows),
        reference_value=np.zeros(n_rows),
        X=X,
        holds_tokens=kind == "tokens",
    )


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_the_parameters_of_displays(name):
    from_explanation = getattr(plotting, METHODS[name]).from_explanation
    bound = inspect.signature(getattr(table().plot, name))
    expected = list(inspect.signature(from_explanation).parameters.values())[1:]
    assert list(bound.parameters.values()) == expected
    documentation = inspect.getdoc(getattr(PlotAccessor, name))
    assert documentation.startswith("Draw ")
    assert "\nexplanation :" not in documentation
    # Nothing but the explanation is left out.
    left = inspect.getdoc(from_explanation).split("\n")
    assert len(left) - len(documentation.split("\n")) in (2, 3)
    assert all(f"\n{parameter.name} :" in documentation for parameter in expected)


def test_methods_draw():
    explanation = table()
    calls = {
        "bar": {},
        "beeswarm": {"max_features": 1},
        "heatmap": {"order": "sum"},
        "waterfall": {"row": 1},
        "force": {"position": 1},
        "dependence": {"feature": "a"},
    }
    for name, options in calls.items():
        display = getattr(explanation.plot, name)(**options)
        assert type(display) is getattr(plotting, METHODS[name])
    assert type(explanation.plot.dependence("a")) is plotting.DependenceDisplay
    assert len(explanation.plot.beeswarm(max_features=1).ax_.get_yticks()) == 2


@pytest.mark.parametrize(
    ("kind", "display"),
    [
        ("image", "ImageContributionDisplay"),
        ("gray", "ImageContributionDisplay"),
        ("sequence", "SequenceLogoDisplay"),
        ("tokens", "TokenDisplay"),
    ],
)
def test_the_picture_suits_the_rows(kind, display):
    assert type(of_kind(kind).plot()) is getattr(plotting, display)


def test_the_picture_suits_a_table():
    assert type(table().plot()) is plotting.BeeswarmDisplay
    assert type(table()[1].plot()) is plotting.WaterfallDisplay
    assert type(table().plot(position=1)) is plotting.WaterfallDisplay
    # Without a reference there is nothing to start at.
    assert type(table(reference_value=None)[1].plot()) is plotting.BeeswarmDisplay
    assert type(of_classes().plot(target="dog", max_features=1)) is plotting.BeeswarmDisplay
    assert type(of_inputs()[0].plot(part="right")) is plotting.WaterfallDisplay
    whole = table(X=np.arange(6).reshape(2, 3), feature_names=None)
    # Whole numbers are tokens only where the network looks them up.
    assert type(whole.plot()) is plotting.BeeswarmDisplay


def test_of_several_sequences_the_first_is_drawn():
    explanation = of_kind("sequence")
    np.testing.assert_array_equal(explanation.plot().heights, explanation[0].plot.logo().heights)
    np.testing.assert_array_equal(explanation.plot(row=1).heights, explanation[1].plot.logo().heights)


def test_several_classes_have_bars_with_segments():
    display = of_classes(target_unit="logit").plot(max_features=2)
    assert type(display) is plotting.ImportanceDisplay
    assert display.class_names == ["cat", "dog"]
    assert display.ax_.get_xlabel() == "mean absolute contribution to logits, summed over classes"
    # Rows of their own classes, by default the predicted ones, share the bars too.
    assert of_rows().plot().class_names == ["output 4", "output 7"]
    # Nine segments would have similar colours.
    many = table(contributions=np.ones((2, 3, 9)), prediction=np.zeros((2, 9)), reference_value=np.zeros((2, 9)))
    assert many.plot().ax_.get_xlabel() == "mean absolute contribution to outputs, mean over 9 outputs"


def test_one_row_is_drawn_for_its_predicted_class():
    """The second row's outputs are 3 for cat and -1.5 for dog; the first row's -1 and 0.5."""
    explanation = of_classes(target_unit="logit")
    for place, (target, output) in enumerate([("dog", 0.5), ("cat", 3.0)]):
        display = explanation[place].plot()
        assert type(display) is plotting.WaterfallDisplay
        assert display.prediction == output
        assert f"logit of {target}" in display.ax_.get_xlabel()
        chosen = explanation.plot.waterfall(position=place, target=target)
        np.testing.assert_array_equal(display.contributions, chosen.contributions)
    assert explanation.plot.force(position=0).prediction == 0.5
    # Outputs of a regression do not compete.
    assert type(of_classes()[0].plot()) is plotting.ImportanceDisplay
    with pytest.raises(ValueError, match="Pass target='cat'"):
        of_classes()[0].plot.waterfall()


@pytest.mark.parametrize("name", ["left", 0])
def test_layers_are_named(name):
    one = table(feature_names=None, layer=["left", "right"])
    one.update(contributions=[one.contributions, 2 * one.contributions], X=None)
    np.testing.assert_array_equal(one[1].plot.waterfall(part=name).contributions[:3], [2, 1, -0.5])
    assert type(one.plot(part=name)) is plotting.BeeswarmDisplay
    assert one.to_frame()["layer"].unique().tolist() == ["left", "right"]
    with pytest.raises(
        ValueError, match=r"part='middle' is no layer of the explanation\. Expected one of 'left', 'right'"
    ):
        one.plot.bar(part="middle")


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match=r"ImageContributionDisplay does not take row=\. Did you mean rows=\?"):
        of_kind("image").plot.image(row=1)
    with pytest.raises(
        TypeError, match=r"Display does not take colour=\. Its parameters are target, part, max_features"
    ):
        table().plot(colour="red")


@pytest.mark.advice
def test_no_picture_suits():
    explanation = of_kind("array")
    with pytest.raises(ValueError, match=r"No picture suits .* \(2, 2, 2, 2, 2\). Use explanation.to_frame\(\)"):
        explanation.plot()
    assert len(explanation.to_frame()) == 32


def test_rows_are_those_of_the_index():
    """The labels are positions in another order."""
    explanation = table(index=pd.Index([1, 0]))
    by_label = explanation.plot.waterfall(row=0)
    assert by_label.prediction == explanation.prediction[1]
    assert explanation.plot.waterfall(position=0).prediction == explanation.prediction[0]
    texts = of_kind("tokens", 3)
    texts.index = pd.Index(["p", "q", "r"])
    display = texts.plot.text(rows=["r", "p"])
    np.testing.assert_array_equal(display.contributions, texts.contributions[[2, 0]])
    assert display.names == ["row r", "row p"]
    images = of_kind("image", 3)
    images.index = texts.index
    display = images.plot.image(rows="q")
    np.testing.assert_array_equal(display.contributions[0], images.contributions[[1]].sum(-1))
    sequences = of_kind("sequence", 3)
    sequences.index = texts.index
    np.testing.assert_array_equal(sequences.plot.logo(row="q").heights, sequences.plot.logo(position=1).heights)
