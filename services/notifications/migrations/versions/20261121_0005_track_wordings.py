"""What staff are asked to do on the tracks of causes, version 1 (D2, F2). Frozen: ../../wordings speaks today.

Revision ID: notifications_0005
"""

from alembic import op

from services.notifications.migrations.wordings import Wording, insert_first_version, remove

revision = "notifications_0005"
down_revision = "notifications_0004"
branch_labels = None
depends_on = None

_ZH_OWED = "欠费{amount_yuan}元,逾期{overdue_days}天(最早{due_date}到期),违约金{late_fee_yuan}元。"
_EN_OWED = "CNY {amount_yuan} is {overdue_days} day(s) overdue (since {due_date}), late fee CNY {late_fee_yuan}. "

WORDINGS: dict[str, dict[tuple[str, ...], Wording]] = {
    "dunning.plan_offer_task": {
        ("staff_task",): (
            "商量分期:{building} {household}",
            "{recipient_name}:请与{owner_name}({estate_name} {building},户号{household})商量分期缴纳。"
            + _ZH_OWED
            + "了解困难、可承受的金额和日期,必要时申请减免违约金,并在{deadline}前记录结果。",
            "Offer instalments: {building} {household}",
            "{recipient_name}: please offer {owner_name} ({estate_name}, {building}, {household}) instalments. "
            + _EN_OWED
            + "Learn what they can pay and when, ask for a waiver of the late fee where fit, and record the outcome by "
            "{deadline}.",
        ),
    },
    "dunning.problem_task": {
        ("staff_task",): (
            "先解决问题:{building} {household}",
            "{recipient_name}:{owner_name}({estate_name} {building},户号{household})对服务不满意。"
            + _ZH_OWED
            + "请先记录问题、责任人和承诺完成日期({deadline}前),解决之后再谈缴费。",
            "Put it right first: {building} {household}",
            "{recipient_name}: {owner_name} ({estate_name}, {building}, household {household}) is not content with our "
            "service. " + _EN_OWED + "Record what is wrong, who puts it right and the day you promise, by {deadline}; "
            "money comes after that.",
        ),
    },
    "dunning.vacancy_task": {
        ("staff_task",): (
            "联系空置房业主:{building} {household}",
            "{recipient_name}:{owner_name}的房屋({estate_name} {building},户号{household})登记为空置。"
            + _ZH_OWED
            + "请核实是否空置、空置费率是否适用和最新联系方式,并在{deadline}前记录结果。",
            "Contact the owner of a vacant home: {building} {household}",
            "{recipient_name}: the home of {owner_name} ({estate_name}, {building}, {household}) is on file as "
            "vacant. "
            + _EN_OWED
            + "Check that it is, whether the rate for vacant homes applies and how to reach the owner; record it by "
            "{deadline}.",
        ),
    },
    "dunning.settlement_task": {
        ("staff_task",): (
            "协商遗留问题:{building} {household}",
            "{recipient_name}:{owner_name}({estate_name} {building},户号{household})存在历史遗留争议。"
            + _ZH_OWED
            + "请与业主核对争议账单,提出解决方案,并在{deadline}前记录结果;争议未解决的账单不催缴。",
            "Settle an old dispute: {building} {household}",
            "{recipient_name}: there is an old dispute with {owner_name} ({estate_name}, {building}, {household}). "
            + _EN_OWED
            + "Go through the disputed bills together, propose a settlement, record the outcome by {deadline}; what is "
            "disputed is not urged for.",
        ),
    },
}


def upgrade() -> None:
    insert_first_version(op, WORDINGS)


def downgrade() -> None:
    remove(op, WORDINGS)
