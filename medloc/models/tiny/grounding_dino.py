"""The miniature GroundingDINO: the genuine classes at under a million parameters, with random weights.

`python -m medloc.pretrain model=grounding_dino_tiny` gives it weights.
"""

import math
from string import ascii_lowercase, digits

import torch
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
PRIOR = 0.01  # probability that a query first gives to a token
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
            depths=[1, 2, 1],
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
    model = GroundingDinoForObjectDetection(config)
    _expect_little(model)
    _propose_large(model)
    return model


def _expect_little(model: GroundingDinoForObjectDetection) -> None:
    """Makes every token's first probability about PRIOR, as focal loss wants it to begin (arXiv:1708.02002, sec. 4.1).

    A score is a product of a query's and a token's features, so the prior goes into both, along one direction; a
    random start has scores of +-8 on 80 queries, and the first hundred steps only bring them down.
    """
    size = model.config.d_model
    shift = torch.full((size,), math.sqrt(-math.log(PRIOR / (1 - PRIOR)) / size))
    text = model.model.encoder.layers[-1].text_enhancer_layer.layer_norm_after
    with torch.no_grad():
        text.weight.fill_(0.1)
        text.bias.copy_(shift)
        model.model.decoder.layer_norm.bias.copy_(-shift)
        model.model.query_position_embeddings.weight.sub_(shift)


def _propose_large(model: GroundingDinoForObjectDetection) -> None:
    """Makes proposals begin at a quarter to two fifths of the image instead of a twentieth to a tenth.

    The decoder looks around within a proposal's own size, and nothing trains the sizes of proposals (see above).
    """
    with torch.no_grad():
        model.model.encoder_output_bbox_embed.layers[-1].bias[2:].fill_(1.8)  # logit(0.05) + 1.8 = logit(0.24)
