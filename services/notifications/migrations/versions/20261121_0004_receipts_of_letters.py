"""Receipts of letters, and the task about a claim that runs out (F4, D4). Frozen words: ../../wordings speaks today."""

from alembic import op

from services.notifications.migrations.wordings import Wording, insert_first_version, remove

revision = "notifications_0004"
down_revision = "notifications_0003"
branch_labels = None
depends_on = None

RECEIPTS = """
ALTER TABLE message ADD COLUMN delivered_on DATE;
ALTER TABLE message ADD COLUMN delivery_proof TEXT;
ALTER TABLE message ADD COLUMN delivery_recorded_by TEXT;
COMMENT ON COLUMN message.delivered_on IS 'Business day on which a letter was received, as staff recorded it';
COMMENT ON COLUMN message.delivery_proof IS 'Tracking or receipt number of it, or why it came back';
"""

WORDINGS: dict[str, dict[tuple[str, ...], Wording]] = {
    "dunning.limitation_task": {
        ("staff_task",): (
            "诉讼时效预警:{household}",
            (
                "【{estate_name}】{household}户账单{bill}(到期日{due_date},未缴本金{amount_yuan}元)的诉讼时效"
                "将于{expires_on}届满,剩余{days_left}天。请及时送达书面催告、取得书面还款承诺,"
                "或依法提起诉讼或仲裁。"
            ),
            "Limitation period ends: {household}",
            (
                "[{estate_name}] The claim on bill {bill} of household {household} (due {due_date}, CNY {amount_yuan} "
                "principal open) expires on {expires_on}, in {days_left} days. Have a written demand delivered, obtain "
                "a written promise, or start proceedings."
            ),
        ),
    },
}


def upgrade() -> None:
    op.execute(RECEIPTS)
    op.drop_constraint(op.f("message_status_check"), "message")
    op.create_check_constraint(
        op.f("message_status_check"),
        "message",
        "status IN ('queued', 'waiting_contact', 'sent', 'queued_for_print', 'delivered', 'failed')",
    )
    insert_first_version(op, WORDINGS)


def downgrade() -> None:
    remove(op, WORDINGS)
