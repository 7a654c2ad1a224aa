"""Run a demonstration.

The demonstration trains and explains a small classifier of scikit-learn's breast-cancer data, and finds the columns of
the data again among columns of noise.
"""

import sys
import warnings
from pathlib import Path

from skdeeplift.command_line.model_files import import_quietly
from skdeeplift.command_line.result_files import explained_classes, write_contributions, write_picture
from skdeeplift.command_line.summary import N_FEATURES, format_importances

USAGE = "[options]"
DESCRIPTION = (
    "Train a small Keras classifier on scikit-learn's breast-cancer data, explain the held-out rows with\nDeepLIFT "
    "against the training rows, and write a table and a picture. Then select columns by their\ncontributions, "
    "where most of them are noise."
)
EPILOG = None
N_NOISE, N_SELECTED = 270, 10


def add_arguments(parser):
    """Add the arguments of the command."""
    parser.add_argument(
        "--output", type=Path, default=Path("skdeeplift-demo"), help="folder to write to (default: %(default)s)"
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bar")


def run(options):
    """Run the command.

    Parameters
    ----------
    options : argparse.Namespace
        Arguments that `add_arguments` added.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(f"cannot write to the folder {str(options.output)!r}: it is a file") from error
    except OSError as error:
        raise OSError(f"cannot write to the folder {str(options.output)!r}: {error.strerror}") from error
    import_quietly()
    demonstrate(options.output, progress=not options.quiet and sys.stderr.isatty())


def demonstrate(folder, *, progress=False):
    """Explain a classifier of the breast-cancer data, and select columns among noise.

    Parameters
    ----------
    folder : Path
        Existing folder to write ``contributions.csv`` to, and ``importance.png`` if matplotlib is installed.
    progress : bool, default=False
        True to show a progress bar.
    """
    import keras
    import numpy as np
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    from skdeeplift import DeepLiftExplainer

    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    scaler = StandardScaler().set_output(transform="pandas").fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((X.shape[1],)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(X_train.to_numpy(), y_train.to_numpy(), epochs=30, batch_size=32, verbose=0)
    accuracy = model.evaluate(X_test.to_numpy(), y_test.to_numpy(), verbose=0)[1]

    explainer = DeepLiftExplainer(
        model, reference="sample", class_names=["malignant", "benign"], random_state=0, verbose=progress
    ).fit(X_train)
    explanation = explainer.explain(X_test)
    print(
        f"A {X.shape[1]}-32-16-1 network, trained on {len(X_train)} rows, is right on {accuracy:.1%} of {len(X_test)} "
        f"others."
    )
    explanation["explained_class"] = explained_classes(explanation, explainer.target, has_names=True)
    n_references = len(explainer.references_.weights)
    print(f"DeepLIFT contributions to its log-odds of benign, against {n_references} training rows:\n")
    print(format_importances(explanation, N_FEATURES, ".4f"))
    print(f"\nLargest convergence delta: {np.abs(explanation.convergence_delta).max():.1e}")
    write_contributions(folder / "contributions.csv", explanation, list(explanation.feature_names))
    file_names = "contributions.csv"
    try:
        write_picture(folder / "importance.png", explanation, N_FEATURES)
        file_names += " and importance.png"
    except ImportError:
        print("For the picture, install the extra: pip install 'skdeeplift[plot]'")
    print(f"Wrote {file_names} to {folder.resolve()}\n")

    on_all, on_selected, n_real = select_among_noise(X.to_numpy(), y)
    print(f"With {N_NOISE} columns of noise beside the {X.shape[1]}, a logistic regression is right on")
    print(f"  {on_all:.1%} of the rows with all {X.shape[1] + N_NOISE} columns, and on")
    print(f"  {on_selected:.1%} with the {N_SELECTED} columns that contribute most to a network's output,")
    print(f"of which {n_real} are no noise, in each of 3 folds. Each fold trains a network of its own.")


def select_among_noise(X, y):
    """Compare a logistic regression of all columns, mostly noise, with a regression of selected columns.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
        Columns that are no noise.
    y : array-like of shape (n_rows,)
        Classes.

    Returns
    -------
    on_all, on_selected : float
        Accuracies under cross-validation.
    n_real : int
        Number of selected columns that are no noise, in the fold where it is smallest.
    """
    import numpy as np
    from sklearn.feature_selection import SelectFromModel
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_validate
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skdeeplift import DeepLiftExplainer

    noise = np.random.default_rng(0).normal(size=(len(X), N_NOISE))
    X_noisy = np.hstack([X, noise])
    network = MLPClassifier((16,), solver="lbfgs", alpha=10, max_iter=20, random_state=0)
    selector = SelectFromModel(DeepLiftExplainer(network, random_state=0), max_features=N_SELECTED, threshold=-np.inf)
    regression, folds = LogisticRegression(max_iter=1000), StratifiedKFold(3, shuffle=True, random_state=0)
    with_all = make_pipeline(StandardScaler(), regression)
    with_selected = make_pipeline(StandardScaler(), selector, regression)
    with warnings.catch_warnings():
        # A network that ranks columns need not be trained to the end.
        warnings.simplefilter("ignore")
        of_all, of_selected = (
            cross_validate(each, X_noisy, y, cv=folds, return_estimator=True) for each in (with_all, with_selected)
        )
    n_real = min(int(each[1].get_support()[: X.shape[1]].sum()) for each in of_selected["estimator"])
    return of_all["test_score"].mean(), of_selected["test_score"].mean(), n_real
