"""The policy file, version 1."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.policy.calendars import Calendars, DurationText, ElapsedText, ZoneText
from schemas.policy.desks import Desks
from schemas.policy.enrichment import EnrichmentModel
from schemas.policy.written import QueueText, RegionText, SegmentName, SourceText, Title, Written
from schemas.words import CurrencyCode

PriorityName = Literal["normal", "high", "hot"]
When = Annotated[
    dict[str, Any],
    Field(description="`field: test` for each field, all of them true; `any: [{…}, {…}]` and `not: {…}` nest"),
]


class RankCreditModel(Written):
    """How much older than it is an item counts; each 0 to 30d."""

    list: ElapsedText = "0h"
    normal: ElapsedText = "1h"
    high: ElapsedText = "1d"
    hot: ElapsedText = "7d"


class CreditModel(Written):
    """How a win is shared: the shares sum to 1. Nobody qualified: all to the closer."""

    qualifier: Annotated[float, Field(ge=0, le=1)] = 0.5
    closer: Annotated[float, Field(ge=0, le=1)] = 0.5


class CadenceModel(Written):
    """After each fruitless attempt the next is tried so much later; and when none is left, what then."""

    after: Annotated[list[ElapsedText], Field(min_length=1, max_length=50)]
    then: Any = Field(description="`unreached`, or `{nurture: 90d}`")


class SourceModel(Written):
    """What is particular to a source."""

    default_region: RegionText | None = None
    cadence: CadenceModel | None = None


class ScoreModel(Written):
    """Where `when` is true, `add` is added to the lead's score."""

    name: Title
    when: When
    add: Annotated[int, Field(ge=-10_000, le=10_000)]


class OutboundModel(Written):
    """How the persons of a target account are approached."""

    cool_down: ElapsedText = "90d"
    one_active: bool = True


class ThenModel(Written):
    """One of: a queue (and how it is qualified there), nurture for so long, reject."""

    queue: QueueText | None = None
    qualify: Literal["by-rep", "auto", "bypass"] | None = None
    priority: PriorityName | None = None
    sla: DurationText | None = None
    nurture: ElapsedText | None = None
    reject: Literal["spam"] | None = None
    segment: SegmentName | None = None


class RuleModel(Written):
    """The first rule whose `when` is true decides."""

    name: Title
    when: When
    then: ThenModel


class HandoverThenModel(Written):
    """The closing queue for what a rep has qualified."""

    queue: QueueText
    priority: PriorityName | None = None
    sla: DurationText | None = None
    segment: SegmentName | None = None


class HandoverModel(Written):
    """Sees the lead as corrected, and `qualification.*`."""

    name: Title
    when: When
    then: HandoverThenModel


class FallbackModel(Written):
    """Where a lead goes when no rule matches."""

    inbound: QueueText
    outbound: QueueText
    handover: QueueText


class PolicyFile(Written):
    """A whole policy."""

    version: Literal[1]
    currency: CurrencyCode
    timezone: ZoneText
    calendars: Calendars
    rank_credit: RankCreditModel = RankCreditModel()
    acceptance: Literal["none", "required"] = "none"
    face_to_face: Annotated[list[Literal["in_person", "video"]], Field(min_length=1)] = ["in_person"]
    maturity: ElapsedText = "90d"
    credit: CreditModel = CreditModel()
    reopen_within: ElapsedText | None = None
    sources: dict[SourceText, SourceModel] = {}
    outbound: OutboundModel | None = None
    enrichment: EnrichmentModel | None = None
    scores: Annotated[list[ScoreModel], Field(max_length=500)] = []
    rules: Annotated[list[RuleModel], Field(max_length=1000)] = []
    handover: Annotated[list[HandoverModel], Field(max_length=1000)] = []
    fallback: FallbackModel
    tasks: dict[Literal["quote", "solution_design", "support", "administration"], QueueText] = {}
    desks: Desks
