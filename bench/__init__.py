"""Workloads beside their lower bounds: `make bench`, `make bench ONLY=relay,rpc`."""
