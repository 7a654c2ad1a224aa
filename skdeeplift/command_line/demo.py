"""Run a demonstration.

The demonstration trains, explains and selects features for a small classifier of scikit-learn's breast-cancer data.
"""

import sys
from pathlib import Path

from skdeeplift.command_line.data_files import import_quietly, write_contributions, write_picture
from skdeeplift.command_line.explain import N_FEATURES, format_importances

DESCRIPTION = (
    "Train a small Keras classifier on scikit-learn's breast-cancer data, explain the held-out rows\nwith DeepLIFT "
    "against the training distribution, select features by it, and write a table and a picture."
)
EPILOG = None


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
    except OSError as error:
        raise OSError(f"cannot write to the folder {options.output}: {error}") from error
    import_quietly()
    demonstrate(options.output, progress=not options.quiet and sys.stderr.isatty())


def demonstrate(folder, *, progress=False):
    """Explain a classifier of the breast-cancer data, and select features by its contributions.

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
    from sklearn.feature_selection import SelectFromModel
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
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

    explainer = DeepLiftExplainer(model, reference="sample", random_state=0, verbose=progress).fit(X_train)
    explanation = explainer.explain(X_test)

    selector = SelectFromModel(DeepLiftExplainer(model, random_state=0), max_features=10, threshold=-np.inf)
    scores = {}
    for name, steps in {"all": [], "selected": [selector]}.items():
        pipeline = make_pipeline(*steps, LogisticRegression(max_iter=1000)).fit(X_train, y_train)
        scores[name] = pipeline.score(X_test, y_test)

    print(
        f"A {X.shape[1]}-32-16-1 network, trained on {len(X_train)} rows, is right on {accuracy:.1%} of {len(X_test)} "
        f"others."
    )
    print(f"Their DeepLIFT contributions to its logit, against {len(explainer.references_.weights)} training rows:\n")
    print(format_importances(explanation, N_FEATURES, ".4f"))
    print(f"\nLargest convergence delta: {np.abs(explanation.convergence_delta).max():.1e}")
    print(f"Accuracy of a logistic regression: {scores['all']:.1%} with all {X.shape[1]} features, ", end="")
    print(f"{scores['selected']:.1%} with the 10 selected.")
    write_contributions(folder / "contributions.csv", explanation, list(explanation.feature_names))
    file_names = "contributions.csv"
    try:
        write_picture(folder / "importance.png", explanation, N_FEATURES)
        file_names += " and importance.png"
    except ImportError:
        print("For the picture, install the extra: pip install 'skdeeplift[plot]'")
    print(f"Wrote {file_names} to {folder.resolve()}")
