import copy
import pickle
import sys

import numpy as np
import pytest

from skdeeplift import Explanation


def test_keys_are_attributes_and_the_repr_is_short():
    explanation = Explanation(
        contributions=np.zeros((1000, 30)), prediction=np.zeros(1000), convergence_delta=np.array([1e-7, -3e-6])
    )
    assert explanation.contributions is explanation["contributions"]
    assert repr(explanation) == "<Explanation of 1000 rows: contributions (1000, 30), convergence delta <= 3e-06>"


def test_repr_of_several_inputs():
    arrays = {"a": np.zeros((2, 3)), "b": np.zeros((2, 4))}
    for contributions in (arrays, list(arrays.values())):
        explanation = Explanation(contributions=contributions, prediction=np.zeros(2), convergence_delta=np.zeros(2))
        assert "(2, 3)" in repr(explanation)
        assert "(2, 4)" in repr(explanation)


def test_class_names_are_unknown_unless_given():
    assert Explanation(contributions=np.zeros(1)).class_names is None
    assert Explanation(class_names=["a"]).class_names == ["a"]


def test_pickle_and_copy():
    explanation = Explanation(contributions=np.zeros((2, 3)), prediction=np.zeros(2), convergence_delta=None)
    for copied in (pickle.loads(pickle.dumps(explanation)), copy.copy(explanation)):
        assert type(copied) is Explanation
        assert dict(copied).keys() == explanation.keys()


def table(**fields):
    X = np.arange(6.0).reshape(2, 3)
    return Explanation(
        **{
            "contributions": 2 * X,
            "prediction": np.zeros(2),
            "reference_value": np.array([0.5, 0.5]),
            "X": X,
            "feature_names": np.array(["a", "b", "c"], dtype=object),
            **fields,
        }
    )


def test_form_of_the_shap_package():
    pytest.importorskip("shap")
    explanation = table().to_shap()
    assert explanation.shape == (2, 3)
    np.testing.assert_array_equal(explanation.values, table().contributions)
    np.testing.assert_array_equal(explanation.base_values, [0.5, 0.5])
    np.testing.assert_array_equal(explanation.data, table().X)
    assert explanation.feature_names == ["a", "b", "c"]
    row = explanation[1]
    assert row.base_values == 0.5
    np.testing.assert_array_equal(row.values, [6, 8, 10])
    np.testing.assert_array_equal(explanation[:, "b"].values, [2, 8])


def test_classes_in_the_form_of_the_shap_package():
    pytest.importorskip("shap")
    contributions = np.random.default_rng(0).normal(size=(2, 3, 2))
    explanation = table(
        contributions=contributions,
        prediction=np.zeros((2, 2)),
        reference_value=np.array([[0.1, 0.2]] * 2),
        class_names=np.array(["cat", "dog"]),
    ).to_shap()
    assert explanation.output_names == ["cat", "dog"]
    of_dogs = explanation[:, :, "dog"]
    np.testing.assert_array_equal(of_dogs.values, contributions[..., 1])
    np.testing.assert_array_equal(of_dogs.base_values, [0.2, 0.2])


def test_plots_of_the_shap_package():
    shap = pytest.importorskip("shap")
    from matplotlib import pyplot as plt

    explanation = table().to_shap()
    shap.plots.waterfall(explanation[0], show=False)
    shap.plots.beeswarm(explanation, show=False)
    shap.plots.bar(explanation, show=False)
    plt.close("all")


def test_several_inputs_in_the_form_of_the_shap_package():
    pytest.importorskip("shap")
    arrays = {"a": np.zeros((2, 3)), "b": np.ones((2, 4, 4, 1))}
    for given in (arrays, list(arrays.values())):
        converted = table(contributions=given, X=given, feature_names=None).to_shap()
        assert type(converted) is type(given)
        second = converted["b" if given is arrays else 1]
        np.testing.assert_array_equal(second.values, arrays["b"])
        np.testing.assert_array_equal(second.data, arrays["b"])
        np.testing.assert_array_equal(second.base_values, [0.5, 0.5])


def test_without_the_shap_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(ImportError, match="pip install shap"):
        table().to_shap()


def test_motif_discovery_needs_hypothetical_contributions(tmp_path):
    with pytest.raises(ValueError, match=r"hypothetical=True"):
        table().to_modisco(tmp_path / "motifs")
    assert not (tmp_path / "motifs").exists()
