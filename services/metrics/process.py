"""The process `metrics`: counts what the lifecycle topic tells, and serves the numbers."""

from services.metrics.api.live import stream_routes
from services.metrics.api.numbers import number_routes
from services.metrics.api.people import people_routes
from services.metrics.freshness import GROUP, TOPICS, Freshness
from services.metrics.handler import Handler, decode
from services.metrics.loops import keep_series
from services.metrics.pages import page_routes
from services.metrics.publish import Publisher
from services.metrics.tail import Tail
from services.runtime.consumer import Consumer
from services.runtime.edge import Edge
from services.runtime.process import Process
from services.runtime.watchdog import watch
from services.web import site

NEEDS = tuple(frozenset({need}) for need in ("postgres", "schema", "kafka", "lag"))


def build(edge: Edge) -> Process:
    """Wire it."""
    consumer = Consumer(edge, GROUP, TOPICS, decode, Handler(edge.telemetry))
    freshness = Freshness(edge)
    tail = Tail(edge, freshness)
    return Process(
        GROUP,
        routes=(
            number_routes(freshness),
            people_routes(freshness),
            stream_routes(tail),
            page_routes(freshness),
            site.routes,
        ),
        tasks={
            "consumer": consumer.run,
            "watchdog": lambda: watch(edge, GROUP, TOPICS, consumer.reading),
            "series": lambda: keep_series(edge),
            "freshness": freshness.keep,
            "tail": tail.keep,
            **({"publish": Publisher(edge, tail).keep} if edge.kafka else {}),
        },
        checks={"lag": consumer.check},
        needs=NEEDS,
    )
