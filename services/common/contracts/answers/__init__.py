"""What the doors of services answer, by room: the gateway's documentation and docs/rpc are made from these types."""
