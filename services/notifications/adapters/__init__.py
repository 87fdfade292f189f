"""One module per real provider, bound to a channel by settings."""
