"""Dead letters: bad records, kept for 28 days to look at, mend and replay."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, and_, delete, exists, insert, select, update

from schemas.events.stamp import text_of
from services.runtime.ids import mint
from services.runtime.log.headers import from_json, to_json
from services.runtime.log.port import Message, Place, Record
from services.runtime.tables import dead_letters, records
from services.runtime.tx import ReadTx, Tx

KEPT = timedelta(days=28)
RELAY = "relay"
"""Whom dead letters name that Kafka refused."""
_LONGEST = 1000
"""Characters of a reason."""
_LISTED = 1000
_TOGETHER = 100
"""Of those that are read whole at a time."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that will not do, and why. It becomes a dead letter; the batch goes on."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record, in its place."""

    id: str
    place: Place
    offset: int
    consumer: str
    reason: str
    failed_at: datetime
    replayed_at: datetime | None
    message: Message

    def summary(self) -> dict[str, Any]:
        """As `dlq list` shows it."""
        return {
            "id": self.id,
            "topic": self.place.topic,
            "partition": self.place.partition,
            "offset": self.offset,
            "consumer": self.consumer,
            "reason": self.reason,
            "failed_at": text_of(self.failed_at),
            "replayed_at": text_of(self.replayed_at) if self.replayed_at else None,
        }

    def whole(self) -> dict[str, Any]:
        """As `dlq show` does: with key, headers and value (as JSON; else text; else base 64)."""
        headers = {name: value for name, value, *_ in to_json(self.message.headers)}
        return {**self.summary(), "key": self.message.key, "headers": headers, "value": _readable(self.message.value)}


async def add(tx: Tx, consumer: str, refused: Sequence[Refused]) -> None:
    """Lay records aside, in the transaction that moves the position over them."""
    if not refused:
        return
    rows = [
        {
            "id": mint("dlq", tx.now),
            "topic": each.record.place.topic,
            "partition": each.record.place.partition,
            "offset": each.record.offset,
            "consumer": consumer,
            "reason": _clean(each.reason)[:_LONGEST],
            "key": _clean(each.record.key),
            "value": each.record.value,
            "headers": to_json(each.record.headers),
            "failed_at": tx.now,
        }
        for each in refused
    ]
    await tx.execute(insert(dead_letters), rows)


async def listed(tx: ReadTx, topic: str | None = None) -> list[DeadLetter]:
    """The latest thousand, newest first: of one topic or all."""
    newest = (dead_letters.c.failed_at.desc(), dead_letters.c.offset.desc(), dead_letters.c.id)
    statement = select(dead_letters).order_by(*newest).limit(_LISTED)
    if topic is not None:
        statement = statement.where(dead_letters.c.topic == topic)
    return [_letter(row) for row in await tx.fetch(statement)]


async def waiting(tx: ReadTx, topic: str, *, until: datetime) -> list[DeadLetter]:
    """The next of a topic that failed by then and were not replayed yet, oldest first; none: that was all."""
    c = dead_letters.c
    here = (c.topic == topic, c.replayed_at.is_(None), c.failed_at <= until)
    statement = select(dead_letters).where(*here).order_by(c.failed_at, c.offset, c.id).limit(_TOGETHER)
    return [_letter(row) for row in await tx.fetch(statement)]


async def found(tx: ReadTx, id_: str) -> DeadLetter | None:
    """One of them."""
    row = await tx.one(select(dead_letters).where(dead_letters.c.id == id_))
    return _letter(row) if row else None


async def places(tx: ReadTx, consumer: str) -> set[tuple[Place, int]]:
    """Where the records stand that a consumer laid aside."""
    letters = dead_letters.c
    rows = await tx.fetch(select(letters.topic, letters.partition, letters.offset).where(letters.consumer == consumer))
    return {(Place(row["topic"], row["partition"]), row["offset"]) for row in rows}


async def mark_replayed(tx: Tx, ids: Sequence[str]) -> None:
    """They have been appended to their topics again."""
    await tx.execute(update(dead_letters).where(dead_letters.c.id.in_(ids)).values(replayed_at=tx.now))


async def prune(tx: Tx) -> int:
    """Delete those whose time is over; how many. What Kafka refused stays while it waits to be replayed."""
    of = dead_letters.c
    waits = exists().where(
        records.c.topic == of.topic,
        records.c.partition == of.partition,
        records.c.offset == of.offset,
        records.c.parked,
    )
    stays = and_(of.consumer == RELAY, waits)
    return await tx.execute(delete(dead_letters).where(of.failed_at < tx.now - KEPT, ~stays))


def _letter(row: RowMapping) -> DeadLetter:
    message = Message(row["topic"], row["key"], row["value"], from_json(row["headers"]))
    place = Place(row["topic"], row["partition"])
    return DeadLetter(
        row["id"], place, row["offset"], row["consumer"], row["reason"], row["failed_at"], row["replayed_at"], message
    )


def _clean(text: str) -> str:
    """What PostgreSQL's text can hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _readable(value: bytes | None) -> Any:
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
    try:
        return json.loads(text)
    except ValueError:
        return text
