"""Whoever is read of all that are known: the decisions are those of one who reads them all."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kit.routing import Routing, received
from kit.submissions import submission
from sqlalchemy import insert, text

from router.route import route
from router.world import KnownPerson, OpenLead, World
from schemas.events.intake import LeadSubmitted
from schemas.words import LeadId, LeadState, PersonId
from services.runtime.edge import Edge
from services.store import persons, worlds
from services.store import tables as t

contacts = st.fixed_dictionaries(
    {
        "email": st.sampled_from([None, "a@example.com", "b@example.com", "c@example.com"]),
        "phone": st.sampled_from([None, "+442079460001", "+442079460002"]),
        "profile": st.sampled_from([None, "https://example.com/in/x"]),
    }
).filter(lambda contact: any(contact.values()))
known_ones = st.fixed_dictionaries(
    {
        "came_as": st.lists(contacts, min_size=1, max_size=2),
        "open": st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["queued", "nurturing", "closed"])), max_size=2),
    }
)
BY_PHONE = {"email": None, "phone": "+442079460001", "profile": None}
ANN = {**BY_PHONE, "email": "a@example.com"}
BOB = {**BY_PHONE, "email": "b@example.com"}
PHONES_ALONE: list[dict[str, Any]] = [{"came_as": [BY_PHONE], "open": [(age, "queued")]} for age in (1, 2, 3)]
"""The first to come takes the oldest of them, which is then the next one's no more."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(known=st.lists(known_ones, max_size=7), come=st.lists(contacts, min_size=1, max_size=4))
@example(known=PHONES_ALONE, come=[ANN, BOB, BY_PHONE])
@example(known=[{"came_as": [BOB], "open": [(1, "queued")]}] * 4, come=[BY_PHONE])
@example(known=[{"came_as": [BOB], "open": []}, {"came_as": [BOB], "open": [(1, "queued")]}], come=[BY_PHONE])
async def test_what_is_read_of_the_known_decides_as_all_of_them_would(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, known: list[dict[str, Any]], come: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(persons, "SPARE", 0)
    routing = Routing(edge)
    policy = await routing.publish()
    everyone = World.of(await _stand(edge, known))
    batch = [_sent(edge, f"new{nth}", contact) for nth, contact in enumerate(come)]
    async with edge.database.tx() as tx:
        loaded = await worlds.load(tx, edge.keyring, policy, received(batch))
    assert route(loaded.leads, policy, loaded.world, edge.clock.now()) == route(
        loaded.leads, policy, everyone, edge.clock.now()
    )
    assert loaded.world.persons.items() <= everyone.persons.items()


async def test_who_has_another_email_under_the_same_phone_is_neither_read_nor_locked(edge: Edge) -> None:
    policy = await Routing(edge).publish()
    await _stand(edge, [{"came_as": [{**BY_PHONE, "email": f"{n}@example.com"}], "open": []} for n in range(60)])
    for contact, read in ((ANN, 0), (BY_PHONE, 1 + persons.SPARE)):
        async with edge.database.tx() as tx:
            loaded = await worlds.load(tx, edge.keyring, policy, received([_sent(edge, "new", contact)]))
        assert len(loaded.world.persons) == read


async def _stand(edge: Edge, known: list[dict[str, Any]]) -> list[KnownPerson]:
    """Keep these persons, and no others, each with open and closed leads; as the pure functions know them."""
    everyone = []
    now = edge.clock.now()
    async with edge.database.tx() as tx:
        await tx.execute(text("TRUNCATE routing.persons, routing.identities, routing.identity_persons, routing.leads"))
        for nth, one in enumerate(known):
            person = PersonId(f"per_{nth:026d}")
            as_leads = [_sent(edge, f"{nth}/{time}", contact) for time, contact in enumerate(one["came_as"])]
            held = frozenset().union(*(persons.identities_of(each, edge.keyring) for each in as_leads))
            await persons.link(tx, [person], {person: held})
            opened = []
            for which, (age, state) in enumerate(one["open"]):
                id_, at = LeadId(f"ld_{nth}{which}"), now - timedelta(days=age)
                await tx.execute(insert(t.leads).values(**_lead(id_, at, state, person)))
                if state != "closed":
                    opened.append(OpenLead(id_, at, LeadState(state)))
            everyone.append(KnownPerson(person, False, held, tuple(opened)))
    return everyone


def _lead(id_: LeadId, at: datetime, state: str, person: PersonId) -> dict[str, Any]:
    row = {"id": id_, "state": state, "direction": "inbound", "source": "web", "person_id": person}
    return {**row, "received_at": at, "seq": 1, "last_at": at}


def _sent(edge: Edge, key: str, contact: dict[str, Any]) -> LeadSubmitted:
    return submission(edge.keyring, edge.clock.now(), key, **contact)
