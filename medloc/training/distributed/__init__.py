"""Several processes that train together: starting them, and messages between them."""
