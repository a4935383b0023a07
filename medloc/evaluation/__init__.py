"""Greedy answers to test images, kept one by one in samples.jsonl, and the metrics computed from them.

`samples` and `metrics` need no torch: anybody can score a file again (`python -m medloc.score`).
"""
