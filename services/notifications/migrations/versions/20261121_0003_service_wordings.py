"""Receipts, answers, invitations and alarms, version 1 (F2). Frozen: ../../wordings speaks today."""

from alembic import op

from services.notifications.migrations.wordings import Wording, insert_first_version, remove

revision = "notifications_0003"
down_revision = "notifications_0002"
branch_labels = None
depends_on = None

WORDINGS: dict[str, dict[tuple[str, ...], Wording]] = {
    "payment.receipt": {
        ("sms", "email", "staff_task"): (
            "物业缴费收据:{paid_yuan}元",
            (
                "【{estate_name}】{recipient_name}您好,已收到您{business_date}缴纳的{paid_yuan}元:"
                "本金{principal_yuan}元,"
                "违约金{late_fee_yuan}元,转入预存{credit_yuan}元。缴费编号{payment}。谢谢!"
            ),
            "Receipt: CNY {paid_yuan}",
            (
                "[{estate_name}] Dear {recipient_name}, we received CNY {paid_yuan} on {business_date}: principal CNY "
                "{principal_yuan}, late fee CNY {late_fee_yuan}, to your credit CNY {credit_yuan}. Payment {payment}. "
                "Thank you."
            ),
        ),
    },
    "complaint.responded": {
        ("sms", "email", "staff_task"): (
            "您的投诉已有回复",
            "【{estate_name}】{recipient_name}您好,您反映的问题(编号{reference})我们已回复,请在业主端查看。",
            "Your complaint has been answered",
            (
                "[{estate_name}] Dear {recipient_name}, we have answered your complaint ({reference}); please see the "
                "owner app."
            ),
        ),
    },
    "complaint.resolved": {
        ("sms", "email", "staff_task"): (
            "您的投诉已有处理结果",
            (
                "【{estate_name}】{recipient_name}您好,您反映的问题(编号{reference})已有处理结果,"
                "请在业主端查看并告诉我们是否满意。"
            ),
            "Your complaint has a result",
            (
                "[{estate_name}] Dear {recipient_name}, there is a result for your complaint ({reference}); please see "
                "the owner app and tell us whether you are content."
            ),
        ),
    },
    "complaint.closed": {
        ("sms", "email", "staff_task"): (
            "您的投诉已办结",
            (
                "【{estate_name}】{recipient_name}您好,您反映的问题(编号{reference})已办结。"
                "如仍有问题,可在业主端重新提出。"
            ),
            "Your complaint is closed",
            (
                "[{estate_name}] Dear {recipient_name}, your complaint ({reference}) is closed. If the "
                "problem is still "
                "there, you can open it again in the owner app."
            ),
        ),
    },
    "rating.invitation": {
        ("sms", "email"): (
            "请评价我们的维修服务",
            (
                "【{estate_name}】{recipient_name}您好,您的报修(编号{reference})已完成,请在业主端为本次服务评分。"
                "评价编号{survey}。"
            ),
            "Please rate our service",
            (
                "[{estate_name}] Dear {recipient_name}, your work order ({reference}) is done. Please rate it in the "
                "owner app. Survey {survey}."
            ),
        ),
    },
    "sla.warning": {
        ("staff_task", "sms"): (
            "时限预警:{kind} {reference}",
            "【{estate_name}】{kind}{reference}({category})的{clock}{stage}时限已用80%,到期时间{due_at},请{role}跟进。",
            "SLA at risk: {kind} {reference}",
            (
                "[{estate_name}] 80 % of the {clock} {stage} time of {kind} {reference} ({category}) is used, due "
                "{due_at}. Please follow up: {role}."
            ),
        ),
    },
    "sla.escalation": {
        ("staff_task", "sms"): (
            "时限升级:{kind} {reference}",
            "【{estate_name}】{kind}{reference}({category})的{clock}{stage}时限{due_at}已过,现升级至{role},请督办。",
            "SLA escalated: {kind} {reference}",
            (
                "[{estate_name}] The {clock} {stage} time of {kind} {reference} ({category}) ended {due_at}. Escalated "
                "to: {role}."
            ),
        ),
    },
    "sla.breach": {
        ("staff_task", "sms"): (
            "时限违约:{kind} {reference}",
            "【{estate_name}】{kind}{reference}({category})的{clock}{stage}时限{due_at}已突破,请{role}立即处理。",
            "SLA breached: {kind} {reference}",
            (
                "[{estate_name}] The {clock} {stage} time of {kind} {reference} ({category}) was missed, it ended "
                "{due_at}. Please act now: {role}."
            ),
        ),
    },
}


def upgrade() -> None:
    insert_first_version(op, WORDINGS)


def downgrade() -> None:
    remove(op, WORDINGS)
