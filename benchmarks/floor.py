"""What a step cannot be faster than: the operations it needs, at the rate this machine multiplies matrices.

Counted by PyTorch's own counter over one encoding of every image and one pass over every distinct token: generation's
prefill and its tokens, the policy's pass, the reference's pass, and twice the policy's for its gradient.
"""

import statistics
import time
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from medloc.data.images import open_image
from medloc.data.prompts import prompt_for
from medloc.models.load import LoadedModel
from medloc.spec.run import RunSpec

PASSES = 5  # generation, reference, policy and its gradient (two)


def matrix_rate(size: int = 512, repeats: int = 30) -> float:
    """Returns floating-point operations per second of a square matrix product with the threads in force."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - begin)
    return 2 * size**3 / statistics.median(seconds)


def floor_seconds(loaded: LoadedModel, examples: Any, settings: RunSpec) -> float:
    """Returns the floor of one optimizer step in seconds."""
    prompts, group = settings.train.prompts_per_step, settings.train.group_size
    content = [
        {"type": "image"},
        {"type": "text", "text": prompt_for(settings.dataset.name, settings.dataset.prompt)},
    ]
    question = loaded.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    images = [open_image(one.image) for one in examples[:prompts]]
    inputs = loaded.processor(text=[question] * prompts, images=images, padding=True, return_tensors="pt")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        loaded.model(**inputs, logits_to_keep=1)
    shared = counter.get_total_flops()
    tokens = torch.zeros(prompts * group, settings.train.max_completion_length, dtype=torch.long)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        loaded.model(input_ids=tokens)
    return PASSES * (shared + counter.get_total_flops()) / matrix_rate()
