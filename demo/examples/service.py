"""How a family wants to be reached, a letter that arrives, a complaint that comes back (F3, F4, H1)."""

from datetime import timedelta

from demo.api import Json, wait_for
from demo.cases import COMPLAINT_STEPS, FEE_COMPLAINT
from demo.dunning import sweep
from demo.examples.walk import PATIENCE_SECONDS, Walk
from demo.load import answer_complaint

DEMANDS_AFTER_DAYS = 8


def set_preferences(walk: Walk) -> None:
    """An owner would rather read English, and no e-mail."""
    debtor = walk.debtors[0].code
    owner = walk.stage.api.sign_in("owner", household=debtor)
    wishes = {"language": "en", "email": "owner@example.com", "consent": {"sms": True, "email": False}}
    owner.put(f"/v1/households/{debtor}/contact-preferences", wishes)


def set_categories(walk: Walk) -> None:
    """What work may be asked for, as it is shipped, set by the group."""
    admin = walk.stage.admin
    admin.put("/v1/work-order-categories", {"items": admin.get("/v1/work-order-categories")["items"]})


def deliver_a_letter(walk: Walk) -> None:
    """A week after the visits the demands go out (D1): one of the letters was printed, posted and received."""
    sweep(walk.stage, walk.stage.due + timedelta(days=DEMANDS_AFTER_DAYS))
    letter = wait_for("a letter waits to be printed", lambda: _letter(walk), PATIENCE_SECONDS)
    receipt = {"delivered_on": letter["business_on"], "proof": "EMS1234567890CN", "outcome": "delivered"}
    walk.stage.manager.post(f"/v1/notifications/{letter['id']}/delivered", receipt)


def _letter(walk: Walk) -> Json | None:
    messages = walk.stage.manager.items("/v1/notifications")
    return next((message for message in messages if message["status"] == "queued_for_print"), None)


def complain(walk: Walk) -> None:
    """A complaint is answered, solved and closed, and comes back."""
    manager, (category, text) = walk.stage.manager, FEE_COMPLAINT
    about = {"estate": walk.estate, "household": walk.debtors[0].code, "category": category, "level": "normal"}
    complaint = manager.post("/v1/complaints", about | {"text": text, "channel": "phone"})["id"]
    for step in (*COMPLAINT_STEPS, "reopen"):
        answer_complaint(manager, complaint, step)
