"""Examples of every answer for the gateway's documentation, made by living the demo and walking through the office.

`python -m demo examples` starts a stack of its own, loads the portfolio, lives the month, does what the month has no
reason to do (a waiver, a dispute, a month's close …), reads everything there is to read, and writes what was answered
to gateway/examples.json. Nobody in the portfolio is real; only access tokens are cut short.
"""
