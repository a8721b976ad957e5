"""DATABASE_URL as libpq writes it, and as SQLAlchemy wants it."""

from urllib.parse import urlsplit

SCHEMES = ("postgresql", "postgres")


def is_postgres(url: str) -> bool:
    """Tell whether this can be the address of a PostgreSQL database.

    >>> is_postgres("postgresql://app@db.internal/leadgate"), is_postgres("mysql://db/leadgate")
    (True, False)
    """
    parts = urlsplit(url)
    return parts.scheme in SCHEMES and bool(parts.path.strip("/"))


def for_sqlalchemy(url: str) -> str:
    """Name the driver.

    >>> for_sqlalchemy("postgres://app@db/leadgate")
    'postgresql+asyncpg://app@db/leadgate'
    """
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES:
        raise ValueError(f"no address of a PostgreSQL database: {scheme}://…")
    return f"postgresql+asyncpg://{rest}"


def without_password(url: str) -> str:
    """Fit for messages.

    >>> without_password("postgresql://app:secret@db/leadgate")
    'postgresql://app:***@db/leadgate'
    """
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}").geturl()
