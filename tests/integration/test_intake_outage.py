"""With PostgreSQL stopped nothing is ever said to be accepted, and what is bad is still told to be bad."""

import json

from kit.intake import FOR_PROGRAMS, NDJSON, ingest, ndjson, submitted
from kit.tiny import calling, key_of

from schemas.words import PrincipalKind
from services.runtime.embedded import Embedded
from services.runtime.run import Edge

ANN = {"contact": {"email": "ann@example.com"}}


async def test_bad_input_has_its_4xx_good_input_503_and_no_202_is_ever_given(
    own_server: Embedded, own_edge: Edge
) -> None:
    form = f"/v1/forms/{await key_of(own_edge, PrincipalKind.FORM)}"
    service = await key_of(own_edge, PrincipalKind.SERVICE)
    await own_edge.access.refresh()
    async with calling(ingest(own_edge), service) as crm:
        before = await crm.post("/v1/leads/inbound", json=ANN, headers={"Idempotency-Key": "before"})
        assert before.status_code == 202
        await own_server.leave()

        good = [
            await crm.post("/v1/leads/inbound", json=ANN, headers={"Idempotency-Key": "during"}),
            await crm.post("/v1/leads/inbound/batch", content=ndjson(ANN, b"{bad"), headers=NDJSON),
            await crm.post(form, data=ANN["contact"], headers=FOR_PROGRAMS),
            await crm.post(form, data=ANN["contact"], headers={"Accept": "text/html"}),
        ]
        for answer in good:
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) >= 1
        assert [answer.json()["code"] for answer in good[:3]] == ["unavailable"] * 3
        assert "try again" in good[3].text

        for raw, status in ((b"{bad", 400), (b'{"contact":{"email":"x"}}', 422), (b" " * 70_000, 413)):
            bad = await crm.post("/v1/leads/inbound", content=raw, headers={"Content-Type": "application/json"})
            assert bad.status_code == status
        assert (await crm.post(form, data={"email": "x"}, headers=FOR_PROGRAMS)).status_code == 422
        only_bad = await crm.post("/v1/leads/inbound/batch", content=ndjson(b"{bad", {}), headers=NDJSON)
        assert [json.loads(line)["status"] for line in only_bad.text.splitlines()] == [400, 422]

        await own_server.attach()
        after = await crm.post("/v1/leads/inbound", json=ANN, headers={"Idempotency-Key": "during"})
        assert after.status_code == 202
    assert {lead.id for lead in await submitted(own_edge)} == {before.json()["id"], after.json()["id"]}
