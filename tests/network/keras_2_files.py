"""Files as Keras 2, Keras 1 and Keras 0.3 wrote them."""

import json

import h5py
import keras
import numpy as np

X = np.array([[1, 2], [3, -1]], dtype="float32")


def predict(network, *inputs):
    outputs = network(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return keras.ops.convert_to_numpy(outputs)


def keras_2_layer(kind, name, **config):
    return {"class_name": kind, "config": {"name": name, "trainable": True, **config}}


def keras_2_dense(name, units, **config):
    """A Dense layer as Keras 2.1.6 writes it, trained with a regularizer of which only the name is left."""
    initializer = {"scale": 2.0, "mode": "fan_in", "distribution": "normal", "seed": None}
    return keras_2_layer(
        "Dense",
        name,
        units=units,
        use_bias=True,
        kernel_initializer={"class_name": "VarianceScaling", "config": initializer},
        bias_initializer={"class_name": "Zeros", "config": {}},
        kernel_regularizer={"class_name": "SomebodysRegularizer", "config": {}},
        kernel_constraint=None,
        **config,
    )


def keras_2_sequential():
    layers = [
        keras_2_dense("hidden", 2, activation="relu", batch_input_shape=[None, 2], dtype="float32"),
        keras_2_layer("Dropout", "drop", rate=0.5, noise_shape=None, seed=None),
        keras_2_dense("output", 1, activation="linear"),
    ]
    return {"class_name": "Sequential", "config": layers}


def keras_2_functional(layers, inputs, outputs):
    """``layers`` holds pairs of a layer and the calls made of it."""
    layers = [{**layer, "name": layer["config"]["name"], "inbound_nodes": calls} for layer, calls in layers]
    return {
        "class_name": "Model",
        "config": {"name": "network", "layers": layers, "input_layers": inputs, "output_layers": outputs},
    }


# Row (1, 2): relu(1 + 2 * 2, -1 + 2 - 1) = (5, 0), and 2 * 5 + 3 * 0 + 1 = 11.
# Row (3, -1): relu(3 - 2, -3 - 1 - 1) = (1, 0), and 2 * 1 + 1 = 3.
SEQUENTIAL_WEIGHTS = {
    "hidden": [[[1, -1], [2, 1]], [0, -1]],
    "drop": [],
    "output": [[[2], [3]], [1]],
}
SEQUENTIAL_OUTPUT = [[11], [3]]


def write_keras_2(path, config, weights, *, version="2.1.6", backend="tensorflow"):
    """Write an .h5 file as Keras 2 does: with an architecture, or of weights alone if there is none."""
    with h5py.File(path, "w") as file:
        group = file if config is None else file.create_group("model_weights")
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        for place in {file, group}:
            place.attrs.update({"keras_version": version.encode(), "backend": backend.encode()})
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, arrays in weights.items():
            names = [f"{layer}/array_{number}:0" for number in range(len(arrays))]
            of_layer = group.create_group(layer)
            of_layer.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, arrays, strict=True):
                of_layer[name] = np.array(array, dtype="float32")
    return path


def write_keras_1(path, config, weights, version="1.2.2"):
    """Write an .h5 file as Keras 1 does, or one of weights alone; ``weights`` has the arrays of each layer by name."""
    with h5py.File(path, "w") as file:
        group = file if config is None else file.create_group("model_weights")
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        for place in {file, group}:
            place.attrs["keras_version"] = version.encode()
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, arrays in weights.items():
            of_layer = group.create_group(layer)
            of_layer.attrs["weight_names"] = [name.encode() for name in arrays]
            for name, array in arrays.items():
                of_layer[name] = np.array(array, dtype="float32")
    return path


def write_keras_0(folder, layers, weights):
    """Write two files as Keras 0.3 does; ``weights`` has a list of arrays for each layer."""
    (folder / "network.json").write_text(json.dumps({"name": "Sequential", "layers": layers, "optimizer": {}}))
    with h5py.File(folder / "weights.h5", "w") as file:
        file.attrs["nb_layers"] = len(weights)
        for number, arrays in enumerate(weights):
            group = file.create_group(f"layer_{number}")
            group.attrs["nb_params"] = len(arrays)
            for place, array in enumerate(arrays):
                group[f"param_{place}"] = np.array(array, dtype="float32")
    return str(folder / "network.json"), str(folder / "weights.h5")
