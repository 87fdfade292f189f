"""Owner files and co-owners over HTTP (A2)."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from gateway.resources.base import Degraded, example
from services.common.contracts.answers.files import Liable, PreferredChannel, PreferredTime, Segment
from services.common.contracts.answers.notifications import ContactPreferences
from services.common.contracts.answers.portfolio import Household
from services.common.fields import Day, Name, Note, Phone


class CoOwner(BaseModel):
    """Somebody who owns a part of the unit and does not pay for it."""

    model_config = example(name="李雷", share="0.5", phone="13800000002")
    name: Name
    share: Annotated[Decimal, Field(gt=0, le=1, max_digits=7, decimal_places=6)] | None = None
    phone: Phone | None = None


class OwnersRequest(BaseModel):
    """All co-owners of the unit from now on; none for an empty list."""

    model_config = example(owners=[{"name": "李雷", "share": "0.5", "phone": "13800000002"}])
    owners: Annotated[list[CoOwner], Field(max_length=50)]


class LegacyDispute(BaseModel):
    """A dispute from before (遗留问题) and who has to answer for it."""

    model_config = example(liable="developer", since="2024-05-01", note="Leaking roof since hand-over")
    liable: Liable
    since: Day | None = Field(default=None, description="Today when left out")
    note: Note | None = None


class FileRequest(BaseModel):
    """What changes of an owner file; what is left out stays, null takes it away (A2)."""

    model_config = example(
        segment="senior",
        other_phones=["13800000009"],
        preferred_channel="phone",
        preferred_time="evening",
        legacy_dispute={"liable": "developer", "since": "2024-05-01", "note": "Leaking roof since hand-over"},
    )
    segment: Segment | None = None
    other_phones: Annotated[list[Phone], Field(max_length=5)] | None = None
    preferred_channel: PreferredChannel | None = None
    preferred_time: PreferredTime | None = None
    legacy_dispute: LegacyDispute | None = None


class OwnerFile(TypedDict):
    """All that is known of a household as a customer; a part that did not answer is null and named in `degraded`."""

    household: str
    owner: Household | None
    contact: ContactPreferences | None
    degraded: Degraded
