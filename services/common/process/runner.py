"""PROCESS of one service: `python -m services.common.process.runner billing`.

Monkey patching comes before any other import. Signals belong to us: SIGTERM → not ready → `stop()` under a deadline →
`kill()`. A container that dies ends the process with status 1, so that whoever watches starts a fresh one.
"""

import eventlet

eventlet.monkey_patch()

import importlib  # noqa: E402 - see above
import signal  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

import kombu.pools  # noqa: E402
from eventlet import wsgi  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402
from prometheus_client import REGISTRY  # noqa: E402

from services.common.database import SERVICES, answers, service_engine  # noqa: E402
from services.common.messaging import topology  # noqa: E402
from services.common.messaging.consumer import SafeQueueConsumer  # noqa: E402
from services.common.observability.health import DatabaseCollector, HealthApp  # noqa: E402
from services.common.observability.logs import configure_logging, get_logger  # noqa: E402
from services.common.process.settings import CommonSettings  # noqa: E402

log = get_logger(__name__)
HUB_SILENCE_LIMIT_SECONDS = 60
CONSUMER_SILENCE_LIMIT_SECONDS = 5
REPLY_CONNECTIONS_SPARE = 5


def service_class(service: str) -> Any:
    """The Nameko class of a service; its own module names it SERVICE."""
    if service not in SERVICES:
        raise SystemExit(f"unknown service {service!r}; known: {', '.join(SERVICES)}")
    return importlib.import_module(f"services.{service}.service").SERVICE


class ServiceProcess:
    """One service in one process."""

    def __init__(self, service: str, service_cls: Any = None) -> None:
        self.settings = CommonSettings()
        configure_logging(service, self.settings.log_level)
        self.service = service
        self.service_cls = service_cls or service_class(service)
        self.engine = service_engine(self.settings, service)
        self.runner = ServiceRunner(self._nameko_config())
        self.runner.add_service(self.service_cls)
        self.stopping = False
        self.hub_stamp = time.monotonic()

    def _nameko_config(self) -> dict[str, Any]:
        return {
            "AMQP_URI": self.settings.amqp_uri,
            "max_workers": self.settings.max_workers,
            "HEARTBEAT": self.settings.heartbeat_seconds,
            "settings": self.settings,
            "engine": self.engine,
        }

    def run(self) -> int:
        """Serve until a signal or a death; the process's exit status."""
        kombu.pools.set_limit(self.settings.max_workers + REPLY_CONNECTIONS_SPARE)
        eventlet.spawn(self._stamp_hub)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: eventlet.spawn_n(self.stop))
        topology.declare(self.service_cls, self.settings)
        self._serve_health()
        self.runner.start()
        log.info("service started")
        try:
            self.runner.wait()
        except Exception:
            log.exception("service died")
            return 1
        return 0

    def stop(self) -> None:
        """Let running work finish, but not for ever."""
        if self.stopping:
            return
        self.stopping = True
        log.info("service stopping")
        try:
            with eventlet.Timeout(self.settings.stop_deadline_seconds):
                self.runner.stop()
        except eventlet.Timeout:
            log.warning("running work did not finish in time")
            self.runner.kill()

    def _stamp_hub(self) -> None:
        while True:
            self.hub_stamp = time.monotonic()
            eventlet.sleep(1)

    def _serve_health(self) -> None:
        if not self.settings.http_port:
            return
        instance = self.service_cls()
        instance.engine = self.engine
        REGISTRY.register(DatabaseCollector(self.service, instance.collect_metrics))
        socket = eventlet.listen((self.settings.host, self.settings.http_port))
        app = HealthApp({"hub": self.hub_is_alive}, {"consumers": self.is_consuming, "database": self.database_answers})
        eventlet.spawn_n(wsgi.server, socket, app, log_output=False, debug=False)

    def hub_is_alive(self) -> bool:
        """Whether greenlets are being switched."""
        return time.monotonic() - self.hub_stamp < HUB_SILENCE_LIMIT_SECONDS

    def is_consuming(self) -> bool:
        """Whether the consumer loop has turned lately and nobody asked us to stop."""
        container = next(iter(self.runner.containers))
        consumer = container.shared_extensions.get(SafeQueueConsumer)
        stamp = getattr(consumer, "last_iteration", 0.0)
        return not self.stopping and time.monotonic() - stamp < CONSUMER_SILENCE_LIMIT_SECONDS

    def database_answers(self) -> bool:
        """Whether the service's database answers."""
        return answers(self.engine)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: python -m services.common.process.runner {{{'|'.join(SERVICES)}}}")
    sys.exit(ServiceProcess(sys.argv[1]).run())
