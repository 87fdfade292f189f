"""Routes by resource; each is a signature, the roles that may call it, and one question to a service."""
