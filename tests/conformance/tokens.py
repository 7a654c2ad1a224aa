"""Small networks that look numbers up by integers, or in which the input says what is padding."""

import keras
import numpy as np
from keras import layers, ops

from tests.conformance.networks import one_output

VOCABULARY = 7


def token_rows(model, n_rows, seed=1):
    """Random rows: tokens that end in padding, masks that do so too, and numbers of which some steps are padding."""
    generator = np.random.default_rng(seed)

    def of_input(tensor):
        shape, dtype = (n_rows, *tensor.shape[1:]), tensor.dtype
        padding = np.arange(shape[1]) >= generator.integers(min(2, shape[1]), shape[1] + 1, (n_rows, 1))
        if dtype == "bool":
            return ~padding
        if "int" in dtype:
            return np.where(padding, 0, generator.integers(1, VOCABULARY, shape)).astype(dtype)
        rows = generator.normal(size=shape).astype(dtype)
        return rows if rows.ndim < 3 else np.where(padding[..., None], 0, rows).astype(dtype)

    return keras.tree.map_structure(of_input, model.input)


def tokens(size=4, name=None):
    return keras.Input((size,), dtype="int32", name=name)


def embedding(**arguments):
    return layers.Embedding(VOCABULARY, 3, **arguments)


def masked(inputs, hidden_of):
    """A model, and one to which the rows that say what is padding are given after the values.

    ``hidden_of`` takes values, and rows; None where the values say it themselves.
    """
    model = one_output(inputs, hidden_of(inputs, None))
    rows = keras.tree.map_structure(lambda each: keras.Input(each.shape[1:], dtype=each.dtype), inputs)
    hidden = layers.Flatten()(hidden_of(inputs, rows))
    pair = [inputs, rows] if not isinstance(inputs, list) else [*inputs, *rows]
    return model, keras.Model(pair, model.layers[-1](hidden))


def plain(inputs, hidden):
    return one_output(inputs, hidden), None


def masked_numbers(*recurrent):
    """Numbers of which those steps are padding that are all zeros."""

    def hidden_of(values, rows):
        if rows is None:
            hidden = masking(values)
        else:
            mask = ops.any(rows != 0, -1)
            hidden = values * ops.cast(mask, values.dtype)[..., None]
        for layer in recurrent:
            hidden = layer(hidden) if rows is None else layer(hidden, mask=mask)
        return hidden

    masking = layers.Masking()
    return masked(keras.Input((3, 2)), hidden_of)


def masking():
    return masked_numbers(layers.GRU(2))


def masking_of_a_sequence():
    return masked_numbers(layers.LSTM(2, return_sequences=True, zero_output_for_mask=True))


def masking_of_both_directions():
    return masked_numbers(layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True)), layers.SimpleRNN(2))


def tokens_alone():
    inputs = tokens()
    return plain(inputs, layers.Dense(3, activation="tanh")(embedding()(inputs)))


def tokens_in_a_loop():
    look_up, loop = embedding(mask_zero=True, name="looked_up"), layers.LSTM(2)

    def hidden_of(values, rows):
        return loop(look_up(values)) if rows is None else loop(look_up(values), mask=rows != 0)

    return masked(tokens(), hidden_of)


def tokens_that_attend():
    look_up, attention = embedding(mask_zero=True, name="looked_up"), layers.MultiHeadAttention(2, 2)
    pooling = layers.GlobalAveragePooling1D()

    def hidden_of(values, rows):
        looked_up = look_up(values)
        if rows is None:
            return pooling(attention(looked_up, looked_up))
        mask = rows != 0
        of_pairs = mask[:, :, None] & mask[:, None, :]
        looked_up = ops.copy(looked_up)
        return pooling(attention(looked_up, looked_up, attention_mask=of_pairs), mask=mask)

    return masked(tokens(), hidden_of)


def mask_as_an_input():
    look_up, loop = embedding(), layers.GRU(2)

    inputs = [tokens(name="ids"), keras.Input((4,), dtype="bool", name="mask")]
    return plain(inputs, loop(look_up(inputs[0]), mask=inputs[1]))


def tokens_and_segments():
    inputs = [tokens(name="ids"), tokens(name="segments")]
    hidden = embedding()(inputs[0]) + embedding()(inputs[1])
    return plain(inputs, layers.Dense(2, activation="gelu")(layers.LayerNormalization()(hidden)))


def columns_of_a_table():
    inputs = tokens(3)
    looked_up = [embedding()(inputs[:, 1]), embedding()(inputs[:, 0]), ops.cast(inputs[:, 2:], keras.config.floatx())]
    return plain(inputs, layers.Dense(2, activation="relu")(layers.Concatenate()(looked_up)))


def numbers_and_tokens():
    inputs = {"ids": tokens(name="ids"), "numbers": keras.Input((2,), name="numbers")}
    looked_up = layers.Flatten()(embedding()(inputs["ids"]))
    return plain(inputs, layers.Dense(3, activation="tanh")(layers.Concatenate()([looked_up, inputs["numbers"]])))


def tokens_back_from_vectors():
    inputs = tokens()
    layer = layers.ReversibleEmbedding(VOCABULARY, 3)
    hidden = layers.Dense(3, activation="tanh")(layer(inputs))
    return plain(inputs, layer(hidden, reverse=True))


def categories(output_mode):
    """One category in each row, or several of which each may count."""
    inputs = tokens(1 if output_mode == "one_hot" else 4)
    encoded = layers.CategoryEncoding(VOCABULARY, output_mode=output_mode)(inputs)
    return plain(inputs, layers.Dense(3, activation="tanh")(encoded))


def one_hot_categories():
    return categories("one_hot")


def multi_hot_categories():
    return categories("multi_hot")


def counted_categories():
    return categories("count")


def bins(output_mode):
    """Numbers themselves, and the bins that they lie in."""
    inputs = keras.Input((3,))
    layer = layers.Discretization(bin_boundaries=[-0.5, 0.1, 0.6], output_mode=output_mode)
    found = layer(inputs)
    found = layers.Flatten()(layers.Embedding(4, 2)(found) if output_mode == "int" else found)
    return plain(inputs, layers.Dense(3, activation="tanh")(layers.Concatenate()([found, inputs])))


def bins_looked_up():
    return bins("int")


def one_hot_bins():
    return bins("one_hot")


def multi_hot_bins():
    return bins("multi_hot")


def counted_bins():
    return bins("count")


def integers_looked_up_first():
    inputs = tokens()
    found = layers.IntegerLookup(vocabulary=[1, 2, 5, 6])(inputs)
    return plain(inputs, layers.Dense(3, activation="tanh")(embedding()(found)))


def hashed_integers():
    inputs = tokens()
    found = layers.Hashing(5)(inputs)
    return plain(inputs, layers.Dense(3, activation="tanh")(embedding()(found)))


def numbers_on_other_scales():
    inputs = keras.Input((3,))
    normalised = layers.Normalization()
    normalised.adapt(np.random.default_rng(0).normal(2, 3, (50, 3)))
    rescaled = layers.Rescaling(0.5, offset=-1)(inputs)
    joined = layers.Concatenate()([normalised(inputs), rescaled])
    # Not with random weights: these include the mean and the variance.
    return keras.Model(inputs, layers.Dense(1)(layers.Dense(4, activation="tanh")(joined))), None


TOKENS = [
    masking,
    masking_of_a_sequence,
    masking_of_both_directions,
    tokens_alone,
    tokens_in_a_loop,
    tokens_that_attend,
    mask_as_an_input,
    tokens_and_segments,
    columns_of_a_table,
    numbers_and_tokens,
    tokens_back_from_vectors,
    one_hot_categories,
    multi_hot_categories,
    counted_categories,
    bins_looked_up,
    one_hot_bins,
    multi_hot_bins,
    counted_bins,
    integers_looked_up_first,
    hashed_integers,
    numbers_on_other_scales,
]
