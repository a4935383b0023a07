"""The miniature InternVL: the genuine classes at about the size of `tiny_s`, with random weights.

The second family of the paper's Table 8. Two things are unlike Qwen2.5-VL's miniature: an image is stretched over
square tiles (one of 112 x 112 px here, up to twelve of 448 x 448 px in published checkpoints), and answers count in
thousandths of the image's width and height. `python -m medloc.pretrain model=internvl_tiny` gives it weights.
"""

from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
)

from medloc.models.tiny.qwen import SIZES, VISION_HIDDEN, VISION_LAYERS
from medloc.models.tiny.tokenizer import tiny_tokenizer

TILE, PATCH = 112, 7  # px; 16 x 16 patches, which pixel shuffle makes 64 image tokens
SHUFFLE = 0.5
IMAGE_TOKENS = int((TILE // PATCH * SHUFFLE) ** 2)
LARGEST_NUMBER = 1000  # answers count in thousandths

NAMED = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *NAMED.values())
CHAT_TEMPLATE = (  # the published one's form: the image's place, a line break, the text
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<IMG_CONTEXT>\n"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_internvl_processor(prompts: list[str]) -> InternVLProcessor:
    """Builds the processor: every image stretched to one tile of 112 x 112 px, the tiny tokenizer."""
    size = {"height": TILE, "width": TILE}
    return InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, crop_to_patches=True, min_patches=1, max_patches=1),
        tokenizer=tiny_tokenizer(
            prompts, special=SPECIAL, largest_number=LARGEST_NUMBER, chat_template=CHAT_TEMPLATE, named=NAMED
        ),
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=IMAGE_TOKENS,
        chat_template=CHAT_TEMPLATE,
    )


def tiny_internvl_model(processor: InternVLProcessor) -> InternVLForConditionalGeneration:
    """Builds the model with random weights, as wide and deep as `tiny_s`, for `processor`."""
    size, tokenizer = SIZES["tiny_s"], processor.tokenizer
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    config = InternVLConfig(
        text_config={
            "model_type": "qwen2",
            "vocab_size": len(tokenizer),
            "hidden_size": size.hidden,
            "intermediate_size": 2 * size.hidden,
            "num_hidden_layers": size.layers,
            "num_attention_heads": size.hidden // 32,
            "num_key_value_heads": size.hidden // 64,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4},
            "tie_word_embeddings": True,
            "bos_token_id": None,
            "eos_token_id": end,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": VISION_HIDDEN,
            "num_hidden_layers": VISION_LAYERS,
            "num_attention_heads": VISION_HIDDEN // 16,
            "intermediate_size": 2 * VISION_HIDDEN,
            "image_size": TILE,
            "patch_size": PATCH,
            "layer_scale_init_value": 1.0,  # published: 0.1, for depths at which a layer must start as nearly nothing
        },
        image_token_id=processor.image_token_id,
        image_seq_length=IMAGE_TOKENS,
        downsample_ratio=SHUFFLE,
        tie_word_embeddings=True,
    )
    model = InternVLForConditionalGeneration(config)
    model.generation_config.eos_token_id = end
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model
