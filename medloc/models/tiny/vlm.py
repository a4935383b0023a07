"""The miniature Qwen2.5-VL and InternVL: the genuine classes at about half a million parameters, and their tokenizer.

`python -m medloc.pretrain` trains the random weights; the results are shipped under `bases/`.

The tokenizer has bytes, whole numbers, and whole sentences of the prompts as single tokens. A coordinate is one token,
as short numbers often are in the large models, and a prompt takes four or five tokens instead of sixty. All other text
is encoded as bytes, so any prompt works.

Qwen2.5-VL resizes an image within an area and answers in pixels of the resized image. InternVL stretches it over square
tiles (one of 112 x 112 px here, up to twelve of 448 x 448 px as published) and answers in thousandths of the image.
"""

import re
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

PATCH, MERGE = 7, 2  # px, patches: one image token of Qwen2.5-VL covers 14 x 14 px
IMAGE_PIXELS = 112 * 112  # largest area of the resized image, in px: at most 64 image tokens
TILE, SHUFFLE = 112, 0.5  # px; 16 x 16 patches of a tile, of which InternVL's pixel shuffle makes 64 image tokens
IMAGE_TOKENS = int((TILE // PATCH * SHUFFLE) ** 2)
LARGEST_PIXEL, THOUSAND = 255, 1000  # largest whole number that is one token of Qwen2.5-VL, of InternVL


SIZES = {"tiny_s": (128, 2), "tiny_m": (192, 3), "tiny_l": (256, 4)}
"""Width and depth of a miniature's language model; head dimensions are 32 (text) and 16 (vision)."""

VISION = {"hidden_size": 64, "intermediate_size": 128, "patch_size": PATCH}
VISION_LAYERS, VISION_HEADS = 2, 4  # in every size, as all sizes of Qwen2.5-VL have the same vision tower


def _chat_template(image: str) -> str:
    return (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
        "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
        "{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}" + image + "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{% endif %}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


QWEN_TOKENS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
)
QWEN_TEMPLATE = _chat_template("<|vision_start|><|image_pad|><|vision_end|>")
INTERNVL_NAMED = {  # special tokens that InternVL's processor asks the tokenizer for by name
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}

INTERNVL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *INTERNVL_NAMED.values())
INTERNVL_TEMPLATE = _chat_template("<IMG_CONTEXT>\n")  # as published: the image's place, a line break, the text


def sentences(prompts: list[str]) -> list[str]:
    """Return the prompts' sentences, each with its leading space where it has one, in order of first appearance."""
    return list(dict.fromkeys(s for prompt in prompts for s in re.findall(r"\s?[^.]+\.?", prompt)))


def tiny_tokenizer(
    prompts: list[str],
    *,
    special: tuple[str, ...] = QWEN_TOKENS,
    largest_number: int = LARGEST_PIXEL,
    chat_template: str = QWEN_TEMPLATE,
    named: dict[str, str] | None = None,
) -> PreTrainedTokenizerFast:
    """Build a chat model's tokenizer: bytes, special tokens, whole numbers, and the sentences of `prompts`.

    Args:
        prompts: texts whose sentences become single tokens.
        special: the special tokens; Qwen2.5-VL's by default.
        largest_number: whole numbers up to this one are single tokens.
        chat_template: the family's template.
        named: special tokens that the family's processor asks the tokenizer for by name.
    """
    numbers = [str(n) for n in range(10, largest_number + 1)]
    backend = whole_text_backend(special, [*numbers, ", ", "user\n", "assistant\n", *sentences(prompts)])
    names = {"extra_special_tokens": named} if named else {}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
        **names,
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def whole_text_backend(special: tuple[str, ...], whole: list[str]) -> Tokenizer:
    """Build a tokenizer of 256 bytes, the `special` tokens, and each text of `whole` as one token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(BPE(vocab={char: i for i, char in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    backend.add_tokens([AddedToken(text, special=False, normalized=False) for text in whole])
    return backend


def _text_config(name: str, tokenizer: Any, **rope: Any) -> dict[str, Any]:
    width, layers = SIZES[name]
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 32,
        "num_key_value_heads": width // 64,
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, **rope},
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _ending_answers(model: Any, tokenizer: Any) -> Any:
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def tiny_processor(prompts: list[str]) -> Qwen2_5_VLProcessor:
    """Build Qwen2.5-VL's processor: images resized to multiples of 14 px within 112 x 112 px of area."""
    pixels = {
        "patch_size": PATCH,
        "merge_size": MERGE,
        "size": {"shortest_edge": IMAGE_PIXELS // 2, "longest_edge": IMAGE_PIXELS},
    }
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**pixels),
        tokenizer=tiny_tokenizer(prompts),
        video_processor=Qwen2VLVideoProcessor(**pixels),
        chat_template=QWEN_TEMPLATE,
    )


def tiny_model(name: str, processor: Qwen2_5_VLProcessor) -> Qwen2_5_VLForConditionalGeneration:
    """Build the Qwen2.5-VL `name` ("tiny_s", "tiny_m" or "tiny_l") with random weights, for `processor`."""
    tokenizer = processor.tokenizer
    text = _text_config(name, tokenizer, mrope_section=[4, 6, 6])
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config={
            **VISION,
            "depth": VISION_LAYERS,
            "num_heads": VISION_HEADS,
            "out_hidden_size": text["hidden_size"],
            "spatial_merge_size": MERGE,
            "window_size": 112,
            "fullatt_block_indexes": list(range(VISION_LAYERS)),
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    return _ending_answers(Qwen2_5_VLForConditionalGeneration(config), tokenizer)


def tiny_internvl_processor(prompts: list[str]) -> InternVLProcessor:
    """Build InternVL's processor: every image stretched to one tile of 112 x 112 px."""
    size = {"height": TILE, "width": TILE}
    return InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, crop_to_patches=True, min_patches=1, max_patches=1),
        tokenizer=tiny_tokenizer(
            prompts,
            special=INTERNVL_TOKENS,
            largest_number=THOUSAND,
            chat_template=INTERNVL_TEMPLATE,
            named=INTERNVL_NAMED,
        ),
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=IMAGE_TOKENS,
        chat_template=INTERNVL_TEMPLATE,
    )


def tiny_internvl_model(processor: InternVLProcessor) -> InternVLForConditionalGeneration:
    """Build an InternVL with random weights, as wide and deep as `tiny_s`, for `processor`."""
    config = InternVLConfig(
        text_config={"model_type": "qwen2", **_text_config("tiny_s", processor.tokenizer)},
        vision_config={
            **VISION,
            "num_hidden_layers": VISION_LAYERS,
            "num_attention_heads": VISION_HEADS,
            "image_size": TILE,
            "layer_scale_init_value": 1.0,  # published: 0.1, for models so deep that a new layer must do almost nothing
        },
        image_token_id=processor.image_token_id,
        image_seq_length=IMAGE_TOKENS,
        downsample_ratio=SHUFFLE,
        tie_word_embeddings=True,
    )
    return _ending_answers(InternVLForConditionalGeneration(config), processor.tokenizer)
