"""GRPO on TRL with the curriculum inside, pre-training of the tiny bases, and one run from settings to record.

The only room that imports trl. `job` runs a run, `grpo` hands it to TRL, `trainer` is where the curriculum sits.
"""
