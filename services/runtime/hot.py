"""The driver, for the files that write SQL by hand. The layer rules list them."""

from services.runtime.tx import Driver, ReadTx


def driver(tx: ReadTx) -> Driver:
    """The connection of this transaction. Never begin or commit on it.

    JSON is read as Python values and written as text: SQLAlchemy's codecs are set on it.
    """
    return tx._driver
