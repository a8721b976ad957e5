"""What comes of a pull: a closed set."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from router.limits import LimitReached
from schemas.words import QueueName, Why
from services.store.items import Claim


@dataclass(frozen=True, slots=True)
class Given:
    """A claim, granted or held already (a promise that is due, a repeated key)."""

    why: Why
    claim: Claim


@dataclass(frozen=True, slots=True)
class Ended:
    """The claim that this key was given, which has ended."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Full:
    """Every queue of the rep's at the desk is at a limit; this is the first one's."""

    limit: LimitReached


@dataclass(frozen=True, slots=True)
class Away:
    """The rep is away until then; None: until that is changed."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Left:
    """The rep has left for good."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The rep has no queue at the desk."""


@dataclass(frozen=True, slots=True)
class Empty:
    """Queues and pools have nothing for this rep. `queues`: what to wait on."""

    queues: tuple[QueueName, ...]


@dataclass(frozen=True, slots=True)
class Busy:
    """There is something, but others had it locked just then: look again."""


Pulled: TypeAlias = Given | Ended | Full | Away | Left | Elsewhere | Empty | Busy
