"""Real processes: with Kafka or PostgreSQL stopped leads are accepted, and arrive; with both, none is accepted."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import kit.kafka
import pytest
from brokers import Brokers
from kit.postgres import FAST_AND_LOSING
from kit.whole import LEADGATE, Whole, launch, until

from services.ingest.remembered import FILE
from services.runtime.embedded import Embedded
from services.runtime.secret import Keyring

pytestmark = pytest.mark.xdist_group("own_broker")
SECRET, OTHER_SECRET = "6b" * 32, "7c" * 32


@dataclass
class Deployment:
    """PostgreSQL and Kafka that can be stopped; `leadgate ingest`, and the rest as one `leadgate up`."""

    place: Path
    postgres: Embedded
    kafka: Brokers
    settings: dict[str, str]
    rest: Whole
    ingest: "subprocess.Popen[bytes]"
    url: str = ""

    def begin_ingest(self) -> None:
        self.ingest, ready = launch("ingest", self.place / "ingest", "--port", "0", **self.settings)
        self.url = ready["url"]

    def end_ingest(self) -> None:
        self.ingest.kill()
        self.ingest.wait()
        assert self.ingest.stdout is not None
        self.ingest.stdout.close()

    def post(self, key: str) -> httpx.Response:
        body = {"submission_id": key, "contact": {"email": f"{key}@example.com"}, "intent": "demo"}
        return httpx.post(f"{self.url}/v1/leads/inbound", json=body, headers=self.bearer("service"), timeout=20)

    def post_form(self, name: str) -> httpx.Response:
        path = f"/v1/forms/{self.rest.key('form')}"
        headers = {"Accept": "application/json"}
        return httpx.post(f"{self.url}{path}", data={"email": f"{name}@example.com"}, headers=headers, timeout=20)

    def receipt(self, lead: str, key: str = "service") -> httpx.Response:
        return httpx.get(f"{self.url}/v1/leads/{lead}", headers=self.bearer(key), timeout=40)

    def routed(self, *leads: str) -> None:
        """Wait until they are decided."""
        for lead in leads:
            until(lambda lead=lead: self.state(lead) not in (None, "received"), within=40, every=0.2)

    def state(self, lead: str) -> str | None:
        answer = self.receipt(lead, "admin")
        return answer.json()["state"] if answer.status_code == 200 else None

    def pull(self) -> httpx.Response:
        """What a rep sees who wants work."""
        rep = self.rest.rep("inbound/main")
        headers = {"Authorization": f"Bearer {rep['key']}"}
        return httpx.post(f"{self.rest.url}/v1/desks/inbound/pull", json={}, headers=headers, timeout=20)

    def ready(self, url: str = "") -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"{url or self.url}/readyz", timeout=20)
        return answer.status_code, answer.json()

    def bearer(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.rest.key(key)}"}

    @contextmanager
    def without_postgres(self) -> Iterator[None]:
        asyncio.run(self.postgres.leave())
        try:
            yield
        finally:
            asyncio.run(self.postgres.attach())

    @contextmanager
    def without_kafka(self) -> Iterator[None]:
        self.kafka.kill(1)
        try:
            yield
        finally:
            self.kafka.start(1)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    place = tmp_path_factory.mktemp("deployment")
    with ExitStack() as stack:
        kafka = stack.enter_context(kit.kafka.brokers(1))
        postgres = Embedded(place / "postgres", options=FAST_AND_LOSING, say=lambda _: None)
        asyncio.run(postgres.attach())
        stack.callback(lambda: asyncio.run(postgres.leave()))
        settings = {
            "DATABASE_URL": postgres.url(),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "LEADGATE_SECRET": SECRET,
        }
        process, ready = launch("up", place / "up", "--port", "0", "--demo", **settings)
        keys = json.loads(Path(ready["credentials_file"]).read_text())
        rest = Whole(place / "up", process, ready, keys)
        stack.callback(rest.kill)
        deployment = Deployment(place, postgres, kafka, settings, rest, process)
        deployment.begin_ingest()
        stack.callback(lambda: deployment.end_ingest())
        until((place / "ingest" / FILE).exists)
        yield deployment


def test_with_postgresql_stopped_posts_are_accepted_and_routed_later_and_reps_are_told_so(
    deployment: Deployment,
) -> None:
    with deployment.without_postgres():
        posted = [deployment.post("no-postgres"), deployment.post_form("no-postgres-form")]
        assert [answer.status_code for answer in posted] == [202, 202]
        leads = [answer.json()["id"] for answer in posted]

        for refused in (deployment.receipt(leads[0]), deployment.pull()):
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert int(refused.headers["Retry-After"]) >= 1
        bad = httpx.post(f"{deployment.url}/v1/leads/inbound", json={}, headers=deployment.bearer("service"))
        assert bad.status_code == 422

        status, said = deployment.ready()
        assert (status, said["status"]) == (200, "degraded")
        assert said["checks"]["postgres"].startswith("does not answer")
    deployment.routed(*leads)
    until(lambda: deployment.pull().status_code in (200, 204), within=30, every=0.2)


def test_with_kafka_stopped_posts_are_accepted_and_arrive_when_it_is_back(deployment: Deployment) -> None:
    with deployment.without_kafka():
        posted = [deployment.post(f"no-kafka-{number}") for number in range(3)]
        assert [answer.status_code for answer in posted] == [202] * 3
        assert posted[0].elapsed.total_seconds() < 2.5
        # The one that asks Kafka again, when its time has come, waits for it.
        assert min(answer.elapsed.total_seconds() for answer in posted[1:]) < 0.5
        leads = [answer.json()["id"] for answer in posted]
        assert deployment.state(leads[0]) == "received"

        def kafka_is_missed() -> bool:
            status, said = deployment.ready()
            assert status == 200
            return said["status"] == "degraded" and said["checks"]["kafka"].startswith("does not answer")

        until(kafka_is_missed)
    deployment.routed(*leads)


def test_with_both_stopped_nothing_is_accepted_and_the_same_post_is_one_lead_later(deployment: Deployment) -> None:
    with deployment.without_kafka(), deployment.without_postgres():
        refused = deployment.post("neither")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        until(lambda: deployment.ready()[0] == 503)
        assert deployment.ready()[1]["status"] == "unready"
    accepted = until(lambda: (answer := deployment.post("neither")).status_code == 202 and answer)
    lead = accepted.json()["id"]
    deployment.routed(lead)
    assert [one["applied"] for one in deployment.receipt(lead).json()["submissions"]] == [True]


def test_ingest_starts_without_postgresql_and_what_it_could_not_look_at_is_looked_at_later(
    deployment: Deployment,
) -> None:
    deployment.end_ingest()
    before = (deployment.place / "ingest" / FILE).read_text()
    forged = deployment.place / "forged"
    forged.mkdir()
    theirs, ours = Keyring(bytes.fromhex(OTHER_SECRET)).fingerprint, Keyring(bytes.fromhex(SECRET)).fingerprint
    (forged / FILE).write_text(before.replace(ours.hex(), theirs.hex()))
    other = deployment.settings | {"LEADGATE_SECRET": OTHER_SECRET}

    with deployment.without_postgres():
        knows_nothing = ended("ingest", deployment.place / "empty", deployment.settings)
        wrong_secret = ended("ingest", deployment.place / "ingest", other)
        misled, _ = launch("ingest", forged, "--port", "0", **other)
        deployment.begin_ingest()
        posted = [deployment.post("no-postgres-yet"), deployment.post_form("no-postgres-yet-form")]
        assert [answer.status_code for answer in posted] == [202, 202]
        assert deployment.receipt(posted[0].json()["id"]).status_code == 503
        unknown = httpx.get(f"{deployment.url}/v1/leads/ld_1", headers=deployment.bearer("manager"), timeout=20)
        assert unknown.status_code == 503  # whether it is a live key, nobody can say

        assert knows_nothing.wait(30) == 3
        assert wrong_secret.wait(30) == 2
        assert b"LEADGATE_SECRET" in wrong_secret.communicate()[1]
        knows_nothing.communicate()
    assert misled.wait(30) == 2
    assert misled.stdout is not None
    assert json.loads(misled.stdout.read().splitlines()[-1]) == {"event": "stopped", "exit_code": 2}
    misled.stdout.close()
    deployment.routed(*(answer.json()["id"] for answer in posted))
    assert deployment.ready()[1]["checks"]["postgres"] == "ok"
    assert deployment.ingest.poll() is None


def ended(name: str, place: Path, settings: dict[str, str]) -> "subprocess.Popen[bytes]":
    """A process that will not run: on a copy of what it remembers."""
    copy = place.with_name(f"{place.name}-copy")
    if place.exists():
        shutil.copytree(place, copy)
    command = [LEADGATE, name, "--data-dir", str(copy), "--port", "0", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADGATE_")} | settings
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
