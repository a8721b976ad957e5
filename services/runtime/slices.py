"""Parts of a batch, each with the spans that it covers. Pure."""

from collections.abc import Collection

from services.runtime.log.port import Batch, Place, Span


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """Cut a batch of two or more records in two, the earlier part first.

    Spans without records go with the first. A partition that stands in both is cut where its later records begin.
    """
    middle = len(batch.records) // 2
    early, late = batch.records[:middle], batch.records[middle:]
    begins: dict[Place, int] = {}
    for record in late:
        begins.setdefault(record.place, record.offset)
    with_early = {record.place for record in early}
    first: dict[Place, Span] = {}
    second: dict[Place, Span] = {}
    for place, span in batch.spans.items():
        if place not in begins:
            first[place] = span
        elif place not in with_early:
            second[place] = span
        else:
            first[place] = Span(span.start, begins[place])
            second[place] = Span(begins[place], span.next)
    return Batch(early, first), Batch(late, second)


def without(batch: Batch, places: Collection[Place]) -> Batch:
    """Leave partitions out."""
    return Batch(
        tuple(record for record in batch.records if record.place not in places),
        {place: span for place, span in batch.spans.items() if place not in places},
    )


def until(batch: Batch, place: Place, end: int) -> Batch:
    """Leave out what stands in `place` at `end` and later."""
    span = batch.spans[place]
    return Batch(
        tuple(record for record in batch.records if record.place != place or record.offset < end),
        {**batch.spans, place: Span(span.start, min(span.next, end))},
    )
