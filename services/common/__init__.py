"""The only code services share."""
