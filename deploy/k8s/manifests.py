"""Reading manifests: plain YAML in, objects out, with the few questions every law asks of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

IMAGE = "estateloop"
Thing = dict[str, Any]
_UNITS: dict[str, int | str] = {
    "": "1",
    "m": "0.001",
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
}


def parse(text: str) -> list[Thing]:
    """Every object of a YAML stream. `0440` is octal, as Kubernetes reads it."""
    return [thing for thing in yaml.safe_load_all(text) if thing]


def read_folder(folder: Path) -> list[Thing]:
    """Every object of a folder's files, the kustomization aside."""
    files = sorted(path for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    return [thing for path in files for thing in parse(path.read_text())]


def label(thing: Thing) -> str:
    """Kind/name, for messages."""
    return f"{thing['kind']}/{thing['metadata']['name']}"


def of_kind(things: Iterable[Thing], *kinds: str) -> list[Thing]:
    """Those of the kinds."""
    return [thing for thing in things if thing["kind"] in kinds]


def named(things: Iterable[Thing], kind: str) -> dict[str, Thing]:
    """Name → object of one kind."""
    return {thing["metadata"]["name"]: thing for thing in of_kind(things, kind)}


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet or Job, and the template of its pods."""

    thing: Thing

    @property
    def kind(self) -> str:
        """Deployment, StatefulSet or Job."""
        return str(self.thing["kind"])

    @property
    def label(self) -> str:
        """Kind/name."""
        return label(self.thing)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of its pods."""
        return dict(self.thing["spec"]["template"]["metadata"].get("labels", {}))

    @property
    def annotations(self) -> dict[str, str]:
        """Annotations of its pods."""
        return dict(self.thing["spec"]["template"]["metadata"].get("annotations", {}))

    @property
    def pod(self) -> Thing:
        """The pods' spec."""
        return dict(self.thing["spec"]["template"]["spec"])

    @property
    def containers(self) -> list[Thing]:
        """All containers, init containers first."""
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def is_ours(self) -> bool:
        """Whether it runs our image, not a server's."""
        return all(is_our_image(container["image"]) for container in self.containers)


def workloads(things: Iterable[Thing]) -> list[Workload]:
    """Everything that makes pods."""
    return [Workload(thing) for thing in of_kind(things, "Deployment", "StatefulSet", "Job")]


def is_our_image(image: str) -> bool:
    """Whether a reference, with or without host and tag, is to our image."""
    return re.sub(r"[:@][^/]*$", "", image).rsplit("/", 1)[-1] == IMAGE


def program(container: Thing) -> list[str]:
    """The arguments of `python -m`; a container with a command of its own is the sandbox or unknown."""
    if "command" not in container:
        return [str(argument) for argument in container.get("args", [])]
    told = " ".join([*container["command"], *container.get("args", [])])
    return ["sandbox"] if "from sandbox.settings import Settings" in told else container["command"]


def quantity(value: str | float) -> Decimal:
    """ "100m" → 0.1, "64Mi" → 67108864."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m|[KMG]i|[kMG]|)", str(value))
    if match is None:
        raise ValueError(f"no quantity: {value}")
    return Decimal(match.group(1)) * Decimal(_UNITS[match.group(2)])


def references(workload: Workload) -> Iterator[tuple[str, str, str | None]]:
    """(kind, name, key or None) of every ConfigMap, Secret and claim the pods need and cannot start without."""
    for container in workload.containers:
        for source in container.get("envFrom", []):
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in source:
                    yield kind, source[field]["name"], None
        for variable in container.get("env", []):
            origin = variable.get("valueFrom", {})
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if field in origin:
                    yield kind, origin[field]["name"], origin[field]["key"]
    for volume in workload.pod.get("volumes", []):
        yield from _volume(volume)


def _volume(volume: Thing) -> Iterator[tuple[str, str, str | None]]:
    if "persistentVolumeClaim" in volume:
        yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], None
    for field, kind, name in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
        if field in volume:
            keys = [item["key"] for item in volume[field].get("items", [])] or [None]
            yield from ((kind, volume[field][name], key) for key in keys)
