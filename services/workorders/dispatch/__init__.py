"""Who goes there: choosing a technician, explainably (G3)."""
