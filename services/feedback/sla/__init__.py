"""Both clocks: policy, alarms, figures (H2, J2)."""
