"""What the schemas cannot see: do names, labels, ports, probes, keys, limits and settings fit each other.

Every law is `things → findings`, a finding being one sentence. `EXPECTED` are the secrets an installation brings.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from deploy.k8s.environment import settings_of, variables_of
from deploy.k8s.manifests import (
    Thing,
    Workload,
    label,
    named,
    of_kind,
    program,
    quantity,
    references,
    workloads,
)
from services.common.database import GATEWAY, SERVICES

Findings = Iterator[str]
Law = Callable[[list[Thing]], Findings]
EXPECTED: Mapping[str, frozenset[str]] = {
    "estateloop-database": frozenset({"url"}),
    "estateloop-broker": frozenset({"uri"}),
    "estateloop-wechat": frozenset({"account.json", "merchant_key.pem", "apiv3_key", "platform.pem"}),
    "estateloop-sms": frozenset({"key"}),
    "estateloop-smtp": frozenset({"password"}),
    "estateloop-tls": frozenset(),
}
PROBED = frozenset({"/healthz", "/readyz"})
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
DEFAULT_STOP_SECONDS, STOP, DRAIN = Decimal(8), "ESTATELOOP_STOP_DEADLINE_SECONDS", "ESTATELOOP_DRAIN_SECONDS"


def every_part_is_deployed(things: list[Thing]) -> Findings:
    """Each service of the code has its Deployment, relay and migration; the gateway its Deployment and migration."""
    running = {tuple(program(workload.pod["containers"][0])) for workload in workloads(things) if workload.is_ours}
    wanted: set[tuple[str, ...]] = {("services.common.process.runner", service) for service in SERVICES}
    wanted |= {("services.common.process.relay", service) for service in SERVICES}
    wanted |= {("services.common.process.migrate", part) for part in (*SERVICES, GATEWAY)} | {(GATEWAY,)}
    yield from (f"nothing runs `{' '.join(missing)}`" for missing in sorted(wanted - running))


def selectors_find_their_pods(things: list[Thing]) -> Findings:
    """Selectors of workloads, Services and PodDisruptionBudgets match pods; of workloads their own only."""
    pods = workloads(things)
    for workload in pods:
        if workload.kind != "Job":
            selector = workload.thing["spec"]["selector"]["matchLabels"]
            found = [other.label for other in pods if selector.items() <= other.labels.items()]
            if found != [workload.label]:
                yield f"{workload.label} selects the pods of {found or 'nothing'}"
    for thing in of_kind(things, "Service", "PodDisruptionBudget"):
        spec = thing["spec"]["selector"]
        wanted = spec if thing["kind"] == "Service" else spec["matchLabels"]
        if not any(wanted.items() <= workload.labels.items() for workload in pods if workload.kind != "Job"):
            yield f"{label(thing)} selects no pod"


def ports_fit(things: list[Thing]) -> Findings:
    """Services and probes name ports their pods have; the port in the environment is the container's."""
    for workload in workloads(things):
        for container in workload.containers:
            yield from _ports_of(workload, container)
    for service in of_kind(things, "Service"):
        for workload in workloads(things):
            if service["spec"]["selector"].items() <= workload.labels.items():
                have = {port["name"] for container in workload.containers for port in container.get("ports", [])}
                lacking = {port["targetPort"] for port in service["spec"]["ports"]} - have
                yield from (f"{label(service)} aims at port {port}, which no container has" for port in lacking)


def _ports_of(workload: Workload, container: Thing) -> Findings:
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    for probe in PROBES:
        asked = container.get(probe, {}).get("httpGet")
        if asked and asked["port"] not in ports:
            yield f"{workload.label}: {probe} asks port {asked['port']}, which the container has not"
        if asked and workload.is_ours and asked["path"] not in PROBED:
            yield f"{workload.label}: {probe} asks {asked['path']}, which the code does not serve"
    for variable in container.get("env", []):
        if variable["name"] in ("PORT", "ESTATELOOP_HTTP_PORT") and variable["value"] != str(ports.get("http")):
            yield f"{workload.label}: {variable['name']} is not the port named http"
    scraped = workload.annotations.get("prometheus.io/port")
    if scraped and int(scraped) not in ports.values():
        yield f"{workload.label} is to be scraped on port {scraped}, which it has not"


def probes_are_there(things: list[Thing]) -> Findings:
    """Our Deployments have all three probes, and liveness waits longer than an outage's first minute."""
    for workload in workloads(things):
        if workload.kind != "Deployment" or not workload.is_ours or program(workload.containers[0]) == ["sandbox"]:
            continue
        container = workload.containers[0]
        yield from (f"{workload.label} has no {probe}" for probe in PROBES if probe not in container)
        live = container.get("livenessProbe", {})
        if live.get("periodSeconds", 10) * live.get("failureThreshold", 3) < 60:
            yield f"{workload.label}: the liveness probe is impatient"


def environment_is_read(things: list[Thing]) -> Findings:
    """Every variable a container gets is a field of the settings its program reads; none is given twice."""
    maps = named(things, "ConfigMap")
    for workload in workloads(things):
        if workload.is_ours:
            for container in workload.containers:
                yield from _unread(workload, container, maps)


def _unread(workload: Workload, container: Thing, maps: Mapping[str, Thing]) -> Findings:
    try:
        known = variables_of(settings_of(program(container)))
    except (ValueError, ImportError) as error:
        yield f"{workload.label}: {error}"
        return
    given = [variable["name"] for variable in container.get("env", [])]
    for source in container.get("envFrom", []):
        given += maps.get(source["configMapRef"]["name"], {}).get("data", {})
    yield from (f"{workload.label}: {name} is read by no setting" for name in sorted(set(given) - known))
    yield from (f"{workload.label}: {name} is given twice" for name in sorted(set(given)) if given.count(name) > 1)


def references_resolve(things: list[Thing]) -> Findings:
    """ConfigMaps, Secrets, claims and ServiceAccounts exist with the keys, or are secrets the installation brings."""
    accounts = named(things, "ServiceAccount")
    for workload in workloads(things):
        for kind, name, key in references(workload):
            known = named(things, kind).get(name)
            keys = EXPECTED.get(name) if known is None and kind == "Secret" else _keys(known)
            if keys is None or (key is not None and key not in keys):
                yield f"{workload.label} needs {kind} {name}{f' key {key}' if key else ''}, which does not exist"
        if workload.pod.get("serviceAccountName") not in accounts:
            yield f"{workload.label} runs as a ServiceAccount that does not exist"
    for ingress in of_kind(things, "Ingress"):
        for tls in ingress["spec"].get("tls", []):
            if tls["secretName"] not in EXPECTED:
                yield f"{label(ingress)} needs Secret {tls['secretName']}, which nobody brings"


def _keys(known: Thing | None) -> frozenset[str] | None:
    return None if known is None else frozenset({**known.get("data", {}), **known.get("stringData", {})})


def targets_exist(things: list[Thing]) -> Findings:
    """Autoscalers and Ingresses aim at things that exist; an autoscaled Deployment names no replicas of its own."""
    for scaler in of_kind(things, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        found = named(things, target["kind"]).get(target["name"])
        if found is None:
            yield f"{label(scaler)} scales {target['name']}, which does not exist"
        elif "replicas" in found["spec"]:
            yield f"{label(found)} names its replicas, which {label(scaler)} sets"
    services = named(things, "Service")
    for ingress in of_kind(things, "Ingress"):
        paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
        for backend in (path["backend"]["service"] for path in paths):
            ports = {port["name"] for port in services.get(backend["name"], {}).get("spec", {}).get("ports", [])}
            if backend["port"]["name"] not in ports:
                yield f"{label(ingress)} leads to {backend['name']}:{backend['port']['name']}, which does not exist"


def disruption_is_budgeted(things: list[Thing]) -> Findings:
    """Every Deployment of the product has a PodDisruptionBudget (the sandbox is not of the product)."""
    budgets = [budget["spec"]["selector"]["matchLabels"] for budget in of_kind(things, "PodDisruptionBudget")]
    for workload in workloads(things):
        covered = any(budget.items() <= workload.labels.items() for budget in budgets)
        if workload.kind == "Deployment" and program(workload.containers[0]) != ["sandbox"] and not covered:
            yield f"{workload.label} has no PodDisruptionBudget"


def requests_are_within_limits(things: list[Thing]) -> Findings:
    """CPU and memory are requested and limited, and no request is above its limit."""
    for workload in workloads(things):
        for container in workload.containers:
            resources = container.get("resources", {})
            for name in ("cpu", "memory"):
                request, limit = (resources.get(side, {}).get(name) for side in ("requests", "limits"))
                if request is None or limit is None:
                    yield f"{workload.label}: {name} is not requested and limited"
                elif quantity(request) > quantity(limit):
                    yield f"{workload.label} requests more {name} than its limit"


def pods_are_restricted(things: list[Thing]) -> Findings:
    """The restricted Pod Security profile; our own image also with a read-only root, and a /tmp to write to."""
    for workload in workloads(things):
        pod = workload.pod.get("securityContext", {})
        if not pod.get("runAsNonRoot") or pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{workload.label} may run as root or without a seccomp profile"
        if workload.pod.get("automountServiceAccountToken") is not False:
            yield f"{workload.label} mounts a token it does not need"
        for container in workload.containers:
            yield from _container_risks(workload, container)


def _container_risks(workload: Workload, container: Thing) -> Findings:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False or context.get("capabilities", {}).get("drop") != ["ALL"]:
        yield f"{workload.label} may gain privileges"
    writable = {mount["mountPath"] for mount in container.get("volumeMounts", []) if not mount.get("readOnly")}
    if workload.is_ours and (not context.get("readOnlyRootFilesystem") or "/tmp" not in writable):
        yield f"{workload.label} needs a read-only root and a writable /tmp"


def there_is_time_to_stop(things: list[Thing]) -> Findings:
    """The grace period is longer than draining and stopping take by the settings."""
    maps = named(things, "ConfigMap")
    for workload in workloads(things):
        if workload.kind != "Deployment" or not workload.is_ours:
            continue
        given: dict[str, str] = {}
        for source in workload.containers[0].get("envFrom", []):
            given |= maps.get(source["configMapRef"]["name"], {}).get("data", {})
        needed = Decimal(given.get(STOP, DEFAULT_STOP_SECONDS)) + Decimal(given.get(DRAIN, 0))
        if workload.pod.get("terminationGracePeriodSeconds", 30) <= needed:
            yield f"{workload.label} is killed before its {needed} s to stop are over"


LAWS: tuple[Law, ...] = (
    every_part_is_deployed,
    selectors_find_their_pods,
    ports_fit,
    probes_are_there,
    environment_is_read,
    references_resolve,
    targets_exist,
    disruption_is_budgeted,
    requests_are_within_limits,
    pods_are_restricted,
    there_is_time_to_stop,
)


def findings(things: Iterable[Thing]) -> list[str]:
    """Everything any law finds wrong."""
    known = list(things)
    return [finding for law in LAWS for finding in law(known)]
