"""The outside world for development and tests: WeChat Pay's remote side, an SMS provider and a mail server.

Real HTTP, real SMTP and real signatures; nothing of the product is imported, so that both sides must agree by
protocol. It never runs in production. `python -m sandbox` starts it on loopback.
"""
