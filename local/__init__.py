"""What `make run` and `make test` need on one machine: set-up, private servers, process supervisor.

Nothing under `services/` or `gateway/` imports this package; production runs on Kubernetes (see `deploy/`).
"""
