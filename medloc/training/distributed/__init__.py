"""Several processes that train together: starting them, talking between them, saving what they hold."""
