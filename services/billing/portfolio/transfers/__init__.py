"""Transfers: a unit passes to another payer from a day on; who pays on which day follows from them (A1)."""
