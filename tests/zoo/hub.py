"""Backbones of keras-hub, each in a tiny configuration."""

import keras
import numpy as np
import tensorflow as tf

from tests.zoo.registry import N_ROWS, architecture, normal, tokens, uniform

WORDS = 24
LENGTH = 8
SIZES = dict(vocabulary_size=WORDS, num_layers=2, hidden_dim=8, intermediate_dim=16)
GROUPED = dict(SIZES, num_query_heads=2, num_key_value_heads=1)
EXPERTS = dict(GROUPED, moe_intermediate_dim=8, num_experts=4, top_k=2)
# Names, arguments, and whether the output is a dict.
TEXT = {
    "albert": ("ALBERT", "AlbertBackbone", dict(SIZES, num_heads=2, embedding_dim=6), True),
    "bert": ("BERT", "BertBackbone", dict(SIZES, num_heads=2), True),
    "bloom": ("BLOOM", "BloomBackbone", dict(SIZES, num_heads=2), False),
    "deberta_v3": ("DeBERTa V3", "DebertaV3Backbone", dict(SIZES, num_heads=2, bucket_size=8), False),
    "distil_bert": ("DistilBERT", "DistilBertBackbone", dict(SIZES, num_heads=2), False),
    "electra": (
        "ELECTRA",
        "ElectraBackbone",
        dict(vocab_size=WORDS, num_layers=2, num_heads=2, hidden_dim=8, embedding_dim=6, intermediate_dim=16),
        True,
    ),
    "falcon": ("Falcon", "FalconBackbone", dict(SIZES, num_attention_heads=2), False),
    "fnet": ("FNet", "FNetBackbone", SIZES, True),
    "gemma": ("Gemma", "GemmaBackbone", dict(GROUPED, head_dim=4), False),
    "gpt2": ("GPT-2", "GPT2Backbone", dict(SIZES, num_heads=2), False),
    "gpt_neo_x": ("GPT-NeoX", "GPTNeoXBackbone", dict(SIZES, num_heads=2, rotary_percentage=0.5), False),
    "gpt_oss": ("GPT-OSS", "GptOssBackbone", dict(GROUPED, num_experts=4), False),
    "llama": ("LLaMA", "LlamaBackbone", GROUPED, False),
    "mistral": ("Mistral", "MistralBackbone", GROUPED, False),
    "mixtral": ("Mixtral", "MixtralBackbone", dict(GROUPED, num_experts=4), False),
    "opt": ("OPT", "OPTBackbone", dict(SIZES, num_heads=2), False),
    "phi3": ("Phi-3", "Phi3Backbone", GROUPED, False),
    "qwen2": ("Qwen2", "Qwen2Backbone", GROUPED, False),
    "qwen3_moe": ("Qwen3 with experts", "Qwen3MoeBackbone", dict(EXPERTS, head_dim=4), False),
    "qwen_moe": ("Qwen with experts", "QwenMoeBackbone", dict(EXPERTS, shared_expert_intermediate_dim=8), False),
    "roberta": ("RoBERTa", "RobertaBackbone", dict(SIZES, num_heads=2), False),
}


# Backbones of which the padding mask is explained too.
MASKS_EXPLAINED = "albert bert distil_bert electra falcon gpt2 mixtral roberta".split()


def _build_text(class_name, arguments):
    from keras_hub import models

    model = getattr(models, class_name)(**arguments)
    rows, ids = {}, tokens(LENGTH, WORDS, padded=True)
    for name in model.input:
        if name == "token_ids":
            rows[name] = ids
        elif "mask" in name:
            rows[name] = (ids != 0).astype("int32")
        else:
            rows[name] = np.zeros_like(ids)
            rows[name][:, LENGTH // 2 :] = name == "segment_ids"
    return model, rows


def _register_text(name, title, class_name, arguments, is_dict):
    """Register a backbone with its padding mask held, and with it explained."""

    def target(outputs):
        return outputs[:, 1, 2] + outputs[:, 0, 1] if not is_dict else outputs[:, 0]

    chosen = dict(target=target, output="pooled_output") if is_dict else dict(target=target)
    held = {"token_ids": 0, "padding_mask": "held", "segment_ids": "held"}
    kinds = [
        ("", "", held),
        ("_with_mask", ", the mask explained", {"token_ids": 0, "padding_mask": 1, "segment_ids": 0}),
    ]
    for ending, words, reference in kinds if name in MASKS_EXPLAINED else kinds[:1]:

        def build():
            return _build_text(class_name, arguments)

        build.__name__, build.__doc__ = name + ending, f"{title}{words}."
        architecture(package="keras_hub", reference=reference, **chosen)(build)


for _name, _entry in TEXT.items():
    _register_text(_name, *_entry)


def _build(class_name, **arguments):
    from keras_hub import models

    return getattr(models, class_name)(**arguments)


@architecture(
    package="keras_hub", refusal="its first axis is not the axis of rows", target=lambda outputs: outputs[:, 1, 2]
)
def xlnet():
    """XLNet, which reshapes its padding mask so that rows read each other's."""
    return _build_text("XLNetBackbone", dict(SIZES, num_heads=2))


@architecture(package="keras_hub", target=lambda outputs: outputs[:, 1, 2])
def xlnet_without_padding():
    """XLNet without padding."""
    backbone = _build("XLNetBackbone", **SIZES, num_heads=2)
    ids = keras.Input((LENGTH,), dtype="int32")
    zeros = keras.ops.zeros_like(ids)
    outputs = backbone({"token_ids": ids, "padding_mask": zeros + 1, "segment_ids": zeros})
    return keras.Model(ids, outputs), tokens(LENGTH, WORDS)


@architecture(package="keras_hub", target=lambda outputs: outputs[:, 0, 1])
def hub_vision_transformer():
    """Vision transformer."""
    arguments = dict(image_shape=(8, 8, 3), patch_size=4, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=12)
    return _build("ViTBackbone", **arguments), normal(8, 8, 3)


@architecture(package="keras_hub", target=lambda outputs: tf.reduce_mean(outputs, (1, 2, 3)))
def hub_resnet():
    """Residual network with bottlenecks."""
    arguments = dict(
        input_conv_filters=[8],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="bottleneck_block",
        image_shape=(16, 16, 3),
    )
    return _build("ResNetBackbone", **arguments), normal(16, 16, 3)


@architecture(package="keras_hub", target=lambda outputs: tf.reduce_mean(outputs, (1, 2))[:, 1])
def hub_segformer():
    """Mix transformer of SegFormer."""
    arguments = dict(
        layerwise_depths=[1, 1],
        num_layers=2,
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[3, 3],
        layerwise_strides=[2, 2],
        image_shape=(16, 16, 3),
        hidden_dims=[4, 8],
    )
    return _build("MiTBackbone", **arguments), normal(16, 16, 3)


@architecture(package="keras_hub", target=lambda outputs: outputs[:, 0, 1])
def hub_distilled_vision_transformer():
    """Distilled vision transformer (DeiT)."""
    arguments = dict(image_shape=(8, 8, 3), patch_size=4, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=12)
    return _build("DeiTBackbone", **arguments), normal(8, 8, 3)


@architecture(package="keras_hub", target=lambda outputs: tf.reduce_mean(outputs, 1)[:, 1])
def hub_swin():
    """Transformer of shifted windows (Swin)."""
    arguments = dict(image_shape=(16, 16, 3), embed_dim=4, depths=[2, 1], num_heads=[1, 2], window_size=2, patch_size=2)
    model = _build("SwinTransformerBackbone", **arguments)
    return model, normal(16, 16, 3)


@architecture(
    package="keras_hub",
    output="decoder_sequence_output",
    target=lambda outputs: outputs[:, 2, 1],
    reference={"encoder_features": "mean", "decoder_token_ids": 0, "decoder_padding_mask": "held"},
)
def hub_speech_recognition():
    """Encoder of sound and decoder of words (Whisper)."""
    arguments = dict(SIZES, num_heads=2, num_mels=6, max_encoder_sequence_length=24, max_decoder_sequence_length=5)
    ids = tokens(5, WORDS)
    rows = {
        "encoder_features": uniform(24, 6),
        "decoder_token_ids": ids,
        "decoder_padding_mask": np.ones((N_ROWS, 5), "int32"),
    }
    return _build("WhisperBackbone", **arguments), rows
