"""The company's terms: two policies that follow one another, and what the model has to know of them."""

from dataclasses import dataclass
from datetime import timedelta

HOUR = timedelta(hours=1)
POLICY = """
version: 1
currency: GBP
timezone: UTC
calendars: {{always: {{zone: UTC, hours: always}}}}
rank_credit: {{list: 0h, normal: 1h, high: 1d, hot: 7d}}
reopen_within: {reopen_within}h
sources: {{web: {{cadence: {{after: [1h], then: unreached}}}}}}
rules:
  - {{name: ready, when: {{intent: buy}}, then: {{qualify: auto, priority: hot, queue: closing/uk}}}}
  - {{name: trial, when: {{intent: trial}}, then: {{qualify: bypass, queue: closing/uk}}}}
  - {{name: asleep, when: {{intent: asleep}}, then: {{nurture: 2h}}}}
fallback: {{inbound: inbound/main, outbound: outbound/main, handover: closing/uk}}
tasks: {{quote: service/main}}
desks:
  inbound: {{queues: {{main: {{calendar: always, in_hand: {inbound_in_hand}, lease: 1h, grace: 30m}}}}}}
  outbound: {{queues: {{main: {{calendar: always, lease: 1h}}}}}}
  closing:
    queues:
      uk:
        {{calendar: always, in_hand: {closing_in_hand}, open: {closing_open}, lease: 4h, grace: 2h, next_step: 6h,
         release: {{at: "08:30", buffer: {{fixed: {buffer}}}}}}}
  customer: {{queues: {{main: {{calendar: always, lease: 4h, grace: 2h}}}}}}
  service: {{queues: {{main: {{calendar: always, lease: 2h}}}}}}
"""
LEASE = {"inbound": HOUR, "closing": 4 * HOUR, "customer": 4 * HOUR, "service": 2 * HOUR}
GRACE = {"inbound": HOUR / 2, "closing": 2 * HOUR, "customer": 2 * HOUR, "service": 2 * HOUR}
FIRST_STEP = 6 * HOUR
SLEEP = 2 * HOUR
TRY_AGAIN = HOUR
DAY = 24 * HOUR
ANSWER = timedelta(seconds=20)
UNLIMITED = 99


@dataclass(frozen=True)
class Terms:
    """What a new version of the policy changes. Hours; numbers of claims, and of items."""

    reopen_within: int = 12
    inbound_in_hand: int = 2
    closing_in_hand: int = 2
    closing_open: int = 3
    buffer: int = 1

    @property
    def policy(self) -> str:
        return POLICY.format(**vars(self))

    def in_hand(self, desk: str) -> int:
        return {"inbound": self.inbound_in_hand, "closing": self.closing_in_hand}.get(desk, UNLIMITED)

    def open(self, desk: str) -> int:
        return {"closing": self.closing_open}.get(desk, UNLIMITED)


FIRST = Terms()
SECOND = Terms(reopen_within=1, inbound_in_hand=1, closing_in_hand=1, closing_open=2, buffer=2)
