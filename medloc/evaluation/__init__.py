"""Greedy answers to test images, stored one by one in samples.jsonl, and the metrics computed from them.

`samples` and `metrics` need no torch: any file can be scored again (`python -m medloc.score`).
"""
