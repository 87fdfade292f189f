"""LAW of who may do what (I3): one table. A route of the gateway and the door behind it name the same member.

Estates and households are checked apart, by scope (access.py). The page docs/permissions.md is written from this.
"""

from enum import StrEnum
from typing import Self


class Role(StrEnum):
    """What a token may call who holds it; a region manager is an estate manager of all estates of the token."""

    GROUP_ADMIN = "group_admin"
    FINANCE = "finance"
    REGION_MANAGER = "region_manager"
    ESTATE_MANAGER = "estate_manager"
    STEWARD = "steward"
    CASHIER = "cashier"
    TECHNICIAN = "technician"
    AUDITOR = "auditor"
    OWNER = "owner"


STAFF = tuple(role for role in Role if role is not Role.OWNER)

_ADMIN, _FINANCE, _STEWARD, _CASHIER = Role.GROUP_ADMIN, Role.FINANCE, Role.STEWARD, Role.CASHIER
_TECHNICIAN, _AUDITOR, _OWNER = Role.TECHNICIAN, Role.AUDITOR, Role.OWNER
_MANAGERS = (Role.REGION_MANAGER, Role.ESTATE_MANAGER)
_OFFICE = (_ADMIN, _FINANCE)
_DECIDERS = (*_OFFICE, *_MANAGERS)
_COLLECTORS = (*_DECIDERS, _STEWARD)
_SERVERS = (_ADMIN, *_MANAGERS, _STEWARD)


class Permission(StrEnum):
    """A right, in one word for the wire and for people, and the roles that have it."""

    roles: frozenset[Role]

    def __new__(cls, word: str, *roles: Role) -> Self:
        """A member is its word; its roles come with it."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.roles = frozenset(roles)
        return member

    # portfolio
    READ_ESTATES = "read_estates", *STAFF
    READ_UNITS = "read_units", *STAFF
    READ_HOUSEHOLD = "read_household", *Role
    READ_PERSONAL_DATA = "read_personal_data", *_COLLECTORS, _CASHIER  # unmasked; an owner always sees the own
    READ_OWNER_FILE = "read_owner_file", *_COLLECTORS, _CASHIER, _AUDITOR  # what staff think of a household
    KEEP_OWNER_FILE = "keep_owner_file", *_COLLECTORS
    TRANSFER_UNIT = "transfer_unit", *_DECIDERS
    SET_UNIT_STATUS = "set_unit_status", *_DECIDERS
    APPOINT_STEWARD = "appoint_steward", _ADMIN, *_MANAGERS
    IMPORT_FILES = "import_files", *_OFFICE

    # tariffs and bills
    READ_TARIFFS = "read_tariffs", *Role
    PUBLISH_TARIFFS = "publish_tariffs", *_DECIDERS
    READ_BILLING_POLICY = "read_billing_policy", *_DECIDERS, _AUDITOR
    SET_BILLING_POLICY = "set_billing_policy", *_OFFICE
    READ_SHARED_COSTS = "read_shared_costs", *_COLLECTORS, _AUDITOR
    RECORD_SHARED_COST = "record_shared_cost", *_DECIDERS
    ISSUE_BILLS = "issue_bills", *_DECIDERS
    READ_BILL_RUN = "read_bill_run", *_DECIDERS, _AUDITOR
    CHARGE_SERVICE = "charge_service", *_DECIDERS
    READ_BILLS = "read_bills", *_COLLECTORS, _AUDITOR  # the register of all in scope
    VOID_BILL = "void_bill", *_DECIDERS
    APPROVE_VOID = "approve_void", *_DECIDERS  # that somebody else asked for
    READ_CREDIT_NOTES = "read_credit_notes", *_COLLECTORS, _AUDITOR

    # what a household owes
    READ_STATEMENT = "read_statement", *_COLLECTORS, _CASHIER, _AUDITOR, _OWNER
    REFUND_CREDIT = "refund_credit", *_DECIDERS  # ask for it; while something is overdue only the office
    APPROVE_REFUND = "approve_refund", *_OFFICE  # that somebody else asked for
    APPLY_CREDIT = "apply_credit", *_DECIDERS
    REQUEST_WAIVER = "request_waiver", *_COLLECTORS
    APPROVE_WAIVER = "approve_waiver", *_DECIDERS  # as far as the authority matrix says
    READ_WAIVERS = "read_waivers", *_COLLECTORS, _AUDITOR
    SET_WAIVER_AUTHORITY = "set_waiver_authority", _ADMIN
    SIGN_INSTALMENT_PLAN = "sign_instalment_plan", *_COLLECTORS
    EXCEED_PLAN_POLICY = "exceed_plan_policy", *_OFFICE  # plans dated back further, or running longer
    READ_INSTALMENT_PLANS = "read_instalment_plans", *_COLLECTORS, _CASHIER, _AUDITOR, _OWNER
    READ_INCENTIVES = "read_incentives", *_COLLECTORS, _CASHIER, _AUDITOR, _OWNER
    REDEEM_INCENTIVE = "redeem_incentive", *_COLLECTORS, _CASHIER, _OWNER
    READ_INCENTIVE_POLICY = "read_incentive_policy", *STAFF
    SET_INCENTIVE_POLICY = "set_incentive_policy", *_OFFICE
    DRAW_LOTS = "draw_lots", *_OFFICE

    # policies: asked for by one, granted by another (ADR 23)
    READ_POLICIES = "read_policies", *_DECIDERS, _AUDITOR
    REQUEST_POLICY_CHANGE = "request_policy_change", *_DECIDERS
    APPROVE_POLICY_CHANGE = "approve_policy_change", *_OFFICE

    # books
    READ_LEDGER = "read_ledger", *_DECIDERS, _AUDITOR
    CLOSE_BOOKS = "close_books", *_OFFICE
    CHECK_ROLLUPS = "check_rollups", *_OFFICE, _AUDITOR
    READ_FUND = "read_fund", *STAFF
    SET_FUND_POLICY = "set_fund_policy", *_OFFICE
    RECORD_FUND_EXPENSE = "record_fund_expense", *_DECIDERS

    # payments
    TAKE_PAYMENT = "take_payment", *_COLLECTORS, _CASHIER, _OWNER
    TAKE_CASH = "take_cash", *_COLLECTORS, _CASHIER  # and cards, at the desk or at the door (E3)
    TAKE_TRANSFER = "take_transfer", *_DECIDERS, _CASHIER
    BACKDATE_PAYMENT = "backdate_payment", *_OFFICE  # beyond the days that the payment policy lets everybody
    READ_PAYMENTS = "read_payments", *_COLLECTORS, _CASHIER, _AUDITOR, _OWNER

    # collections
    READ_ARREARS = "read_arrears", *_COLLECTORS, _CASHIER, _AUDITOR
    READ_DUNNING = "read_dunning", *_COLLECTORS, _AUDITOR
    READ_DUNNING_CASE = "read_dunning_case", *_COLLECTORS, _AUDITOR, _OWNER  # an owner without what staff note
    COLLECT_ARREARS = "collect_arrears", *_COLLECTORS
    DISPUTE_BILL = "dispute_bill", *_COLLECTORS, _OWNER
    SETTLE_DISPUTE = "settle_dispute", *_COLLECTORS
    RUN_SWEEP = "run_sweep", *_DECIDERS
    SET_LADDER = "set_ladder", _ADMIN
    READ_LEGAL_FILES = "read_legal_files", *_COLLECTORS, _AUDITOR
    KEEP_LEGAL_FILES = "keep_legal_files", *_DECIDERS
    EXPORT_EVIDENCE = "export_evidence", *_DECIDERS, _AUDITOR
    READ_CLOSURE = "read_closure", *_COLLECTORS, _AUDITOR
    START_CLOSURE = "start_closure", *_DECIDERS
    MEET_OWNER = "meet_owner", *_COLLECTORS
    READ_RISK = "read_risk", *_COLLECTORS, _AUDITOR
    TRAIN_RISK_MODEL = "train_risk_model", _ADMIN
    READ_RISK_TRAINING = "read_risk_training", _ADMIN, _AUDITOR

    # figures
    READ_FIGURES = "read_figures", *_COLLECTORS, _AUDITOR
    READ_GROUP_FIGURES = "read_group_figures", *_DECIDERS, _AUDITOR
    SET_COLLECTION_TARGET = "set_collection_target", *_OFFICE

    # work orders
    OPEN_WORK_ORDER = "open_work_order", *_COLLECTORS, _CASHIER, _TECHNICIAN, _OWNER
    READ_WORK_ORDERS = "read_work_orders", *Role
    SET_WORK_ORDER_CATEGORIES = "set_work_order_categories", _ADMIN
    DISPATCH_WORK_ORDER = "dispatch_work_order", *_SERVERS
    CARRY_OUT_WORK_ORDER = "carry_out_work_order", *_SERVERS, _TECHNICIAN
    CONFIRM_WORK_ORDER = "confirm_work_order", *_SERVERS, _OWNER

    # feedback
    REGISTER_COMPLAINT = "register_complaint", *_COLLECTORS, _CASHIER, _TECHNICIAN, _OWNER
    READ_COMPLAINTS = "read_complaints", *Role
    ANSWER_COMPLAINT = "answer_complaint", *_COLLECTORS
    CLOSE_COMPLAINT = "close_complaint", *_COLLECTORS, _OWNER
    READ_SURVEYS = "read_surveys", *Role
    ANSWER_SURVEY = "answer_survey", *_SERVERS, _OWNER
    READ_SURVEY_RESULT = "read_survey_result", *STAFF
    ANNOUNCE_YEAR = "announce_year", _ADMIN  # working days as the State Council announced them

    # notifications
    READ_MESSAGES = "read_messages", *_COLLECTORS, _CASHIER, _AUDITOR, _OWNER
    CONFIRM_DELIVERY = "confirm_delivery", *_COLLECTORS
    READ_TEMPLATES = "read_templates", *STAFF
    READ_CONTACT_PREFERENCES = "read_contact_preferences", *_COLLECTORS, _CASHIER, _AUDITOR, _OWNER
    SET_CONTACT_PREFERENCES = "set_contact_preferences", *_COLLECTORS, _CASHIER, _OWNER

    # operation
    READ_AUDIT_LOG = "read_audit_log", _ADMIN, _AUDITOR
    READ_PARKED_EVENTS = "read_parked_events", _ADMIN, _AUDITOR
    REPLAY_PARKED_EVENT = "replay_parked_event", _ADMIN
