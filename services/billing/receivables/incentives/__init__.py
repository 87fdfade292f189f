"""Incentives for those who pay on time: points, coupons, lottery tickets, credit level (C4)."""
