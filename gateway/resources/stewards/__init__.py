"""Who answers for a building on a day (A4)."""
