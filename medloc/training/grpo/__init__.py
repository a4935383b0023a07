"""GRPO on TRL with the curriculum inside."""
