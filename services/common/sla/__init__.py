"""Service clocks (G2, H2, J2): when something is due, and how promises were kept."""
