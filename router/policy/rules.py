"""Check a policy's rules: names, conditions, where they lead, and whether they can be reached."""

from collections.abc import Sequence
from datetime import timedelta

from router.policy.conditions import Conditions, Where
from router.policy.desks import QUALIFYING, check_duration, check_reference
from router.policy.enrichments import enriched
from router.policy.mistakes import Mistakes, Path
from router.policy.rule import RESERVED_RULES, All
from router.policy.shadows import shadowed
from schemas.policy.file import HandoverModel, HandoverThenModel, PolicyFile, RuleModel, ScoreModel, ThenModel

LONGEST_SLA = timedelta(days=30)
CLOSING = ("closing",)
_TASKS = ("service", "engineering")


def check_rules(file: PolicyFile, mistakes: Mistakes) -> None:
    """`rules`, `handover`, `fallback`, `tasks`."""
    conditions = Conditions(mistakes, enriched(file), scored=bool(file.scores))
    if file.enrichment is not None:
        conditions.read(file.enrichment.when, ("enrichment", "when"), where=Where.ENRICHMENT)
    _check_names(Where.SCORES, file.scores, conditions)
    for index, score in enumerate(file.scores):
        if score.add == 0:
            mistakes.add(("scores", index, "add"), 0, "adds nothing", "Write other points, or remove the score.")
    for where, rules in ((Where.RULES, file.rules), (Where.HANDOVER, file.handover)):
        _check_reached(where, rules, _check_names(where, rules, conditions), mistakes)
    for index, rule in enumerate(file.rules):
        _check_then(rule.then, ("rules", index, "then"), file, mistakes)
    for index, each in enumerate(file.handover):
        _check_handover(each.then, ("handover", index, "then"), file, mistakes)
    for direction, queue in (("inbound", file.fallback.inbound), ("outbound", file.fallback.outbound)):
        why = "not a queue that a new lead can go to"
        check_reference(queue, ("fallback", direction), file, mistakes, desks=(*QUALIFYING, *CLOSING), why=why)
    why = "not a closing queue, where what is qualified goes"
    check_reference(file.fallback.handover, ("fallback", "handover"), file, mistakes, desks=CLOSING, why=why)
    for kind, queue in file.tasks.items():
        check_reference(queue, ("tasks", kind), file, mistakes, desks=_TASKS, why="not a queue for tasks")


def _check_names(
    where: Where, rules: Sequence[RuleModel | HandoverModel | ScoreModel], conditions: Conditions
) -> list[All] | None:
    """Each has a name of its own. Their conditions; None where some could not be read."""
    mistakes = conditions.mistakes
    seen: set[str] = set()
    read: list[All] = []
    sound = len(mistakes)
    for index, rule in enumerate(rules):
        path: Path = (where.value, index)
        if rule.name in seen:
            mistakes.add((*path, "name"), rule.name, "another rule has this name", "Name each rule differently.")
        if rule.name in RESERVED_RULES:
            mistakes.add((*path, "name"), rule.name, "a name that Leadgate uses itself", "Choose another.")
        seen.add(rule.name)
        read.append(conditions.read(rule.when, (*path, "when"), where=where))
    return read if len(mistakes) == sound else None


def _check_reached(
    where: Where, rules: Sequence[RuleModel | HandoverModel], read: list[All] | None, mistakes: Mistakes
) -> None:
    for later, earlier in shadowed(read or ()):
        mistakes.add(
            (where.value, later),
            rules[later].name,
            f'never reached: "{rules[earlier].name}" before it takes all that it would',
            "Move it up, or remove it.",
        )


def _check_then(then: ThenModel, path: Path, file: PolicyFile, mistakes: Mistakes) -> None:
    given = [name for name in ("queue", "nurture", "reject") if getattr(then, name) is not None]
    if len(given) != 1:
        detail = "says nothing to do" if not given else f"says {' and '.join(given)} at once"
        mistakes.add(path, None, detail, "Write one of queue, nurture, reject.")
        return
    check_duration(then.nurture, (*path, "nurture"), mistakes)
    check_duration(then.sla, (*path, "sla"), mistakes, longest=LONGEST_SLA)
    if then.queue is None:
        for name in ("qualify", "priority", "sla"):
            if getattr(then, name) is not None:
                mistakes.add((*path, name), getattr(then, name), f"without effect on {given[0]}", "Remove it.")
        return
    _check_place(then, then.queue, path, file, mistakes)


def _check_place(then: ThenModel, queue: str, path: Path, file: PolicyFile, mistakes: Mistakes) -> None:
    at = (*path, "queue")
    if then.qualify == "by-rep":
        why = "by-rep wants a desk that qualifies"
        check_reference(queue, at, file, mistakes, desks=QUALIFYING, why=why)
    elif then.qualify is not None:
        why = f"{then.qualify} makes an opportunity, which wants a closing queue"
        check_reference(queue, at, file, mistakes, desks=CLOSING, why=why)
    elif (
        check_reference(queue, at, file, mistakes, desks=(*QUALIFYING, *CLOSING), why="not a queue for a new lead")
        and queue.partition("/")[0] in CLOSING
    ):
        mistakes.add((*path, "qualify"), None, "required for a closing queue", "Add qualify: auto, or bypass.")


def _check_handover(then: HandoverThenModel, path: Path, file: PolicyFile, mistakes: Mistakes) -> None:
    why = "not a closing queue, where what is qualified goes"
    check_reference(then.queue, (*path, "queue"), file, mistakes, desks=CLOSING, why=why)
    check_duration(then.sla, (*path, "sla"), mistakes, longest=LONGEST_SLA)
