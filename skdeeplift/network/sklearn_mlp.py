"""scikit-learn's multi-layer perceptrons as networks."""

ACTIVATIONS = {
    "identity": "linear",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
    "exp": "exponential",
}


def model_of_mlp(mlp, dtype):
    """Make a Keras model that computes what a fitted perceptron does.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        Fitted.
    dtype : str
        What to compute in.

    Returns
    -------
    model : keras.Model
        Its layers are ``hidden_1``, ``hidden_2`` and so on, and ``output``.
    """
    import keras

    hidden = [(f"hidden_{number}", mlp.activation) for number in range(1, len(mlp.coefs_))]
    model = keras.Sequential([keras.Input((mlp.n_features_in_,), dtype=dtype)], name=type(mlp).__name__)
    for (name, activation), weights in zip([*hidden, ("output", mlp.out_activation_)], mlp.coefs_, strict=True):
        model.add(keras.layers.Dense(weights.shape[1], ACTIVATIONS[activation], name=name, dtype=dtype))
    model.set_weights([array for pair in zip(mlp.coefs_, mlp.intercepts_, strict=True) for array in pair])
    return model
