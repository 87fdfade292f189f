"""An office lives through a year at random: what it may do, how often, and what leaves days gone by as they were."""

from collections.abc import Callable

from tests.support.billing.office import charging, collecting, giving, money
from tests.support.billing.office.office import Office

ACTS: dict[str, Callable[[Office], None]] = {
    act.__name__: act
    for act in (
        *(
            money.pay_today,
            money.pay_back,
            money.pay_again,
            money.refund,
            money.hand_out,
            money.refuse_refund,
            money.apply,
        ),
        *(charging.bill, charging.charge, charging.void, charging.decide_void, charging.reissue, charging.debt),
        *(giving.ask, giving.decide, giving.sign, giving.cancel, giving.tell, giving.redeem, giving.close),
        *(collecting.sweep, collecting.promise, collecting.complain, collecting.dispute, collecting.fold),
        Office.sleep,
    )
}
# What is done today and dated today leaves every statement of a day gone by as it was. Not so a refund that is refused:
# the money kept for it pays from the day it came (ADR 17).
TODAY_ONLY = frozenset({
    *("pay_today", "pay_again", "refund", "hand_out", "apply"),
    *("ask", "decide", "cancel", "redeem", "tell", "close"),
    *("sweep", "promise", "complain", "dispute", "fold"),
})  # fmt: skip
OFTEN = {"pay_today": 3, "ask": 2, "pay_back": 2, "bill": 2, "sign": 2, "void": 2, "sweep": 2, "sleep": 4}
NAMES = [name for name in ACTS for _ in range(OFTEN.get(name, 1))]
AWAKE = [name for name in NAMES if name != "sleep"]
