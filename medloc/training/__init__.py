"""Training: one run from its specification to its record (`runner`), and what it trains (`systems`, `grpo`).

Beside them: what happens at the steps (`callbacks`), several processes (`distributed`), services that follow a run
(`tracking`), and the pre-training of the tiny bases. Only `grpo` and `systems` import trl.
"""
