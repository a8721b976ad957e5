"""The duty of enrichment: the policy's hook is asked about who waits for it, and they are decided anew.

Taken, asked, decided: the two transactions hold nothing while the hook is asked between them. Who is not answered is
asked about again, and decided without an answer at the deadline (`services.worker.due`), whatever the hook does.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

import structlog

from router.enriching import Answer, NoAnswer, question
from router.policy.compiled import Policy
from schemas.words import LeadId
from services import policies
from services.runtime.edge import Edge
from services.store import enriching
from services.store.enriching import Asked
from services.store.settling import ASKING
from services.worker.hook import AT_ONCE, PATIENCE, Hook, hook
from services.worker.loops import SOON, Duty, keep

NAME = "enrich"
_log = structlog.get_logger("leadgate.worker")
_WITHIN = 3 * PATIENCE
"""So long after another worker took a lead, and said nothing of it any more, it is asked about again."""
_HELD = timedelta(milliseconds=200)
_LOOKS = 5
"""What another holds just now is looked for again so often."""


async def work(edge: Edge) -> None:
    """Do this duty until cancelled. Raises: what is an outage of ours."""
    async with hook(edge.settings) as asking:

        async def turn() -> bool:
            return await _turn(edge, asking)

        await keep(edge, Duty(NAME, turn, SOON, (ASKING,)))


async def _turn(edge: Edge, asking: Hook) -> bool:
    async with edge.database.tx() as tx:
        policy = await policies.active(tx)
        asked = await enriching.take(tx, AT_ONCE, within=_WITHIN)
    if not asked:
        return False
    answers, failed = await _ask(asking, policy, asked)
    edge.telemetry.asked.labels("answered").inc(len(answers))
    edge.telemetry.asked.labels("unanswered").inc(len(failed))
    await _decide(edge, answers)
    async with edge.database.tx() as tx:
        await enriching.unanswered(tx, failed)
    return len(asked) == AT_ONCE


async def _ask(asking: Hook, policy: Policy, asked: list[Asked]) -> tuple[dict[LeadId, Answer], list[Asked]]:
    """Ask about all of them at once: what was answered, and whom nothing was said of."""
    enrichment = policy.enrichment
    if enrichment is None:  # a new policy asks nobody: who waited waits no longer
        return {one.submitted.id: {} for one in asked}, []
    questions = [asking.ask(enrichment, question(one.submitted, enrichment)) for one in asked]
    said = await asyncio.gather(*questions, return_exceptions=True)
    answers: dict[LeadId, Answer] = {}
    failed: list[Asked] = []
    reasons: Counter[str] = Counter()
    for one, answer in zip(asked, said, strict=True):
        match answer:
            case NoAnswer():
                failed.append(one)
                reasons[str(answer)] += 1
            case BaseException():
                raise answer
            case _:
                answers[one.submitted.id] = answer
    for reason, leads in reasons.items():
        _log.warning("hook_gave_no_answer", reason=reason, leads=leads)
    return answers, failed


async def _decide(edge: Edge, answers: Mapping[LeadId, Answer]) -> None:
    left = dict(answers)
    for _ in range(_LOOKS):
        if not left:
            return
        async with edge.database.tx() as tx:
            done = await enriching.answered(tx, await policies.active(tx), left)
        left = {lead: answer for lead, answer in left.items() if lead not in done}
        if left:
            await asyncio.sleep(_HELD.total_seconds())
