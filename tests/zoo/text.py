"""Networks of tokens."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, tokens

WORDS = 20


@architecture()
def text_convolutions():
    """Convolutions over words with maxima over time (TextCNN)."""

    def build(words):
        hidden = layers.Embedding(WORDS, 6)(words)
        pooled = [layers.GlobalMaxPooling1D()(layers.Conv1D(4, n, activation="relu")(hidden)) for n in (2, 3, 4)]
        return layers.Dense(1)(layers.Concatenate()(pooled))

    return model_of(build, (9,), dtypes=["int32"]), tokens(9, WORDS)


@architecture(shares_padding=True)
def bag_of_words():
    """Mean of embedded words without padding (fastText)."""

    def build(words):
        hidden = layers.GlobalAveragePooling1D()(layers.Embedding(WORDS, 6, mask_zero=True)(words))
        return layers.Dense(1)(layers.Dense(6, activation="relu")(hidden))

    return model_of(build, (9,), dtypes=["int32"]), tokens(9, WORDS, padded=True)


@architecture(shares_padding=True)
def masked_lstm():
    """Bidirectional LSTM of padded words."""

    def build(words):
        hidden = layers.Embedding(WORDS, 6, mask_zero=True)(words)
        return layers.Dense(1)(layers.Bidirectional(layers.LSTM(5))(hidden))

    return model_of(build, (9,), dtypes=["int32"]), tokens(9, WORDS, padded=True)


class PaddedAttention(layers.Layer):
    """Attention that leaves out padding, by the comparison of ids with zero."""

    def __init__(self):
        super().__init__()
        self.words, self.places = layers.Embedding(WORDS, 8), layers.Embedding(9, 8)
        self.attention, self.normalise = layers.MultiHeadAttention(2, 4), layers.LayerNormalization()

    def call(self, ids):
        hidden = self.words(ids) + self.places(ops.arange(9))
        mask = ops.not_equal(ids, 0)
        hidden = self.normalise(hidden + self.attention(hidden, hidden, attention_mask=mask[:, None]))
        weights = ops.cast(mask, "float32")[..., None]
        return ops.sum(hidden * weights, 1) / ops.maximum(ops.sum(weights, 1), 1.0)


@architecture(shares_padding=True)
def text_transformer():
    """Transformer of padded words with the mean of all words."""

    def build(words):
        return layers.Dense(1)(layers.Dense(6, activation="relu")(PaddedAttention()(words)))

    return model_of(build, (9,), dtypes=["int32"]), tokens(9, WORDS, padded=True)


@architecture()
def hierarchical_attention():
    """Attention over words, then over sentences."""

    def attend(items):
        weights = ops.softmax(layers.Dense(1, use_bias=False)(layers.Dense(6, activation="tanh")(items)), 1)
        return ops.sum(weights * items, 1)

    def build(words):
        sentence = keras.Input((4,), dtype="int32")
        hidden = layers.Bidirectional(layers.GRU(3, return_sequences=True))(layers.Embedding(WORDS, 5)(sentence))
        encoder = keras.Model(sentence, attend(hidden))
        sentences = layers.TimeDistributed(encoder)(words)
        return layers.Dense(1)(attend(layers.Bidirectional(layers.GRU(3, return_sequences=True))(sentences)))

    return model_of(build, (3, 4), dtypes=["int32"]), tokens(12, WORDS).reshape(-1, 3, 4)


class RandomField(layers.Layer):
    """Score of the best path, and of a given one, of a conditional random field."""

    def build(self, shape):
        self.transitions = self.add_weight(shape=(shape[-1], shape[-1]), name="transitions")

    def call(self, emissions):
        state = emissions[:, 0]
        for step in range(1, emissions.shape[1]):
            state = ops.logsumexp(state[..., None] + self.transitions, 1) + emissions[:, step]
        path = ops.sum(emissions[:, :, 1], 1) + self.transitions[1, 1] * (emissions.shape[1] - 1)
        return (path - ops.logsumexp(state, 1))[:, None]


@architecture()
def conditional_random_field():
    """Log-probability of a tagging by a recurrent network and a random field (BiLSTM-CRF)."""

    def build(words):
        hidden = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(layers.Embedding(WORDS, 5)(words))
        return RandomField()(layers.Dense(3)(hidden))

    return model_of(build, (6,), dtypes=["int32"]), tokens(6, WORDS)


@architecture()
def skip_gram():
    """Similarity of a word and its neighbours (word2vec)."""

    def build(word, others):
        centre, context = layers.Embedding(WORDS, 6)(word), ops.mean(layers.Embedding(WORDS, 6)(others), 1)
        return ops.sum(centre[:, 0] * context, -1, keepdims=True)

    return model_of(build, (1,), (4,), dtypes=["int32", "int32"]), [tokens(1, WORDS), tokens(4, WORDS, seed=2)]


@architecture()
def manhattan_lstm():
    """Similarity of two texts by the distance of what one LSTM makes of them (MaLSTM)."""

    def build(first, second):
        table, encoder = layers.Embedding(WORDS, 5), layers.LSTM(5)
        return ops.exp(-ops.sum(ops.abs(encoder(table(first)) - encoder(table(second))), 1, keepdims=True))

    return model_of(build, (6,), (6,), dtypes=["int32", "int32"]), [tokens(6, WORDS), tokens(6, WORDS, seed=2)]


@architecture()
def natural_language_inference():
    """Soft alignment of two texts, then composition (ESIM)."""

    def build(first, second):
        table, encoder = layers.Embedding(WORDS, 5), layers.Bidirectional(layers.GRU(3, return_sequences=True))
        left, right = encoder(table(first)), encoder(table(second))
        scores = ops.matmul(left, ops.swapaxes(right, 1, 2))
        aligned = (
            (left, ops.matmul(ops.softmax(scores, 2), right)),
            (right, ops.matmul(ops.softmax(ops.swapaxes(scores, 1, 2), 2), left)),
        )
        project, compose, pooled = layers.Dense(5, activation="relu"), layers.GRU(4, return_sequences=True), []
        for own, other in aligned:
            composed = compose(project(ops.concatenate([own, other, own - other, own * other], -1)))
            pooled += [ops.mean(composed, 1), ops.max(composed, 1)]
        return layers.Dense(1)(layers.Dense(6, activation="tanh")(ops.concatenate(pooled, -1)))

    return model_of(build, (6,), (5,), dtypes=["int32", "int32"]), [tokens(6, WORDS), tokens(5, WORDS, seed=2)]


@architecture()
def k_max_pooling():
    """Dynamic convolutions with the largest k values in their order (DCNN)."""

    def largest(tensor):
        indices = tf.sort(tf.math.top_k(tf.transpose(tensor, (0, 2, 1)), 3).indices)
        return tf.gather(tf.transpose(tensor, (0, 2, 1)), indices, batch_dims=2)

    def build(words):
        hidden = layers.Conv1D(4, 3, padding="same")(layers.Embedding(WORDS, 6)(words))
        hidden = ops.tanh(layers.Lambda(largest, output_shape=(4, 3))(hidden))
        return layers.Dense(1)(layers.Flatten()(hidden))

    return model_of(build, (9,), dtypes=["int32"]), tokens(9, WORDS)


@architecture(target=lambda logits: logits[:, -1, 3] - logits[:, -1, 1])
def language_model():
    """Causal language model with tied embeddings."""

    def build(words):
        table = layers.ReversibleEmbedding(WORDS, 8)
        hidden = table(words)
        for _ in range(2):
            normalised = layers.LayerNormalization()(hidden)
            hidden = hidden + layers.MultiHeadAttention(2, 4)(normalised, normalised, use_causal_mask=True)
            normalised = layers.LayerNormalization()(hidden)
            hidden = hidden + layers.Dense(8)(layers.Dense(16, activation="gelu")(normalised))
        return table(layers.LayerNormalization()(hidden), reverse=True)

    return model_of(build, (7,), dtypes=["int32"]), tokens(7, WORDS)


@architecture(target=lambda probabilities: probabilities[:, 3])
def pointer_generator():
    """Mixture of a vocabulary and of copied words (pointer-generator)."""

    def build(words):
        encoded = layers.GRU(6, return_sequences=True)(layers.Embedding(WORDS, 5)(words))
        state = encoded[:, -1]
        weights = ops.softmax(ops.einsum("bnf,bf->bn", encoded, layers.Dense(6)(state)))
        context = ops.einsum("bn,bnf->bf", weights, encoded)
        generate = layers.Dense(1, activation="sigmoid")(ops.concatenate([state, context], -1))
        vocabulary = layers.Dense(WORDS, activation="softmax")(context)
        copied = ops.einsum("bn,bnw->bw", weights, ops.one_hot(words, WORDS))
        return generate * vocabulary + (1 - generate) * copied

    return model_of(build, (7,), dtypes=["int32"]), tokens(7, WORDS)


@architecture()
def character_convolutions():
    """One-hot characters, convolutions and a highway layer (CharCNN)."""

    def build(characters):
        hidden = layers.Conv1D(8, 3, activation="tanh")(characters)
        hidden = layers.GlobalMaxPooling1D()(hidden)
        gate = layers.Dense(8, activation="sigmoid")(hidden)
        return layers.Dense(1)(gate * layers.Dense(8, activation="relu")(hidden) + (1 - gate) * hidden)

    rows = np.eye(6, dtype="float32")[tokens(12, 6)]
    return model_of(build, (12, 6)), rows


@architecture()
def hashed_words():
    """Words hashed into few buckets."""

    def build(words):
        hidden = layers.Embedding(7, 4)(layers.Hashing(7)(words))
        return layers.Dense(1)(ops.max(layers.Dense(5, activation="relu")(hidden), 1))

    return model_of(build, (6,), dtypes=["int64"]), tokens(6, 100).astype("int64")


@architecture(shares_padding=True)
def counted_words():
    """Counts of words, weighted and normalised (TF-IDF)."""

    def build(words):
        counts = layers.CategoryEncoding(WORDS, output_mode="count")(words)
        weighted = counts * np.linspace(0.5, 2, WORDS).astype("float32")
        norm = ops.sqrt(ops.sum(ops.square(weighted), -1, keepdims=True) + 1e-6)
        return layers.Dense(1)(layers.Dense(6, activation="relu")(weighted / norm))

    return model_of(build, (8,), dtypes=["int32"]), tokens(8, WORDS)
