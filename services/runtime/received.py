"""A record as a handler gets it, and how a record is read."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from schemas.envelope import Envelope, from_headers
from services.runtime import trace
from services.runtime.deadletters import Refused
from services.runtime.log.port import Record

E = TypeVar("E")

Decode = Callable[[Envelope, bytes], E]
"""Reads a value: pure. Raises ValueError where it will not do."""


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """A record, its envelope, and what it says."""

    record: Record
    envelope: Envelope
    event: E

    def following(self) -> AbstractContextManager[None]:
        """Follow it: what is emitted and logged inside carries the id of the request that began it all."""
        return trace.following(trace.Trace(self.envelope.correlationid, self.envelope.traceparent))


def read(records: Sequence[Record], decode: Decode[E]) -> tuple[list[Received[E]], list[Refused]]:
    """Read records in order; those that will not do are refused, with the reason."""
    received: list[Received[E]] = []
    refused: list[Refused] = []
    for record in records:
        try:
            envelope = from_headers(record.headers)
            if record.value is None:
                raise ValueError("the record has no value")
            received.append(Received(record, envelope, decode(envelope, record.value)))
        except Exception as error:  # whatever a value does to its reader, it is the value's fault
            refused.append(Refused(record, reason_of(error)))
    return received, refused


def reason_of(error: BaseException) -> str:
    """Say why a record will not do, without the values that it holds."""
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'value'}: {each['msg']}" for each in found[:5])
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".removesuffix(": ")
