"""What is done about a household that does not pay: talk, plan, dispute, letters, closure (D1–D6)."""

from demo.examples.walk import Walk


def look_into_a_case(walk: Walk) -> None:
    """Cause, talk and plan of one household (一户一策), a promise of another, and the group's ladder for an estate."""
    debtor, steward = walk.meet(walk.debtors[0].code), walk.steward
    case = f"/v1/dunning/cases/{debtor}"
    steward.put(f"/v1/households/{debtor}/arrears-cause", {"cause": "dissatisfied", "note": "电梯噪音 · lift noise"})
    talk = {"kind": "phone", "outcome": "promised", "answer": "发薪后缴 · will pay after salary day"}
    steward.post(f"{case}/contacts", talk | {"promised_on": walk.day(8), "note": "18:30"})
    plan = {"cause": "dissatisfied", "problem": "2号梯噪音 · lift 2 is noisy", "deadline": walk.day(14)}
    responsible = walk.part.staff[0].code
    steward.post(f"{case}/plan", plan | {"responsible": responsible, "next_action": "联系维保 · call the lift company"})
    steward.post(f"{case}/plan/fixed", {"note": "轴承已更换 · bearing replaced"})
    promise = {"promised_on": walk.day(5), "amount_fen": 10_000, "note": "发薪后缴 · after salary day"}
    steward.post(f"/v1/dunning/cases/{walk.debtors[1].code}/promises", promise)
    ladder = walk.stage.admin.get("/v1/dunning/ladder", estate=walk.estate)
    walk.stage.admin.put("/v1/dunning/ladder", {"estate": walk.estate, "steps": ladder["steps"]})


def dispute_a_bill(walk: Walk) -> None:
    """The owner disputes a bill (争议); it turns out to be right."""
    debtor = walk.debtors[0].code
    bill = walk.owed(debtor)[0]["id"]
    owner = walk.stage.api.sign_in("owner", household=debtor)
    owner.post(f"/v1/bills/{bill}/dispute", {"reason": "整月停梯 · no lift all month"})
    walk.steward.post(f"/v1/bills/{bill}/settle-dispute", {"outcome": "rejected", "note": "停梯两小时 · two hours"})


def go_to_law(walk: Walk) -> None:
    """The committee urges, a lawyer's letter is delivered and filed; consent to be named, and its withdrawal (D4)."""
    debtor, manager = walk.debtors[0].code, walk.stage.manager
    case = f"/v1/dunning/cases/{debtor}"
    urging = {"on": walk.day(), "reference": "业委会〔2026〕3号", "note": "信箱投递 · in the letter box"}
    manager.post(f"{case}/committee-urgings", urging)
    file = manager.post("/v1/legal-files", {"household": debtor, "kind": "lawyers_letter", "note": "律师函"})["id"]
    manager.post(f"/v1/legal-files/{file}/deliveries", {"delivered_on": walk.day(), "proof": "EMS1234567890CN"})
    manager.post(f"/v1/legal-files/{file}/status", {"status": "filed", "on": walk.day(), "note": "归档 · on file"})
    consent = {"given_on": walk.day(), "reference": "单独同意书 2026-7"}
    consent_id = manager.post(f"{case}/publication-consents", consent)["id"]
    manager.post(f"/v1/publication-consents/{consent_id}/withdraw")


def close_old_cases(walk: Walk) -> None:
    """The closure programme (画句号): arrears of more than a year are enrolled, one family is met."""
    debtor = walk.debtors[0].code
    walk.stage.manager.post("/v1/closure-programmes", {"estate": walk.estate})
    meeting = {"at": f"{walk.day(2)}T19:30:00+08:00", "place": "业主家门口 · at the door"}
    meeting |= {"who": walk.part.staff[0].code}
    appointment = walk.steward.post(f"/v1/closure-cases/{debtor}/appointments", meeting)["id"]
    outcome = {"outcome": "refused", "note": "要求先修电梯 · wants the lift repaired first"}
    walk.steward.post(f"/v1/closure-appointments/{appointment}/outcome", outcome)
