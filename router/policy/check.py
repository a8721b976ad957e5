"""Check a policy file: every mistake with its line, what stands there, and what to do instead."""

from dataclasses import dataclass
from datetime import timedelta

from router.policy.cadences import check_cadence
from router.policy.desks import check_calendars, check_desks, check_duration
from router.policy.enrichments import check_enrichment
from router.policy.escalation import check_escalation
from router.policy.mistakes import Mistake, Mistakes
from router.policy.parse import parse
from router.policy.regions import has_phones, near_country, near_zone, zone
from router.policy.rules import check_rules
from router.policy.structure import structured
from schemas.currencies import CURRENCIES
from schemas.policy.file import PolicyFile, RankCreditModel

LARGEST_CREDIT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Checked:
    """The file, if it is right; else None and what is wrong with it, by line."""

    file: PolicyFile | None
    mistakes: tuple[Mistake, ...] = ()

    @property
    def ok(self) -> bool:
        return self.file is not None


def check(text: str | bytes) -> Checked:
    """Read and check a policy. It answers to anything, and never raises."""
    parsed = parse(text)
    if parsed.mistake is not None:
        return Checked(None, (parsed.mistake,))
    mistakes = Mistakes(parsed.lines)
    read = structured(parsed.values, mistakes)
    if read.file is not None:
        around = {path[:-1] for path in read.skipped}
        further = Mistakes(parsed.lines)
        _check_whole(read.file, further)
        # What a part says that has lost something to a mistake is that mistake again.
        mistakes += [each for each, path in zip(further, further.paths, strict=True) if path not in around]
    return Checked(None, tuple(mistakes.told())) if mistakes else Checked(read.file)


def _check_whole(file: PolicyFile, mistakes: Mistakes) -> None:
    if file.currency not in CURRENCIES:
        mistakes.add(("currency",), file.currency, "no currency of ISO 4217", "Write three capitals, as GBP.")
    if zone(file.timezone) is None:
        mistakes.add(("timezone",), file.timezone, "no IANA time zone", near_zone(file.timezone))
    for name in RankCreditModel.model_fields:
        text = getattr(file.rank_credit, name)
        check_duration(text, ("rank_credit", name), mistakes, longest=LARGEST_CREDIT, zero=True)
    check_duration(file.maturity, ("maturity",), mistakes)
    if abs(file.credit.qualifier + file.credit.closer - 1) > 1e-9:
        total = round(file.credit.qualifier + file.credit.closer, 9)
        mistakes.add(("credit",), total, "the shares do not sum to 1", "Write qualifier and closer so that they do.")
    for source, held in file.sources.items():
        region = held.default_region
        if region is not None and not has_phones(region):
            path = ("sources", source, "default_region")
            mistakes.add(path, region, "no region with telephone numbers", near_country(region))
        if held.cadence is not None:
            check_cadence(held.cadence, ("sources", source, "cadence"), mistakes)
    check_duration(file.reopen_within, ("reopen_within",), mistakes)
    if file.outbound is not None:
        check_duration(file.outbound.cool_down, ("outbound", "cool_down"), mistakes, zero=True)
    if file.enrichment is not None:
        check_enrichment(file.enrichment, mistakes)
    check_calendars(file, mistakes)
    check_desks(file, mistakes)
    check_escalation(file, mistakes)
    check_rules(file, mistakes)
