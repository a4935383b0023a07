"""The miniature GroundingDINO: the genuine classes at under a million parameters, with random weights.

`python -m medloc.pretrain model=grounding_dino_tiny` gives it weights.
"""

from string import ascii_lowercase, digits

from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    SwinConfig,
)

from medloc.data.prompts import TARGETS

SIDE = 112  # px; images are squashed to SIDE x SIDE, and boxes with them
BERT_IDS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
"""Ids that GroundingDINO's code takes for granted: it tells phrases apart by BERT's numbers for these tokens."""


def tiny_vocabulary() -> dict[str, int]:
    """Returns a vocabulary of WordPiece: BERT's special ids, the words of the targets, single letters and digits."""
    words = dict.fromkeys(word for target in TARGETS.values() for word in target.split())
    pieces = [*words, *ascii_lowercase, *digits, *(f"##{letter}" for letter in ascii_lowercase + digits)]
    free = (number for number in range(1, max(BERT_IDS.values())) if number not in BERT_IDS.values())
    vocabulary = BERT_IDS | dict(zip(pieces, free, strict=False))
    return vocabulary | {f"[unused{number}]": number for number in free}


def tiny_detector_processor() -> GroundingDinoProcessor:
    """Builds the processor: SIDE x SIDE px, BERT's tokenizer with the tiny vocabulary."""
    size = {"height": SIDE, "width": SIDE}
    return GroundingDinoProcessor(
        image_processor=GroundingDinoImageProcessor(size=size, do_pad=False),
        tokenizer=BertTokenizer(vocab=tiny_vocabulary(), model_max_length=64),
    )


def tiny_detector() -> GroundingDinoForObjectDetection:
    """Builds the model with random weights.

    There are as many queries as cells in the feature maps (8 x 8 and 4 x 4), so every cell becomes a proposal: the loss
    of transformers 5.23 does not train the ranking of proposals, and fewer queries would keep a random choice of them.
    """
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=SIDE,
            patch_size=7,
            embed_dim=32,
            depths=[2, 2, 2],
            num_heads=[2, 4, 8],
            window_size=4,
            drop_path_rate=0.0,
            out_indices=[2, 3],
        ),
        text_config=BertConfig(
            vocab_size=max(BERT_IDS.values()) + 1,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
        ),
        num_queries=8 * 8 + 4 * 4,
        num_feature_levels=2,
        d_model=64,
        encoder_layers=2,
        encoder_ffn_dim=128,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_ffn_dim=128,
        decoder_attention_heads=4,
        max_text_len=64,
        dropout=0.0,
        fusion_droppath=0.0,
        auxiliary_loss=True,
    )
    return GroundingDinoForObjectDetection(config)
