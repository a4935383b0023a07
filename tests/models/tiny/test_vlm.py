import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from medloc.data.prompts import PROMPTS, known_prompts
from medloc.models.base import BASES
from medloc.models.tiny.vlm import LARGEST_PIXEL, sentences, tiny_internvl_processor, tiny_tokenizer

TOKENIZER = tiny_tokenizer(known_prompts())


def test_an_answer_costs_ten_tokens_with_its_end():
    # "[", 12, ", ", 104, ", ", 7, ", ", 98, "]", end = 10
    assert len(TOKENIZER("[12, 104, 7, 98]<|im_end|>").input_ids) == 10


@pytest.mark.parametrize("number", [0, 9, 10, 99, 100, LARGEST_PIXEL])
def test_a_coordinate_is_one_token(number):
    assert len(TOKENIZER(str(number)).input_ids) == 1


@pytest.mark.parametrize("prompt", PROMPTS.values())
def test_a_sentence_of_a_known_prompt_is_one_token(prompt):
    assert len(TOKENIZER(prompt).input_ids) == len(sentences([prompt])) == 4


def test_sentences_join_to_the_prompt():
    assert "".join(sentences([PROMPTS["heel"]])) == PROMPTS["heel"]


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_text_survives_the_round_trip(text):
    assert TOKENIZER.decode(TOKENIZER(text).input_ids) == text


def test_internvl_s_answers_are_as_short():
    tokenizer = tiny_internvl_processor(known_prompts()).tokenizer
    assert len(tokenizer("[0, 1000, 740, 980]<|im_end|>").input_ids) == 10
    assert len(tokenizer(PROMPTS["heel"]).input_ids) == 4
    assert tokenizer.decode(tokenizer("[20, 999, 256, 7]").input_ids) == "[20, 999, 256, 7]"


def test_a_shipped_base_s_tokens_keep_their_numbers():
    """Prompts may be added after a base was made; what it knows must not move."""
    shipped = PreTrainedTokenizerFast.from_pretrained(BASES / "tiny_s").get_vocab()
    assert shipped.items() <= TOKENIZER.get_vocab().items()
