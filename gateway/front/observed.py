"""Around every request: its trace id, its metrics, one line in the access log, and an answer whatever fails."""

import re
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.front import problems
from gateway.metrics import HTTP_SECONDS
from services.common.observability.logs import get_logger, new_trace_id, set_trace_id

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
NO_TRACE = "0" * 32
QUIET = ("/healthz", "/readyz", "/metrics")  # asked every few seconds by machines

log = get_logger("gateway.access")


class Observed:
    """ASGI middleware; the route's template stands for the path everywhere, so that no household is logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watch = Watch(trace_of(Headers(scope=scope)), send)
        set_trace_id(watch.trace_id)
        try:
            await self._app(scope, receive, watch.send)
        except Exception:
            log.exception("request failed", extra={"route": template(scope)})
            if not watch.status:
                await problems.of_failure(watch.trace_id)(scope, receive, watch.send)
        finally:
            watch.note(scope)


class Watch:
    """Passes the answer on, with the trace id in its headers, and remembers its status."""

    def __init__(self, trace_id: str, send: Send) -> None:
        self.trace_id, self.status = trace_id, 0
        self._send, self._started = send, perf_counter()

    async def send(self, message: Message) -> None:
        """Towards the client."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Trace-Id"] = self.trace_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    def note(self, scope: Scope) -> None:
        """Count the request and log it; status 499 when the client left before the answer."""
        route, seconds, status = template(scope), perf_counter() - self._started, self.status or 499
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        HTTP_SECONDS.labels(route, method, status).observe(seconds)
        if route not in QUIET:
            line: dict[str, Any] = {"route": route, "method": method, "status": status}
            log.info("request", extra={**line, "milliseconds": round(seconds * 1000, 1)})


METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")


def trace_of(headers: Headers) -> str:
    """The trace the client is in (W3C trace context), or a new one."""
    match = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return match[1] if match and match[1] != NO_TRACE else new_trace_id()


def template(scope: Scope) -> str:
    """`/v1/households/{household}`: never the path itself."""
    return getattr(scope.get("route"), "path", None) or "unmatched"
