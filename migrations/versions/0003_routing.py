"""Schema `routing`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA routing")
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("domain"),
        schema="routing",
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("claim_id", sa.Text(collation="C"), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("rep_id", sa.Text(collation="C"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("promise", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("first", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("first_conversation", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("attempts_item", "attempts", ["item_id"], unique=False, schema="routing")
    op.create_table(
        "claims",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("rep_id", sa.Text(collation="C"), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("exception", sa.Text(), nullable=True),
        sa.Column("test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_what", sa.Text(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_side", sa.Text(), nullable=True),
        sa.Column("next_promise", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", JSONB, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index(
        "claims_ending",
        "claims",
        ["expires_at"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index("claims_item", "claims", ["item_id", "token"], unique=False, schema="routing")
    op.create_index(
        "claims_next",
        "claims",
        ["next_at"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'active' AND next_at IS NOT NULL"),
    )
    op.create_index(
        "claims_of_rep",
        "claims",
        ["rep_id", "queue"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "claims_one_holder",
        "claims",
        ["item_id"],
        unique=True,
        schema="routing",
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("opportunity_id", sa.Text(collation="C"), nullable=False),
        sa.Column("account_id", sa.Text(collation="C"), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closer", sa.Text(collation="C"), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value_amount", sa.BigInteger(), nullable=False),
        sa.Column("value_currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("receipt", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("decisions_lead", "decisions", ["lead_id", "at"], unique=False, schema="routing")
    op.create_table(
        "identities",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "digest"),
        schema="routing",
    )
    op.create_table(
        "identity_persons",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "digest", "person_id"),
        schema="routing",
    )
    op.create_index(
        "identity_persons_person", "identity_persons", ["person_id", "kind"], unique=False, schema="routing"
    )
    op.create_table(
        "items",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rank_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reserved_for", sa.Text(collation="C"), nullable=True),
        sa.Column("reserved_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reserved_why", sa.Text(), nullable=True),
        sa.Column("returned_by", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("token", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sla_breached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opportunity_id", sa.Text(collation="C"), nullable=True),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index(
        "items_breached",
        "items",
        ["queue"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text(
            "attempted_at IS NULL AND sla_breached_at IS NOT NULL AND state IN ('pooled', 'queued', 'claimed', 'snoozed', 'parked')"
        ),
    )
    op.create_index("items_lead", "items", ["lead_id"], unique=False, schema="routing")
    op.create_index(
        "items_parked",
        "items",
        ["queue", "queued_at"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'parked'"),
    )
    op.create_index(
        "items_pooled",
        "items",
        ["queue", "test", "rank_at", "id"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'pooled'"),
    )
    op.create_index(
        "items_queued",
        "items",
        ["queue", "test", "rank_at", "id"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "items_reserved",
        "items",
        ["reserved_for", "rank_at", "id"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "items_snoozed",
        "items",
        ["next_at"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'snoozed'"),
    )
    op.create_index(
        "items_unanswered",
        "items",
        ["due_at"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text(
            "attempted_at IS NULL AND sla_breached_at IS NULL AND due_at IS NOT NULL AND state IN ('pooled', 'queued', 'claimed', 'snoozed', 'parked')"
        ),
    )
    op.create_table(
        "lead_details",
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("contact", JSONB, nullable=False),
        sa.Column("company", JSONB, nullable=False),
        sa.Column("campaign", JSONB, nullable=False),
        sa.Column("consent", JSONB, nullable=True),
        sa.Column("custom", JSONB, nullable=False),
        sa.Column("intent", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("lead_id"),
        schema="routing",
    )
    op.create_table(
        "leads",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("list", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("merged_into", sa.Text(collation="C"), nullable=True),
        sa.Column("matched_by", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("priority", sa.Text(), server_default=sa.text("'normal'"), nullable=False),
        sa.Column("segment", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Text(collation="C"), nullable=True),
        sa.Column("account_id", sa.Text(collation="C"), nullable=True),
        sa.Column("conflict", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("nurture_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_id", sa.Text(collation="C"), nullable=True),
        sa.Column("opportunity_id", sa.Text(collation="C"), nullable=True),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=True),
        sa.Column("milestones", JSONB, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("leads_account", "leads", ["account_id"], unique=False, schema="routing")
    op.create_index(
        "leads_merged_into",
        "leads",
        ["merged_into"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index("leads_newest", "leads", ["received_at", "id"], unique=False, schema="routing")
    op.create_index(
        "leads_nurturing",
        "leads",
        ["nurture_until"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'nurturing'"),
    )
    op.create_index("leads_person", "leads", ["person_id"], unique=False, schema="routing")
    op.create_table(
        "meetings",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("opportunity_id", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("moves", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("meetings_opportunity", "meetings", ["opportunity_id"], unique=False, schema="routing")
    op.create_table(
        "notes",
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lead_id", "seq"),
        schema="routing",
    )
    op.create_table(
        "opportunities",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("qualified_by", sa.Text(), nullable=True),
        sa.Column("closer", sa.Text(collation="C"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("qualification", JSONB, nullable=True),
        sa.Column("estimate_amount", sa.BigInteger(), nullable=True),
        sa.Column("estimate_currency", sa.Text(), nullable=True),
        sa.Column("value_amount", sa.BigInteger(), nullable=True),
        sa.Column("value_currency", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reopen_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("customer_id", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("opportunities_lead", "opportunities", ["lead_id"], unique=False, schema="routing")
    op.create_index(
        "opportunities_reopening",
        "opportunities",
        ["reopen_after"],
        unique=False,
        schema="routing",
        postgresql_where=sa.text("state = 'lost'"),
    )
    op.create_table(
        "persons",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_table(
        "proposal_requests",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("opportunity_id", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index(
        "proposal_requests_opportunity", "proposal_requests", ["opportunity_id"], unique=False, schema="routing"
    )
    op.create_table(
        "proposals",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("opportunity_id", sa.Text(collation="C"), nullable=False),
        sa.Column("request_id", sa.Text(collation="C"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value_amount", sa.BigInteger(), nullable=False),
        sa.Column("value_currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("proposals_opportunity", "proposals", ["opportunity_id"], unique=False, schema="routing")
    op.create_table(
        "pull_keys",
        sa.Column("rep_id", sa.Text(collation="C"), nullable=False),
        sa.Column("desk", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(collation="C"), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("rep_id", "desk", "key"),
        schema="routing",
    )
    op.create_table(
        "queues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("day_started_on", sa.Date(), nullable=True),
        sa.Column("shortage", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("measures", JSONB, nullable=True),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
        schema="routing",
    )
    op.create_table(
        "reps",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("queues", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("desks", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("skills", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("territories", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("away_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("reps_queues", "reps", ["queues"], unique=False, schema="routing", postgresql_using="gin")
    op.create_table(
        "submissions",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("submissions_lead", "submissions", ["lead_id"], unique=False, schema="routing")
    op.create_table(
        "suppressions",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="routing",
    )
    op.create_index("suppressions_once", "suppressions", ["kind", "digest", "channel"], unique=True, schema="routing")
    op.create_table(
        "timeline",
        sa.Column("lead_id", sa.Text(collation="C"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("lead_id", "seq"),
        schema="routing",
    )
