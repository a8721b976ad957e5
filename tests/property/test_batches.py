"""However submissions are cut into batches, the same comes of them."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kit.clock import ManualClock
from kit.routing import Routing
from kit.submissions import submission
from sqlalchemy import select

from schemas.events.intake import LeadSubmitted
from services.runtime.edge import Edge
from services.store import tables as t

_runs = count(1)

posts = st.fixed_dictionaries(
    {
        "key": st.integers(1, 6),
        "email": st.sampled_from([None, "a", "b", "c"]),
        "phone": st.sampled_from([None, "1", "2"]),
        "country": st.sampled_from(["GB", "FR"]),
        "intent": st.sampled_from(["demo", "buy", "ad"]),
        "list": st.booleans(),
        "test": st.booleans(),
    }
).filter(lambda post: post["email"] or post["phone"])
GONE_AND_BACK = [
    {"key": 1, "email": "a", "phone": None, "country": "FR", "intent": "demo", "list": False, "test": False},
    {"key": 2, "email": "a", "phone": "1", "country": "GB", "intent": "demo", "list": True, "test": False},
    {"key": 3, "email": None, "phone": "1", "country": "GB", "intent": "buy", "list": False, "test": False},
    {"key": 2, "email": "b", "phone": "1", "country": "GB", "intent": "buy", "list": False, "test": False},
]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(posted=st.lists(posts, min_size=2, max_size=8), cuts=st.sets(st.integers(1, 7)))
@example(posted=GONE_AND_BACK, cuts={1, 2, 3})
async def test_any_cut_of_a_batch_gives_the_same_decisions(
    edge: Edge, clock: ManualClock, posted: list[dict[str, Any]], cuts: set[int]
) -> None:
    routing = Routing(edge)
    await routing.publish()
    whole = await _done(routing, clock, posted, [])
    assert await _done(routing, clock, posted, sorted(cuts)) == whole


async def _done(routing: Routing, clock: ManualClock, posted: Sequence[dict[str, Any]], cuts: Sequence[int]) -> Any:
    """Route these posts, of persons of this run's own, cut there; tell what came of each, without ids and times."""
    run = next(_runs)
    sent = [_sent(routing, run, nth, post) for nth, post in enumerate(posted)]
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        if batch := sent[start:end]:
            clock.move(timedelta(milliseconds=10))
            await routing.batch(*batch)
    keys = {each.id: post["key"] for each, post in zip(sent, posted, strict=True)}
    rows = await routing.rows(select(t.leads).where(t.leads.c.id.in_(keys)))
    persons: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: keys[row["id"]]):
        persons.setdefault(row["person_id"], len(persons))
    return {
        keys[row["id"]]: {
            **{name: row[name] for name in ("state", "reason", "priority", "queue", "matched_by", "conflict", "test")},
            "into": row["merged_into"] and keys[row["merged_into"]],
            "person": persons[row["person_id"]],
            "events": await routing.names(row["id"]),
            "rules": sorted(decision["rule"] for decision in await routing.decisions(row["id"])),
            "items": [(item["kind"], item["queue"], item["state"]) for item in await routing.items(row["id"])],
        }
        for row in rows
    }


def _sent(routing: Routing, run: int, nth: int, post: dict[str, Any]) -> LeadSubmitted:
    """The later post is received later, so that the oldest open lead is the same in each run."""
    return submission(
        routing.edge.keyring,
        routing.edge.clock.now() + timedelta(milliseconds=nth),
        f"{run}/{post['key']}",
        email=post["email"] and f"{post['email']}{run}@example.com",
        phone=post["phone"] and f"+4420794{run:05d}{post['phone']}",
        contact={"country": post["country"]},
        **{name: post[name] for name in ("intent", "list", "test")},
    )
