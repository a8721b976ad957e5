"""Check a policy's calendars, desks and queues, and what refers to a queue."""

from collections.abc import Collection
from datetime import timedelta
from typing import get_args

from router.calendar import WorkingDays
from router.policy.durations import duration, elapsed, week
from router.policy.mistakes import Mistakes, Path, nearest
from router.policy.regions import holidays_known, near_region, near_zone, zone
from schemas.policy.desks import DeskName, QueueModel, ReleaseModel
from schemas.policy.file import PolicyFile

QUALIFYING = ("inbound", "outbound")
LONGEST = timedelta(days=3650)
LONGEST_IN_DAYS = 365


def queue_names(file: PolicyFile) -> list[str]:
    """All queues, as `closing/uk`."""
    return [f"{desk}/{name}" for desk, held in file.desks.items() for name in held.queues]


def check_calendars(file: PolicyFile, mistakes: Mistakes) -> None:
    for name, calendar in file.calendars.items():
        path: Path = ("calendars", name)
        if zone(calendar.zone) is None:
            mistakes.add((*path, "zone"), calendar.zone, "no IANA time zone", near_zone(calendar.zone))
        week(calendar.hours, (*path, "hours"), mistakes)
        region = calendar.holidays
        if region is not None and not holidays_known(region):
            mistakes.add((*path, "holidays"), region, "no region whose holidays are known", near_region(region))


def check_desks(file: PolicyFile, mistakes: Mistakes) -> None:
    for desk, held in file.desks.items():
        if held.asks and desk not in QUALIFYING:
            mistakes.add(
                ("desks", desk, "asks"), None, "nobody qualifies at this desk", "Move it to inbound or outbound."
            )
        for index, answer in enumerate(held.asks):
            if answer in held.asks[:index]:
                mistakes.add(("desks", desk, "asks", index), answer, "stands there twice", "Keep one.")
        for name, queue in held.queues.items():
            path: Path = ("desks", desk, "queues", name)
            _check_queue(queue, path, file.calendars, mistakes)
            _check_fall_through(queue, desk, path, file, mistakes)


def check_duration(
    text: str | None, path: Path, mistakes: Mistakes, *, longest: timedelta = LONGEST, zero: bool = False
) -> None:
    """Not endless, and not nothing unless `zero` says so."""
    if text is None:
        return
    said = duration(text)
    days = isinstance(said, WorkingDays)
    if said == WorkingDays(0) or (not zero and said == timedelta()):
        mistakes.add(path, text, "no time at all", "Write 0h." if zero else "Write a longer one.")
    elif isinstance(said, WorkingDays) and said.days > LONGEST_IN_DAYS:
        mistakes.add(path, text, "too long", f"At most {LONGEST_IN_DAYS} working days.")
    elif not days and elapsed(text) > longest:
        at_most = f"{longest.days}d" if longest.days else f"{longest.seconds // 3600}h"
        mistakes.add(path, text, "too long", f"At most {at_most}.")


def check_reference(
    name: str, path: Path, file: PolicyFile, mistakes: Mistakes, *, desks: Collection[str], why: str
) -> bool:
    """The queue is there, and of one of these desks; `why` says what for."""
    known = queue_names(file)
    fit = [each for each in known if each.partition("/")[0] in desks]
    remedy = f"Write one of {', '.join(fit)}." if fit else f"Add a queue to the desk {' or '.join(desks)}."
    if name not in known:
        mistakes.add(path, name, "no such queue", nearest(name, known) or remedy)
        return False
    if name not in fit:
        mistakes.add(path, name, why, remedy)
        return False
    return True


def _check_queue(queue: QueueModel, path: Path, calendars: Collection[str], mistakes: Mistakes) -> None:
    if queue.calendar not in calendars:
        remedy = nearest(queue.calendar, calendars) or f"There are: {', '.join(calendars)}."
        mistakes.add((*path, "calendar"), queue.calendar, "no such calendar", remedy)
    for name in ("lease", "next_step", "grace"):
        check_duration(getattr(queue, name), (*path, name), mistakes, zero=name == "grace")
    if queue.in_hand is not None and queue.open is not None and queue.open < queue.in_hand:
        mistakes.add((*path, "open"), queue.open, "below in_hand, which can then never be reached", "Raise it.")
    if queue.person_hours is not None:
        opens, _, closes = queue.person_hours.partition("-")
        if opens >= closes:
            mistakes.add((*path, "person_hours"), queue.person_hours, "ends before it begins", 'Write "08:00-20:00".')
    if queue.targets is not None and not queue.targets.model_fields_set:
        remedy = f"Write one of {', '.join(type(queue.targets).model_fields)}, or remove it."
        mistakes.add((*path, "targets"), None, "no target", remedy)
    for index, skill in enumerate(queue.skills):
        if skill in queue.skills[:index]:
            mistakes.add((*path, "skills", index), skill, "stands there twice", "Keep one.")
    if queue.release is not None:
        _check_buffer(queue.release, (*path, "release", "buffer"), mistakes)


def _check_fall_through(queue: QueueModel, desk: str, path: Path, file: PolicyFile, mistakes: Mistakes) -> None:
    if queue.when_empty is None:
        return
    others = [each for each in get_args(DeskName) if each != desk]
    why = "a queue of the same desk, where a pull has looked already"
    check_reference(queue.when_empty, (*path, "when_empty"), file, mistakes, desks=others, why=why)


def _check_buffer(release: ReleaseModel, path: Path, mistakes: Mistakes) -> None:
    if (release.buffer.fixed is None) == (release.buffer.per_rep_hour is None):
        mistakes.add(path, None, "not one buffer", "Write either {fixed: 10} or {per_rep_hour: 0.5}.")
