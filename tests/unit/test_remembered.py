"""What ingest remembers on disk: digests, never secrets; read as it was written, or not at all."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from schemas.words import PrincipalKind, SourceName
from services.ingest.remembered import FILE, Remembered, load, text_of
from services.runtime import whole
from services.runtime.access import Principal, digest_of, mint_key
from services.runtime.secret import Keyring

KEYRING = Keyring(b"k" * 32)
MADE = datetime(2026, 7, 6, 9, 0, 0, 123000, tzinfo=UTC)
SECRET = mint_key(PrincipalKind.FORM)
FORM = Principal(
    PrincipalKind.FORM,
    "key_2",
    MADE,
    source=SourceName("web"),
    origins=("https://example.com",),
    thank_you=("https://example.com/thanks",),
    error_pages=("https://example.com/oops",),
)
SERVICE = Principal(PrincipalKind.SERVICE, "key_1", MADE, source=SourceName("crm"))
WHAT = Remembered(
    KEYRING.fingerprint,
    {digest_of(KEYRING, SECRET): FORM, b"\xff" * 32: SERVICE},
    {SourceName("web"): "GB", SourceName("crm"): "DE"},
)


def test_what_was_saved_is_read_again_and_holds_no_secret(tmp_path: Path) -> None:
    whole.write(tmp_path / FILE, text_of(WHAT))
    assert load(tmp_path) == WHAT
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert SECRET not in (tmp_path / FILE).read_text()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_same_is_the_same_text_in_whatever_order_it_came() -> None:
    other = Remembered(WHAT.fingerprint, dict(reversed(WHAT.keys.items())), dict(reversed(WHAT.regions.items())))
    assert text_of(other) == text_of(WHAT)


def test_where_nothing_was_saved_nothing_is_remembered_and_nothing_is_said(tmp_path: Path) -> None:
    with capture_logs() as said:
        assert load(tmp_path) is None
    assert said == []


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        text_of(WHAT)[:-40].encode(),
        text_of(WHAT).replace('"version": 1', '"version": 2').encode(),
        text_of(WHAT).replace('"kind": "form"', '"kind": "admin"').encode(),
        text_of(WHAT).replace("ff" * 32, "not hexadecimal").encode(),
    ],
    ids=["empty", "no JSON", "no text", "a list", "cut off", "another version", "another kind", "no digest"],
)
def test_a_damaged_file_is_as_none_but_for_a_warning_that_shows_nothing_of_it(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / FILE).write_bytes(damaged)
    with capture_logs() as said:
        assert load(tmp_path) is None
    assert [(each["log_level"], each["event"]) for each in said] == [("warning", "keys_not_remembered")]
    assert "example.com" not in str(said)


def test_a_write_that_fails_leaves_what_there_was(tmp_path: Path) -> None:
    whole.write(tmp_path / FILE, "before")
    with pytest.raises(UnicodeEncodeError):
        whole.write(tmp_path / FILE, "after \ud800")
    assert (tmp_path / FILE).read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
