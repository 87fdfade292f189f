"""The gateway's small parts by themselves: breaker, rate, keys, problems, decoding, metrics."""

import codecs

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.datastructures import Headers

from gateway.front.idempotency import Operation, checked_key, fingerprint
from gateway.front.limits import RateLimit
from gateway.front.observed import trace_of
from gateway.front.problems import document, slug
from gateway.link.breaker import Breaker
from gateway.metrics import merge, parse_targets
from services.common.contracts.errors import Invalid, TooManyRequests
from services.common.sheets.encoding import decode_text


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_breaker_opens_after_failures_in_a_row_and_closes_after_a_good_probe() -> None:
    clock = Clock()
    breaker = Breaker(failures=3, open_seconds=2, clock=clock)
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        assert breaker.allows()
        breaker.failed()
    assert breaker.allows(), "a success in between starts the count anew"
    breaker.failed()
    assert not breaker.allows()
    clock.now += 2
    assert breaker.allows(), "half-open: one probe"
    assert not breaker.allows(), "and only one"
    breaker.failed()
    assert not breaker.allows()
    clock.now += 2
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.allows(), "a probe that told nothing leaves its place to another"
    breaker.succeeded()
    assert breaker.allows()
    assert breaker.allows()


def test_the_rate_limit_refuses_what_is_over_the_burst_and_lets_through_again_later() -> None:
    clock = Clock()
    limit = RateLimit(rate=2, burst=3, clock=clock)
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooManyRequests):
        limit.take("a")
    limit.take("b")
    clock.now += 0.5
    limit.take("a")
    with pytest.raises(TooManyRequests):
        limit.take("a")


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "é"])
def test_an_unusable_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        checked_key(key)


def test_a_request_id_depends_on_who_what_and_key_but_not_on_the_body() -> None:
    first = Operation("a", "POST", "/v1/payments", "k", b"1")
    assert first.request_id == Operation("a", "POST", "/v1/payments", "k", b"2").request_id
    others = {Operation("b", "POST", "/v1/payments", "k", b"1"), Operation("a", "POST", "/v1/x", "k", b"1")}
    assert first.request_id not in {other.request_id for other in others}


def test_json_bodies_count_by_content() -> None:
    assert fingerprint("", b'{"a":1,"b":2}', {"a": 1, "b": 2}) == fingerprint("", b'{ "b":2,"a":1}', {"b": 2, "a": 1})
    assert fingerprint("", b'{"a":1}', {"a": 1}) != fingerprint("", b'{"a":2}', {"a": 2})
    assert fingerprint("x=1", b"") != fingerprint("", b"")


def test_every_problem_has_a_type_of_its_own() -> None:
    slugs = {status: slug(status) for status in (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503)}
    assert slugs[404] == "not-found"
    assert slugs[429] == "too-many-requests"
    assert len(set(slugs.values())) == len(slugs)
    assert set(document(404, "d", "t")) == {"type", "title", "status", "detail", "errors", "trace_id"}


@pytest.mark.parametrize(
    "body", ["名称\n滨江".encode(), b"\xef\xbb\xbf" + "名称\n滨江".encode(), "名称\n滨江".encode("gb18030")]
)
def test_csv_is_read_as_utf8_or_gb18030(body: bytes) -> None:
    assert decode_text(body) == "名称\n滨江"


@pytest.mark.parametrize("body", [b"", b"a,b\xff\xff\xff", b"\xef\xbb\xbfa\xff", b"a\x00b"])
def test_csv_that_is_no_text_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        decode_text(body)


def test_the_trace_of_the_client_is_joined_when_it_is_well_formed() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert trace_of(Headers({"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})) == trace
    for bad in ("", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{trace.upper()}-00f067aa0ba902b7-01", trace):
        found = trace_of(Headers({"traceparent": bad}))
        assert len(found) == 32
        assert found not in (trace, "0" * 32)


def page(service: str, amount: float) -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("estateloop_events", "Events", ["service"], registry=registry).labels(service).inc(amount)
    seconds = Histogram("estateloop_rpc_seconds", "RPC", ["service"], buckets=(1, 2), registry=registry)
    seconds.labels("billing").observe(amount)
    return registry


def test_families_of_several_pages_are_merged_into_one_each() -> None:
    pages = [generate_latest(page(name, 1.5)).decode() for name in ("payments", "billing")]
    merged = merge([page("gateway", 0.5).collect(), *(text_string_to_metric_families(text) for text in pages)])
    text = generate_latest(type("Registry", (), {"collect": lambda self: merged})()).decode()
    lines = text.splitlines()
    for name in ("estateloop_events_total counter", "estateloop_rpc_seconds histogram"):
        assert lines.count(f"# TYPE {name}") == 1
    assert {'estateloop_events_total{service="gateway"} 0.5', 'estateloop_events_total{service="billing"} 1.5'} <= set(
        lines
    )
    assert lines.count('estateloop_rpc_seconds_bucket{le="1.0",service="billing"} 1.0') == 1, "ours is believed"
    samples = [line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples)), "no series twice"


def test_metrics_targets() -> None:
    assert parse_targets("") == {}
    assert parse_targets("billing=http://127.0.0.1:1/, payments=http://h:2") == {
        "billing": "http://127.0.0.1:1/metrics",
        "payments": "http://h:2/metrics",
    }


def test_a3_a_damaged_utf8_file_is_not_taken_for_gb18030() -> None:
    """One broken byte, and every name of the file was read as another one."""
    body = "code,owner\nE1,王小明\nE2,李雷\n".encode()
    damaged = body[:14] + body[15:]
    assert damaged.decode("gb18030").endswith("E2,鏉庨浄\n")
    assert decode_text(damaged).endswith("小明\nE2,李雷\n")
    assert "\ufffd" in decode_text(damaged)
    assert decode_text(codecs.BOM_UTF8 + damaged) == decode_text(damaged)
    for name in ("联通", "王小明", "翠苑一区7栋", "é"):
        assert decode_text(f"code,name\nE1,{name}\n".encode("gb18030")) == f"code,name\nE1,{name}\n"


def test_a3_a_nul_is_left_for_the_import_to_name_but_utf16_is_not_text() -> None:
    assert decode_text(b"code\na\x00b") == "code\na\x00b"
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(Invalid):
            decode_text("code,name\nE1,翠苑\n".encode(encoding))
