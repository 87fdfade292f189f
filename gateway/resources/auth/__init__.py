"""Sign-in of the sandbox."""
