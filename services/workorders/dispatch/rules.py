"""LAW of dispatch (G3): skill first, then the building, then the least load; the reason is kept with the choice."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Technician:
    """`load` is how many orders the technician has and has not completed."""

    code: str
    skills: frozenset[str]
    buildings: frozenset[str]
    load: int


@dataclass(frozen=True)
class Choice:
    """Whom to send and why, for the order's history; nobody in particular where nobody is registered."""

    technician: str | None
    reason: str


def choose(technicians: Sequence[Technician], skills: frozenset[str], building: str | None) -> Choice:
    """The best of the estate's technicians; where none is registered the order is open to whoever accepts it.

    `wanted`: any of these skills will do; empty: the work needs no special skill. When nobody has the skill the order
    still goes to somebody, and the reason says so: an order without a person is worse than one to hand over.
    """
    if not technicians:
        return Choice(None, "automatic: no technician is registered here; open to whoever accepts")
    pool_with_skill = [person for person in technicians if person.skills & skills]
    pool = pool_with_skill or technicians
    best = min(pool, key=lambda person: (building not in person.buildings, person.load, person.code))
    return Choice(best.code, "automatic: " + "; ".join(_reasons(best, pool, skills, building)))


def _reasons(best: Technician, pool: Sequence[Technician], skills: frozenset[str], building: str | None) -> list[str]:
    matching_skills = sorted(best.skills & skills)
    if matching_skills:
        skill = f"skill {', '.join(matching_skills)}"
    else:
        skill = f"nobody here has skill {' or '.join(sorted(skills))}" if skills else "no special skill needed"
    place = [f"responsible for building {building}"] if building in best.buildings else []
    return [skill, *place, f"{best.load} open orders", f"{len(pool)} considered"]
