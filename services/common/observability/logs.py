"""SIGNALS of a process: JSON logs with the trace id carried through HTTP → RPC → event, and no personal data."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

_trace_id: ContextVar[str] = ContextVar("trace_id", default="")
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def new_trace_id() -> str:
    """32 hex digits, as W3C trace context has it."""
    return uuid4().hex


def current_trace_id() -> str:
    """The trace of the work at hand; empty outside any."""
    return _trace_id.get()


def set_trace_id(trace_id: str) -> None:
    """Join the trace for the rest of this greenlet or task."""
    _trace_id.set(trace_id)


def describe(error: BaseException) -> str:
    """An error as text that holds no data: a database's DETAIL and SQL lines quote values, so they are left out."""
    lines = str(error).splitlines() or [""]
    harmless = [line for line in lines if not line.startswith(("DETAIL:", "[SQL", "[parameters", "LINE ", "CONTEXT:"))]
    return f"{type(error).__name__}: {' '.join(harmless)}"[:2000]


class JsonFormatter(logging.Formatter):
    """ts, level, logger, message, service, trace_id and whatever `extra` brought."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """One JSON line."""
        entry: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": _message(record),
        }
        if trace_id := current_trace_id():
            entry["trace_id"] = trace_id
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1]:
            entry["error"] = describe(record.exc_info[1])
            entry["stack"] = self._stack(record)
        return json.dumps(entry, default=str, ensure_ascii=False)

    def _stack(self, record: logging.LogRecord) -> list[str]:
        """Where it happened, without the values that were at hand."""
        frames = []
        trace = record.exc_info[2] if record.exc_info else None
        while trace:
            code = trace.tb_frame.f_code
            frames.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        return frames[-12:]


def _message(record: logging.LogRecord) -> str:
    """The message; an error among its arguments is described, because Nameko puts whatever a door raised there."""
    if isinstance(record.args, tuple) and record.args:
        arguments = (
            describe(argument) if isinstance(argument, BaseException) else argument for argument in record.args
        )
        return str(record.msg) % tuple(arguments)
    return record.getMessage()


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send every record of this process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("amqp", "kombu", "nameko.containers", "aiormq", "aio_pika"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def get_logger(name: str) -> logging.Logger:
    """The logger of a module."""
    return logging.getLogger(name)
