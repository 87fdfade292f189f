"""What only the sandbox has."""
