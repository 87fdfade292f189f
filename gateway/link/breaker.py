"""A circuit breaker: after enough time-outs in a row a service is not asked for a moment, then by one probe (I2)."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic


@dataclass
class Breaker:
    """Closed → open after `failures` in a row → half-open after `open_seconds`, when one caller may try."""

    failures: int
    open_seconds: float
    clock: Callable[[], float] = monotonic
    _failed: int = 0
    _open_until: float = 0.0
    _probing: bool = False

    def allows(self) -> bool:
        """Whether a call may go out now; takes the probe's place when half-open."""
        if self._failed < self.failures:
            return True
        if self._probing or self.clock() < self._open_until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The service answered, whatever it said."""
        self._failed, self._probing = 0, False

    def failed(self) -> None:
        """The service did not answer in time."""
        self._failed += 1
        self._probing = False
        self._open_until = self.clock() + self.open_seconds

    def abandoned(self) -> None:
        """The call ended without telling anything about the service: the broker went away, the caller left."""
        self._probing = False
