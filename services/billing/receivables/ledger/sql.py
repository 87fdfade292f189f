"""SQL of the ledger: what statements of every wing ask of a bill, as predicates of the alias they give it."""


def open_bill(bill: str) -> str:
    """SQL: the bill is not void, and not all of it is settled."""
    return f"{bill}.voided_at IS NULL AND {bill}.amount_fen > {bill}.paid_fen + {bill}.waived_fen"


def fee_left(bill: str) -> str:
    """SQL: the principal of the bill is settled, but not its late fee."""
    return f"EXISTS (SELECT FROM late_fee_left f WHERE f.bill_id = {bill}.id)"


def moved_after(bill: str, day: str) -> str:
    """SQL: something was booked on the bill that counts from a later day."""
    later = f"COALESCE(n.value_on, n.booked_on) > {day}"
    return f"EXISTS (SELECT FROM ledger_entry n WHERE n.bill_id = {bill}.id AND {later})"


def last_day(period: str) -> str:
    """SQL: the last day of a month, by its first."""
    return f"({period} + INTERVAL '1 month -1 day')::date"


def first_day(bill: str) -> str:
    """SQL: from which day on the bill counts, as `rules.Bill.first_day` (ADR 17)."""
    issued_on = f"COALESCE({bill}.first_issued_on, {bill}.issued_on)"
    return f"LEAST({issued_on}, {bill}.due_date, {last_day(f'{bill}.period')})"


def on_statement(bill: str, day: str) -> str:
    """SQL: a statement as of the day shows the bill.

    A statement of a past day shows what was owed on it, due or not, even when it was billed afterwards: a bill belongs
    to its month from the first day on. An opening balance is older than these books, and stands on every day.
    """
    first = f"LEAST({bill}.issued_on, {bill}.due_date, {bill}.period)"
    return f"({bill}.run_id IS NULL AND {bill}.charge_id IS NULL OR {first} <= {day})"
