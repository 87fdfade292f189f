"""Limitation (诉讼时效): until when a claim may be brought to court (D4)."""
