"""What the dunning ladder says, version 1, zh-CN and en (D1, F2). Frozen: ../../wordings speaks today."""

from alembic import op

from services.notifications.migrations.wordings import Wording, insert_first_version, remove

revision = "notifications_0002"
down_revision = "notifications_0001"
branch_labels = None
depends_on = None

WORDINGS: dict[str, dict[tuple[str, ...], Wording]] = {
    "dunning.reminder": {
        ("sms",): (
            "",
            (
                "【{estate_name}】{recipient_name}您好,您家({building})有物业费{amount_yuan}元将于{due_date}到期,"
                "可在业主端查看明细并缴纳。如已缴纳请忽略。联系人:{steward_name}。"
            ),
            "",
            (
                "[{estate_name}] Dear {recipient_name}, CNY {amount_yuan} of property fees for your home ({building}) "
                "is due on {due_date}. Details and payment are in the owner app. If you have paid, please ignore this. "
                "Contact: {steward_name}."
            ),
        ),
        ("email", "letter"): (
            "物业费缴纳提醒:{due_date}到期",
            (
                "{recipient_name}您好:\n\n您家({estate_name} {building},户号{household})有物业费{amount_yuan}元"
                "将于{due_date}到期。您可以在业主端查看每一笔的计算依据并缴纳,也可以到服务中心办理。\n\n"
                "如对账单或服务有任何意见,请随时告诉{steward_name}。感谢您的支持!\n\n{estate_name}物业服务中心"
            ),
            "Property fees due on {due_date}",
            (
                "Dear {recipient_name},\n\nCNY {amount_yuan} of property fees for your home ({estate_name}, "
                "{building}, "
                "household {household}) is due on {due_date}. The owner app shows how each bill was worked "
                "out and takes "
                "payment; so does our service centre.\n\nIf anything about the bill or our service is not "
                "right, please "
                "tell {steward_name}. Thank you.\n\n{estate_name} Service Centre"
            ),
        ),
        ("staff_task",): (
            "转告缴费提醒:{building} {household}",
            "短信和邮件均未能送达,请电话或上门转告{owner_name}:物业费{amount_yuan}元将于{due_date}到期。",
            "Pass on a reminder: {building} {household}",
            (
                "Neither SMS nor e-mail got through. Please tell {owner_name} by phone or at the door: CNY "
                "{amount_yuan} "
                "of property fees is due on {due_date}."
            ),
        ),
    },
    "dunning.overdue_notice": {
        ("sms",): (
            "",
            (
                "【{estate_name}】{recipient_name}您好,您家({building})物业费{amount_yuan}元已逾期{overdue_days}天"
                "(最早一笔{due_date}到期),违约金{late_fee_yuan}元(欠费本金×合同约定日费率×逾期天数,合同未约定的不计),"
                "合计{total_yuan}元。如有疑问或困难请联系{steward_name}。"
            ),
            "",
            (
                "[{estate_name}] Dear {recipient_name}, CNY {amount_yuan} of property fees for your home "
                "({building}) is "
                "{overdue_days} day(s) overdue (earliest due date {due_date}). Late fee CNY {late_fee_yuan} (unpaid "
                "principal x contract daily rate x days overdue; none without a contract clause), CNY {total_yuan} in "
                "all. With questions or difficulties please contact {steward_name}."
            ),
        ),
        ("email", "letter"): (
            "物业费逾期通知:{building} {household}",
            (
                "{recipient_name}您好:\n\n您家({estate_name} {building},户号{household})的物业费尚未缴清:\n"
                "  欠费本金:{amount_yuan}元\n  逾期天数:{overdue_days}天(最早一笔于{due_date}到期)\n"
                "  违约金:{late_fee_yuan}元\n  合计:{total_yuan}元\n\n"
                "违约金的计算方法:每笔欠费本金×合同约定的日费率×逾期天数,自到期次日起算,逐笔四舍五入到分;"
                "合同没有约定的不计违约金。\n\n如果您对服务不满意或缴费有困难,请联系{steward_name},我们先解决问题,"
                "也可以商量分期。如已缴纳请忽略本通知。\n\n{estate_name}物业服务中心"
            ),
            "Property fees overdue: {building} {household}",
            (
                "Dear {recipient_name},\n\nProperty fees for your home ({estate_name}, {building}, household "
                "{household}) "
                "are still open:\n  principal: CNY {amount_yuan}\n  days overdue: {overdue_days} (earliest due date "
                "{due_date})\n  late fee: CNY {late_fee_yuan}\n  in all: CNY {total_yuan}\n\n"
                "How the late fee is worked out: unpaid principal of each bill x daily rate of the contract x days "
                "overdue, from the day after the due date, each bill rounded half up to the fen; without a contract "
                "clause there is none.\n\nIf you are not content with our service or find it hard to pay, please talk "
                "to {steward_name}: we put the problem right first, and instalments are possible. If you have paid, "
                "please ignore this notice.\n\n{estate_name} Service Centre"
            ),
        ),
        ("staff_task",): (
            "转告逾期通知:{building} {household}",
            (
                "短信和邮件均未能送达,请电话或上门转告{owner_name}:物业费{amount_yuan}元已逾期{overdue_days}天"
                "(最早{due_date}到期),违约金{late_fee_yuan}元,合计{total_yuan}元;"
                "违约金=欠费本金×合同约定日费率×逾期天数。"
            ),
            "Pass on an overdue notice: {building} {household}",
            (
                "Neither SMS nor e-mail got through. Please tell {owner_name} by phone or at the door: CNY "
                "{amount_yuan} "
                "is {overdue_days} day(s) overdue (earliest due date {due_date}), late fee CNY {late_fee_yuan}, CNY "
                "{total_yuan} in all; late fee = unpaid principal x contract daily rate x days overdue."
            ),
        ),
    },
    "dunning.visit_task": {
        ("staff_task",): (
            "电话或上门沟通:{building} {household}",
            (
                "{recipient_name}:请在08:00–21:00之间电话或上门与{owner_name}({estate_name} {building},户号{household})"
                "沟通。欠费{amount_yuan}元,逾期{overdue_days}天(最早{due_date}到期),违约金{late_fee_yuan}元。"
                "先听取业主对服务的意见,再记录其答复、原因和承诺日期。"
            ),
            "Phone or visit: {building} {household}",
            (
                "{recipient_name}: please phone or visit {owner_name} ({estate_name}, {building}, household "
                "{household}) "
                "between 08:00 and 21:00. CNY {amount_yuan} is {overdue_days} day(s) overdue (earliest due date "
                "{due_date}), late fee CNY {late_fee_yuan}. First hear what the owner says about our service, then "
                "record the answer, the cause and any promised date."
            ),
        ),
    },
    "dunning.demand_letter": {
        ("letter", "email"): (
            "物业费催告函:{building} {household}",
            (
                "{recipient_name}:\n\n截至本函发出之日,您家({estate_name} {building},户号{household})欠缴物业费本金"
                "{amount_yuan}元,已逾期{overdue_days}天(最早一笔于{due_date}到期),违约金{late_fee_yuan}元,"
                "合计{total_yuan}元。违约金=每笔欠费本金×合同约定日费率×逾期天数,合同没有约定的不计。\n\n"
                "请您于{deadline}前缴清。根据《中华人民共和国民法典》第九百四十四条,业主违反约定逾期不支付物业费的,"
                "物业服务人可以催告其在合理期限内支付;合理期限届满仍不支付的,物业服务人可以提起诉讼或者申请仲裁。"
                "在此之前违约金按合同继续计算。\n\n如果您对服务或账单有异议,或需要分期缴纳,请在上述期限内联系"
                "{steward_name},我们会先核实并答复。\n\n{estate_name}物业服务中心"
            ),
            "Demand for property fees: {building} {household}",
            (
                "{recipient_name}:\n\nAt the date of this letter your household ({estate_name}, {building}, household "
                "{household}) owes CNY {amount_yuan} of property fees, {overdue_days} day(s) overdue "
                "(earliest due date "
                "{due_date}), with a late fee of CNY {late_fee_yuan}, CNY {total_yuan} in all. Late fee = unpaid "
                "principal of each bill x daily rate of the contract x days overdue; none without a "
                "contract clause.\n\n"
                "Please pay by {deadline}. Under article 944 of the Civil Code a property service provider may demand "
                "payment within a reasonable time, and may bring the matter before a court or an arbitration body when "
                "that time has passed without payment. Until then the late fee accrues as the contract provides.\n\n"
                "If you object to the bill or our service, or wish to pay by instalments, please contact "
                "{steward_name} "
                "within that time: we look into it and answer first.\n\n{estate_name} Service Centre"
            ),
        ),
        ("sms",): (
            "",
            (
                "【{estate_name}】{recipient_name}您好,您家({building})欠缴物业费{amount_yuan}元,逾期{overdue_days}天,"
                "违约金{late_fee_yuan}元,书面催告函已寄出,请于{deadline}前缴清或联系{steward_name}协商。"
            ),
            "",
            (
                "[{estate_name}] Dear {recipient_name}, CNY {amount_yuan} of property fees for {building} is "
                "{overdue_days} day(s) overdue, late fee CNY {late_fee_yuan}. A written demand is on its way;"
                " please pay "
                "by {deadline} or talk to {steward_name}."
            ),
        ),
        ("staff_task",): (
            "送达催告函:{building} {household}",
            (
                "请打印并当面或以挂号信/EMS向{owner_name}送达催告函,缴清期限{deadline},留存签收凭证。"
                "欠费{amount_yuan}元,"
                "逾期{overdue_days}天,违约金{late_fee_yuan}元,合计{total_yuan}元。"
            ),
            "Deliver a demand letter: {building} {household}",
            (
                "Please print the demand letter and deliver it to {owner_name} in person or by registered mail, to be "
                "paid by {deadline}, and keep the proof of delivery. CNY {amount_yuan} is {overdue_days} "
                "day(s) overdue, "
                "late fee CNY {late_fee_yuan}, CNY {total_yuan} in all."
            ),
        ),
    },
    "dunning.formal_notice": {
        ("letter", "email"): (
            "物业费正式告知书:{building} {household}",
            (
                "{recipient_name}:\n\n您家({estate_name} {building},户号{household})"
                "欠缴物业费本金{amount_yuan}元,已逾期"
                "{overdue_days}天(最早一笔于{due_date}到期),违约金{late_fee_yuan}元,合计{total_yuan}元,"
                "此前已发出提醒和催告。\n\n我们将请社区居委会和业主委员会协助沟通。您可以提出对服务或账单的异议,"
                "也可以申请分期;请联系{steward_name},我们愿意在任何方便您的时间面谈。\n\n{estate_name}物业服务中心"
            ),
            "Formal notice about property fees: {building} {household}",
            (
                "{recipient_name}:\n\nYour household ({estate_name}, {building}, household {household}) owes CNY "
                "{amount_yuan} of property fees, {overdue_days} day(s) overdue (earliest due date {due_date}), with a "
                "late fee of CNY {late_fee_yuan}, CNY {total_yuan} in all. Reminders and a demand went out before.\n\n"
                "We are asking the community office and the owners' committee to help both sides talk. You "
                "may object to "
                "the bill or our service, or ask for instalments; please contact {steward_name}, we gladly meet at a "
                "time that suits you.\n\n{estate_name} Service Centre"
            ),
        ),
        ("sms",): (
            "",
            (
                "【{estate_name}】{recipient_name}您好,您家({building})欠缴物业费{amount_yuan}元,逾期{overdue_days}天,"
                "违约金{late_fee_yuan}元,正式告知书已发出。如有异议或需分期请联系{steward_name}。"
            ),
            "",
            (
                "[{estate_name}] Dear {recipient_name}, CNY {amount_yuan} of property fees for {building} is "
                "{overdue_days} day(s) overdue, late fee CNY {late_fee_yuan}; a formal notice was issued. To object or "
                "to pay by instalments please contact {steward_name}."
            ),
        ),
        ("staff_task",): (
            "社区协调:{building} {household}",
            (
                "请联系社区居委会协调{owner_name}的欠费:{amount_yuan}元,逾期{overdue_days}天,违约金{late_fee_yuan}元,"
                "合计{total_yuan}元;送达正式告知书并留存凭证。"
            ),
            "Community coordination: {building} {household}",
            (
                "Please ask the community office to help with the arrears of {owner_name}: CNY {amount_yuan}, "
                "{overdue_days} day(s) overdue, late fee CNY {late_fee_yuan}, CNY {total_yuan} in all; deliver the "
                "formal notice and keep the proof."
            ),
        ),
    },
    "dunning.legal_file_task": {
        ("staff_task",): (
            "整理法务材料:{building} {household}",
            (
                "{recipient_name}:请为{owner_name}({estate_name} {building},户号{household})"
                "整理材料:合同、账单、送达凭证、"
                "沟通记录、服务记录、业主委员会督促记录。欠费{amount_yuan}元,逾期{overdue_days}天(最早{due_date}到期),"
                "违约金{late_fee_yuan}元。存在未办结投诉或正在履行的分期计划时不得进入诉讼。"
            ),
            "Prepare a legal file: {building} {household}",
            (
                "{recipient_name}: please prepare the file of {owner_name} ({estate_name}, {building}, household "
                "{household}): contract, bills, proofs of delivery, contacts, service record, the owners' committee's "
                "urging. CNY {amount_yuan} is {overdue_days} day(s) overdue (earliest due date {due_date}), "
                "late fee CNY "
                "{late_fee_yuan}. No suit while a complaint is open or an instalment plan is being kept."
            ),
        ),
    },
}


def upgrade() -> None:
    insert_first_version(op, WORDINGS)


def downgrade() -> None:
    remove(op, WORDINGS)
