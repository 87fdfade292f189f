"""Legal: proof of delivery, the suit gate, the limitation clock, legal files and the evidence pack (D4)."""
