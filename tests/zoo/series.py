"""Networks of time series without recurrence."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import architecture, model_of, normal, tokens


@architecture()
def temporal_convolutions():
    """Residual dilated causal convolutions (TCN)."""

    def build(series):
        hidden = series
        for dilation in (1, 2, 4):
            branch = hidden
            for _ in range(2):
                branch = layers.Conv1D(6, 3, padding="causal", dilation_rate=dilation)(branch)
                branch = layers.SpatialDropout1D(0.1)(layers.ReLU()(layers.LayerNormalization()(branch)))
            shortcut = hidden if hidden.shape[-1] == 6 else layers.Conv1D(6, 1)(hidden)
            hidden = layers.ReLU()(layers.Add()([branch, shortcut]))
        return layers.Dense(1)(hidden[:, -1])

    return model_of(build, (16, 3)), normal(16, 3)


@architecture()
def inception_time():
    """Parallel convolutions of several widths (InceptionTime)."""

    def build(series):
        hidden = series
        for _ in range(2):
            narrow = layers.Conv1D(4, 1, use_bias=False)(hidden)
            branches = [layers.Conv1D(4, size, padding="same", use_bias=False)(narrow) for size in (3, 5, 9)]
            pooled = layers.MaxPooling1D(3, 1, padding="same")(hidden)
            branches.append(layers.Conv1D(4, 1, use_bias=False)(pooled))
            hidden = layers.ReLU()(layers.BatchNormalization()(layers.Concatenate()(branches)))
        hidden = layers.ReLU()(layers.Add()([hidden, layers.BatchNormalization()(layers.Conv1D(16, 1)(series))]))
        return layers.Dense(1)(layers.GlobalAveragePooling1D()(hidden))

    return model_of(build, (20, 2)), normal(20, 2)


@architecture()
def random_convolutions():
    """Random convolutions with maxima and proportions of positive values (ROCKET)."""

    def build(series):
        features = []
        for dilation in (1, 2, 3):
            convolved = layers.Conv1D(6, 5, dilation_rate=dilation, kernel_initializer="random_normal")(series)
            features.append(ops.max(convolved, 1))
            features.append(ops.mean(ops.cast(convolved > 0, "float32"), 1))
        return layers.Dense(1)(layers.Concatenate()(features))

    return model_of(build, (20, 1)), normal(20, 1)


@architecture(target=1)
def n_beats():
    """Stacks of backcasts and forecasts (N-BEATS)."""
    time = np.linspace(0, 1, 18).astype("float32")
    trend = np.stack([time**power for power in range(3)])
    season = np.stack([f(2 * np.pi * k * time) for k in (1, 2) for f in (np.cos, np.sin)])

    def build(series):
        residual, forecast = series, 0.0
        for basis in (trend, season):
            hidden = layers.Dense(12, activation="relu")(layers.Dense(12, activation="relu")(residual))
            backward = ops.matmul(layers.Dense(len(basis))(hidden), basis[:, :12].astype("float32"))
            forward = ops.matmul(layers.Dense(len(basis))(hidden), basis[:, 12:].astype("float32"))
            residual, forecast = residual - backward, forecast + forward
        return forecast

    return model_of(build, (12,)), normal(12)


@architecture(target=0)
def n_hits():
    """Pooled windows and interpolated forecasts (N-HiTS)."""

    def build(series):
        residual, forecast = series, 0.0
        for size in (4, 2, 1):
            pooled = layers.Flatten()(layers.MaxPooling1D(size)(residual[..., None]))
            hidden = layers.Dense(10, activation="relu")(pooled)
            backward = layers.Dense(12 // size)(hidden)[:, :, None, None]
            backward = ops.image.resize(backward, (12, 1), interpolation="bilinear")[:, :, 0, 0]
            residual, forecast = residual - backward, forecast + layers.Dense(4)(hidden)
        return forecast

    return model_of(build, (12,)), normal(12)


def _moving_average(series, size=5):
    front = ops.repeat(series[:, :1], size // 2, 1)
    end = ops.repeat(series[:, -1:], size // 2, 1)
    return layers.AveragePooling1D(size, 1)(ops.concatenate([front, series, end], 1))


@architecture(target=1)
def autoformer():
    """Decomposition and attention by autocorrelation (Autoformer)."""

    def correlate(arguments):
        query, key, value = (tf.transpose(tensor, (0, 2, 1)) for tensor in arguments)
        spectrum = tf.signal.rfft(query) * tf.math.conj(tf.signal.rfft(key))
        correlation = tf.reduce_mean(tf.signal.irfft(spectrum), 1)
        weights, delays = tf.math.top_k(correlation, 3)
        weights = tf.nn.softmax(weights)
        places = (tf.range(16)[None, None] + delays[..., None]) % 16
        rolled = tf.gather(tf.transpose(value, (0, 2, 1)), places, axis=1, batch_dims=1)
        return tf.einsum("bk,bktc->btc", weights, rolled)

    def build(series):
        hidden = layers.Dense(4)(series)
        arguments = [layers.Dense(4)(hidden) for _ in range(3)]
        hidden = hidden + layers.Lambda(correlate, output_shape=(16, 4))(arguments)
        trend = _moving_average(hidden)
        season = hidden - trend
        season = season + layers.Dense(4)(layers.Dense(8, activation="gelu")(season))
        return layers.Dense(3)(ops.mean(season - _moving_average(season), 1) + trend[:, -1])

    return model_of(build, (16, 2)), normal(16, 2)


@architecture(target=0)
def decomposed_linear():
    """Linear forecasts of trend and rest after normalising each row (DLinear with RevIN)."""

    def build(series):
        mean = ops.mean(series, 1, keepdims=True)
        scale = ops.sqrt(ops.var(series, 1, keepdims=True) + 1e-3)
        normalised = (series - mean) / scale
        trend = _moving_average(normalised)
        forecast = [layers.Dense(4)(layers.Permute((2, 1))(part)) for part in (trend, normalised - trend)]
        return layers.Flatten()((forecast[0] + forecast[1]) * scale[:, 0, :, None] + mean[:, 0, :, None])

    return model_of(build, (16, 2)), normal(16, 2)


@architecture(target=2)
def patch_transformer():
    """Attention over patches of a series (PatchTST)."""

    def build(series):
        patches = ops.stack([series[:, start : start + 6] for start in range(0, 15, 3)], 1)
        hidden = layers.Dense(8)(patches)
        hidden = layers.BatchNormalization()(hidden + layers.MultiHeadAttention(2, 4)(hidden, hidden))
        hidden = layers.BatchNormalization()(hidden + layers.Dense(8)(layers.Dense(16, activation="gelu")(hidden)))
        return layers.Dense(3)(layers.Flatten()(hidden))

    return model_of(build, (18,)), normal(18)


def _gated_residual(tensor, width, context=None):
    hidden = layers.Dense(width)(tensor)
    if context is not None:
        hidden = hidden + layers.Dense(width, use_bias=False)(context)
    hidden = layers.Dense(width)(ops.elu(hidden))
    gated = ops.glu(layers.Dense(2 * width)(hidden))
    shortcut = tensor if tensor.shape[-1] == width else layers.Dense(width)(tensor)
    return layers.LayerNormalization()(shortcut + gated)


@architecture(target=1)
def temporal_fusion_transformer():
    """Temporal fusion transformer, median of three quantiles."""

    def build(static, series, category):
        context = _gated_residual(ops.concatenate([static, layers.Embedding(5, 3)(category)[:, 0]], -1), 6)
        variables = [layers.Dense(6)(series[..., number : number + 1]) for number in range(3)]
        flat = ops.concatenate(variables, -1)
        weights = layers.Softmax()(_gated_residual(flat, 3, context[:, None]))
        selected = sum(weights[..., n : n + 1] * _gated_residual(variables[n], 6) for n in range(3))
        encoded = layers.LSTM(6, return_sequences=True)(selected, initial_state=[context, layers.Dense(6)(context)])
        encoded = layers.LayerNormalization()(selected + ops.glu(layers.Dense(12)(encoded)))
        enriched = _gated_residual(encoded, 6, context[:, None])
        attended = layers.MultiHeadAttention(2, 3)(enriched, enriched, use_causal_mask=True)
        attended = layers.LayerNormalization()(enriched + ops.glu(layers.Dense(12)(attended)))
        return layers.Dense(3)(_gated_residual(attended, 6)[:, -1])

    rows = [normal(2), normal(8, 3), tokens(1, 5)]
    return model_of(build, (2,), (8, 3), (1,), dtypes=["float32", "float32", "int32"]), rows


class StateSpace(layers.Layer):
    """Diagonal state space model, applied as a long convolution by Fourier transforms."""

    def build(self, shape):
        start = keras.initializers.RandomUniform(0.1, 1.0)
        self.decay = self.add_weight(shape=(shape[-1], 4), initializer=start, name="decay")
        self.frequency = self.add_weight(shape=(shape[-1], 4), initializer=start, name="frequency")
        self.output_matrix = self.add_weight(shape=(shape[-1], 4), name="output")

    def call(self, inputs):
        length = inputs.shape[1]
        time = tf.range(length, dtype=tf.float32)
        rate = tf.complex(-tf.abs(self.decay), 3 * self.frequency)
        powers = tf.exp(rate[..., None] * tf.cast(time, tf.complex64))
        kernel = 2 * tf.math.real(tf.einsum("cn,cnt->ct", tf.cast(self.output_matrix, tf.complex64), powers))
        signal = tf.transpose(inputs, (0, 2, 1))
        product = tf.signal.rfft(signal, [2 * length]) * tf.signal.rfft(kernel, [2 * length])
        return tf.transpose(tf.signal.irfft(product, [2 * length])[..., :length], (0, 2, 1))


@architecture()
def state_space_convolution():
    """State space model as a long convolution (S4D)."""

    def build(series):
        hidden = layers.Dense(4)(series)
        for _ in range(2):
            branch = layers.Dense(8)(ops.gelu(StateSpace()(layers.LayerNormalization()(hidden))))
            hidden = hidden + ops.glu(branch)
        return layers.Dense(1)(ops.mean(hidden, 1))

    return model_of(build, (16, 2)), normal(16, 2)


@architecture()
def selective_state_space():
    """Selective state space model, step by step (Mamba)."""

    def scan(arguments):
        values, step, inward, outward = arguments
        rates = -tf.exp(tf.constant(np.log(np.arange(1, 4)), tf.float32))

        def advance(state, now):
            value, delta, into, _ = now
            decay = tf.exp(delta[..., None] * rates)
            return decay * state + (delta * value)[..., None] * into[:, None]

        moved = tuple(tf.transpose(tensor, (1, 0, 2)) for tensor in (values, step, inward, outward))
        states = tf.scan(advance, moved, tf.zeros_like(moved[0][0])[..., None] * tf.zeros(3))
        return tf.transpose(tf.einsum("tbcn,tbn->tbc", states, moved[3]), (1, 0, 2))

    def build(series):
        hidden = layers.Dense(4)(series)
        gate = layers.Dense(4, activation="silu")(hidden)
        values = layers.Conv1D(4, 3, padding="causal", groups=4, activation="silu")(hidden)
        arguments = [values, layers.Dense(4, activation="softplus")(values), layers.Dense(3)(values)]
        states = layers.Lambda(scan, output_shape=(10, 4))([*arguments, layers.Dense(3)(values)])
        return layers.Dense(1)(ops.mean(layers.RMSNormalization()(states * gate + hidden), 1))

    return model_of(build, (10, 2)), normal(10, 2)


@architecture()
def probabilistic_sparse_attention():
    """Attention of the most active queries only (Informer)."""

    def attend(arguments):
        query, key, value = arguments
        scores = tf.matmul(query, key, transpose_b=True) / 2
        activity = tf.reduce_max(scores, -1) - tf.reduce_mean(scores, -1)
        chosen = tf.reduce_max(tf.one_hot(tf.math.top_k(activity, 3).indices, 8), 1)[..., None]
        mean = tf.reduce_mean(value, 1, keepdims=True)
        return chosen * tf.matmul(tf.nn.softmax(scores), value) + (1 - chosen) * mean

    def build(series):
        hidden = layers.Dense(4)(series)
        arguments = [layers.Dense(4)(hidden) for _ in range(3)]
        hidden = layers.LayerNormalization()(hidden + layers.Lambda(attend, output_shape=(8, 4))(arguments))
        hidden = layers.MaxPooling1D(2)(layers.Conv1D(4, 3, padding="same", activation="elu")(hidden))
        return layers.Dense(1)(layers.Flatten()(hidden))

    return model_of(build, (8, 2)), normal(8, 2)


@architecture()
def soft_dynamic_time_warping():
    """Soft dynamic time warping to a prototype."""
    prototype = np.sin(np.arange(5)).astype("float32")

    def distance(series):
        cost = tf.square(series[:, :, None] - prototype)
        infinite = tf.fill(tf.shape(series[:, 0]), 1e4)
        table = {(-1, -1): tf.zeros_like(infinite)}
        for i in range(6):
            for j in range(5):
                before = [table.get(place, infinite) for place in ((i - 1, j), (i, j - 1), (i - 1, j - 1))]
                table[i, j] = cost[:, i, j] - tf.reduce_logsumexp(-tf.stack(before, -1), -1)
        return table[5, 4][:, None]

    return model_of(layers.Lambda(distance, output_shape=(1,)), (6,)), normal(6)
