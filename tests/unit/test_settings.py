"""A wrong setting ends the command with 2, and is said with its name, its value and the remedy; secrets never."""

from pathlib import Path

import pytest

from services.runtime.exits import BadSetting
from services.runtime.settings import keyring, load

SECRET = "ab" * 32


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(variable, raising=False)
    for name in ("SECRET", "DATA_DIR", "HOST", "PORT", "PUBLIC_URL", "TOPIC_PREFIX", "LOG_LEVEL", "LOG_FORMAT"):
        monkeypatch.delenv(f"LEADGATE_{name}", raising=False)


def test_defaults_are_the_contracts() -> None:
    settings = load()
    assert (settings.database_url, settings.secret, settings.data_dir) == (None, None, Path(".leadgate"))
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", None, None)
    assert (settings.log_level, settings.log_format) == ("info", None)


def test_a_flag_wins_over_its_variable_and_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGATE_PORT", "9000")
    monkeypatch.setenv("LEADGATE_HOST", "0.0.0.0")
    monkeypatch.setenv("DATABASE_URL", "")
    settings = load(port=0, data_dir=None)
    assert (settings.port, settings.host, settings.database_url) == (0, "0.0.0.0", None)


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("LEADGATE_PORT", "eighty", "integer"),
        ("LEADGATE_PORT", "70000", "65535"),
        ("LEADGATE_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("LEADGATE_LOG_FORMAT", "xml", "'console' or 'json'"),
        ("LEADGATE_PUBLIC_URL", "leads.example.com", "https://leads.example.com"),
        ("DATABASE_URL", "mysql://db/leads", "postgresql://user:password@host/database"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka", "kafka-1:9092,kafka-2:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka-1:9092,kafka-2:90920", "kafka-1:9092,kafka-2:9092"),
        ("LEADGATE_TOPIC_PREFIX", "acme/", "as acme."),
    ],
)
def test_a_wrong_value_is_said_with_its_variable_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting) as bad:
        load()
    assert bad.value.exit_code == 2
    for part in (variable, value, remedy):
        assert part in str(bad.value)


def test_neither_secret_nor_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADGATE_SECRET", "hunter2")
    with pytest.raises(BadSetting, match="openssl rand -hex 32") as bad:
        load()
    assert "hunter2" not in str(bad.value)
    monkeypatch.delenv("LEADGATE_SECRET")
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:hunter2@db")
    with pytest.raises(BadSetting) as bad:
        load()
    assert "hunter2" not in str(bad.value)


def test_with_a_database_the_secret_is_required_and_it_is_said_how_to_make_one() -> None:
    with pytest.raises(BadSetting, match=r"LEADGATE_SECRET is not set.*openssl rand -hex 32"):
        keyring(load(database_url="postgresql://app@db/leads"))
    assert keyring(load(database_url="postgresql://app@db/leads", secret=SECRET)).digest("x")


def test_the_embedded_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path / "new")
    first = keyring(settings).digest("x")
    assert (tmp_path / "new" / "secret").stat().st_mode & 0o777 == 0o600
    assert keyring(settings).digest("x") == first
    assert len((tmp_path / "new" / "secret").read_text().strip()) == 64
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "secret"]
    assert keyring(load(data_dir=tmp_path / "other")).digest("x") != first


def test_a_secret_file_that_was_spoilt_is_never_replaced(tmp_path: Path) -> None:
    """Lead ids depend on it for ever."""
    (tmp_path / "secret").write_text("half of i")
    with pytest.raises(BadSetting, match="put the secret back"):
        keyring(load(data_dir=tmp_path))
    assert (tmp_path / "secret").read_text() == "half of i"


@pytest.mark.parametrize("name", ["file", "file/data", "x\0y"])
def test_a_data_directory_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadSetting) as refused:
        keyring(load(data_dir=tmp_path / name))
    for said in ("--data-dir", "LEADGATE_DATA_DIR", repr(str(tmp_path / name)), "name a directory"):
        assert said in str(refused.value)


def test_so_is_one_in_which_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # as on a read-only file system; root may write anywhere else
    with pytest.raises(BadSetting, match="Permission denied"):
        keyring(load(data_dir=tmp_path))
    assert not (tmp_path / "secret").exists()
