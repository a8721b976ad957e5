"""What the router does with a batch of submissions: one readable pipeline, in one transaction."""

from collections.abc import Sequence

from router.outcomes import Decision
from router.policy.rule import RESERVED_RULES
from router.route import route
from schemas.envelope import Envelope
from schemas.events.intake import LeadSubmitted
from services import policies
from services.runtime.consumer import Handler, Received, Refused
from services.runtime.secret import Keyring
from services.runtime.telemetry import Telemetry
from services.runtime.tx import Tx
from services.store import leads, worlds
from services.store.story import telling


def decode(envelope: Envelope, value: bytes) -> LeadSubmitted:
    """Read a submission. Raises: ValueError where it is none; a newer kind is laid aside until we know it."""
    if envelope.type != LeadSubmitted.type():
        raise ValueError(f"{envelope.type} is no submission that this version knows")
    return LeadSubmitted.model_validate_json(value)


def handler(keyring: Keyring, telemetry: Telemetry) -> Handler[LeadSubmitted]:
    """Identify, decide, enqueue, record receipts, tell: in the order of capture, whichever partitions they came by."""

    async def handle(tx: Tx, batch: Sequence[Received[LeadSubmitted]]) -> Sequence[Refused]:
        batch = sorted(batch, key=lambda one: one.event.received_at)
        policy = await policies.active(tx)
        async with telling(tx) as stories:
            loaded = await worlds.load(tx, keyring, policy, batch)
            routed = route(loaded.leads, policy, loaded.world, tx.now)
            await leads.record(tx, stories, policy, loaded, routed)
        for one in routed:
            if isinstance(one, Decision):
                by = one.receipt.rule if one.receipt.rule in RESERVED_RULES else "rule"
                telemetry.decisions.labels(one.action, by).inc()
        return []

    return handle
