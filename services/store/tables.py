"""Schema `routing`: the one definition of its tables. Only `services.store` reads and writes it."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Integer, MetaData, Table, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(schema="routing")

TIME = DateTime(timezone=True)


def _id(name: str = "id", *, key: bool = False, null: bool = False) -> "Column[str]":
    return Column(name, Text(collation="C"), primary_key=key, nullable=null)


def _flag(name: str) -> "Column[bool]":
    return Column(name, Boolean, nullable=False, server_default=sql("false"))


def _list(name: str) -> "Column[list[str]]":
    return Column(name, ARRAY(Text), nullable=False, server_default=sql("'{}'"))


# --- who -------------------------------------------------------------------------------------------------------------

persons = Table(
    "persons",
    metadata,
    _id(key=True),
    Column("created_at", TIME, nullable=False),
    _id("family", null=True),  # of those whom a manager has parted, the first: they are never the same person
)

# A keyed digest of an e-mail, phone or profile: the row that is locked before persons are matched.
identities = Table(
    "identities", metadata, Column("kind", Text, primary_key=True), Column("digest", Text, primary_key=True)
)
identity_persons = Table(
    "identity_persons",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    _id("person_id", key=True),
    Index("identity_persons_person", "person_id", "kind"),
)

# Opt-outs, as keyed digests: they outlive erasure. One opt-out (`id`) is that of all identities of its person.
suppressions = Table(
    "suppressions",
    metadata,
    _id(),
    Column("kind", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
    Index("suppressions_id", "id"),
)

accounts = Table(
    "accounts",
    metadata,
    _id(key=True),
    Column("domain", Text, nullable=False),
    Column("name", Text),
    Column("created_at", TIME, nullable=False),
    Column("relation", Text),  # as a manager says; null: a customer where it has bought, else a prospect
    _id("parted_from", null=True),  # by a manager: its persons alone are of it, not the next one of the domain
    Index("accounts_domain", "domain", unique=True, postgresql_where=sql("parted_from IS NULL")),
)

# Whose leads are not of the account of their domain, for a manager has parted them from it, but of another.
parted = Table(
    "parted",
    metadata,
    _id("person_id", key=True),
    _id("account_id", key=True),
    _id("of_account"),
)

# Leads whose person is erased: whatever comes of them again is dropped.
erased = Table("erased", metadata, _id("lead_id", key=True), Column("at", TIME, nullable=False))

# --- leads -----------------------------------------------------------------------------------------------------------

leads = Table(
    "leads",
    metadata,
    _id(key=True),
    Column("state", Text, nullable=False),
    Column("outcome", Text),
    Column("reason", Text),
    Column("direction", Text, nullable=False),
    Column("source", Text, nullable=False),
    _flag("test"),
    _flag("list"),
    _id("merged_into", null=True),
    Column("matched_by", Text),
    Column("received_at", TIME, nullable=False),
    Column("occurred_at", TIME),
    Column("priority", Text, nullable=False, server_default=sql("'normal'")),
    Column("segment", Text),
    Column("queue", Text),  # of its open item, else where it was decided to go
    _id("person_id", null=True),
    _id("account_id", null=True),
    _flag("conflict"),
    Column("nurture_until", TIME),
    Column("data_deadline", TIME),  # awaiting data: decided then with what there is
    Column("data_next_at", TIME),  # when the hook is asked (again); null: no more
    Column("data_tries", Integer, nullable=False, server_default=sql("0")),
    _id("decision_id", null=True),
    _id("opportunity_id", null=True),
    _id("customer_id", null=True),
    Column("milestones", JSONB, nullable=False, server_default=sql("'{}'")),
    Column("seq", Integer, nullable=False),  # of the last event told; the next has seq + 1
    Column("last_at", TIME, nullable=False),  # its time: the next is never before it
    Index("leads_newest", "received_at", "id"),
    Index("leads_person", "person_id"),
    Index("leads_account", "account_id"),
    Index("leads_merged_into", "merged_into", postgresql_where=sql("merged_into IS NOT NULL")),
    Index("leads_asking", "data_next_at", postgresql_where=sql("state = 'awaiting_data'")),
    Index("leads_awaiting", "data_deadline", postgresql_where=sql("state = 'awaiting_data'")),
    Index("leads_nurturing", "nurture_until", postgresql_where=sql("state = 'nurturing'")),
)

# How many leads were accepted, as last counted in the intake log, which keeps them for days only.
ledger = Table(
    "ledger",
    metadata,
    Column("source", Text, primary_key=True),
    Column("hour", TIME, primary_key=True),
    Column("accepted", Integer, nullable=False),
    Column("dead_lettered", Integer, nullable=False),
)

# The personal inputs, beside the lead and its receipts, so that they can be erased.
lead_details = Table(
    "lead_details",
    metadata,
    _id("lead_id", key=True),
    Column("contact", JSONB, nullable=False),
    Column("company", JSONB, nullable=False),
    Column("campaign", JSONB, nullable=False),
    Column("consent", JSONB),
    Column("custom", JSONB, nullable=False),
    Column("intent", Text),
    Column("product", Text),
    Column("message", Text),
    Column("enriched", JSONB),  # what the policy's hook last answered
)

submissions = Table(
    "submissions",
    metadata,
    _id(key=True),
    _id("lead_id"),
    Column("received_at", TIME, nullable=False),
    _flag("applied"),  # the first one routed stands
    Column("body", JSONB, nullable=False),
    Index("submissions_lead", "lead_id"),
)

decisions = Table(
    "decisions",
    metadata,
    _id(key=True),
    _id("lead_id"),
    Column("at", TIME, nullable=False),
    Column("stage", Text, nullable=False),  # captured, handover
    Column("policy_version", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("queue", Text),
    Column("receipt", JSONB, nullable=False),
    Index("decisions_lead", "lead_id", "at"),
)

timeline = Table(
    "timeline",
    metadata,
    _id("lead_id", key=True),
    Column("seq", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("at", TIME, nullable=False),
    Column("data", JSONB, nullable=False),
)

# What people wrote while working a lead: it may be personal, so it is no event. Shown in the history beside the event.
notes = Table(
    "notes",
    metadata,
    _id("lead_id", key=True),
    Column("seq", Integer, primary_key=True),
    Column("note", Text, nullable=False),
)

# --- work ------------------------------------------------------------------------------------------------------------

items = Table(
    "items",
    metadata,
    _id(key=True),
    _id("lead_id"),  # the root lead
    Column("kind", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", Text, nullable=False),
    _flag("test"),
    Column("queued_at", TIME, nullable=False),  # when it first entered a pool or queue; never changes
    Column("rank_at", TIME, nullable=False),  # queued_at less the credit of its priority; never changes
    Column("due_at", TIME),
    Column("next_at", TIME),  # snoozed until
    _id("reserved_for", null=True),
    Column("reserved_until", TIME),
    Column("reserved_why", Text),  # the exception that a claim of it will carry
    _list("returned_by"),
    Column("token", Integer, nullable=False, server_default=sql("0")),  # of the last claim; only grows
    Column("attempted_at", TIME),
    Column("conversed_at", TIME),
    Column("sla_breached_at", TIME),
    Column("escalate_at", TIME),  # when the next step of its escalation is due
    Column("escalates_by", Text),  # the queue whose steps these are: in which it was late
    Column("escalated", Integer, nullable=False, server_default=sql("0")),  # how many steps were done
    _flag("out_of_hours"),  # of its person, as last looked at: no pull gives it, no release moves it
    Column("turns_at", TIME),  # when that is to be looked at again
    Column("person_hours", Text),  # by which it was looked at; null: its queue had none
    _id("opportunity_id", null=True),
    _id("customer_id", null=True),
    _id("task_id", null=True),
    _id("carried_from", null=True),  # a claim that was taken from its rep: whoever has it next goes on with its step
    # Each matches its ORDER BY exactly: claims, releases and sweeps read their head alone.
    Index("items_queued", "queue", "test", "out_of_hours", "rank_at", "id", postgresql_where=sql("state = 'queued'")),
    Index("items_pooled", "queue", "test", "out_of_hours", "rank_at", "id", postgresql_where=sql("state = 'pooled'")),
    Index("items_reserved", "reserved_for", "out_of_hours", "rank_at", "id", postgresql_where=sql("state = 'queued'")),
    Index("items_snoozed", "next_at", postgresql_where=sql("state = 'snoozed'")),
    Index("items_parked", "queue", "queued_at", postgresql_where=sql("state = 'parked'")),
    Index(
        "items_unanswered",
        "due_at",
        postgresql_where=sql(
            "attempted_at IS NULL AND sla_breached_at IS NULL AND due_at IS NOT NULL"
            " AND state IN ('pooled', 'queued', 'claimed', 'snoozed', 'parked')"
        ),
    ),
    Index(
        "items_breached",
        "queue",
        postgresql_where=sql(
            "attempted_at IS NULL AND sla_breached_at IS NOT NULL"
            " AND state IN ('pooled', 'queued', 'claimed', 'snoozed', 'parked')"
        ),
    ),
    Index(
        "items_escalating",
        "escalate_at",
        postgresql_where=sql(
            "attempted_at IS NULL AND escalate_at IS NOT NULL"
            " AND state IN ('pooled', 'queued', 'claimed', 'snoozed', 'parked')"
        ),
    ),
    Index(
        "items_turning",
        "turns_at",
        postgresql_where=sql("turns_at IS NOT NULL AND state IN ('pooled', 'queued')"),
    ),
    Index("items_entered", "queued_at", postgresql_using="brin"),
    Index("items_lead", "lead_id"),
    Index("items_carried", "carried_from", postgresql_where=sql("carried_from IS NOT NULL")),
)

claims = Table(
    "claims",
    metadata,
    _id(key=True),
    _id("item_id"),
    _id("lead_id"),
    _id("rep_id"),
    Column("queue", Text, nullable=False),
    Column("token", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("exception", Text),
    _flag("test"),
    Column("granted_at", TIME, nullable=False),
    Column("heartbeat_at", TIME),
    Column("attempted_at", TIME),  # the last attempt under this claim
    Column("expires_at", TIME, nullable=False),
    Column("next_what", Text),
    Column("next_at", TIME),
    Column("next_side", Text),
    _flag("next_promise"),
    Column("served_at", TIME),  # when the due promise was given by a pull: once for each
    Column("overdue_at", TIME),  # when the holder was warned of this next step
    Column("settled_at", TIME),  # when this promise was found kept or broken
    Column("ended_at", TIME),
    Column("ended_by", JSONB),  # the act and its body, so that the same again is answered as before
    Column("returned_because", Text),
    Column("answer_by", TIME),  # a live hand-over that no pull has given its rep yet: theirs until then
    Index("claims_one_holder", "item_id", unique=True, postgresql_where=sql("state = 'active'")),
    Index("claims_of_rep", "rep_id", "queue", postgresql_where=sql("state = 'active'")),
    Index("claims_ending", "expires_at", postgresql_where=sql("state = 'active'")),
    Index("claims_next", "next_at", postgresql_where=sql("state = 'active' AND next_at IS NOT NULL")),
    Index("claims_item", "item_id", "token"),
    Index("claims_returned", "rep_id", "queue", "ended_at", postgresql_where=sql("state = 'returned'")),
)

# A pull under an idempotency key gives the same live claim again.
pull_keys = Table(
    "pull_keys",
    metadata,
    _id("rep_id", key=True),
    Column("desk", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _id("claim_id"),
    Column("why", Text, nullable=False),
    Column("at", TIME, nullable=False),
)

# A pull that waits, as long as it says so: who of a desk has waited longest.
waiting_pulls = Table(
    "waiting_pulls",
    metadata,
    _id("rep_id", key=True),
    Column("desk", Text, primary_key=True),
    Column("test", Boolean, primary_key=True),
    Column("since", TIME, nullable=False),
    Column("until", TIME, nullable=False),  # it says again before then that it waits
    Index("waiting_pulls_longest", "desk", "test", "since", "rep_id"),
)

attempts = Table(
    "attempts",
    metadata,
    _id(key=True),
    _id("claim_id"),
    _id("item_id"),
    _id("lead_id"),
    _id("rep_id"),
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("at", TIME, nullable=False),
    Column("note", Text),
    Column("evidence", Text),
    Column("next_at", TIME),
    _flag("promise"),
    _flag("first"),
    _flag("first_conversation"),
    Index("attempts_item", "item_id"),
    Index("attempts_of_rep", "rep_id", "at"),
)

opportunities = Table(
    "opportunities",
    metadata,
    _id(key=True),
    _id("lead_id"),
    _id("account_id", null=True),
    _id("item_id"),  # the open one, else the last
    Column("state", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("product", Text),
    Column("qualified_by", Text),
    _id("closer", null=True),  # who holds it, or held it last
    Column("created_at", TIME, nullable=False),
    Column("accepted_at", TIME),
    Column("conversed_at", TIME),
    Column("qualification", JSONB),
    Column("estimate_amount", BigInteger),
    Column("estimate_currency", Text),
    Column("value_amount", BigInteger),
    Column("value_currency", Text),
    Column("closed_at", TIME),
    _id("closed_by", null=True),  # the rep who did
    Column("reason", Text),
    Column("reopen_after", TIME),
    _id("customer_id", null=True),
    Index("opportunities_lead", "lead_id"),
    Index("opportunities_open", "account_id", postgresql_where=sql("state = 'open' AND account_id IS NOT NULL")),
    Index("opportunities_reopening", "reopen_after", postgresql_where=sql("state = 'lost'")),
)

meetings = Table(
    "meetings",
    metadata,
    _id(key=True),
    _id("opportunity_id"),
    Column("state", Text, nullable=False),
    Column("at", TIME, nullable=False),
    Column("mode", Text, nullable=False),
    Column("moves", Integer, nullable=False, server_default=sql("0")),
    _id("rep_id", null=True),  # of one that was held: who held it
    Column("asked_at", TIME),  # when its holder was asked what came of it
    Index("meetings_opportunity", "opportunity_id"),
    Index("meetings_unrecorded", "at", postgresql_where=sql("state = 'booked' AND asked_at IS NULL")),
    Index("meetings_held", "rep_id", "at", postgresql_where=sql("state = 'held'")),
)

proposal_requests = Table(
    "proposal_requests",
    metadata,
    _id(key=True),
    _id("opportunity_id"),
    Column("at", TIME, nullable=False),
    Column("note", Text),
    Index("proposal_requests_opportunity", "opportunity_id"),
)

proposals = Table(
    "proposals",
    metadata,
    _id(key=True),
    _id("opportunity_id"),
    _id("request_id", null=True),
    Column("at", TIME, nullable=False),
    Column("value_amount", BigInteger, nullable=False),
    Column("value_currency", Text, nullable=False),
    Index("proposals_opportunity", "opportunity_id"),
)

customers = Table(
    "customers",
    metadata,
    _id(key=True),
    _id("lead_id"),
    _id("opportunity_id"),
    _id("item_id", null=True),  # none: the company has no customer desk
    _id("account_id", null=True),
    Column("state", Text, nullable=False),
    _id("closer", null=True),
    Column("since", TIME, nullable=False),
    Column("value_amount", BigInteger, nullable=False),
    Column("value_currency", Text, nullable=False),
    Column("deployed_at", TIME),
    Column("churned_at", TIME),
    Column("reason", Text),
    Index("customers_account", "account_id"),
)

# What a customer bought more; `seq` is that of the event that tells of it.
expansions = Table(
    "expansions",
    metadata,
    _id("customer_id", key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", TIME, nullable=False),
    Column("value_amount", BigInteger, nullable=False),
    Column("value_currency", Text, nullable=False),
)

renewals = Table(
    "renewals",
    metadata,
    _id("customer_id", key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", TIME, nullable=False),
    Column("until", Date, nullable=False),
    Column("value_amount", BigInteger, nullable=False),
    Column("value_currency", Text, nullable=False),
)

# What one desk asks of another, for an opportunity or a customer. Summary, result and reason may be personal: they are
# erased with whom they are about.
tasks = Table(
    "tasks",
    metadata,
    _id(key=True),
    _id("lead_id"),
    _id("item_id"),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("needed_by", TIME),
    _id("raised_by"),  # the rep, or the manager's or admin's key
    Column("raised_at", TIME, nullable=False),
    _id("opportunity_id", null=True),
    _id("customer_id", null=True),
    Column("closed_at", TIME),
    Column("result", JSONB),
    Column("reason", Text),
    Index("tasks_opportunity", "opportunity_id", postgresql_where=sql("opportunity_id IS NOT NULL")),
    Index("tasks_customer", "customer_id", postgresql_where=sql("customer_id IS NOT NULL")),
)

# --- desks -----------------------------------------------------------------------------------------------------------

reps = Table(
    "reps",
    metadata,
    _id(key=True),
    Column("name", Text, nullable=False),
    Column("email", Text),
    _list("queues"),
    _list("desks"),  # where it has a place or had one: whose managers see it
    _list("skills"),
    _list("territories"),
    Column("zone", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("away_until", TIME),
    _list("covers"),  # the first of these that is there has what falls due meanwhile, and what is let lapse
    Column("created_at", TIME, nullable=False),
    Index("reps_queues", "queues", postgresql_using="gin"),
    Index("reps_covers", "covers", postgresql_using="gin"),
)

# The row that a release locks; and what was last said of the queue.
queues = Table(
    "queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("day_started_on", Date),  # the last local day on which its day start was done
    Column("shortage", Integer, nullable=False, server_default=sql("0")),
    Column("measures", JSONB),
    Column("measured_at", TIME),
)

# What was foreseen of a queue's next day start, a day ahead, and then what came.
forecasts = Table(
    "forecasts",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("day", Date, primary_key=True),  # the local day that starts
    Column("by", TIME, nullable=False),
    Column("made_at", TIME, nullable=False),
    Column("needs", Integer, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("pool", Integer, nullable=False),
    Column("expected", Integer, nullable=False),
    Column("came", Integer),
)
