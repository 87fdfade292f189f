"""Overviews and dashboards put together from several services (I1)."""
