"""What runs on one machine: the process table and the environment each process gets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from local.children import Child
from local.ports import LOOPBACK, PortBook
from local.processes import secret

SERVICES = ("billing", "payments", "notifications", "workorders", "feedback")


@dataclass(frozen=True)
class Place:
    """One installation: where it keeps things, and the servers it uses."""

    home: Path
    port: int
    amqp_uri: str
    database_url: str
    sandbox: bool = True

    @property
    def url(self) -> str:
        """Address of the gateway."""
        return f"http://{LOOPBACK}:{self.port}"


ProcessTable = Callable[[Place, PortBook], Sequence[Child]]


def service_database_url(server_url: str, service: str) -> str:
    """Address of a service's own database on the server."""
    prefix = os.environ.get("ESTATELOOP_DATABASE_PREFIX", "estateloop")
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{prefix}_{service}"))


def common_environ(place: Place) -> dict[str, str]:
    """What every program gets, the migration and the demo included."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ |= {
        "AMQP_URI": place.amqp_uri,
        "DATABASE_URL": place.database_url,
        "ESTATELOOP_JWT_SECRET": secret(place.home / "jwt.secret"),
        "ESTATELOOP_PUBLIC_URL": place.url,
        "PYTHONUNBUFFERED": "1",
    }
    environ.pop("ESTATELOOP_SANDBOX", None)
    return environ | ({"ESTATELOOP_SANDBOX": "1"} if place.sandbox else {})


def process_table(place: Place, ports: PortBook) -> list[Child]:
    """Five services, one relay for all of them, the gateway and, in the sandbox, the outside world."""
    common = common_environ(place)
    if place.sandbox:
        common |= _sandbox_environ(place, ports)
    services = [_service(name, ports, place, common) for name in SERVICES]
    relay = _child("relay", ["services.common.process.relay", *SERVICES], common, ports, ends=2, health="/readyz")
    sandbox = [_sandbox(common)] if place.sandbox else []
    return [*sandbox, *services, relay, _gateway(place, common, services)]


def _service(name: str, ports: PortBook, place: Place, common: dict[str, str]) -> Child:
    after = ("sandbox",) if name == "payments" and place.sandbox else ()  # it reads the keys the sandbox makes
    return _child(name, ["services.common.process.runner", name], common, ports, ends=1, after=after, health="/readyz")


def _gateway(place: Place, common: dict[str, str], services: list[Child]) -> Child:
    targets = ",".join(f"{one.name}={(one.health or '').removesuffix('/readyz')}" for one in services)
    own = {"PORT": str(place.port), "ESTATELOOP_METRICS_TARGETS": targets}
    return Child(
        name="gateway",
        command=(sys.executable, "-m", "gateway"),
        environ=common | own,
        health=f"{place.url}/readyz",
        ends=0,
    )


def _sandbox(common: dict[str, str]) -> Child:
    url = common["ESTATELOOP_SANDBOX_URL"]
    return Child(
        name="sandbox",
        command=(sys.executable, "-m", "sandbox"),
        environ=common | {"ESTATELOOP_HTTP_PORT": str(urlsplit(url).port)},
        health=f"{url}/healthz",
        ends=3,
    )


def _child(
    name: str,
    module: list[str],
    common: dict[str, str],
    ports: PortBook,
    *,
    ends: int,
    after: tuple[str, ...] = (),
    health: str,
) -> Child:
    port = ports.port(f"{name}-http")
    return Child(
        name=name,
        command=(sys.executable, "-m", *module),
        environ=common | {"ESTATELOOP_HTTP_PORT": str(port)},
        health=f"http://{LOOPBACK}:{port}{health}",
        ends=ends,
        after=after,
    )


def _sandbox_environ(place: Place, ports: PortBook) -> dict[str, str]:
    return {
        "ESTATELOOP_SANDBOX_URL": f"http://{LOOPBACK}:{ports.port('sandbox')}",
        "ESTATELOOP_SMTP_PORT": str(ports.port("smtp")),
        "ESTATELOOP_SANDBOX_DIR": str(place.home / "sandbox"),
    }
