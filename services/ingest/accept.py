"""Accept: make submissions durable, and only then say so (law 1). No state is read."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from schemas.api.intake import LeadAccepted, LeadIn, Warned
from schemas.events.intake import LeadSubmitted
from schemas.events.stamp import text_of
from schemas.topics import INBOUND, OUTBOUND
from schemas.words import Direction, LeadId, Rejection, SourceName
from services.ingest.normalise import Fields, normal_of, normalise
from services.runtime.http.problems import Problem, TooLarge, Unavailable
from services.runtime.log import port
from services.runtime.log.messages import message
from services.runtime.log.port import Appends, LogUnavailable, Message
from services.runtime.secret import Keyring
from services.runtime.telemetry import Telemetry

RECEIPT_URL: Final = "/v1/leads/{id}"
_TOPICS: Final = {Direction.INBOUND: INBOUND, Direction.OUTBOUND: OUTBOUND}
_NOT_ACCEPTED: Final = "Nothing was accepted. Send it again with the same key: it cannot become two leads."


class Taken(NamedTuple):
    """A submission that is in order, and durable once `keep` has returned."""

    id: LeadId
    source: SourceName
    received_at: datetime
    warnings: Sequence[Warned]
    message: Message

    @property
    def receipt_url(self) -> str:
        return RECEIPT_URL.format(id=self.id)

    def answer(self) -> LeadAccepted:
        """What the sender is told of it."""
        return LeadAccepted(
            id=self.id,
            received_at=self.received_at,
            receipt_url=self.receipt_url,
            warnings=list(self.warnings),
        )


class Intake:
    """Takes submissions. `region_of` tells where a source's numbers without a country code are dialled."""

    def __init__(
        self,
        log: Appends,
        keyring: Keyring,
        telemetry: Telemetry,
        region_of: Callable[[SourceName], Awaitable[str | None]],
    ) -> None:
        self._log = log
        self._keyring = keyring
        self._telemetry = telemetry
        self._region_of = region_of
        self._counter = cache(telemetry.accepted.labels)

    async def take(
        self,
        posted: LeadIn | Mapping[str, Any],
        *,
        source: SourceName,
        direction: Direction,
        key: str | None,
        now: datetime,
        flag: Rejection | None = None,
    ) -> Taken:
        """Check and normalise one body, or one that is read. Its ids come from its key, else from its
        `submission_id`, else by chance.

        Raises: Invalid.
        """
        region = await self._region_of(source)
        if isinstance(posted, LeadIn):
            normal = normal_of(posted, region)
        else:
            normal = normalise(posted, default_region=region, now=now)
            posted = normal.lead
        lead = self._keyring.lead_id(source, key or posted.submission_id)
        submission = self._keyring.submission_id(lead, direction.encode() + b"\n" + normal.said)
        # The event `LeadSubmitted`, whose model is for readers: it would be built only to be written.
        value = to_json(
            {
                "id": lead,
                "submission_id": submission,
                "source": source,
                "direction": direction,
                "received_at": text_of(now),
                "occurred_at": posted.occurred_at,
                "test": bool(posted.test),
                "list": bool(posted.list),
                "contact": normal.contact,
                "company": normal.company,
                "intent": posted.intent,
                "product": posted.product,
                "message": posted.message,
                "campaign": normal.campaign,
                "consent": normal.consent,
                "custom": posted.custom or {},
                "flag": flag,
            }
        )
        place = self._place(lead, normal.contact)
        event = message(_TOPICS[direction], place, LeadSubmitted.type(), value, subject=place, at=now, process="ingest")
        return Taken(lead, source, now, normal.warnings, event)

    async def keep(self, taken: Sequence[Taken], how: str) -> None:
        """Return once all are durable. Raises: Unavailable, TooLarge: none is accepted."""
        try:
            await self._log.append([each.message for each in taken])
        except LogUnavailable as error:
            raise Unavailable(_NOT_ACCEPTED) from error
        except port.TooLarge as error:
            raise TooLarge(port.LARGEST) from error
        for each in taken:
            self._counter(each.source, how).inc()

    def refused(self, problem: Problem, how: str) -> None:
        """Count what was not accepted."""
        self._telemetry.refused.labels(how, problem.code.value).inc()

    def _place(self, lead: LeadId, contact: Fields) -> str:
        """The record's key: one person's submissions lie together, without saying who it is."""
        who = _identity(contact)
        return self._keyring.digest("person", who).hex() if who else lead


def _identity(contact: Fields) -> str | None:
    if contact["email_valid"]:
        return f"email {contact['email'].casefold()}"
    if contact["phone_valid"]:
        return f"phone {contact['phone']}"
    return f"profile {contact['profile_url']}" if contact["profile_valid"] else None
