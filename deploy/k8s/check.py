"""Checks the manifests: `python -m deploy.k8s.check`. Exit status 0 only when everything could be checked and is right.

The base is checked as it stands; each overlay as `kubectl kustomize` (or `kustomize`) renders it. Needs no cluster and
no network: the schemas come with kubernetes-validate.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import kubernetes_validate

from deploy.k8s.laws import findings
from deploy.k8s.manifests import Thing, label, named, of_kind, parse, read_folder, references, workloads

HERE = Path(__file__).parent
BASE = HERE / "base"
OVERLAYS = {name: HERE / "overlays" / name for name in ("local", "production")}
VERSIONS = ("1.31", "1.33")
TOOLS = (("kubectl", "kustomize"), ("kustomize", "build"))


class NoTool(RuntimeError):
    """Neither kubectl nor kustomize is on this machine."""


def renderer() -> tuple[str, ...]:
    """The command that renders a folder; NoTool when there is none."""
    for tool in TOOLS:
        if shutil.which(tool[0]):
            return tool
    raise NoTool("neither kubectl nor kustomize is installed: the overlays cannot be rendered, so they are not checked")


def render(folder: Path) -> list[Thing]:
    """The overlay's objects as they would be applied; CalledProcessError when it does not render."""
    done = subprocess.run([*renderer(), str(folder)], check=True, capture_output=True, text=True, timeout=60)
    return parse(done.stdout)


def schema_findings(things: Iterable[Thing]) -> Iterator[str]:
    """What the strict schemas of each supported Kubernetes version find wrong; an unknown kind is a finding."""
    for thing in things:
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                yield f"{label(thing)} for Kubernetes {version}: {str(error)[:300]}"


def production_findings(things: list[Thing]) -> Iterator[str]:
    """Production has no sandbox, no secret in the repository, no single replica and a real tag."""
    for name, config in named(things, "ConfigMap").items():
        if "ESTATELOOP_SANDBOX" in config["data"]:
            yield f"ConfigMap/{name} speaks of the sandbox"
    yield from (f"{label(secret)} is in the repository" for secret in of_kind(things, "Secret"))
    scaled = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in of_kind(things, "HorizontalPodAutoscaler")}
    for deployment in of_kind(things, "Deployment"):
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        if name not in scaled and spec.get("replicas", 1) < 2:
            yield f"Deployment/{name} has one replica"
        if "topologySpreadConstraints" not in spec["template"]["spec"]:
            yield f"Deployment/{name} may end up on one node"
        if ":" not in spec["template"]["spec"]["containers"][0]["image"].rsplit("/", 1)[-1]:
            yield f"Deployment/{name} runs an image without a tag"


def local_findings(things: list[Thing]) -> Iterator[str]:
    """Trying it out needs nothing brought along: every secret is made by the overlay."""
    made = named(things, "Secret")
    for workload in workloads(things):
        lacking = {name for kind, name, _ in references(workload) if kind == "Secret"} - made.keys()
        yield from (
            f"{workload.label} needs Secret {name}, which the overlay does not make" for name in sorted(lacking)
        )


OWN_LAWS = {"local": local_findings, "production": production_findings}


def problems(part: str, things: list[Thing]) -> list[str]:
    """Everything wrong with the base or an overlay."""
    found = [*schema_findings(things), *findings(things)]
    return [*found, *OWN_LAWS[part](things)] if part in OWN_LAWS else found


def report(part: str, things: list[Thing]) -> bool:
    """Print what was found; whether it was nothing."""
    found = problems(part, things)
    print(f"{part}: {len(things)} objects, {len(found)} findings")
    sys.stdout.writelines(f"  {finding}\n" for finding in found)
    return not found and bool(things)


def main() -> int:
    """Base, then overlays."""
    good = report("base", read_folder(BASE))
    try:
        for part, folder in OVERLAYS.items():
            good = report(part, render(folder)) and good
    except NoTool as error:
        print(error)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"does not render: {error.stderr.strip()}")
        return 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
