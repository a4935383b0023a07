"""What a run tells an outside service while it works: Weights & Biases, TensorBoard, or nobody (the default).

Everything told is read from what the run writes anyway (`series`), so that a tracked run and an untracked one are the
same run, and tracking can begin when a run is resumed. `follow` brings it to the service.
"""
