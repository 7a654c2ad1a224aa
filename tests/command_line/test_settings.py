"""The command line declares the parameters of explainers again, without TensorFlow: both declarations are equal."""

import inspect

import pytest

import skdeeplift
from skdeeplift.command_line.explainer_options import METHODS, parameters_of
from skdeeplift.command_line.settings import SETTINGS, check_value
from skdeeplift.compat import validate_parameter_constraints

VALUES = (None, -1, 0, 1, 7, 0.0, 0.5, float("nan"), "auto", "warn", "secant", "window_size", "other", (1,), {"a": 1})
# Other methods take these values of a parameter of the same name.
LEFT_TO_EXPLAINERS = [("expected_gradients", "reference_tol", None), ("gradient", "n_draws", "auto")]


def explainer_of(method):
    return getattr(skdeeplift, METHODS[method].explainer)


@pytest.mark.parametrize("method", METHODS)
def test_methods_have_the_parameters_of_explainers(method):
    known = inspect.signature(explainer_of(method)).parameters.keys() - {"estimator"}
    assert parameters_of(method) == known


@pytest.mark.parametrize("method", METHODS)
def test_values_are_those_of_explainers(method):
    constraints = vars(explainer_of(method))["_parameter_constraints"]
    for name in SETTINGS.keys() & constraints.keys():
        values = (*VALUES, *SETTINGS[name].words, *SETTINGS[name].constants)
        for value in values:
            if (method, name, value) in LEFT_TO_EXPLAINERS:
                continue
            try:
                validate_parameter_constraints({name: constraints[name]}, {name: value}, method)
            except ValueError:
                expected = False
            else:
                expected = True
            assert SETTINGS[name].accepts(value) == expected, (name, value)


def test_errors_name_all_values():
    with pytest.raises(ValueError, match=r"--set n_steps takes auto, a whole number of at least 1\. Got '0'$"):
        check_value("n_steps", 0)
    with pytest.raises(ValueError, match=r"reference_tol takes a number above 0, none\. Got 'small'"):
        check_value("reference_tol", "small")
    with pytest.raises(ValueError, match=r"takes ignore, raise, warn\. Got 'rais'\. Did you mean raise\?"):
        check_value("check", "rais")
    check_value("window_shape", "anything")
