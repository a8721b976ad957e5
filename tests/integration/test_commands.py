"""The commands as an operator types them: exit codes, JSON, messages."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import click
import pytest
from kit.whole import LEADGATE

from services.cli.main import leadgate, main
from services.runtime.embedded import Embedded
from services.runtime.paths import POLICIES, ROOT

_SECRET = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def url(postgres: Embedded) -> Iterator[str]:
    """An empty database that these tests share."""
    asyncio.run(_admin(postgres, "CREATE DATABASE commands"))
    yield postgres.url("commands")
    asyncio.run(_admin(postgres, "DROP DATABASE commands WITH (FORCE)"))


async def _admin(postgres: Embedded, statement: str) -> None:
    conn = await asyncpg.connect(postgres.url("postgres"))
    await conn.execute(statement)
    await conn.close()


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


class Terminal:
    """Types commands; as a process would, but in this one, which has the libraries loaded."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self.monkeypatch = monkeypatch

    def run(self, *words: str) -> Done:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, out, err)

    def value(self, *words: str, code: int = 0) -> Any:
        """What a command says with --json: exactly one value on stdout."""
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def bare(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """A terminal with no settings, in an empty folder."""
    for name in os.environ:
        if name.startswith(("LEADGATE_", "DATABASE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys, monkeypatch)


@pytest.fixture
def terminal(bare: Terminal, url: str) -> Terminal:
    """A terminal with a store that has the starter policy."""
    bare.monkeypatch.setenv("DATABASE_URL", url)
    bare.monkeypatch.setenv("LEADGATE_SECRET", _SECRET)
    for words in (["migrate"], ["topics", "create"], ["policy", "publish", str(POLICIES / "starter.yaml")]):
        assert bare.run(*words).returncode == 0
    return bare


def _all_commands(
    group: click.Group, context: click.Context, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Each command and group, and whether it is a group."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*words, name), isinstance(command, click.Group)
        if isinstance(command, click.Group):
            yield from _all_commands(command, context, (*words, name))


def test_each_command_has_help_with_an_example_and_the_shared_flags(bare: Terminal) -> None:
    every = list(_all_commands(leadgate, click.Context(leadgate)))
    assert (("consumer", "resume"), False) in every
    for words, group in every:
        done = bare.run(*words, "--help")
        assert done.returncode == 0, words
        assert f"leadgate {' '.join(words)}" in done.stdout.partition("Examples:")[2], words
        assert group or all(flag in done.stdout for flag in ("--json", "--data-dir")), words
        assert not group or "..." not in done.stdout.replace("[ARGS]...", ""), f"{words}: a line is cut off"


def test_help_names_each_variable_that_there_is(bare: Terminal) -> None:
    told = bare.run("--help").stdout
    for variable in ("DATABASE_URL", "LEADGATE_SECRET", "LEADGATE_DATA_DIR", "LEADGATE_HOST, _PORT"):
        assert variable in told
    for variable in ("LEADGATE_PUBLIC_URL", "LEADGATE_LOG_LEVEL", "LEADGATE_LOG_FORMAT"):
        assert variable in told


def test_without_a_command_one_sees_the_help(bare: Terminal) -> None:
    for words in ((), ("keys",)):
        done = bare.run(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Usage: leadgate")
        assert "Try `" not in done.stderr


def test_topics_say_how_many_partitions_they_have_and_never_have_fewer(terminal: Terminal) -> None:
    for wanted, has in ((4, 12), (13, 13)):
        topics = terminal.value("topics", "create", "--partitions", str(wanted))["topics"]
        assert {"topic": "leads.inbound.v1", "partitions": has} in topics


def test_a_key_is_made_listed_and_revoked(terminal: Terminal) -> None:
    made = terminal.value("keys", "create", "--kind", "service", "--source", "crm")
    assert made["key"].startswith("lgs_")
    assert made["source"] == "crm"
    listed = terminal.value("keys", "list")
    assert listed[0]["id"] == made["id"]
    assert made["key"] not in json.dumps(listed)
    assert terminal.value("keys", "revoke", made["id"])["revoked"] is True
    assert terminal.value("keys", "list")[0]["revoked_at"] is not None


def test_a_third_live_key_of_a_source_is_refused_by_state(terminal: Terminal) -> None:
    for _ in range(2):
        terminal.value("keys", "create", "--kind", "service", "--source", "erp")
    problem = terminal.value("keys", "create", "--kind", "service", "--source", "erp", code=5)
    assert problem["code"] == "key_limit"


def test_a_form_key_comes_with_the_form_to_paste(terminal: Terminal) -> None:
    flags = ("--source", "web", "--origin", "https://example.com", "--thank-you", "https://example.com/thanks")
    made = terminal.value("keys", "create", "--kind", "form", *flags)
    assert f"/v1/forms/{made['key']}" in made["snippet"]
    assert "<form" in made["snippet"]


def test_a_rep_is_made_with_a_key_and_a_wrong_queue_is_named(terminal: Terminal) -> None:
    made = terminal.value("keys", "create", "--kind", "rep", "--name", "Ann", "--queue", "closing/uk")
    assert made["rep_id"].startswith("rep_")
    done = terminal.run("keys", "create", "--kind", "rep", "--name", "Ann", "--queue", "closing/ukk")
    assert done.returncode == 2
    assert "closing/ukk" in done.stderr
    assert "closing/uk" in done.stderr


def test_a_manager_s_key_is_of_the_desks_named(terminal: Terminal) -> None:
    made = terminal.value(
        "keys", "create", "--kind", "manager", "--name", "Mo", "--desk", "closing", "--desk", "inbound"
    )
    assert made["desks"] == ["closing", "inbound"]
    assert terminal.value("keys", "create", "--kind", "manager", "--name", "Mo")["desks"] == []


def test_a_flag_of_a_key_that_will_not_do_is_named_with_its_remedy(terminal: Terminal) -> None:
    for kind, flags, told in (
        ("manager", ("--name", "Mo", "--desk", "closng"), "--desk 'closng': must be one of: inbound, outbound"),
        ("manager", (), "--name: is required."),
        ("form", ("--source", "web", "--origin", "shop"), "--origin 'shop': is no web address. Write it as https://"),
        ("form", ("--source", "a b"), "--source 'a b': must match"),
        ("admin", ("--name", "ops", "--source", "web"), "--source 'web': no such field"),
        ("rep", ("--rep", "ann"), "--rep 'ann': is no id of a rep"),
        ("rep", ("--name", "A", "--queue", "closing/uk", "--zone", "Mars/X"), "--zone 'Mars/X': is no time zone"),
    ):
        done = terminal.run("keys", "create", "--kind", kind, *flags)
        assert done.returncode == 2, kind
        assert told in done.stderr, kind


def test_a_policy_is_checked_published_and_shown(terminal: Terminal, tmp_path: Path) -> None:
    text = (POLICIES / "starter.yaml").read_text()
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(text.replace("queue: inbound/main", "queue: inbound/mian", 1))
    checked = terminal.value("policy", "check", str(faulty), code=1)
    assert checked["ok"] is False
    assert checked["mistakes"][0]["line"] is not None
    assert "inbound/main" in checked["mistakes"][0]["remedy"]
    before = terminal.value("policy", "show")["version"]
    refused = terminal.value("policy", "publish", str(faulty), code=1)
    assert (refused["code"], refused["errors"]) == ("invalid", checked["mistakes"])
    assert terminal.value("policy", "show")["version"] == before
    changed = tmp_path / "changed.yaml"
    changed.write_text(text + "\n# one more line\n")
    assert terminal.value("policy", "publish", str(changed)) == {"version": before + 1, "changed": True}
    assert terminal.value("policy", "publish", str(changed)) == {"version": before + 1, "changed": False}
    assert terminal.value("policy", "show", str(before))["yaml"] == text
    assert terminal.value("policy", "show", "99", code=4)["code"] == "not_found"


def test_what_a_policy_would_change_is_told_and_an_old_one_comes_back_as_a_new_version(
    terminal: Terminal, tmp_path: Path
) -> None:
    text = (POLICIES / "starter.yaml").read_text()
    first = terminal.value("policy", "show")["version"]
    file = tmp_path / "new.yaml"
    file.write_text(text.replace("in_hand: 3", "in_hand: 4"))
    change = {"path": "desks.inbound.queues.main.in_hand", "from": 3, "to": 4}
    assert terminal.value("policy", "diff", str(file)) == {"changes": [change]}
    words = terminal.run("policy", "diff", str(file)).stdout.splitlines()
    assert words == [
        f"new.yaml against version {first}, in force: 1 change.",
        "  Queue inbound/main: in_hand was 3, becomes 4.",
    ]
    assert terminal.value("policy", "publish", str(file))["version"] == first + 1
    assert terminal.value("policy", "diff", str(file)) == {"changes": []}
    assert terminal.value("policy", "rollback", str(first)) == {"version": first + 2, "changed": True}
    assert terminal.value("policy", "rollback", str(first)) == {"version": first + 2, "changed": False}
    now = terminal.value("policy", "show")
    assert (now["yaml"], now["message"]) == (text, f"rollback to version {first}")
    assert terminal.value("policy", "rollback", "99", code=4)["code"] == "not_found"
    file.write_text("version: 1\n")
    assert terminal.value("policy", "diff", str(file), code=1)["code"] == "invalid"


def test_what_a_rule_may_look_at_is_listed(bare: Terminal) -> None:
    fields = {each["path"]: each for each in bare.value("policy", "fields")}
    assert fields.keys() >= {"company.employees", "score", "account.relation", "custom.seats", "enriched.revenue"}
    assert fields["direction"]["values"] == ["inbound", "outbound"]
    assert "account.relation " in bare.run("policy", "fields").stdout


def test_a_policy_is_checked_before_the_store_is_asked(bare: Terminal, tmp_path: Path) -> None:
    """Of many rules that takes seconds, which no transaction waits for."""
    bare.monkeypatch.setenv("DATABASE_URL", "postgresql://app@127.0.0.1:9/leadgate")
    bare.monkeypatch.setenv("LEADGATE_SECRET", _SECRET)
    (tmp_path / "faulty.yaml").write_text("version: 1\n")
    assert bare.run("policy", "publish", "faulty.yaml").returncode == 1


def test_a_file_that_is_no_policy_is_told_in_words(bare: Terminal, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "broken").write_text("a: [")
    for name, code, told in (
        ("nowhere", 4, "leadgate: there is no file nowhere"),
        (".", 2, "leadgate: . cannot be read: Is a directory. Name a policy file."),
        ("binary", 2, "leadgate: binary is no text: invalid start byte at byte 0. Save it as UTF-8."),
    ):
        done = bare.run("policy", "check", name)
        assert done.returncode == code
        assert done.stderr.startswith(told)
    done = bare.run("policy", "check", "broken")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].startswith("  line 2: not YAML: ")


def test_what_is_not_there_is_4_what_is_mistyped_is_2(terminal: Terminal) -> None:
    assert terminal.run("lead", "show", "ld_" + "0" * 32).returncode == 4
    assert terminal.run("dlq", "show", "dlq_" + "0" * 26).returncode == 4
    assert terminal.run("consumer", "resume", "router", "leads.inbound.v1", "0").returncode in (0, 4)
    assert terminal.run("keys", "create", "--kind", "pirate").returncode == 2
    assert terminal.run("nonsense").returncode == 2
    assert terminal.value("dlq", "list") == []


def test_who_is_resumed_without_being_stopped_is_told_so(terminal: Terminal, url: str) -> None:
    stands = {"consumer": "idle", "topic": "leads.inbound.v1", "partition": 0, "position": 0, "stopped": None}

    async def standing() -> None:
        conn = await asyncpg.connect(url)
        await conn.execute(
            "INSERT INTO log.positions (consumer, topic, partition, position, log, updated_at) "
            "SELECT 'idle', 'leads.inbound.v1', 0, 0, identity, clock_timestamp() FROM log.meta"
        )
        await conn.close()

    asyncio.run(standing())
    resume = ("consumer", "resume", "idle", "leads.inbound.v1", "0")
    assert terminal.value(*resume) == stands
    done = terminal.run(*resume)
    assert (done.returncode, done.stdout) == (
        0,
        "idle was not stopped in leads.inbound.v1/0 at 0: nothing was changed.\n",
    )


@pytest.mark.parametrize("process", ["up", "ingest"])
def test_a_data_directory_that_cannot_be_written_in_is_2(bare: Terminal, tmp_path: Path, process: str) -> None:
    (tmp_path / "file").touch()
    for words in ((), ("--data-dir", "file/data")):
        bare.monkeypatch.setenv("LEADGATE_DATA_DIR", "file")
        for secret in ("", _SECRET):
            bare.monkeypatch.setenv("LEADGATE_SECRET", secret)
            done = bare.run(process, "--port", "0", *words)
            assert done.returncode == 2, done.stderr
            assert "--data-dir (LEADGATE_DATA_DIR)='" in done.stderr
            assert "name a directory" in done.stderr


def test_a_schema_that_is_behind_is_3_and_says_what_to_run(bare: Terminal, postgres: Embedded) -> None:
    bare.monkeypatch.setenv("DATABASE_URL", postgres.url("postgres"))  # a database, but not a store of ours
    bare.monkeypatch.setenv("LEADGATE_SECRET", _SECRET)
    done = bare.run("keys", "list")
    assert done.returncode == 3
    assert "leadgate migrate" in done.stderr


def test_a_secret_that_is_not_the_first_one_is_refused(terminal: Terminal) -> None:
    assert terminal.run("keys", "list").returncode == 0
    terminal.monkeypatch.setenv("LEADGATE_SECRET", "ff" * 32)
    done = terminal.run("keys", "list")
    assert done.returncode == 2
    assert "LEADGATE_SECRET" in done.stderr


def test_a_wrong_setting_is_2_and_names_variable_and_remedy(bare: Terminal) -> None:
    bare.monkeypatch.setenv("DATABASE_URL", "postgresql://app@127.0.0.1:9/leadgate")
    done = bare.run("keys", "list")
    assert done.returncode == 2
    assert "LEADGATE_SECRET" in done.stderr
    assert "openssl rand -hex 32" in done.stderr
    bare.monkeypatch.setenv("LEADGATE_LOG_LEVEL", "loud")
    done = bare.run("keys", "list")
    assert done.returncode == 2
    assert "LEADGATE_LOG_LEVEL" in done.stderr


def test_a_database_that_is_not_there_is_3(bare: Terminal) -> None:
    bare.monkeypatch.setenv("DATABASE_URL", "postgresql://app@127.0.0.1:9/leadgate")
    bare.monkeypatch.setenv("LEADGATE_SECRET", _SECRET)
    assert bare.value("keys", "list", code=3)["code"] == "unavailable"


def test_a_process_that_cannot_start_says_why_and_last_how_it_ended(bare: Terminal) -> None:
    bare.monkeypatch.setenv("DATABASE_URL", "postgresql://app@127.0.0.1:9/leadgate")
    bare.monkeypatch.setenv("LEADGATE_SECRET", _SECRET)
    for process in ("up", "ingest"):
        done = bare.run(process, "--port", "0", "--json")
        assert done.returncode == 3
        why, end = map(json.loads, done.stdout.splitlines())
        assert why["code"] == "unavailable"
        assert end == {"event": "stopped", "exit_code": 3}


def test_demo_and_policy_together_are_a_usage_error(bare: Terminal) -> None:
    assert bare.run("up", "--demo", "--policy", "policy.yaml").returncode == 2


def test_a_faulty_policy_ends_up_with_1_before_anything_is_made(bare: Terminal, tmp_path: Path) -> None:
    (tmp_path / "faulty.yaml").write_text("version: 1\n")
    assert bare.run("up", "--policy", "faulty.yaml").returncode == 1
    assert not (tmp_path / ".leadgate").exists()


def test_help_needs_no_library_that_is_slow_to_import() -> None:
    check = (
        "import sys, services.cli.main; print([m for m in ('fastapi', 'sqlalchemy', 'pydantic') if m in sys.modules])"
    )
    python = str(Path(LEADGATE).with_name("python"))
    done = subprocess.run([python, "-c", check], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
