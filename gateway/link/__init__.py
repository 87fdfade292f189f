"""The way to the services: one connection to the broker, calls with a time-out, a breaker for each service."""
