"""Tracking services that a run reports to while it works: Weights & Biases, TensorBoard, or none (the default).

Everything reported is read from what the run writes anyway (`series`), so that a tracked run and an untracked one are
the same run, and tracking can begin when a run is resumed. `follow` brings it to the service (`services`).
"""
