import keras
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skdeeplift import GradientExplainer

ROWS = np.zeros((3, 2))


def table(outputs=2):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="hidden"), keras.layers.Dense(outputs)])


def two_inputs(form):
    inputs = {name: keras.Input((2,), name=name) for name in ("one", "other")}
    joined = keras.layers.Dense(1)(keras.layers.Concatenate()(list(inputs.values())))
    return keras.Model(inputs if form is dict else list(inputs.values()), joined)


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"target": 0}, ["x0", "x1"]),
        ({"target": "all"}, ["x0__0", "x0__1", "x1__0", "x1__1"]),
        ({"target": "all", "class_names": ["no", "yes"]}, ["x0__no", "x0__yes", "x1__no", "x1__yes"]),
        ({"target": 1, "layer": "hidden"}, ["hidden_0", "hidden_1", "hidden_2"]),
    ],
)
def test_columns_of_a_table(parameters, names):
    explainer = GradientExplainer(table(), **parameters).fit(ROWS)
    assert explainer.get_feature_names_out().tolist() == names
    assert explainer.transform(ROWS).shape == (3, len(names))


def test_given_names_are_checked():
    explainer = GradientExplainer(table(1)).fit(ROWS)
    assert explainer.get_feature_names_out(["a", "b"]).tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="2"):
        explainer.get_feature_names_out(["a"])
    with pytest.raises(NotFittedError):
        GradientExplainer(table()).get_feature_names_out()


def test_what_is_no_table_has_no_columns():
    several = GradientExplainer(table(1), layer=["hidden"]).fit(ROWS)
    with pytest.raises(ValueError, match=r"Only tables have feature names.*layer=\['hidden'\]"):
        several.get_feature_names_out()
    [array] = several.transform(ROWS)
    assert array.shape == (3, 3)


@pytest.mark.parametrize("form", [dict, list])
def test_contributions_come_in_the_form_of_the_rows(form):
    explainer, rows = GradientExplainer(two_inputs(form)), {"one": ROWS, "other": ROWS}
    given = rows if form is dict else list(rows.values())
    assert type(explainer.fit(given).transform(given)) is form
    # Also where a network of a list is given a dict.
    assert set(explainer.transform(rows)) == {"one", "other"}
