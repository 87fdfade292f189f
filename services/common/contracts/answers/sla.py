"""VOCABULARY of service clocks in answers: one figure for each of the two stages of a promise (G2, H2, J2)."""

from typing import Literal

from typing_extensions import TypedDict

from services.common.fields import Whole

Outcome = Literal["met", "breached"]
Stage = Literal["respond", "resolve"]


class StageCounts(TypedDict):
    """How many, by stage."""

    respond: Whole
    resolve: Whole


class StageShares(TypedDict):
    """A share from 0 to 1 by stage; null while nothing was done."""

    respond: float | None
    resolve: float | None
