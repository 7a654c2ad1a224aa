"""scikit-learn's checks of estimators, for all explainers that train a perceptron."""

import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdeeplift
from tests import further_checks

EXPLAINERS = [getattr(skdeeplift, name) for name in skdeeplift.__all__ if name.endswith("Explainer")]


def perceptrons(make):
    # Only this solver gives the same for a row of weight two and for two rows.
    options = {"hidden_layer_sizes": (6,), "solver": "lbfgs", "max_iter": 60, "random_state": 0}
    if make is skdeeplift.IntegratedGradientsExplainer:
        options["activation"] = "tanh"
    return MLPClassifier(**options), MLPRegressor(**options)


# Integrated gradients rightly warn of paths that 50 steps do not resolve; these checks are not about them.
warnings_of_rows = pytest.mark.filterwarnings("ignore::skdeeplift.exceptions.SummationToDeltaWarning")

CASES = [make(perceptron) for make in EXPLAINERS for perceptron in perceptrons(make)]
BY_DEFAULT = next(case for case in CASES if isinstance(case, skdeeplift.DeepLiftExplainer))
OTHERS = [case for case in CASES if case is not BY_DEFAULT]
FURTHER_CHECKS = """
    check_estimator_get_tags_default_keys check_estimators_overwrite_params check_get_feature_names_out_error
    check_n_features_in check_positive_only_tag_during_fit check_readonly_memmap_input
""".split()


@parametrize_with_checks([BY_DEFAULT])
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@warnings_of_rows
@parametrize_with_checks(OTHERS)
def test_scikit_learn_of_others(estimator, check):
    check(estimator)


@pytest.mark.sampled(8)
@warnings_of_rows
@pytest.mark.parametrize("name", [*further_checks.NAMES, *FURTHER_CHECKS])
@pytest.mark.parametrize(
    "estimator", [BY_DEFAULT, *(pytest.param(case, marks=pytest.mark.slow) for case in OTHERS)], ids=repr
)
def test_scikit_learn_further(name, estimator):
    further_checks.run_check(name, estimator)
