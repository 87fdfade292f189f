"""Who can be reached how: contacts, staff, estates, preferences and consent. Personal data stays here."""
