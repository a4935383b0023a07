"""Benchmarks: alternatives measured side by side in one process, for example `python -m benchmarks.step`. No tests."""
