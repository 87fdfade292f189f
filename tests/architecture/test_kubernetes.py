"""The manifests fit the code: schemas, names, ports, probes, settings, image (deploy/k8s/laws.py)."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from fastapi import FastAPI

from deploy.k8s import check
from deploy.k8s.environment import settings_of, variables_of
from deploy.k8s.laws import EXPECTED, PROBED, findings
from deploy.k8s.manifests import Thing, Workload, is_our_image, named, quantity, read_folder, workloads
from gateway.resources.ops.routes import mount_probes
from services.common.database import SERVICES
from services.common.observability.health import HealthApp
from tests.support.processes import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def base() -> list[Thing]:
    return read_folder(check.BASE)


def test_the_base_is_right_as_it_stands(base: list[Thing]) -> None:
    assert len(base) > 30
    assert check.problems("base", base) == []


def test_the_kustomization_names_every_file() -> None:
    listed = yaml.safe_load((check.BASE / "kustomization.yaml").read_text())["resources"]
    assert sorted([*listed, "kustomization.yaml"]) == sorted(path.name for path in check.BASE.glob("*.yaml"))


def test_the_whole_check_passes_or_says_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    status = check.main()
    said = capsys.readouterr().out
    try:
        check.renderer()
    except check.NoTool:
        assert status == 2
        assert "neither kubectl nor kustomize is installed" in said
    else:
        assert status == 0, said
        assert [line.split(":")[0] for line in said.splitlines()] == ["base", "local", "production"]


def test_without_a_tool_the_check_fails_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert check.main() == 2
    assert "not checked" in capsys.readouterr().out


def deployment(things: list[Thing], name: str = "billing") -> Any:
    return named(things, "Deployment")[name]


def container(things: list[Thing], name: str = "billing") -> Any:
    return deployment(things, name)["spec"]["template"]["spec"]["containers"][0]


def without(things: list[Thing], kind: str, name: str) -> None:
    things.remove(named(things, kind)[name])


def more_memory(things: list[Thing]) -> None:
    container(things)["resources"]["requests"]["memory"] = "2Gi"


def unread_variable(things: list[Thing]) -> None:
    container(things)["env"].append({"name": "ESTATELOOP_RELAY_BATCHES", "value": "1"})


def another_services_variable(things: list[Thing]) -> None:
    container(things)["env"].append({"name": "ESTATELOOP_SMS_URL", "value": "x"})


def config_nobody_reads(things: list[Thing]) -> None:
    named(things, "ConfigMap")["estateloop-common"]["data"]["ESTATELOOP_SPEED"] = "1"


def other_labels(things: list[Thing]) -> None:
    deployment(things)["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "bills"


def pods_of_another(things: list[Thing]) -> None:
    deployment(things, "payments")["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "billing"


def lost_service(things: list[Thing]) -> None:
    named(things, "Service")["billing"]["spec"]["selector"] = {"app": "billing"}


def other_port_name(things: list[Thing]) -> None:
    container(things)["ports"][0]["name"] = "web"


def other_port_number(things: list[Thing]) -> None:
    container(things)["ports"][0]["containerPort"] = 9999


def wrong_probe(things: list[Thing]) -> None:
    container(things)["readinessProbe"]["httpGet"]["path"] = "/health"


def no_probe(things: list[Thing]) -> None:
    del container(things)["livenessProbe"]


def impatient(things: list[Thing]) -> None:
    container(things)["livenessProbe"]["failureThreshold"] = 1


def unknown_key(things: list[Thing]) -> None:
    container(things)["env"][0]["valueFrom"]["secretKeyRef"]["key"] = "uri"


def root(things: list[Thing]) -> None:
    del deployment(things)["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]


def writable_root(things: list[Thing]) -> None:
    container(things)["securityContext"]["readOnlyRootFilesystem"] = False


def killed_early(things: list[Thing]) -> None:
    deployment(things)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 25


def killed_while_draining(things: list[Thing]) -> None:
    deployment(things, "gateway")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 33


def unknown_program(things: list[Thing]) -> None:
    container(things)["args"] = ["services.common.process.runner", "bills"]


BREAKS: list[tuple[Callable[[list[Thing]], None], str]] = [
    (
        lambda things: without(things, "Deployment", "relay-feedback"),
        "`services.common.process.relay feedback`",
    ),
    (
        lambda things: without(things, "Job", "migrate-gateway"),
        "`services.common.process.migrate gateway`",
    ),
    (lambda things: without(things, "ConfigMap", "estateloop-payments"), "needs ConfigMap estateloop-payments"),
    (lambda things: without(things, "ServiceAccount", "estateloop"), "ServiceAccount that does not exist"),
    (lambda things: without(things, "PodDisruptionBudget", "gateway"), "Deployment/gateway has no PodDisruptionBudget"),
    (more_memory, "requests more memory than its limit"),
    (unread_variable, "ESTATELOOP_RELAY_BATCHES is read by no setting"),
    (another_services_variable, "ESTATELOOP_SMS_URL is read by no setting"),
    (config_nobody_reads, "ESTATELOOP_SPEED is read by no setting"),
    (other_labels, "selects the pods of nothing"),
    (pods_of_another, "Deployment/billing selects the pods of"),
    (lost_service, "Service/billing selects no pod"),
    (other_port_name, "which the container has not"),
    (other_port_number, "ESTATELOOP_HTTP_PORT is not the port named http"),
    (wrong_probe, "asks /health, which the code does not serve"),
    (no_probe, "has no livenessProbe"),
    (impatient, "the liveness probe is impatient"),
    (unknown_key, "needs Secret estateloop-database key uri"),
    (root, "may run as root"),
    (writable_root, "needs a read-only root"),
    (killed_early, "is killed before its 25 s to stop are over"),
    (killed_while_draining, "is killed before its 33 s to stop are over"),
    (unknown_program, "nothing runs `services.common.process.runner billing`"),
]


@pytest.mark.parametrize(("break_it", "finding"), BREAKS)
def test_each_law_finds_what_it_is_for(
    base: list[Thing], break_it: Callable[[list[Thing]], None], finding: str
) -> None:
    broken = copy.deepcopy(base)
    break_it(broken)
    assert any(finding in found for found in findings(broken)), findings(broken)


def test_a_misspelt_field_is_found_by_the_strict_schema(base: list[Thing]) -> None:
    broken = copy.deepcopy(base)
    deployment(broken)["spec"]["template"]["spec"]["serviceAccount_Name"] = "x"
    assert any("serviceAccount_Name" in found for found in check.schema_findings(broken))


def test_the_sandbox_in_production_is_found(base: list[Thing]) -> None:
    broken = copy.deepcopy(base)
    named(broken, "ConfigMap")["estateloop-common"]["data"]["ESTATELOOP_SANDBOX"] = "1"
    found = list(check.production_findings(broken))
    assert "ConfigMap/estateloop-common speaks of the sandbox" in found
    assert "Deployment/billing has one replica" in found
    assert "Deployment/billing runs an image without a tag" in found


def test_probe_paths_are_those_the_code_serves() -> None:
    app = FastAPI()
    mount_probes(app)
    assert {*PROBED, "/metrics"} <= {getattr(route, "path", "") for route in app.routes}
    statuses: list[str] = []
    for path in PROBED:
        HealthApp({}, {})({"PATH_INFO": path}, lambda status, _headers: statuses.append(status))
    assert statuses == ["200 OK"] * len(PROBED)


def test_the_settings_of_every_process_are_known() -> None:
    assert "ESTATELOOP_SMS_URL" in variables_of(settings_of(["services.common.process.runner", "notifications"]))
    assert {"AMQP_URI", "DATABASE_URL"} <= variables_of(settings_of(["services.common.process.relay", "billing"]))
    assert "PORT" in variables_of(settings_of(["gateway"]))
    with pytest.raises(ValueError, match="no program"):
        settings_of(["bash"])


def test_quantities_and_images_are_read() -> None:
    assert quantity("100m") < quantity("1") < quantity("64Mi") < quantity("1Gi")
    assert is_our_image("registry.example.com:5000/estateloop:0.1.0")
    assert not is_our_image("postgres:16")
    with pytest.raises(ValueError, match="no quantity"):
        quantity("lots")


class TestImage:
    def test_runs_as_the_manifests_user(self, base: list[Thing]) -> None:
        [user] = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
        assert int(user[0]) > 0
        assert DOCKERFILE.rindex("\nUSER ") > DOCKERFILE.rindex("\nCOPY ")
        contexts = [Workload(workload.thing).pod["securityContext"] for workload in workloads(base)]
        assert {(str(context["runAsUser"]), str(context["runAsGroup"])) for context in contexts} == {user}

    def test_starts_programs_by_argument(self) -> None:
        assert 'ENTRYPOINT ["python", "-m"]' in DOCKERFILE
        [default] = re.findall(r'^CMD \["(.+)"\]$', DOCKERFILE, re.MULTILINE)
        assert settings_of([default])
        for example in re.findall(r"^#\s+docker run estateloop (\S.*?)(?:\s{2,}.*)?$", DOCKERFILE, re.MULTILINE):
            assert settings_of(example.split()), example

    def test_is_built_from_a_pinned_base_and_locked_packages(self) -> None:
        assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11-slim-bookworm$", DOCKERFILE, re.MULTILINE)
        assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
        assert "--require-hashes" in DOCKERFILE
        assert "-r /requirements.lock" in DOCKERFILE
        assert "requirements-dev" not in DOCKERFILE

    def test_lets_in_what_it_copies_and_nothing_else(self) -> None:
        lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
        copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
        assert lines[0] == "*"
        assert {line[1:] for line in lines if line.startswith("!")} == set(copied)
        assert all((ROOT / name).exists() for name in copied)

    def test_leaves_out_of_it_only_what_python_makes(self) -> None:
        """So that what stands beside the code reaches the image: the words of messages, calendars, fonts."""
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        assert {line for line in lines if line[:1] not in {"", "#", "!"}} == {"*", "**/__pycache__", "**/*.pyc"}


def test_the_readme_names_every_secret_to_bring() -> None:
    readme = (ROOT / "deploy" / "README.md").read_text()
    for name, keys in EXPECTED.items():
        [row] = [line for line in readme.splitlines() if line.startswith(f"| `{name}`")]
        assert all(f"`{key}`" in row for key in keys)


def test_every_service_of_the_code_is_in_the_base(base: list[Thing]) -> None:
    deployments = named(base, "Deployment").keys()
    assert {*SERVICES, "gateway", *(f"relay-{service}" for service in SERVICES)} == deployments
