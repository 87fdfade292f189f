"""The evidence pack (证据包, D4): what a court asks for about one household, as PDF and CSV with a fingerprint."""
