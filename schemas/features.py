"""What a rule may look at: one table. All of it is normalised, and no name, address or number of a person is in it."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.words import Direction, EmailKind, Influence, Relation

CUSTOM = "custom."
"""`custom.seats` is the field `seats` of the submission's `custom`; any type."""
ENRICHED = "enriched."
"""`enriched.revenue` is the field `revenue` that the policy's `enrichment` declares, with its type."""
SCORE = "score"
"""The sum of the policy's `scores`: derived, so that it stands in no submission."""
RELATION = "account.relation"
QUALIFICATION = "qualification."
"""Of these and of custom fields the words are a person's: in a receipt they stand beside the rest, erasable."""


class FeatureType(StrEnum):
    TEXT = "text"
    COUNTRY = "country"
    NUMBER = "number"
    FLAG = "true or false"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Feature:
    """A path, its type, and what it says. `values`: all that there are, where the list is closed.

    `handover`: only known when a rep has qualified the lead, so only for `handover:` rules.
    """

    path: str
    type: FeatureType
    help: str
    values: tuple[str, ...] = ()
    handover: bool = False


_TEXT, _COUNTRY, _NUMBER, _FLAG = FeatureType.TEXT, FeatureType.COUNTRY, FeatureType.NUMBER, FeatureType.FLAG

FEATURES = (
    Feature("direction", _TEXT, "who approached whom", tuple(Direction)),
    Feature("source", _TEXT, "the key's source, as `web`"),
    Feature("list", _FLAG, "of a list, not a hand-raiser"),
    Feature("intent", _TEXT, "what they asked for, as `demo`"),
    Feature("product", _TEXT, "which product, as `fleet`"),
    Feature("contact.country", _COUNTRY, "ISO 3166-1 alpha-2, as `GB`"),
    Feature("contact.language", _TEXT, "BCP 47, as `en-GB`; `{starts_with: en}` for all English"),
    Feature("contact.email_kind", _TEXT, "what sort of address", tuple(EmailKind)),
    Feature("contact.has_email", _FLAG, "there is a valid e-mail"),
    Feature("contact.has_phone", _FLAG, "there is a valid phone"),
    Feature("contact.has_profile", _FLAG, "there is a valid profile"),
    Feature("company.name", _TEXT, "as they wrote it"),
    Feature("company.domain", _TEXT, "as `example.com`; none for free mail"),
    Feature("company.employees", _NUMBER, "how many"),
    Feature("company.industry", _TEXT, "as they wrote it"),
    Feature("company.country", _COUNTRY, "ISO 3166-1 alpha-2, as `GB`"),
    Feature("company.city", _TEXT, "as they wrote it"),
    Feature("company.postal_code", _TEXT, "as they wrote it; quote it in the policy"),
    Feature(RELATION, _TEXT, "what their company is to us", tuple(Relation)),
    Feature("campaign.utm_source", _TEXT, "as `google`"),
    Feature("campaign.utm_medium", _TEXT, "as `cpc`"),
    Feature("campaign.utm_campaign", _TEXT, "the campaign's name"),
    Feature("campaign.utm_term", _TEXT, "the search term"),
    Feature("campaign.utm_content", _TEXT, "which advertisement"),
    Feature("consent.contact", _FLAG, "they agreed to be contacted"),
    Feature("consent.marketing", _FLAG, "they agreed to marketing"),
    Feature(SCORE, _NUMBER, "the sum of `scores`"),
    Feature(f"{QUALIFICATION}need", _TEXT, "what they need", handover=True),
    Feature(f"{QUALIFICATION}willing_to_meet", _FLAG, "they will meet", handover=True),
    Feature(f"{QUALIFICATION}influence", _TEXT, "their say", tuple(Influence), handover=True),
    Feature(f"{QUALIFICATION}next_step", _TEXT, "what was agreed", handover=True),
    Feature(f"{QUALIFICATION}budget", _TEXT, "what they can spend", handover=True),
    Feature(f"{QUALIFICATION}timing", _TEXT, "when they want it", handover=True),
    Feature(f"{QUALIFICATION}competitor", _TEXT, "whom else they ask", handover=True),
)

BY_PATH = {feature.path: feature for feature in FEATURES}


def feature(path: str) -> Feature | None:
    """What stands at `path`; None where a rule may not look.

    >>> feature("custom.seats").type
    <FeatureType.ANY: 'any'>
    """
    if path.startswith(CUSTOM) and len(path) > len(CUSTOM):
        return Feature(path, FeatureType.ANY, "a custom field")
    return BY_PATH.get(path)
