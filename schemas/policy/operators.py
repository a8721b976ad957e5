"""The tests that a clause may make: a closed set. `router.policy.clauses` gives each its meaning."""

from typing import Literal, TypeAlias

from schemas.words import Frozen

Scalar: TypeAlias = str | int | float | bool


class OneOf(Frozen):
    """`GB`, or `[GB, IE]`: it is one of these; a list of texts has one of them. Upper and lower case are alike."""

    values: tuple[Scalar, ...]


class Compare(Frozen):
    """`">= 50"`"""

    sign: Literal[">=", "<=", ">", "<"]
    than: int | float


class Between(Frozen):
    """`{between: [50, 500]}`: both ends belong to it."""

    low: int | float
    high: int | float


class Contains(Frozen):
    """`{contains: logistics}`: somewhere in the text; of a list: as one of its texts. Case does not matter."""

    text: str


class StartsWith(Frozen):
    """`{starts_with: LS1}`: case does not matter."""

    text: str


class Matches(Frozen):
    """`{matches: "^LS[0-9]"}`: RE2, found anywhere unless anchored; case matters unless `(?i)`."""

    pattern: str


class Known(Frozen):
    """`{known: true}`: there is a value; `{known: false}`: there is none."""

    known: bool


Test: TypeAlias = OneOf | Compare | Between | Contains | StartsWith | Matches | Known
