"""Accounts: companies, by their domain. Free mail makes none."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from schemas.events.intake import LeadSubmitted
from services.runtime.ids import mint
from services.runtime.tx import ReadTx, Tx
from services.store import rows
from services.store import tables as t


async def of(tx: Tx, leads: Sequence[LeadSubmitted]) -> dict[str | None, str]:
    """The accounts of these leads' companies, by domain; those not known yet are made."""
    names = {one.company.domain: one.company.name for one in leads if one.company.domain}
    found = await _known(tx, list(names))
    missing: list[dict[str, Any]] = [
        {"id": mint("acc", tx.now), "domain": domain, "name": names[domain], "created_at": tx.now}
        for domain in sorted(filter(None, names))
        if domain not in found
    ]
    if missing:
        await rows.add(tx, t.accounts, missing)
        found.update(await _known(tx, [row["domain"] for row in missing]))
    return found


async def _known(tx: ReadTx, domains: Sequence[str]) -> dict[str | None, str]:
    if not domains:
        return {}
    wanted = rows.among(domains)
    found = await tx.fetch(select(t.accounts.c.domain, t.accounts.c.id).where(t.accounts.c.domain == wanted))
    return {row["domain"]: row["id"] for row in found}
