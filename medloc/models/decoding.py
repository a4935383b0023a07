"""Answer by a vision-language model's own weights: prompts run once, answers token by token over a static cache.

transformers' `generate` runs a prompt once per answer, grows its cache by copying it, and launches every kernel of a
token from Python. Here each distinct prompt runs once. Its keys and values are repeated for its answers, with room for
all tokens. On CUDA the step of one token is captured as a graph and replayed.

The tokens are those of `generate`: greedy ones always, sampled ones for the same state of PyTorch's generator, up to
rounding. On CUDA the generator is read a few draws further, because finished answers are looked for now and then only.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.distributed.tensor import DTensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import StaticLayer

from medloc.models.vlm import base_model

FAMILIES = ("qwen2_5_vl", "qwen3_vl", "internvl")
WARM_UP = 2
"""Steps before a CUDA graph is captured: kernels load and choose their algorithms."""
LOOK_EVERY = 8
"""Tokens between two looks at what is finished on CUDA, where a look waits for the card."""
ROOM = 64
"""Columns of a cache on CUDA are a multiple of this, so that batches of like length share one graph."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decoding:
    """How answers are continued and ended.

    Attributes:
        max_new_tokens: longest answer.
        eos: tokens that end an answer; they belong to it.
        pad: fills a row behind its end.
        temperature: divides the logits before a token is drawn; None takes the most probable token.
        suppress: tokens that are never drawn.
    """

    max_new_tokens: int
    eos: tuple[int, ...]
    pad: int
    temperature: float | None = None
    suppress: tuple[int, ...] = ()


def can_decode(model: Any) -> bool:
    """Return whether `Decoder` supports a model; `generate` answers for any other.

    It needs a known family on the CPU or CUDA, full attention through SDPA, and all weights in this process: FSDP2 and
    ZeRO-3 gather them in hooks that a step must not go round.
    """
    model = base_model(model)
    text = model.config.get_text_config()
    weights = list(model.parameters())
    return (
        model.config.model_type in FAMILIES
        and model.device.type in ("cpu", "cuda")
        and text._attn_implementation == "sdpa"
        and set(getattr(text, "layer_types", None) or ["full_attention"]) == {"full_attention"}
        and not getattr(model, "_is_fsdp_managed_module", False)
        and not any(isinstance(weight, DTensor) or hasattr(weight, "ds_id") for weight in weights)
    )


class Decoder:
    """Answers in batches and keeps the step of the last batch's shape, with its cache and its graph.

    Make one for a rollout or an evaluation and drop it with the autocast context that it was used in: autocast keeps
    its copies of the weights for as long, and a captured graph reads them.

    Args:
        model: the model, with or without adapters; see `can_decode`. It answers in the mode it is in.
    """

    def __init__(self, model: Any):
        self.model = base_model(model)
        self._step: _Step | None = None

    @torch.no_grad()  # not inference mode: training reads what a tower keeps of this pass
    def __call__(self, prompts: dict[str, Any], rows: Sequence[int], how: Decoding) -> torch.Tensor:
        """Answer prompts.

        Args:
            prompts: the processor's tensors for the distinct prompts [prompts, columns], padded on the left.
            rows: the prompt of each answer.
            how: how answers are continued and ended.

        Returns:
            Tokens [len(rows), at most `how.max_new_tokens`], on the model's device, `how.pad` behind each end.
        """
        device = self.model.device
        prompts = {name: value.to(device) for name, value in prompts.items() if isinstance(value, torch.Tensor)}
        index = torch.tensor(list(rows), device=device)
        mask = prompts.setdefault("attention_mask", torch.ones_like(prompts["input_ids"]))
        logits, cache, positions = self._prefill(prompts)
        step = self._step_of(len(index), mask.shape[1] + how.max_new_tokens)
        step.begin(cache, mask, positions, index)
        logits = logits[index]
        if step.captures:
            step.capture()
            step.begin(cache, mask, positions, index)
        del cache
        return _answers(step, logits, how)

    def _prefill(self, prompts: dict[str, torch.Tensor]) -> tuple[torch.Tensor, Cache, torch.Tensor]:
        """Return each prompt's logits [prompts, vocabulary], keys and values, and the position that follows it."""
        mask = prompts["attention_mask"]
        backbone = self.model.model
        more = {}
        if not hasattr(backbone, "rope_deltas"):
            more["position_ids"] = (mask.long().cumsum(-1) - 1).clamp(min=0)
        cache = DynamicCache(config=self.model.config.get_text_config())
        output = self.model(**prompts, **more, past_key_values=cache, use_cache=True, logits_to_keep=1)
        positions = mask.sum(-1)
        if hasattr(backbone, "rope_deltas"):
            positions = positions + backbone.rope_deltas.flatten()
        return output.logits[:, -1], cache, positions

    def _step_of(self, rows: int, columns: int) -> "_Step":
        """Return the last batch's step where its shape fits, or a new one."""
        if self.model.device.type == "cuda":
            columns = -(-(columns + WARM_UP) // ROOM) * ROOM
        if self._step is None or self._step.shape != (rows, columns):
            self._step = None  # its memory goes first
            self._step = _Step(self.model, rows, columns)
        return self._step


class _Layer(StaticLayer):
    """One layer's keys and values [rows, heads, columns, size], written at a column that all layers share.

    Under autocast keys come in float32, because positions are rotated in it. Attention casts them down to the type of
    the values, so they are kept in it.
    """

    is_initialized: bool

    def __init__(self, column: torch.Tensor, columns: int):
        super().__init__(columns)
        self.column = column

    def fill(self, keys: torch.Tensor, values: torch.Tensor, index: torch.Tensor) -> None:
        """Hold the prompts' keys and values for the answers in `index`, from the first column on."""
        if not self.is_initialized:
            size = (len(index), keys.shape[1], self.max_cache_len)
            self.keys = values.new_zeros(*size, keys.shape[3])
            self.values = values.new_zeros(*size, values.shape[3])
            self.is_initialized = True
        for kept, new in ((self.keys, keys), (self.values, values)):
            kept[:, :, : new.shape[2]] = new.to(kept.dtype)[index]

    def update(self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Write one column and return everything; a mask hides the columns that are not written yet."""
        self.keys.index_copy_(2, self.column, keys.to(self.keys.dtype))
        self.values.index_copy_(2, self.column, values.to(self.values.dtype))
        return self.keys, self.values


class _Step:
    """The pass of one token of every answer, over tensors that stay where they are."""

    def __init__(self, model: Any, rows: int, columns: int):
        self.shape = (rows, columns)
        device = model.device
        self.captures = device.type == "cuda"
        self.text, self.head = model.model.language_model, model.get_output_embeddings()
        self.columns = columns
        self.column = torch.zeros(1, dtype=torch.long, device=device)
        self.mask = torch.zeros(rows, 1, 1, columns, dtype=torch.bool, device=device)
        self.token = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self.positions = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self.three = hasattr(model.model, "rope_deltas")  # time, height and width; the same in an answer
        layers = model.config.get_text_config().num_hidden_layers
        self.layers = [_Layer(self.column, columns) for _ in range(layers)]
        self.run: Callable[[], torch.Tensor] = self._run

    def begin(self, cache: Cache, mask: torch.Tensor, positions: torch.Tensor, index: torch.Tensor) -> None:
        """Stand behind the prompts.

        Args:
            cache: the prompts' keys and values.
            mask: which of their columns are no padding [prompts, columns].
            positions: the position that follows each prompt [prompts].
            index: the prompt of each answer.
        """
        for layer, prompt in zip(self.layers, cache.layers, strict=True):
            layer.fill(prompt.keys, prompt.values, index)
        self.mask.zero_()
        self.mask[:, 0, 0, : mask.shape[1]] = mask.bool()[index]
        self.positions[:] = positions[index, None]
        self.column.fill_(mask.shape[1])

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """Take the next token of every answer [rows] and return the logits behind it [rows, vocabulary]."""
        self.token.copy_(tokens[:, None])
        return self.run()

    def keep(self, which: torch.Tensor) -> None:
        """Go on with some rows only; not after a capture."""
        self.mask, self.token, self.positions = self.mask[which], self.token[which], self.positions[which]
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[which], layer.values[which]
        self.shape = (0, 0)  # serves no other batch

    def capture(self) -> None:
        """Have `run` replay a CUDA graph of the pass, where it can be captured; the state is spoiled."""
        self.captures = False
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._run()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        try:
            # Other threads, such as those that pin memory, may use the card meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                logits = self._run()
        except RuntimeError as error:
            log.warning("Decoding runs without a CUDA graph, several times slower: %s", str(error).splitlines()[0])
            return

        def replay() -> torch.Tensor:
            graph.replay()
            return logits

        self.run = replay

    @property
    def replays(self) -> bool:
        """Whether `run` replays a captured graph."""
        return self.run != self._run

    def _run(self) -> torch.Tensor:
        self.mask.index_fill_(3, self.column, True)
        states = self.text(
            input_ids=self.token,
            attention_mask=self.mask,
            position_ids=self.positions.expand(3, -1, -1) if self.three else self.positions,
            past_key_values=Cache(layers=self.layers),
            use_cache=True,
        ).last_hidden_state
        logits: torch.Tensor = self.head(states[:, -1])
        self.positions += 1
        self.column += 1
        return logits


def _answers(step: _Step, logits: torch.Tensor, how: Decoding) -> torch.Tensor:
    """Continue answers token by token from the logits behind their prompts, until all have ended."""
    device, rows = logits.device, len(logits)
    eos, suppress = (torch.tensor(ids, dtype=torch.long, device=device) for ids in (how.eos, how.suppress))
    tokens = torch.full((rows, how.max_new_tokens), how.pad, device=device)
    ended = torch.zeros(rows, dtype=torch.bool, device=device)
    running = torch.arange(rows, device=device)  # the answers that the step still has rows for
    look = 1 if device.type == "cpu" else LOOK_EVERY
    logits = logits.float()
    for column in range(how.max_new_tokens):
        drawn = torch.where(ended, how.pad, _draw(logits, suppress, how.temperature))
        tokens[:, column] = drawn
        ended |= torch.isin(drawn, eos)
        if column + 1 == how.max_new_tokens:
            break
        if (column + 1) % look == 0:
            left = int(running.numel() - ended[running].sum())
            if not left:
                break
            if 2 * left <= running.numel() and not step.replays:
                alive = ~ended[running]
                step.keep(alive)
                running = running[alive]
        if len(running) == rows:
            logits = step(drawn).float()
        else:  # one draw for all rows, so that the random numbers of a row do not depend on the others' length
            logits[running] = step(drawn[running]).float()
    return tokens[:, : column + 1]


def _draw(logits: torch.Tensor, suppress: torch.Tensor, temperature: float | None) -> torch.Tensor:
    """Return a token per row: a draw at a temperature, or the most probable."""
    scores = logits.index_fill(1, suppress, -torch.inf) if len(suppress) else logits
    if temperature is None:
        return scores.argmax(-1)
    return torch.multinomial(torch.softmax(scores / temperature, -1), 1)[:, 0]
