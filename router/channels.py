"""On which channels a person may still be reached."""

from collections.abc import Collection, Iterable

from schemas.words import Channel, MatchedBy

ALL = "all"
"""A suppression of every channel."""
_OPENS = {
    MatchedBy.PHONE: (Channel.PHONE, Channel.SMS),
    MatchedBy.EMAIL: (Channel.EMAIL,),
    MatchedBy.PROFILE: (Channel.SOCIAL,),
}
ORDER = (Channel.PHONE, Channel.SMS, Channel.EMAIL, Channel.SOCIAL)
"""What an identity may open, as it is shown."""


def left(kinds: Iterable[MatchedBy], suppressed: Collection[str]) -> tuple[Channel, ...]:
    """What the valid identities of a contact open, less what is suppressed.

    >>> [channel.value for channel in left([MatchedBy.EMAIL, MatchedBy.PHONE], {"sms"})]
    ['phone', 'email']
    """
    opened = {channel for kind in kinds for channel in _OPENS[kind]}
    return () if ALL in suppressed else tuple(each for each in ORDER if each in opened and each not in suppressed)
