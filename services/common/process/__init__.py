"""What runs: services, relays, migrations, and their settings."""
