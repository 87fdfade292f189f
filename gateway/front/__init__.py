"""What stands before every route: sign-in, permission, limits, idempotency, audit, problems."""
