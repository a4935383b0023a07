import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from scipy.stats import chisquare

from medloc.models.decoding import Decoder, Decoding, can_decode
from medloc.models.load import load_model
from tests.models.shrunk import BOUNDS, shrunk
from tests.models.test_load import settings

FAMILIES = tuple(BOUNDS)
TEXTS = ("Where is it?", "Where is the lesion in this picture, as a box?", "Box.")
SIZES = ((60, 90), (120, 80), (120, 80))  # width, height; the second and third differ in their text only
GROUP = 3
LONGEST = 14


@pytest.fixture(scope="module", params=FAMILIES)
def case(request, tmp_path_factory):
    """A shrunk model of each family with three prompts, padded on the left, and their rows repeated for a group."""
    family = request.param
    folder = shrunk(family, tmp_path_factory.mktemp(family))
    loaded = load_model(settings(name="qwen2_5_vl_3b", family=family, path=str(folder), max_pixels=BOUNDS[family]))
    rng = np.random.default_rng(3)
    images = [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in SIZES]
    return loaded.model, prompts_of(loaded, images, 1), prompts_of(loaded, images, GROUP)


def prompts_of(loaded, images, times):
    def question(text):
        content = [{"type": "image"}, {"type": "text", "text": text}]
        return loaded.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )

    texts = [question(text) for text in TEXTS for _ in range(times)]
    pictures = [image for image in images for _ in range(times)]
    return loaded.processor(text=texts, images=pictures, padding=True, padding_side="left", return_tensors="pt")


def some_ends(model):
    """Returns an eighth of the vocabulary, so that random weights end answers early and late."""
    return tuple(range(10, 10 + model.config.get_text_config().vocab_size // 8))


def generated(model, inputs, how):
    """Returns what transformers' own `generate` answers."""
    sampled = how.temperature is not None
    tokens = model.generate(
        **inputs,
        max_new_tokens=how.max_new_tokens,
        do_sample=sampled,
        temperature=how.temperature,
        top_k=0 if sampled else None,
        top_p=1.0 if sampled else None,
        eos_token_id=list(how.eos),
        pad_token_id=how.pad,
        suppress_tokens=list(how.suppress) or None,
        use_cache=True,
    )
    return tokens[:, inputs["input_ids"].shape[1] :]


ROWS = [prompt for prompt in range(len(TEXTS)) for _ in range(GROUP)]


@pytest.mark.parametrize("temperature", [None, 1.3])
def test_tokens_and_random_numbers_are_those_of_generate(case, temperature):
    model, once, repeated = case
    assert can_decode(model)
    assert not once["attention_mask"].all()  # padded
    how = Decoding(LONGEST, some_ends(model), 0, temperature, (200, 201))
    found = []
    for answer in (lambda: generated(model, repeated, how), lambda: Decoder(model)(once, ROWS, how)):
        torch.manual_seed(4)
        found.append((answer(), torch.get_rng_state()))
    (theirs, state), (ours, own_state) = found
    assert ours.tolist() == theirs.tolist()
    assert torch.equal(own_state, state)
    if temperature:
        lengths = (ours != 0).sum(1)
        assert len(set(lengths.tolist())) > 2  # answers ended at several places


def test_finished_answers_leave_the_pass(case):
    """The pass of a token gets fewer rows once half of them have ended, and nothing after the last one."""
    model, once, _ = case
    how = Decoding(LONGEST, some_ends(model), 0, 1.3)
    sizes = []
    watch = model.model.language_model.register_forward_hook(
        lambda _, __, output: sizes.append(tuple(output.last_hidden_state.shape[:2]))
    )
    with watch:
        torch.manual_seed(4)
        tokens = Decoder(model)(once, ROWS, how)
    columns = once["input_ids"].shape[1]
    assert sizes[0] == (len(TEXTS), columns)  # each prompt once
    rows = [size[0] for size in sizes[1:]]
    assert rows[0] == len(ROWS)
    assert rows == sorted(rows, reverse=True)
    assert len(rows) == tokens.shape[1] - 1
    alive = [int((~torch.isin(tokens[:, : end + 1], torch.tensor(how.eos)).any(1)).sum()) for end in range(len(rows))]
    assert all(left <= size < 2 * left or size == len(ROWS) for left, size in zip(alive, rows, strict=True))
    assert rows[-1] < len(ROWS)


def test_the_second_batch_of_a_shape_takes_the_first_ones_tensors(case):
    """Nothing of the first batch is left in them: the prompts in another order are answered alike."""
    model, once, _ = case
    how = Decoding(6, (), 0)
    decoder = Decoder(model)
    first, again = decoder(once, [0, 1, 2], how), decoder(once, [2, 2, 1], how)
    assert again.tolist() == [first[2].tolist(), first[2].tolist(), first[1].tolist()]


ALLOWED = (300, 301, 302)


def test_draws_follow_the_models_own_probabilities(case):
    """Two tokens of three allowed ones make nine answers; 3,000 draws against the probabilities of whole passes.

    p(a, b) = p(a) p(b | a), each the softmax of logits / 1.3 over the three; the threshold is one in 1,000.
    """
    model, once, _ = case
    vocabulary = model.config.get_text_config().vocab_size
    how = Decoding(2, (), 0, 1.3, tuple(set(range(vocabulary)) - set(ALLOWED)))
    torch.manual_seed(1)
    drawn = Decoder(model)(once, [0] * 3000, how)
    expected, seen = [], []
    for first in ALLOWED:
        after = _whole_pass(model, once, first)
        for place, second in enumerate(ALLOWED):
            expected.append(float(after[0][ALLOWED.index(first)] * after[1][place]) * len(drawn))
            seen.append(int(((drawn[:, 0] == first) & (drawn[:, 1] == second)).sum()))
    assert sum(seen) == len(drawn)
    assert chisquare(seen, expected).pvalue > 0.001


@torch.no_grad()
def _whole_pass(model, once, first):
    """Returns the probabilities of the allowed tokens behind the first prompt, and behind it and `first`."""
    more = {"input_ids": first, "attention_mask": 1, "mm_token_type_ids": 0}
    longer = {
        name: torch.cat([value, torch.full((len(value), 1), more[name], dtype=value.dtype)], 1)
        if name in more
        else value
        for name, value in once.items()
    }
    if not hasattr(model.model, "rope_deltas"):
        longer["position_ids"] = (longer["attention_mask"].cumsum(-1) - 1).clamp(min=0)
    logits = model(**longer).logits[0, -2:, list(ALLOWED)]
    return torch.softmax(logits.double() / 1.3, -1)


def test_bfloat16_autocast(case):
    """Rotated keys are float32 under autocast and the values are not; probabilities are those of a whole pass."""
    model, once, _ = case
    with torch.autocast("cpu", torch.bfloat16):
        tokens = Decoder(model)(once, [0, 1, 2], Decoding(5, (), 0))
        again = Decoder(model)(once, [0, 0, 1, 2], Decoding(5, (), 0))
    assert tokens.shape == (3, 5)
    assert again[0].tolist() == again[1].tolist()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU: the step is a graph there only")
@pytest.mark.parametrize("bf16", [False, True])
def test_the_captured_step_answers_as_the_eager_one(case, bf16):
    model, once, _ = case
    model = model.cuda()
    how = Decoding(LONGEST, some_ends(model), 0)
    with torch.autocast("cuda", torch.bfloat16, enabled=bf16):
        decoder = Decoder(model)
        captured = [decoder(once, ROWS, how).tolist() for _ in range(2)]
        assert decoder._step.replays
        eager = Decoder(model)
        eager._step = eager._step_of(len(ROWS), once["input_ids"].shape[1] + LONGEST)
        eager._step.captures = False
        assert captured == [eager(once, ROWS, how).tolist()] * 2
    model.cpu()


def test_adapters_answer_as_in_generate(case):
    model, once, repeated = case
    if model.config.model_type != "qwen2_5_vl":
        pytest.skip("adapters are put into the same layers in every family")
    torch.manual_seed(2)
    lora = LoraConfig(r=4, target_modules=r".*language_model\..*\.(q_proj|v_proj)", init_lora_weights=False)
    adapted = get_peft_model(model, lora)
    try:
        how = Decoding(6, (), 0)
        plain = generated(adapted.base_model.model, repeated, how)
        assert Decoder(adapted)(once, ROWS, how).tolist() == generated(adapted, repeated, how).tolist()
        assert plain.tolist() == generated(adapted, repeated, how).tolist()
        with adapted.disable_adapter():
            assert generated(adapted, repeated, how).tolist() != plain.tolist()
    finally:
        adapted.unload()


def test_what_it_cannot_do_is_left_to_generate(case):
    """Weights that FSDP2 or ZeRO-3 shard, and attention that takes no such mask."""
    model, *_ = case
    text = model.config.get_text_config()
    weight = next(model.parameters())
    before = text._attn_implementation
    try:
        weight.ds_id = 0  # ZeRO-3 marks every weight
        assert not can_decode(model)
        del weight.ds_id
        model._is_fsdp_managed_module = True
        assert not can_decode(model)
        del model._is_fsdp_managed_module
        text._attn_implementation = "eager"
        assert not can_decode(model)
    finally:
        text._attn_implementation = before
    assert can_decode(model)
