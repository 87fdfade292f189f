"""How a household is treated: disputes of its bills, talks, causes of arrears, one plan per household (D1, D2, D3)."""
