"""The tiny bases' tokenizer: bytes, whole numbers, and whole sentences of the prompts as single tokens.

A coordinate is one token, as in the large models' frequent case of short numbers, and a prompt costs the miniature four
or five tokens instead of sixty. Any other text falls back to bytes, so no prompt is refused.
"""

import re

from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
LARGEST_NUMBER = 255  # an answer's pixels: the tiny Qwen processors resize to at most 112 x 112 px in area
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def sentences(prompts: list[str]) -> list[str]:
    """Returns the prompts' sentences, each with its leading space where it has one, in order of first appearance."""
    return list(dict.fromkeys(s for prompt in prompts for s in re.findall(r"\s?[^.]+\.?", prompt)))


def tiny_tokenizer(
    prompts: list[str],
    *,
    special: tuple[str, ...] = SPECIAL,
    largest_number: int = LARGEST_NUMBER,
    chat_template: str = CHAT_TEMPLATE,
    named: dict[str, str] | None = None,
) -> PreTrainedTokenizerFast:
    """Builds a chat model's tokenizer: bytes, special tokens, whole numbers, and the sentences of `prompts`.

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
    """Builds a tokenizer of 256 bytes, the `special` tokens, and each text of `whole` as one token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(BPE(vocab={char: i for i, char in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    backend.add_tokens([AddedToken(text, special=False, normalized=False) for text in whole])
    return backend
