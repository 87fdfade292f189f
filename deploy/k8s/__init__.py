"""The manifests, and the laws they are checked against."""
