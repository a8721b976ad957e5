"""Logs: one event a line on stderr, for people on a terminal, as JSON elsewhere. Ids and names, never personal data.

Loggers are `structlog.get_logger("leadgate.<room>")`; an event is a name in snake case, its facts are arguments.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

from services.runtime import trace
from services.runtime.settings import Settings

_LIBRARIES = ("uvicorn", "asyncio", "alembic", "sqlalchemy", "aiokafka")  # aiokafka shows values at debug
_MUTE = ("python_multipart",)
"""What they say of a bad request, its sender is told; anybody could fill the log with it."""

_SELDOM = 10.0
"""Seconds in which a client of Kafka says a thing once: while brokers are down, it says it a hundred times a second."""


class Seldom(logging.Filter):
    """Lets a thing that aiokafka says pass once in a while."""

    def __init__(self) -> None:
        super().__init__()
        self._again: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("aiokafka"):
            return True
        what = (record.name, str(record.msg))
        if record.created < self._again.get(what, 0.0):
            return False
        self._again[what] = record.created + _SELDOM
        return True


def configure(settings: Settings) -> None:
    """Set logging up for this process."""
    level, form = settings.log_level.upper(), settings.log_format
    console = form == "console" or (form is None and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _followed,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ends: list[structlog.typing.Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,  # the other one shows local variables: people's data
            )
        ]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ends]
        )
    )
    handler.addFilter(Seldom())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for library in _MUTE:
        logging.getLogger(library).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _followed(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Add the process that acts, and the request that it follows from."""
    event.setdefault("process", trace.process())
    if (correlation := trace.current().correlation) is not None:
        event.setdefault("correlation_id", correlation)
    return event
