"""Laws that every service shares: money, the calendar, who may see what."""
