import keras
import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A network of two columns, relu(x1 - 2 x2 - 1), and rows for it."""
    folder = tmp_path_factory.mktemp("command_line")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu", name="last")])
    model.set_weights([np.array([[1.0], [-2.0]]), np.array([-1.0])])
    model.save(folder / "model.keras")
    (folder / "model.json").write_text(model.to_json())
    model.save_weights(folder / "model.weights.h5")
    table = pd.DataFrame(
        {"id": ["p", "q"], "age": [3.0, 5.0], "dose": [0.5, 1.0], "diagnosis": ["ill", "well"]}
    ).set_index("id")
    table.to_csv(folder / "rows.csv")
    table.to_csv(folder / "rows.tsv", sep="\t")
    np.save(folder / "rows.npy", table[["age", "dose"]].to_numpy())
    np.savetxt(folder / "numbers.csv", table[["age", "dose"]].to_numpy(), delimiter=",")
    return folder


@pytest.fixture(scope="session")
def classifier(folder):
    """A network of three classes whose logits are x, -x and 2 x for each of two columns."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax", name="classes")])
    model.set_weights([np.array([[1.0, -1.0, 2.0], [1.0, -1.0, 2.0]]), np.zeros(3)])
    model.save(folder / "classifier.keras")
    return folder / "classifier.keras"
