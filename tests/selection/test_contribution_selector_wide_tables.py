"""Selection from tables with thousands of columns: the recipe of the user guide beside others, and beside ANOVA."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeeplift import ContributionSelector, DeepLiftExplainer

N_SELECTED, N_REPEATS = 20, 1


def widened(load, n_rows, n_columns):
    """Return a function that draws rows of a table, and puts shuffled copies of its columns beside them."""

    def make(seed):
        X, y = load(return_X_y=True)
        X, _, y, _ = train_test_split(X, y, train_size=n_rows, stratify=y, random_state=seed)
        random = np.random.default_rng(seed)
        copies = [random.permutation(X[:, number % X.shape[1]]) for number in range(n_columns - X.shape[1])]
        return np.column_stack([X, *copies]), y

    return make


def expressions(seed, effect=2.0):
    """Simulate expressions of genes that rise and fall together, of which 15 mark each of four kinds of tumour."""
    random, y = np.random.default_rng(seed), np.repeat(np.arange(4), [29, 11, 18, 25])
    loadings = random.normal(size=(30, 2308)) * (random.random((30, 2308)) < 0.05)
    X = random.normal(size=(len(y), 30)) @ loadings + random.normal(size=(len(y), 2308))
    for kind in range(4):
        X[y == kind, 15 * kind : 15 * (kind + 1)] += effect
    return X, y


TABLES = {
    "wine, 90 x 2000": widened(load_wine, 90, 2000),
    "breast cancer, 100 x 2000": widened(load_breast_cancer, 100, 2000),
    "digits, 300 x 1000": widened(load_digits, 300, 1000),
    "expressions, 83 x 2308": expressions,
    "weaker expressions, 83 x 2308": partial(expressions, effect=1.5),
}


def network(**parameters):
    return MLPClassifier((32,), **{"max_iter": 200, "random_state": 0, **parameters})


def ten(bootstrap=False, **parameters):
    return BaggingClassifier(network(**parameters), n_estimators=10, bootstrap=bootstrap, random_state=0)


CHOICES = {
    "one network": network(),
    "ten networks": ten(),
    "ten networks, bootstrap": ten(bootstrap=True),
    "one network, alpha=10": network(alpha=10),
    "ten networks, alpha=10": ten(alpha=10),
    "ten networks, alpha=10, bootstrap": ten(bootstrap=True, alpha=10),
    "one network, alpha=10, lbfgs": network(alpha=10, solver="lbfgs"),
}


def accuracy(choice, table, seed):
    """Cross-validate a logistic regression on the columns that are selected in each fold."""
    X, y = table(seed)
    if choice == "ANOVA":
        selector = SelectKBest(f_classif, k=N_SELECTED)
    else:
        selector = ContributionSelector(DeepLiftExplainer(CHOICES[choice]), n_features_to_select=N_SELECTED)
    pipeline = make_pipeline(StandardScaler(), selector, StandardScaler(), LogisticRegression())
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_score(pipeline, X.astype(np.float32), y, cv=folds).mean()


def accuracies(choices, n_repeats):
    """Return the mean accuracy of each choice on each table."""
    means = {
        (choice, name): np.mean([accuracy(choice, table, seed) for seed in range(n_repeats)])
        for name, table in TABLES.items()
        for choice in choices
    }
    return pd.Series(means).unstack()[list(TABLES)].loc[list(choices)]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_recipe_is_as_accurate_as_the_analysis_of_variance():
    """One network that is not regularised selects columns by their random start."""
    recipe = "one network, alpha=10, lbfgs"
    found = accuracies(["ANOVA", "one network", recipe], n_repeats=1)
    print(found.round(3).to_string())
    assert found.loc[recipe].mean() > found.loc["ANOVA"].mean() - 0.03
    assert found.loc["one network"].mean() < found.loc["ANOVA"].mean() - 0.1


if __name__ == "__main__":
    import warnings

    # The table of the user guide.
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(accuracies(["ANOVA", *CHOICES], N_REPEATS).round(2).to_string())
