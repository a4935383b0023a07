"""The curriculum in somebody else's trainer: `trl.CurriculumReward` in a TRL script, `plain.PlainReward` anywhere.

See `docs/drop_in.md`.
"""
