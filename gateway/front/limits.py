"""How much one caller may send: requests by a token bucket per subject, bytes by a count while reading."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from time import monotonic

from starlette.requests import Request

from services.common.contracts.errors import TooLarge, TooManyRequests

MOST_SUBJECTS = 50_000
MOST_THROWN_AWAY = 64 * 1024 * 1024
SECONDS_TO_FINISH = 5.0


class RateLimit:
    """`rate` requests a second per subject, `burst` at once. Per process; a full bucket is forgotten."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, subject: str) -> None:
        """Raises TooManyRequests when the subject's bucket is empty."""
        now = self._clock()
        if len(self._buckets) >= MOST_SUBJECTS:
            self._forget_full(now)
        tokens = self._level(subject, now)
        if tokens < 1:
            raise TooManyRequests("Too many requests; slow down.")
        self._buckets[subject] = (tokens - 1, now)

    def _level(self, subject: str, now: float) -> float:
        tokens, then = self._buckets.get(subject, (self._burst, now))
        return min(self._burst, tokens + (now - then) * self._rate)

    def _forget_full(self, now: float) -> None:
        self._buckets = {
            subject: bucket for subject, bucket in self._buckets.items() if self._level(subject, now) < self._burst
        }


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body; TooLarge as soon as it is known to have more than `limit` bytes, which are not kept."""
    body = bytearray()
    chunks = request.stream()
    if _declared_length(request) <= limit:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                break
        else:
            return bytes(body)
    await _let_finish(request, chunks)
    raise TooLarge(f"The body may have {limit} bytes at most.")


def _declared_length(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


async def _let_finish(request: Request, chunks: AsyncIterator[bytes]) -> None:
    """Read on for a moment and throw away: who is still sending would not see our answer. Then we hang up."""
    if _declared_length(request) > MOST_THROWN_AWAY:
        return
    thrown_away = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_TO_FINISH):
            async for chunk in chunks:
                thrown_away += len(chunk)
                if thrown_away > MOST_THROWN_AWAY:
                    return
