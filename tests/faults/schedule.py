"""What goes wrong, and when: a pure function of a seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

NUMBERS = (1, 2)
PROCESSES = tuple(f"{kind}-{n}" for kind in ("ingest", "router", "desk", "worker", "metrics") for n in NUMBERS)
ZOMBIES = tuple(f"{kind}-{n}" for kind in ("router", "worker", "metrics") for n in NUMBERS)
BROKERS = ("broker-1", "broker-2", "broker-3")
LEASE = 10.0
"""Seconds: of a leader, and of a member of a Kafka group."""
CLAIM = 5.0
"""Seconds of a claim, under the policy of these tests."""


class Kind(Enum):
    """A fault: of one target, for a time."""

    KILL = "kill -9"
    BOUNCE = "restart"
    PAUSE = "SIGSTOP"
    BROKER = "broker killed"
    ROLL = "rolling bounce of the brokers"
    NO_KAFKA = "all brokers down"
    POSTGRES = "PostgreSQL killed"
    BLACKOUT = "Kafka and PostgreSQL down"
    TERMINATE = "pool's connections killed"
    DELAY = "link slow"
    SILENCE = "link silent"
    DROP = "link drops answers"
    RESET = "link resets"
    STORM = "rebalance storm"
    POISON = "poison records"
    LARGE = "record too large"
    DISK = "disk full for the log table"

    @property
    def shared(self) -> bool:
        """It breaks what all others rest on."""
        return self not in _OF_ONE


_OF_ONE = frozenset((Kind.KILL, Kind.BOUNCE, Kind.PAUSE, Kind.DELAY, Kind.SILENCE, Kind.DROP, Kind.RESET))
LINKS = (Kind.DELAY, Kind.SILENCE, Kind.DROP, Kind.RESET)


@dataclass(frozen=True, slots=True)
class Fault:
    """At `at` seconds `target` suffers `kind` for `lasts` seconds. A link's target is `caller>server`."""

    at: float
    kind: Kind
    target: str
    lasts: float

    @property
    def until(self) -> float:
        return self.at + self.lasts

    def __str__(self) -> str:
        return f"{self.kind.value} {self.target}".strip()


def links(callers: Iterable[str] = PROCESSES) -> list[str]:
    """All links: processes to PostgreSQL and to brokers, brokers to each other, callers to what they call."""
    found = [f"{caller}>{server}" for caller in callers for server in ("postgres", *BROKERS)]
    found += [f"{one}>{other}" for one in BROKERS for other in BROKERS if one != other]
    return found + [f"callers>{name}" for name in PROCESSES if name.startswith(("ingest", "desk"))]


def short(seed: int, *, disk: bool = True) -> list[Fault]:
    """One or two of each cheap kind, close together."""
    dice = Random(seed)
    victims = [
        (Kind.KILL, dice.choice(("router-1", "router-2")), 0.5),
        (Kind.KILL, dice.choice(("ingest-1", "ingest-2", "desk-1", "desk-2")), 0.5),
        (Kind.PAUSE, dice.choice(ZOMBIES), LEASE + 2),
        (Kind.BROKER, dice.choice(BROKERS), 2.0),
        (Kind.POSTGRES, "postgres", 0.5),
        (Kind.TERMINATE, "postgres", 0.0),
        (dice.choice((Kind.DROP, Kind.RESET)), dice.choice(links()), 2.0),
        (Kind.POISON, "", 0.0),
        *([(Kind.DISK, "postgres", 1.5)] if disk else []),
    ]
    dice.shuffle(victims)
    return _one_after_the_other(dice, victims, gap=(0.3, 1.0), together=0.5)


def full(seed: int, *, disk: bool = True) -> list[Fault]:
    """All of them."""
    dice = Random(seed)
    victims: list[tuple[Kind, str, float]] = [(Kind.KILL, name, dice.uniform(0.0, 4.0)) for name in PROCESSES]
    victims += [(Kind.BOUNCE, name, 0.0) for name in dice.sample(PROCESSES, 3)]
    zombies = [f"{kind}-{dice.choice(NUMBERS)}" for kind in ("router", "worker", "metrics")]
    victims += [(Kind.PAUSE, name, dice.uniform(LEASE + 2, LEASE + 6)) for name in [*zombies, dice.choice(ZOMBIES)]]
    victims += [(Kind.BROKER, name, dice.uniform(4.0, 8.0)) for name in dice.sample(BROKERS, 2)]
    victims += [(Kind.POSTGRES, "postgres", lasts) for lasts in (0.0, dice.uniform(3.0, 6.0))]
    victims += [(Kind.TERMINATE, "postgres", dice.uniform(0.0, 3.0)) for _ in range(2)]
    victims += [(kind, target, dice.uniform(3.0, 8.0)) for kind in LINKS for target in dice.sample(links(), 3)]
    victims += [
        (Kind.ROLL, "brokers", 0.0),
        (Kind.NO_KAFKA, "brokers", dice.uniform(5.0, 10.0)),
        (Kind.BLACKOUT, "", dice.uniform(3.0, 5.0)),
        (Kind.STORM, "router", 10.0),
        (Kind.STORM, "metrics", 10.0),
        (Kind.POISON, "", 0.0),
        (Kind.POISON, "", 0.0),
        (Kind.LARGE, "", 4.0),
        *([(Kind.DISK, "postgres", dice.uniform(3.0, 6.0))] if disk else []),
    ]
    dice.shuffle(victims)
    return _one_after_the_other(dice, victims, gap=(2.0, 4.0), together=0.15)


def _one_after_the_other(
    dice: Random, victims: Sequence[tuple[Kind, str, float]], *, gap: tuple[float, float], together: float
) -> list[Fault]:
    """Give each its time; with a chance of `together` one begins while another lasts, if one is of a process alone."""
    faults: list[Fault] = []
    at, mended = 2.0, 0.0
    for kind, target, lasts in victims:
        if faults and dice.random() < together:
            sooner = dice.uniform(faults[-1].at, faults[-1].until)
            if all(_go_together(one, kind, target) for one in faults if one.until >= sooner):
                at = sooner
        faults.append(Fault(round(at, 3), kind, target, round(lasts, 3)))
        mended = max(mended, at + lasts)
        at = mended + dice.uniform(*gap)
    return faults


def _go_together(one: Fault, kind: Kind, target: str) -> bool:
    return one.target != target and not (one.kind.shared and kind.shared)
