"""The demo: a made-up portfolio and one month of its life, told through the public HTTP API only.

`python -m demo load` fills an empty stack, `python -m demo month` lives a month on it. `python -m demo examples` makes
the examples of the gateway's documentation from both. Nothing else here is read by a service or the gateway; the
product does not know that this package exists.
"""
