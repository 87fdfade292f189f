"""The task of a manager whose estate is behind its collection plan, version 1 (F2, J3).

Revision ID: notifications_0011
"""

from alembic import op

from services.notifications.migrations.wordings import Wording, insert_first_version, remove

revision = "notifications_0011"
down_revision = "notifications_0005"
branch_labels = None
depends_on = None

WORDINGS: dict[str, dict[tuple[str, ...], Wording]] = {
    "collection.below_plan": {
        ("staff_task",): (
            "收缴率低于计划:{period}",
            (
                "【{estate_name}】截至{day},{period}到期账单的收缴率为{percent}%,低于计划的{planned_percent}%,"
                "尚差{missing_yuan}元,请跟进。"
            ),
            "Collection below plan: {period}",
            (
                "[{estate_name}] At the end of {day}, {percent} % of the bills due in {period} had been collected; "
                "the plan is {planned_percent} %, CNY {missing_yuan} more. Please follow up."
            ),
        ),
    },
}


def upgrade() -> None:
    insert_first_version(op, WORDINGS)


def downgrade() -> None:
    remove(op, WORDINGS)
