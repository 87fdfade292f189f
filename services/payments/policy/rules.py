"""LAW of an estate's payment policy: how far back the desk dates money, how many orders wait, for how long (E2, E3)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True)
class PaymentPolicy:
    """What an estate lets happen with payments."""

    # by so many days the desk may date money back; beyond them it is for the office
    backdate_days: int
    # so many orders of one household may wait for money at a time
    most_orders: int
    # after so many days a transfer that has not come is not waited for
    transfer_days: int

    def lets_date_back(self, received_on: date | None, today: date) -> bool:
        """Whether the desk may say that money came on that day."""
        return received_on is None or (today - received_on).days <= self.backdate_days

    def transfer_expires_at(self, now: datetime) -> datetime:
        """Until when a transfer asked for now is waited for; its money settles it later all the same."""
        return now + timedelta(days=self.transfer_days)
