"""The only vocabulary services share: events and public errors. Contracts are additive."""
