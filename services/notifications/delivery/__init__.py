"""How a message gets out: contact window, frequency cap, opt-out, fallback, retries, proof (F3, F4)."""
