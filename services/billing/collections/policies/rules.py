"""LAW of billing's policies beyond their shape: what their values may be together (C1, D2, D6)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from itertools import groupby
from typing import Any

from services.billing.collections.dunning.ladder import rules as ladder_rules
from services.billing.collections.dunning.ladder.rules import Rung

HIGHEST_RATE = Decimal("0.001")
_OF_RUNG = frozenset(field.name for field in fields(Rung))
Fault = tuple[str, str]


def rate_faults(daily: str) -> list[Fault]:
    """A daily rate beyond 36 % a year no court upholds."""
    too_high = Decimal(daily) > HIGHEST_RATE
    return [("daily", f"at most {HIGHEST_RATE:f}: no court upholds more")] if too_high else []


def closure_faults(opens: str, closes: str) -> list[Fault]:
    """The window opens before it closes."""
    return [] if opens < closes else [("closes", "after opens")]


def stage_faults(stages: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """Each stage once; positions from 1 without a gap, each with its usual stage."""
    codes = [stage["code"] for stage in stages]
    places = [(stage["position"], stage["after_outcome"]) for stage in stages]
    usual = sorted(position for position, after in places if after is None)
    checks = [
        (len(set(codes)) == len(codes), "stages", "each code once"),
        (len(set(places)) == len(places), "stages", "each position and outcome once"),
        (usual == list(range(1, len(usual) + 1)), "stages", "positions from 1 without a gap"),
        ({position for position, _ in places} <= set(usual), "stages", "each position has a stage without outcome"),
    ]
    return [(where, what) for holds, where, what in checks if not holds]


def track_faults(tracks: Sequence[Mapping[str, Any]], ladder: Sequence[Rung]) -> list[Fault]:
    """Each track once, of a rung that there is; what it makes of the ladder is a ladder."""
    findings = list(_faults_of_steps(tracks, {rung.code for rung in ladder}))
    if findings:
        return findings
    places = {(track["cause"], track["replaces"]): place for place, track in enumerate(tracks)}
    for cause, own in groupby(sorted(tracks, key=lambda track: str(track["cause"])), key=lambda track: track["cause"]):
        by_code = {track["replaces"]: track for track in own}
        laid = [(rung.code, _laid(rung, by_code.get(rung.code))) for rung in ladder]
        steps = [(code, step) for code, step in laid if step is not None]
        for where, what in ladder_rules.faults([step for _, step in steps]):
            _, nth, name = where.split(".")
            place = places.get((cause, steps[int(nth)][0]))
            if place is not None:
                findings.append((f"tracks.{place}.{name}", what))
    return findings


def _faults_of_steps(tracks: Sequence[Mapping[str, Any]], codes: set[str]) -> Iterator[Fault]:
    keys: set[tuple[str, str]] = set()
    for place, track in enumerate(tracks):
        key = (track["cause"], track["replaces"])
        if key in keys:
            yield f"tracks.{place}.replaces", "each once per cause"
        keys.add(key)
        if track["replaces"] not in codes:
            yield f"tracks.{place}.replaces", f"one of {', '.join(sorted(codes))}"
        if track["code"] not in (None, track["replaces"]):
            missing = [name for name in ("kind", "channels", "template") if track[name] is None]
            yield from ((f"tracks.{place}.{name}", "a step of its own says which") for name in missing)


def _laid(rung: Rung, track: Mapping[str, Any] | None) -> Rung | None:
    """The rung as a track makes it; None: left out."""
    if track is None:
        return rung
    if track["code"] is None:
        return None
    values: dict[str, Any] = {name: value for name, value in track.items() if name in _OF_RUNG and value is not None}
    values |= {name: tuple(values[name]) for name in ("channels", "requires") if name in values}
    return replace(rung, **values)
