"""Early warnings: collection below plan, next year's calendar missing; and the plans they are measured by (J3)."""
