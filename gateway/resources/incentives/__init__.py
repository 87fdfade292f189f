"""Points, coupons, credit level (C4)."""
