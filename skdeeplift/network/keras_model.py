"""Keras models, functional or subclassed, as something that is called."""

from skdeeplift.network.inputs import needed_arguments, spread


class KerasModel:
    """How to call a Keras model.

    Parameters
    ----------
    model : keras.Model
        Built or not; shared with the user.

    Raises
    ------
    ValueError
        If Keras runs on another backend than TensorFlow.
    """

    def __init__(self, model):
        import keras

        if keras.config.backend() != "tensorflow":
            raise ValueError(
                f"Keras runs on the backend {keras.config.backend()!r}, and contributions are computed by TensorFlow. "
                'Set the environment variable KERAS_BACKEND="tensorflow" before Keras is imported.'
            )
        self.model = model

    @property
    def declared(self):
        """The model's symbolic inputs in its own structure; None where it was never told them."""
        import keras

        try:
            inputs = self.model.inputs[0] if isinstance(self.model, keras.Sequential) else self.model.input
        except (AttributeError, ValueError):
            return None
        return inputs[0] if isinstance(inputs, (list, tuple)) and len(inputs) == 1 else inputs

    @property
    def dtype(self):
        """What floating-point numbers are given as where the model does not say."""
        import keras

        return keras.config.floatx()

    @property
    def layers(self):
        """All layers, also those inside of others."""
        # Keras has no public way to the layers inside of layers that are no models; tests/network/test_layers.py fails
        # when this one goes.
        return self.model._flatten_layers(include_self=False, recursive=True)

    @property
    def output_names(self):
        """Keras's names of the outputs, flat; None where there are none."""
        return getattr(self.model, "output_names", None)

    def build(self, specs):
        """Let a model that was never called make its weights, and the layers that it makes together with them."""
        import tensorflow as tf

        if not self.model.built:
            tf.function(self.call, autograph=False).get_concrete_function(specs)

    def call(self, structure):
        """Call the model in inference mode."""
        args, kwargs = spread(structure, needed_arguments(self.model.call))
        return self.model(*args, training=False, **kwargs)
