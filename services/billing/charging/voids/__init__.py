"""Voids by credit note (红字冲销) and reissues; an issued bill is never edited (B5)."""
