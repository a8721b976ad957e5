"""What is derived from LEADGATE_SECRET, which never changes: lead ids, digests of identities, signatures."""

import hashlib
import hmac
import secrets

from schemas.ids import decode, encode
from schemas.words import LeadId, SourceName, SubmissionId

_HASH, _TAG = 15, 5  # bytes: together 20, so 32 characters without padding


class Keyring:
    """Keyed hashes, one key for each purpose.

    The secret is 32 bytes or more. Source: BLAKE2b, RFC 7693, keyed, with the purpose as personalisation.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("LEADGATE_SECRET must be at least 32 bytes in hex: make one with `openssl rand -hex 32`")
        self._key = hashlib.blake2b(secret, person=b"leadgate").digest()
        self._begun: dict[tuple[str, int], hashlib.blake2b] = {}

    def digest(self, purpose: str, *parts: str | bytes, size: int = 16) -> bytes:
        """Hash `parts` (each with its length, so that they never run together) for a purpose of ≤ 16 bytes."""
        begun = self._begun.get((purpose, size))
        if begun is None:
            begun = hashlib.blake2b(key=self._key, digest_size=size, person=purpose.encode())
            self._begun[purpose, size] = begun
        keyed = begun.copy()
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            keyed.update(len(raw).to_bytes(8) + raw)
        return keyed.digest()

    @property
    def fingerprint(self) -> bytes:
        """By which the secret is known again, and which tells nothing of it."""
        return self.digest("fingerprint")

    def lead_id(self, source: SourceName, key: str | None) -> LeadId:
        """The id of the lead that `source` sent under its idempotency `key`; random when unkeyed.

        It is a hash and a tag over source and hash, so `is_lead_of` can tell from the id alone that we gave it.
        """
        stem = secrets.token_bytes(_HASH) if key is None else self.digest("lead", source, key, size=_HASH)
        return LeadId("ld_" + encode(stem + self._tag(source, stem)))

    def is_lead_of(self, lead: str, source: SourceName) -> bool:
        """Tell whether this id was given to `source` by us."""
        raw = decode(lead.removeprefix("ld_"), _HASH + _TAG) if lead.startswith("ld_") else None
        return raw is not None and hmac.compare_digest(raw[_HASH:], self._tag(source, raw[:_HASH]))

    def submission_id(self, lead: LeadId, body: bytes) -> SubmissionId:
        """The id of one distinct body (a digest of it, without times) under a lead."""
        return SubmissionId("sub_" + encode(self.digest("submission", lead, body)))

    def _tag(self, source: SourceName, stem: bytes) -> bytes:
        return self.digest("lead-tag", source, stem, size=_TAG)
