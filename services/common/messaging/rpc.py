"""WIRE: `@rpc`, Nameko's RPC with typed arguments, public errors, and requests that cannot hurt the service.

The signature of a door is its contract: annotations are enforced by pydantic (a date arrives as text and becomes a
date), the first argument after `self` is the Caller, and the result is made plain JSON.
"""

import functools
import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from nameko.rpc import Rpc, RpcConsumer
from pydantic import ConfigDict, ValidationError, validate_call
from pydantic_core import to_jsonable_python

from services.common.contracts.errors import Invalid, PublicError, Unavailable, findings
from services.common.database import is_busy, is_outage
from services.common.messaging import answers
from services.common.messaging.consumer import SafeQueueConsumer
from services.common.observability.logs import get_logger
from services.common.observability.metrics import rejected_requests_total
from services.common.process.settings import CommonSettings

log = get_logger(__name__)
Method = TypeVar("Method", bound=Callable[..., Any])


class SafeRpcConsumer(RpcConsumer):
    """Drops requests nobody could answer (no body we can read, no `reply_to`) and survives failing replies."""

    queue_consumer = SafeQueueConsumer()

    def handle_message(self, _body: None, message: Any) -> None:
        """Read the raw request; only a well-formed one reaches Nameko."""
        try:
            body = json.loads(message.body)
        except (ValueError, TypeError):
            self._drop(message, "undecodable")
            return
        if not message.properties.get("reply_to"):
            self._drop(message, "no reply_to")
        elif not well_formed(body):
            self._drop(message, "malformed")
        else:
            message.properties["content_type"] = "application/json"
            super().handle_message(body, message)

    def _drop(self, message: Any, reason: str) -> None:
        rejected_requests_total.labels(self.container.service_name, reason).inc()
        log.warning("request dropped", extra={"reason": reason})
        self.queue_consumer.ack_message(message)

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """Reply; a reply that cannot be sent is logged and its caller times out, the container lives on."""
        try:
            return super().handle_result(message, result, exc_info)  # type: ignore[no-any-return]
        except Exception:
            log.exception("reply not sent")
            self.queue_consumer.ack_message(message)
            return result, exc_info


def well_formed(body: Any) -> bool:
    """Whether a decoded request is `{"args": [], "kwargs": {}}`."""
    return isinstance(body, dict) and isinstance(body.get("args"), list) and isinstance(body.get("kwargs"), dict)


class SafeRpc(Rpc):
    """Nameko's RPC entrypoint on the safe consumer."""

    rpc_consumer = SafeRpcConsumer()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, expected_exceptions=(PublicError,), **kwargs)


@cache
def keeps_watch() -> bool:
    """Whether this process holds every answer against what its door promises (`ESTATELOOP_CHECK_ANSWERS`)."""
    return CommonSettings().check_answers


def rpc(method: Method) -> Method:
    """Mark a method as callable by the gateway."""
    validated_call = validate_call(config=ConfigDict(hide_input_in_errors=True))(method)

    @functools.wraps(method)
    def door(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            answer = to_jsonable_python(validated_call(self, *args, **kwargs))
            if keeps_watch():
                answers.check(method, answer)
            return answer
        except ValidationError as error:
            if error.title != method.__qualname__:  # not the caller's input but something of our own
                raise
            raise Invalid("Some input is not valid.", findings(error.errors(include_url=False))) from error
        except PublicError:
            raise
        except Exception as error:
            if is_outage(error) or is_busy(error):
                raise Unavailable("The database is away or busy; try again.") from error
            raise

    return SafeRpc.decorator(door)  # type: ignore[no-any-return]
