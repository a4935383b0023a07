"""What things cost, measured side by side: `python -m benchmarks.step` and the others. Nothing here is a test."""
