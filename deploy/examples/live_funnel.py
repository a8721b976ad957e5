#!/usr/bin/env python3
"""A live funnel in the terminal, built from the topic `metrics.funnel.v1` and nothing else.

An example for those who build dashboards. It needs Python 3.11 and aiokafka, keeps nothing between runs, joins no
consumer group, and rebuilds every number from the topic each time it starts:

1. Read the topic from its beginning. It is compacted: of each key, at least the latest version is there.
2. Of a key, the version with the highest `revision` counts; versions may be repeated. A record without a value
   withdraws its key.
3. A cell counts one thing in one quarter of an hour (UTC), by direction, source, queue and rep. Cells add up: to
   group by something, sum over all the rest.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

TOPIC = "metrics.funnel.v1"
STEPS = {
    "leads": "leads",
    "attempted": "attempted",
    "conversed": "conversed",
    "qualified": "qualified",
    "meetings": "meetings",
    "proposals_requested": "requested",
    "proposals_presented": "presented",
    "won": "won",
}
"""What is shown: `metric` of a cell → head of a column. There are more, see /schemas/metrics.funnel.v1.json."""

Cells = dict[str, dict[str, Any]]
"""Key → the version that counts."""


def take(cells: Cells, key: str, value: bytes | None) -> None:
    """Take in one record of the topic."""
    if value is None:
        cells.pop(key, None)
        return
    cell = json.loads(value)
    if key not in cells or cell["revision"] > cells[key]["revision"]:
        cells[key] = cell


def funnel(cells: Cells, day: date, zone: ZoneInfo) -> Mapping[str, Counter[str]]:
    """Add up a day's cells: source → metric → count. A cell without a source counts under `-`."""
    rows: dict[str, Counter[str]] = {}
    for cell in cells.values():
        if datetime.fromisoformat(cell["start"]).astimezone(zone).date() == day:
            row = rows.setdefault(cell["dimensions"].get("source", "-"), Counter())
            row[cell["metric"]] += cell["value"]
    return {source: rows[source] for source in sorted(rows) if any(rows[source].values())}


def page(cells: Cells, day: date, zone: ZoneInfo) -> str:
    """The funnel as text: a line for each source, and the total."""
    rows = funnel(cells, day, zone)
    as_of = max((cell["as_of"] for cell in cells.values()), default="-")
    total: Counter[str] = Counter()
    for row in rows.values():
        total.update(row)
    width = max(len(name) for name in (*rows, "source", "total"))

    def line(name: str, values: Iterable[object]) -> str:
        return f"{name:<{width}}" + "".join(f"{value:>11}" for value in values)

    return "\n".join(
        [
            f"Funnel of {day} ({zone}), newest change as of {as_of}",
            line("source", STEPS.values()),
            *(line(source, (row[metric] for metric in STEPS)) for source, row in rows.items()),
            line("total", (total[metric] for metric in STEPS)),
        ]
    )


async def show(servers: str, topic: str, day: date | None, zone: ZoneInfo, *, once: bool) -> None:
    """Read the topic, and print whenever something has changed."""
    cells: Cells = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        await consumer.start()
        if topic not in await consumer.topics():
            sys.exit(f"There is no topic {topic} on {servers}. Does LEADGATE_TOPIC_PREFIX fit?")
        consumer.subscribe([topic])  # without a group that means: all its partitions, from the beginning
        while not consumer.assignment():
            await asyncio.sleep(0.05)
        ends = await consumer.end_offsets(consumer.assignment())
        shown = ""
        while True:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    take(cells, record.key.decode(), record.value)
            if any([await consumer.position(partition) < end for partition, end in ends.items()]):
                continue  # what is known so far is no whole yet
            text = page(cells, day or datetime.now(zone).date(), zone)
            if text != shown:
                print(("\033[2J\033[H" if sys.stdout.isatty() else "") + text + "\n", flush=True)
                shown = text
            if once:
                return
    finally:
        await consumer.stop()


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError) as error:
        raise argparse.ArgumentTypeError(f"there is no time zone {name!r}; one is Europe/London") from error


def main() -> None:
    """Read the command line, and run until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description="Print a live funnel per source, from the topic metrics.funnel.v1.",
        epilog="KAFKA_BOOTSTRAP_SERVERS names the brokers (default localhost:9092), LEADGATE_TOPIC_PREFIX what stands "
        "before the topics' names (default nothing). Example: KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 "
        "python live_funnel.py --tz Europe/London",
    )
    parser.add_argument("--once", action="store_true", help="print the funnel as it stands, and end")
    parser.add_argument("--day", type=date.fromisoformat, help="of which day, as 2026-07-06 (default: today)")
    parser.add_argument("--tz", type=zone_of, default="UTC", help="in which zone a day is (default: UTC)")
    asked = parser.parse_args()
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
    topic = os.environ.get("LEADGATE_TOPIC_PREFIX", "") + TOPIC
    try:
        asyncio.run(show(servers, topic, asked.day, asked.tz, once=asked.once))
    except KafkaError as error:
        sys.exit(f"Kafka on {servers} does not answer: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
