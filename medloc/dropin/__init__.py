"""The curriculum in somebody else's trainer: `trl.CurriculumReward` in a TRL script, `plain.PlainReward` anywhere.

`docs/drop_in.md` shows both at work.
"""
