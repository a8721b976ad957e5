"""Parts of a batch cover what the batch covered: nothing twice, nothing left out, in order."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.log.port import Batch, Place, Record, Span
from services.runtime.slices import halves, until, without

PLACES = [Place("a", 0), Place("a", 1), Place("b", 0)]


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """As a log gives them: places in turn, offsets growing, with gaps (Kafka has such)."""
    records: list[Record] = []
    spans: dict[Place, Span] = {}
    for place in draw(st.permutations(PLACES)):
        start = offset = draw(st.integers(0, 50))
        for _ in range(draw(st.integers(0, 6))):
            offset += draw(st.integers(0, 3))
            records.append(Record(place, offset, datetime(2026, 7, 6, tzinfo=UTC), "k", b"v", ()))
            offset += 1
        end = offset + draw(st.integers(0, 3))
        if end > start:
            spans[place] = Span(start, end)
    return Batch(tuple(records), spans)


@given(batches().filter(lambda batch: len(batch.records) > 1))
def test_halves_join_to_the_whole(batch: Batch) -> None:
    early, late = halves(batch)
    assert early.records + late.records == batch.records
    assert early.records
    assert late.records
    for place, span in batch.spans.items():
        parts = [half.spans[place] for half in (early, late) if place in half.spans]
        assert (parts[0].start, parts[-1].next) == (span.start, span.next)
        assert len(parts) == 1 or parts[0].next == parts[1].start


@given(batches().filter(lambda batch: len(batch.records) > 1))
def test_each_half_covers_its_own_records(batch: Batch) -> None:
    for half in halves(batch):
        for record in half.records:
            span = half.spans[record.place]
            assert span.start <= record.offset < span.next


@given(batches(), st.sets(st.sampled_from(PLACES)))
def test_what_is_left_out_is_gone_and_the_rest_is_untouched(batch: Batch, places: set[Place]) -> None:
    rest = without(batch, places)
    assert not {record.place for record in rest.records} & places
    assert rest.spans == {place: span for place, span in batch.spans.items() if place not in places}


@given(batches().filter(lambda batch: bool(batch.records)), st.data())
def test_a_cut_ends_one_partition_there_and_leaves_the_others(batch: Batch, data: st.DataObject) -> None:
    last = data.draw(st.sampled_from(batch.records))
    cut = until(batch, last.place, last.offset + 1)
    assert cut.spans[last.place].next == last.offset + 1
    assert [r for r in cut.records if r.place == last.place][-1] == last
    assert without(cut, [last.place]) == without(batch, [last.place])
