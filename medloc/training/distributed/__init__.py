"""Several processes that train together: starting them, messages between them, saving a sharded model."""
