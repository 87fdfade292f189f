"""STORY of the evidence pack (D4): gather in a transaction; PDF and CSV are made from it outside of any."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from services.billing.collections.legal.evidence import tables
from services.billing.collections.legal.evidence.rules import MASK, Pack, Section, adds_up, formula, section, segments
from services.billing.collections.legal.evidence.tables import Facts
from services.billing.portfolio.tables import Estate, Household, find_estate, find_household
from services.billing.receivables.late_fee.events import bill_events
from services.billing.receivables.late_fee.open_bills import policy_of
from services.billing.receivables.late_fee.rules import LateFeePolicy, LateFeeTerms, late_fee_settled
from services.billing.receivables.ledger import tables as ledger_tables
from services.billing.receivables.ledger.history import entries_by_bill
from services.billing.receivables.statement.handlers import statement
from services.common.contracts.answers.bills import Statement, StatementBill
from services.common.contracts.errors import NotFound
from services.common.domain.access import Caller, mask_name, mask_phone
from services.common.domain.money import yuan
from services.common.domain.permissions import Permission

CONTACT_HEADS = ("时间 / Time", "方式 / Kind", "步骤 / Step", "业主答复 / Answer", "备注 / Note", "承诺日 / Promised",
                 "经办 / By")  # fmt: skip
SERVICE_HEADS = ("时间 / Time", "来源 / Source", "事件 / Event", "原因 / Reason", "编号 / Id")
URGING_HEADS = ("日期 / Date", "文号 / Reference", "备注 / Note", "经办 / By")
FILE_HEADS = ("日期 / Date", "类型 / Kind", "状态 / Status", "备注 / Note", "经办 / By", "编号 / Id")
PLAN = "按分期计划冻结 / accrual frozen by an instalment plan"


def gather(session: Session, caller: Caller, household: str, as_of: date) -> Pack:
    """All evidence on a household up to a day; without the right to personal data names are masked and words withheld.

    NotFound, Forbidden.
    """
    caller.require(Permission.EXPORT_EVIDENCE)
    home = find_household(session, caller, household)
    account = ledger_tables.account(session, household)
    if account is None:
        raise NotFound(f"There is no household {household}.")
    debt = statement(session, caller, household, as_of)
    facts = tables.facts(session, home.id, as_of, [bill["id"] for bill in debt["bills"]])
    policy = policy_of(account)
    estate = find_estate(session, caller, home.estate)
    fees = _formulas(session, debt["bills"], policy, as_of)
    parts = (
        _case(home, estate, debt, as_of, open_data=caller.sees_personal_data),
        _contract(account.late_fee_clause, policy),
        _units(facts),
        _bills(debt["bills"], fees),
        _payments(facts),
        _steps(facts),
        _deliveries(facts),
        *_conversations(facts, open_data=caller.sees_personal_data),
        _ledger(facts),
    )
    return Pack(household, as_of, parts)


def _formulas(session: Session, bills: Sequence[StatementBill], policy: LateFeePolicy, as_of: date) -> dict[int, str]:
    """How each bill's late fee came about. Where the days alone do not give it, a plan froze it: that is said."""
    entries = entries_by_bill(session, [bill["id"] for bill in bills])
    formulas = {}
    for bill in bills:
        events = [event for event in bill_events(entries[bill["id"]]) if event.on <= as_of]
        terms = policy.of_bill(bill["due_date"])
        parts = segments(bill["amount_fen"], bill["due_date"], events, as_of, terms)
        whole = adds_up(parts, bill["amount_fen"], events, terms) == bill["late_fee_fen"]
        formulas[bill["id"]] = formula(parts, late_fee_settled(events)) if whole else PLAN
    return formulas


def _case(home: Household, estate: Estate, debt: Statement, as_of: date, *, open_data: bool) -> Section:
    name, phone = home.owner_name, home.owner_phone
    return section(
        "一、案件概要 / Case",
        ("项目 / Item", "内容 / Content"),
        [
            ("截至日期 / As of", as_of),
            ("小区 / Estate", f"{estate.code} {estate.name} ({estate.city})"),
            ("户号 / Household", home.code),
            ("业主 / Owner", name if open_data else mask_name(name)),
            ("电话 / Phone", phone if open_data else mask_phone(phone)),
            ("欠费原因 / Cause of arrears", home.arrears_cause),
            ("未缴本金(元) / Principal open (CNY)", yuan(debt["principal_fen"])),
            ("违约金(元) / Late fee (CNY)", yuan(debt["late_fee_fen"])),
            ("预存余额(元) / Prepaid balance (CNY)", yuan(debt["credit_fen"])),
            ("应付合计(元) / Total due (CNY)", yuan(debt["total_due_fen"])),
        ],
    )


def _contract(clause: str | None, policy: LateFeePolicy) -> Section:
    rates = "; ".join(f"{rate.effective_from}: {rate.daily.normalize():f}" for rate in policy.rates)
    rule = "Σ(每日未付本金×日费率),每张账单四舍五入到分 / sum of daily balance × daily rate, rounded half up per bill"
    return section(
        "二、合同依据 / Contract",
        ("项目 / Item", "内容 / Content"),
        [
            ("违约金条款 / Late-fee clause", clause or "无,不计违约金 / none, no late fee"),
            ("日费率 / Daily rate from", rates),
            (
                "封顶本金 / Capped at principal",
                _by_due_date(policy, _cap),
            ),
            ("宽限天数 / Grace days", _by_due_date(policy, _grace)),
            ("计算方法 / Method", rule),
        ],
    )


def _cap(terms: LateFeePolicy | LateFeeTerms) -> str:
    return "是 / yes" if terms.is_capped else "否 / no"


def _grace(terms: LateFeePolicy | LateFeeTerms) -> str:
    return f"{terms.grace_days} ({terms.grace_mode})"


def _by_due_date(policy: LateFeePolicy, words: Callable[[LateFeePolicy | LateFeeTerms], str]) -> str:
    """What holds, and for bills due from which day on it holds otherwise."""
    changes = (f"{terms.due_from} 起到期 / due from {terms.due_from}: {words(terms)}" for terms in policy.later)
    return "; ".join((words(policy), *changes))


def _units(facts: Facts) -> Section:
    heads = ("楼栋 / Building", "房号 / Unit", "面积 m² / Area", "用途 / Usage", "状态 / Status", "入住 / Moved in")
    return section("三、房屋 / Units", heads, facts.units)


def _bills(bills: Sequence[StatementBill], fees: Mapping[int, str]) -> Section:
    heads = ("账单 / Bill", "房号 / Unit", "费用 / Fee item", "账期 / Period", "到期日 / Due", "金额 / Amount",
             "未缴 / Open", "逾期天数 / Days", "违约金 / Late fee", "计算式(元) / Formula (CNY)")  # fmt: skip
    rows = [
        (
            bill["id"],
            bill["unit"],
            bill["fee_item"],
            bill["period"],
            bill["due_date"],
            yuan(bill["amount_fen"]),
            yuan(bill["outstanding_fen"]),
            bill["overdue_days"],
            yuan(bill["late_fee_fen"]),
            fees[bill["id"]],
        )
        for bill in bills
    ]
    return section("四、欠费账单 / Bills in arrears", heads, rows)


def _payments(facts: Facts) -> Section:
    heads = ("日期 / Date", "渠道 / Channel", "金额(元) / Amount", "编号 / Payment id")
    rows = [(row.business_date, row.channel, yuan(row.amount_fen), row.payment_id) for row in facts.payments]
    return section("五、缴费记录 / Payments", heads, rows)


def _steps(facts: Facts) -> Section:
    heads = ("日期 / Date", "步骤 / Step", "账单 / Bill", "到期日 / Due", "逾期天数 / Days", "逾期本金 / Overdue",
             "违约金 / Late fee", "限期 / Deadline")  # fmt: skip
    rows = [
        (
            row.as_of,
            row.step,
            row.bill_id,
            row.due_date,
            row.overdue_days,
            yuan(row.overdue_fen),
            yuan(row.late_fee_fen),
            row.deadline,
        )
        for row in facts.steps
    ]
    return section("六、催缴步骤 / Dunning steps", heads, rows)


def _deliveries(facts: Facts) -> Section:
    heads = ("送达日 / Delivered", "文书 / Document", "步骤 / Step", "账单 / Bill", "方式 / Channel", "结果 / Outcome",
             "凭证 / Proof", "文书日期 / Stated on", "限期 / Deadline", "编号 / Message")  # fmt: skip
    return section("七、送达记录 / Deliveries", heads, facts.deliveries)


def _conversations(facts: Facts, *, open_data: bool) -> tuple[Section, ...]:
    """Parts with people's words in them: withheld from whom personal data is not for."""

    def words(text: str | None) -> str | None:
        return text if open_data or not text else MASK

    contacts = [
        (row.at, row.kind, row.step, words(row.answer), words(row.note), row.promised_on, row.contacted_by)
        for row in facts.contacts
    ]
    service = [
        (row.at, row.source_kind, "开始 / opened" if row.holds else "结束 / closed", row.reason, row.source_id)
        for row in facts.service
    ]
    urgings = [(row.urged_on, row.reference, words(row.note), row.logged_by) for row in facts.urgings]
    files = [(row.happened_on, row.kind, row.status, words(row.note), row.recorded_by, row.id) for row in facts.files]
    return (
        section("八、联系记录 / Contacts", CONTACT_HEADS, contacts),
        section("九、服务与暂停催缴记录 / Service record and holds", SERVICE_HEADS, service),
        section("十、业委会督促 / Urging by the owners' committee", URGING_HEADS, urgings),
        section("十一、法务档案 / Legal files", FILE_HEADS, files),
    )


def _ledger(facts: Facts) -> Section:
    heads = ("分录 / Entry", "记账日 / Booked", "起算日 / Value day", "类型 / Kind", "借 / Debit", "贷 / Credit",
             "金额(元) / Amount", "账单 / Bill", "来源 / Source")  # fmt: skip
    rows = [
        (
            row.id,
            row.booked_on,
            row.value_on,
            row.kind,
            row.debit_account,
            row.credit_account,
            yuan(row.amount_fen),
            row.bill_id,
            row.source,
        )
        for row in facts.ledger
    ]
    return section("十二、总账摘录 / Ledger extract", heads, rows)
