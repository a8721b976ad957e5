"""Settings: the contract's variables. A flag of the same name wins."""

import errno
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.runtime.dsn import is_postgres, without_password
from services.runtime.exits import BadSetting, Unavailable
from services.runtime.secret import Keyring

_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,100}")
_SERVER = re.compile(r"[^\s:,/]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")


class Settings(BaseSettings):
    """What an operator sets. There is no secret with a default that works."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: str | None = Field(None, validation_alias=AliasChoices("database_url", "DATABASE_URL"))
    """As libpq's; None: the embedded server in `data_dir`."""
    kafka_bootstrap_servers: str | None = Field(
        None, validation_alias=AliasChoices("kafka_bootstrap_servers", "KAFKA_BOOTSTRAP_SERVERS")
    )
    """`host:port,host:port`; None: the event log lives in PostgreSQL."""
    topic_prefix: str = Field("", validation_alias=AliasChoices("topic_prefix", "LEADGATE_TOPIC_PREFIX"))
    """Stands before each topic's name, and before each consumer group's."""
    secret: SecretStr | None = Field(None, validation_alias=AliasChoices("secret", "LEADGATE_SECRET"))
    """32 bytes or more, in hex. See `keyring`."""
    data_dir: Path = Field(Path(".leadgate"), validation_alias=AliasChoices("data_dir", "LEADGATE_DATA_DIR"))
    host: str = Field("127.0.0.1", validation_alias=AliasChoices("host", "LEADGATE_HOST"))
    port: int | None = Field(None, ge=0, le=65535, validation_alias=AliasChoices("port", "LEADGATE_PORT"))
    """0: any that is free. None: the process's own."""
    public_url: str | None = Field(None, validation_alias=AliasChoices("public_url", "LEADGATE_PUBLIC_URL"))
    """Where others reach it; None: from host and port."""
    enrichment_token: SecretStr | None = Field(
        None, validation_alias=AliasChoices("enrichment_token", "LEADGATE_ENRICHMENT_TOKEN")
    )
    """What the policy's enrichment hook is shown as a bearer; it stands in no policy, which many may read."""
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias=AliasChoices("log_level", "LEADGATE_LOG_LEVEL")
    )
    log_format: Literal["console", "json"] | None = Field(
        None, validation_alias=AliasChoices("log_format", "LEADGATE_LOG_FORMAT")
    )
    """None: `console` on a terminal, else `json`."""

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, url: str | None) -> str | None:
        if url is not None and not is_postgres(url):
            raise ValueError("give the address of a PostgreSQL database, as postgresql://user:password@host/database")
        return url

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _servers(cls, servers: str | None) -> str | None:
        if servers is not None and not all(_is_server(each.strip()) for each in servers.split(",")):
            raise ValueError("give brokers as host:port, more of them with commas, as kafka-1:9092,kafka-2:9092")
        return servers

    @field_validator("topic_prefix")
    @classmethod
    def _topic_name(cls, prefix: str) -> str:
        if not _PREFIX.fullmatch(prefix):
            raise ValueError("a prefix has up to 100 letters, digits, dots, hyphens and underscores, as acme.")
        return prefix

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            _bytes_of(secret.get_secret_value())
        return secret

    @field_validator("public_url")
    @classmethod
    def _web(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("give the address that others see, as https://leads.example.com")
        return url.rstrip("/") if url else url


def load(**flags: Any) -> Settings:
    """Read the environment; flags that are not None win.

    Raises: BadSetting, naming the variable, its value and what to do.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise _bad_setting(str(first["loc"][0]), first["input"], first["msg"]) from None


def keyring(settings: Settings) -> Keyring:
    """The keys derived from the secret: given; or, embedded, made once in `<data_dir>/secret`, for its owner's eyes.

    Raises: BadSetting where DATABASE_URL is set and the secret is not, or `data_dir` cannot be written in; Unavailable
    where the secret cannot be kept all the same.
    """
    if settings.secret is not None:
        return Keyring(_bytes_of(settings.secret.get_secret_value()))
    if settings.database_url is not None:
        raise BadSetting(
            "LEADGATE_SECRET",
            None,
            "with DATABASE_URL it is required, and must stay the same for ever: make one with `openssl rand -hex 32`",
        )
    path = settings.data_dir / "secret"
    make_data_dir(settings.data_dir)
    try:
        if not path.exists():
            _write_once(path, secrets.token_hex(32))
        return Keyring(_bytes_of(path.read_text().strip()))
    except ValueError as error:
        raise BadSetting(str(path), "…", f"{error}; put the secret back that was in it") from None
    except OSError as error:
        raise Unavailable(f"the secret cannot be kept in {path}: {error}") from error


def make_data_dir(path: Path) -> None:
    """Have the data directory. Raises: BadSetting where it cannot be made, or not be written in."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadSetting(
            "--data-dir (LEADGATE_DATA_DIR)",
            str(path),
            f"nothing can be written there ({why}): name a directory that you may write in, or that can be made",
        ) from None


def _is_server(text: str) -> bool:
    """
    >>> _is_server("kafka-1:9092"), _is_server("[::1]:9092"), _is_server("kafka-1:99999"), _is_server("kafka-1")
    (True, True, False, False)
    """
    return _SERVER.fullmatch(text) is not None and 0 < int(text.rpartition(":")[2]) < 65536


def _write_once(path: Path, text: str) -> None:
    """Whole or not at all, and never over what another process wrote meanwhile."""
    new = path.with_name(f".secret.{os.getpid()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(new, path)
    except FileExistsError:
        return
    finally:
        new.unlink(missing_ok=True)


def _bytes_of(text: str) -> bytes:
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < 32:
        raise ValueError("it must be 32 bytes or more in hexadecimal: make one with `openssl rand -hex 32`")
    return secret


def _bad_setting(field: str, value: object, message: str) -> BadSetting:
    known: Mapping[str, str] = {
        name: str(info.validation_alias.choices[1])
        for name, info in Settings.model_fields.items()
        if isinstance(info.validation_alias, AliasChoices)
    }
    variable = field if field.isupper() else known.get(field, field)
    shown = "…" if variable == "LEADGATE_SECRET" else without_password(str(value))
    return BadSetting(variable, shown, message.removeprefix("Value error, "))
