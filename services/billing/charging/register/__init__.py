"""The register of bills: every bill of every household as auditors read them (B4, I5)."""
