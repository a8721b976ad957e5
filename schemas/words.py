"""The words of Leadgate: ids, names, closed lists, money. Everything else is said in them."""

from enum import StrEnum
from typing import Annotated, NewType

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# Ids are opaque text, `<kind>_` and 26 to 32 characters of Crockford's base 32 in lower case. See `schemas.ids`.
LeadId = NewType("LeadId", str)
SubmissionId = NewType("SubmissionId", str)
PersonId = NewType("PersonId", str)
AccountId = NewType("AccountId", str)
ItemId = NewType("ItemId", str)
ClaimId = NewType("ClaimId", str)
AttemptId = NewType("AttemptId", str)
OpportunityId = NewType("OpportunityId", str)
MeetingId = NewType("MeetingId", str)
CustomerId = NewType("CustomerId", str)
TaskId = NewType("TaskId", str)
RepId = NewType("RepId", str)
DecisionId = NewType("DecisionId", str)

QueueName = NewType("QueueName", str)
"""`desk/queue`, as `closing/uk`."""
FencingToken = NewType("FencingToken", int)
"""Of a claim: larger for each later claim of the same item."""
SourceName = NewType("SourceName", str)


class Frozen(BaseModel):
    """A value that crosses a border and is not changed."""

    model_config = ConfigDict(frozen=True)


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Desk(StrEnum):
    """A specialised sales function. `coordination` comes later."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    CLOSING = "closing"
    CUSTOMER = "customer"
    SERVICE = "service"
    ENGINEERING = "engineering"


class ItemKind(StrEnum):
    """What a rep pulls; it follows the desk."""

    ENQUIRY = "enquiry"
    PROSPECT = "prospect"
    OPPORTUNITY = "opportunity"
    CUSTOMER = "customer"
    TASK = "task"


KIND_OF_DESK = {
    Desk.INBOUND: ItemKind.ENQUIRY,
    Desk.OUTBOUND: ItemKind.PROSPECT,
    Desk.CLOSING: ItemKind.OPPORTUNITY,
    Desk.CUSTOMER: ItemKind.CUSTOMER,
    Desk.SERVICE: ItemKind.TASK,
    Desk.ENGINEERING: ItemKind.TASK,
}


class Priority(StrEnum):
    NORMAL = "normal"
    HIGH = "high"
    HOT = "hot"


class Qualify(StrEnum):
    """How a stream is qualified: by a person, by the rule, or not at all."""

    BY_REP = "by_rep"
    AUTO = "auto"
    BYPASS = "bypass"


class LeadState(StrEnum):
    RECEIVED = "received"
    AWAITING_DATA = "awaiting_data"
    QUEUED = "queued"
    POOLED = "pooled"
    CLAIMED = "claimed"
    NURTURING = "nurturing"
    MERGED = "merged"
    REJECTED = "rejected"
    CLOSED = "closed"
    ERASED = "erased"
    """Its person is forgotten; it counts."""


OPEN_LEAD_STATES = frozenset(
    {
        LeadState.RECEIVED,
        LeadState.AWAITING_DATA,
        LeadState.QUEUED,
        LeadState.POOLED,
        LeadState.CLAIMED,
        LeadState.NURTURING,
    }
)
"""A new lead of the same person is merged into one in these states."""


class LeadOutcome(StrEnum):
    WON = "won"
    LOST = "lost"
    DISQUALIFIED = "disqualified"
    UNREACHED = "unreached"


class ItemState(StrEnum):
    POOLED = "pooled"
    QUEUED = "queued"
    CLAIMED = "claimed"
    SNOOZED = "snoozed"
    PARKED = "parked"
    DONE = "done"
    CANCELLED = "cancelled"


class ClaimState(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    RETURNED = "returned"
    DEFERRED = "deferred"
    EXPIRED = "expired"
    REVOKED = "revoked"


class OpportunityState(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    REJECTED = "rejected"
    """The closer gave it back to whoever qualified it."""


class Stage(StrEnum):
    """The furthest that an opportunity has come, in this order."""

    QUALIFIED = "qualified"
    ATTEMPT = "attempt"
    CONVERSATION = "conversation"
    MEETING = "meeting"
    PROPOSAL_REQUESTED = "proposal_requested"
    PROPOSAL_PRESENTED = "proposal_presented"


class MeetingState(StrEnum):
    BOOKED = "booked"
    HELD = "held"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class MeetingMode(StrEnum):
    IN_PERSON = "in_person"
    VIDEO = "video"
    PHONE = "phone"


class CustomerState(StrEnum):
    ONBOARDING = "onboarding"
    ACTIVE = "active"
    """What was sold is deployed."""
    CHURNED = "churned"
    VOID = "void"
    """The win was a mistake: it never was one."""


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class TaskKind(StrEnum):
    """What one desk may ask of another."""

    QUOTE = "quote"
    SOLUTION_DESIGN = "solution_design"
    SUPPORT = "support"
    ADMINISTRATION = "administration"


class Channel(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    SMS = "sms"
    CHAT = "chat"
    VIDEO = "video"
    IN_PERSON = "in_person"
    SOCIAL = "social"


class AttemptOutcome(StrEnum):
    CONVERSATION = "conversation"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    GATEKEEPER = "gatekeeper"
    WRONG_NUMBER = "wrong_number"
    CALLBACK = "callback"
    NOT_NOW = "not_now"
    REFUSED = "refused"
    OPT_OUT = "opt_out"
    BOUNCED = "bounced"


CONVERSATIONS = frozenset(
    {AttemptOutcome.CONVERSATION, AttemptOutcome.CALLBACK, AttemptOutcome.NOT_NOW, AttemptOutcome.REFUSED}
)
"""The two-way outcomes of an attempt. A held meeting is a conversation too."""


class Side(StrEnum):
    """On whose side the next step lies."""

    OURS = "ours"
    THEIRS = "theirs"


class Cause(StrEnum):
    """Why an item came into its queue."""

    DECISION = "decision"
    RELEASE = "release"
    RETURN = "return"
    LEASE = "lease"
    REQUEUE = "requeue"
    ASSIGN = "assign"
    NEXT_AT = "next_at"
    REOPEN = "reopen"
    COVER = "cover"
    REJECT = "reject"


class ReleaseCause(StrEnum):
    """Why a pool gave to its queue."""

    DAY_START = "day_start"
    LEVEL = "level"
    PULL = "pull"


class Why(StrEnum):
    """Why a pull returned what it returned."""

    PROMISE_DUE = "promise_due"
    LIVE = "live"
    NEXT = "next"


class Exempt(StrEnum):
    """The exceptions to the order: a closed list, each counted."""

    PROMISE = "promise"
    CONTINUITY = "continuity"
    NAMED_REFERRAL = "named_referral"
    LIVE = "live"
    CONFLICT = "conflict"
    MANAGER = "manager"


class Escalation(StrEnum):
    """What is done with an item whose answer is late."""

    RAISE = "raise"
    QUEUE = "queue"
    NOTIFY = "notify"


class Presence(StrEnum):
    PRESENT = "present"
    AWAY = "away"
    LEFT = "left"
    """For good: their keys are revoked, and what they held is others'."""


class TargetName(StrEnum):
    """What a rep is meant to reach; shown, never a limit."""

    CONVERSATIONS_PER_DAY = "conversations_per_day"
    MEETINGS_PER_DAY = "meetings_per_day"
    MEETINGS_PER_WEEK = "meetings_per_week"


class Influence(StrEnum):
    DECIDES = "decides"
    INFLUENCES = "influences"
    NONE = "none"
    UNKNOWN = "unknown"


class Disqualified(StrEnum):
    """Why a rep disqualified a lead."""

    NO_NEED = "no_need"
    NO_BUDGET = "no_budget"
    NO_AUTHORITY = "no_authority"
    NOT_A_FIT = "not_a_fit"
    COMPETITOR = "competitor"
    JOB_SEEKER = "job_seeker"
    BAD_DATA = "bad_data"
    SPAM = "spam"
    OTHER = "other"


class Returned(StrEnum):
    """Why a rep gave an item back."""

    WRONG_QUEUE = "wrong_queue"
    NO_CAPACITY = "no_capacity"
    SHIFT_OVER = "shift_over"
    WRONG_LANGUAGE = "wrong_language"
    MISSING_SKILL = "missing_skill"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    OTHER = "other"


class Loss(StrEnum):
    """Why an opportunity was lost."""

    PRICE = "price"
    COMPETITOR = "competitor"
    NO_DECISION = "no_decision"
    TIMING = "timing"
    NO_BUDGET = "no_budget"
    NOT_A_FIT = "not_a_fit"
    WENT_SILENT = "went_silent"
    OTHER = "other"


class Refusal(StrEnum):
    """Why the closer gave an opportunity back to whoever qualified it."""

    NO_NEED = "no_need"
    NO_BUDGET = "no_budget"
    NO_AUTHORITY = "no_authority"
    NOT_A_FIT = "not_a_fit"
    WRONG_PRODUCT = "wrong_product"
    BAD_DATA = "bad_data"
    DUPLICATE = "duplicate"
    OTHER = "other"


class Churn(StrEnum):
    """Why a customer left."""

    PRICE = "price"
    COMPETITOR = "competitor"
    PRODUCT = "product"
    SERVICE = "service"
    NO_LONGER_NEEDED = "no_longer_needed"
    OUT_OF_BUSINESS = "out_of_business"
    OTHER = "other"


class Rejection(StrEnum):
    """Why a lead was rejected."""

    SPAM = "spam"
    REVIEW = "review"
    SUPPRESSED = "suppressed"


class Relation(StrEnum):
    """What a company is to us."""

    PROSPECT = "prospect"
    CUSTOMER = "customer"
    PARTNER = "partner"
    COMPETITOR = "competitor"
    SUPPLIER = "supplier"
    APPLICANT = "applicant"
    STUDENT = "student"
    PRESS = "press"


class EmailKind(StrEnum):
    """Whose mailbox: of a company, anybody's for the asking, or one to throw away."""

    BUSINESS = "business"
    FREE = "free"
    DISPOSABLE = "disposable"


class MatchedBy(StrEnum):
    """Why a lead was merged: the same person, by this identity, or another one of the same account."""

    EMAIL = "email"
    PHONE = "phone"
    PROFILE = "profile"
    ACCOUNT = "account"


class Zone(StrEnum):
    """Which third of the buffer a queue's depth has reached."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


class Role(StrEnum):
    """Who acts."""

    SYSTEM = "system"
    REP = "rep"
    MANAGER = "manager"
    ADMIN = "admin"


class PrincipalKind(StrEnum):
    """Whose key it is."""

    FORM = "form"
    SERVICE = "service"
    REP = "rep"
    MANAGER = "manager"
    ADMIN = "admin"


CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Money(Frozen):
    """An amount in integer minor units of an ISO 4217 currency: `Money(amount=1250000, currency="GBP")` is £12,500."""

    amount: int = Field(ge=0)
    currency: CurrencyCode


def desk_of(queue: QueueName) -> Desk:
    """Tell whose queue it is.

    >>> desk_of(QueueName("closing/uk"))
    <Desk.CLOSING: 'closing'>
    """
    return Desk(queue.partition("/")[0])
