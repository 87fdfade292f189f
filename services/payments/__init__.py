"""Payments (E): takes money over every channel, once each, with a receipt number, and tells billing."""
