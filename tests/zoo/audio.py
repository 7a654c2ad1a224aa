"""Networks of sound."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.zoo.registry import N_ROWS, architecture, model_of, normal


def _waves(length=256):
    generator, time = np.random.default_rng(1), np.arange(length)
    pitch, phase = generator.uniform(0.05, 0.6, (2, N_ROWS, 1))
    return (np.sin(pitch * time + 6 * phase) + 0.1 * generator.normal(size=(N_ROWS, length))).astype("float32")


@architecture()
def mel_spectrogram_network():
    """Convolutions on a mel spectrogram."""

    def build(wave):
        spectrogram = layers.MelSpectrogram(
            fft_length=32, sequence_stride=16, num_mel_bins=8, sampling_rate=1000, min_freq=10.0
        )(wave)
        hidden = layers.Conv2D(6, 3, activation="relu")(ops.expand_dims(spectrogram, -1))
        return layers.Dense(1)(layers.GlobalAveragePooling2D()(hidden))

    return model_of(build, (256,)), _waves()


@architecture()
def stft_network():
    """Convolutions on the log of a spectrogram."""

    def build(wave):
        spectrogram = layers.STFTSpectrogram("magnitude", frame_length=32, frame_step=16, fft_length=32)(
            wave[..., None]
        )
        hidden = layers.Conv1D(6, 3, activation="relu")(ops.log(spectrogram + 1e-2))
        return layers.Dense(1)(layers.GlobalMaxPooling1D()(hidden))

    return model_of(build, (256,)), _waves()


@architecture()
def cepstral_network():
    """Mel-frequency cepstral coefficients by tf.signal, and a recurrent network."""

    def coefficients(wave):
        magnitude = tf.abs(tf.signal.stft(wave, 32, 16))
        matrix = tf.signal.linear_to_mel_weight_matrix(8, 17, 1000, 20.0, 480.0)
        return tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(magnitude @ matrix + 1e-2))[..., :5]

    def build(wave):
        features = layers.Lambda(coefficients, output_shape=(15, 5))(wave)
        return layers.Dense(1)(layers.GRU(6)(features))

    return model_of(build, (256,)), _waves()


@architecture()
def raw_wave_network():
    """Convolutions on the wave itself (M5)."""

    def build(wave):
        hidden = wave[..., None]
        for filters, size in ((4, 16), (6, 3), (8, 3)):
            hidden = layers.Conv1D(filters, size, strides=2 if size > 3 else 1)(hidden)
            hidden = layers.MaxPooling1D(4)(layers.ReLU()(layers.BatchNormalization()(hidden)))
        return layers.Dense(1)(layers.GlobalAveragePooling1D()(hidden))

    return model_of(build, (256,)), _waves()


class SincFilters(layers.Layer):
    """Band-pass filters, of which the two cut-off frequencies are learned."""

    def build(self, shape):
        start = keras.initializers.RandomUniform(0.05, 0.2)
        self.low = self.add_weight(shape=(6,), initializer=start, name="low")
        self.band = self.add_weight(shape=(6,), initializer=start, name="band")

    def call(self, inputs):
        time = np.arange(-8, 9).astype("float32")[:, None] + 1e-3
        high = ops.abs(self.low) + ops.abs(self.band)
        kernel = (ops.sin(2 * np.pi * high * time) - ops.sin(2 * np.pi * ops.abs(self.low) * time)) / (np.pi * time)
        return ops.conv(inputs, kernel[:, None] * np.hamming(17)[:, None, None].astype("float32"), padding="same")


@architecture()
def sinc_network():
    """Learned band-pass filters (SincNet)."""

    def build(wave):
        hidden = layers.AveragePooling1D(8)(ops.abs(SincFilters()(wave[..., None])))
        hidden = layers.Conv1D(6, 3, activation="leaky_relu")(layers.LayerNormalization()(hidden))
        return layers.Dense(1)(layers.GlobalMaxPooling1D()(hidden))

    return model_of(build, (128,)), _waves(128)


@architecture()
def wavenet():
    """Gated dilated causal convolutions (WaveNet)."""

    def build(wave):
        hidden, skips = layers.Conv1D(6, 2, padding="causal")(wave[..., None]), []
        for dilation in (1, 2, 4, 8):
            arguments = dict(padding="causal", dilation_rate=dilation)
            gated = layers.Conv1D(6, 2, activation="tanh", **arguments)(hidden)
            gated = gated * layers.Conv1D(6, 2, activation="sigmoid", **arguments)(hidden)
            skips.append(layers.Conv1D(6, 1)(gated))
            hidden = hidden + layers.Conv1D(6, 1)(gated)
        out = layers.Conv1D(6, 1, activation="relu")(ops.relu(sum(skips)))
        return layers.Dense(1)(out[:, -1])

    return model_of(build, (48,)), _waves(48)


@architecture()
def conformer():
    """Conformer block."""

    def build(features):
        hidden = layers.Dense(8)(features)
        half = layers.Dense(8)(layers.Dense(16, activation="silu")(layers.LayerNormalization()(hidden)))
        hidden = hidden + 0.5 * half
        normalised = layers.LayerNormalization()(hidden)
        hidden = hidden + layers.MultiHeadAttention(2, 4)(normalised, normalised)
        gated = ops.glu(layers.Dense(16)(layers.LayerNormalization()(hidden)))
        gated = layers.BatchNormalization()(layers.DepthwiseConv1D(5, padding="same")(gated))
        hidden = hidden + layers.Dense(8)(ops.silu(gated))
        half = layers.Dense(8)(layers.Dense(16, activation="silu")(layers.LayerNormalization()(hidden)))
        hidden = layers.LayerNormalization()(hidden + 0.5 * half)
        return layers.Dense(1)(ops.mean(hidden, 1))

    return model_of(build, (12, 5)), normal(12, 5)


@architecture(target=lambda logits: tf.reduce_logsumexp(logits[..., 1], 1))
def keyword_spotting():
    """Convolutional recurrent network with a logit for each frame (CRNN)."""

    def build(features):
        hidden = layers.Conv2D(4, 3, padding="same", activation="relu")(features[..., None])
        hidden = layers.Reshape((10, 16))(layers.MaxPooling2D((1, 2))(hidden))
        return layers.Dense(4)(layers.Bidirectional(layers.GRU(5, return_sequences=True))(hidden))

    return model_of(build, (10, 8)), normal(10, 8)


@architecture()
def pitch_by_autocorrelation():
    """Autocorrelation by Fourier transforms, and a dense network."""

    def autocorrelation(wave):
        spectrum = tf.signal.rfft(wave, [128])
        return tf.signal.irfft(spectrum * tf.math.conj(spectrum))[:, :32] / 64

    def build(wave):
        lags = layers.Lambda(autocorrelation, output_shape=(32,))(wave)
        return layers.Dense(1)(layers.Dense(8, activation="relu")(lags))

    return model_of(build, (64,)), _waves(64)


@architecture()
def connectionist_temporal_classification():
    """Log-probability of a transcript over all alignments (CTC)."""
    letters = np.array([0, 1, 0, 2, 0, 1, 0])
    # Between two different letters, the blank may be left out.
    skips = np.array([0, 0, 0, 1, 0, 1, 0], "float32")

    def build(features):
        hidden = layers.Conv1D(8, 3, padding="same", activation="relu")(features)
        of_letters = ops.take(ops.log_softmax(layers.Dense(4)(hidden)), letters, axis=2)
        state = of_letters[:, 0] + np.array([0, 0, *[-1e4] * 5], "float32")
        for step in range(1, 10):
            before = ops.pad(state, ((0, 0), (2, 0)), constant_values=-1e4)
            ways = ops.stack([state, before[:, 1:-1], before[:, :-2] + (skips - 1) * 1e4], -1)
            state = ops.logsumexp(ways, -1) + of_letters[:, step]
        return ops.logsumexp(state[:, -2:], 1, keepdims=True)

    return model_of(build, (10, 5)), normal(10, 5)
