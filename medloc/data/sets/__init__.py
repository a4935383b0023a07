"""The data sets: HAM10000, TN3K, HEEL, and manifests of the user's own."""
