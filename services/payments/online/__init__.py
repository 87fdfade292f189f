"""Online channels: orders and QR codes, notifications, the watch over what is pending (E1, E2)."""
