"""GRPO on TRL with the curriculum inside, the systems beside it, pre-training of the tiny bases, one run to its record.

The only room that imports trl. `job` runs a run, `systems` holds what can be trained, `trainer` the curriculum's place.
"""
