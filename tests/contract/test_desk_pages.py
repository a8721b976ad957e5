"""The managers' pages of leads."""

from kit.desks import Desks

from schemas.events.intake import Company

HTML = {"Accept": "text/html"}


async def test_a_manager_reads_the_list_and_a_lead_with_its_why(desks: Desks) -> None:
    ann = await desks.rep("inbound/main")
    lead = await desks.lead("urgent", company=Company(name="Navy <Systems>", country="GB"))
    mo = (await desks.manager("inbound")).client
    listed = await mo.get("/leads", params={"state": "", "queue": "inbound/main", "source": "web"}, headers=HTML)
    assert listed.status_code == 200
    assert f'href="/leads/{lead}"' in listed.text
    assert "Navy &lt;Systems&gt;" in listed.text
    page = (await mo.get(f"/leads/{lead}", params={"not": "closing/uk"}, headers=HTML)).text
    for text in (
        "urgent",
        "may have it",
        "It is next, and waits for a pull",
        "but it was",
        "that a rep qualifies it first",
    ):
        assert text in page, text
    assert "Lead decided" in page
    assert (await ann.client.get(f"/leads/{lead}", headers=HTML)).status_code == 403
    other = (await desks.manager("outbound")).client
    assert (await other.get(f"/leads/{lead}", headers=HTML)).status_code == 404
    assert "No such lead" in (await other.get("/leads", headers=HTML)).text


async def test_a_long_list_goes_on_where_it_ended(desks: Desks) -> None:
    for _ in range(3):
        await desks.lead()
    mo = (await desks.manager()).client
    first = (await mo.get("/leads", params={"limit": "2", "queue": "inbound/main"}, headers=HTML)).text
    older = first.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert older.startswith("/leads?")
    rest = (await mo.get(older, headers=HTML)).text
    assert (first.count('href="/leads/ld_'), rest.count('href="/leads/ld_')) == (2, 1)
