"""Scorecards, customers, and the facts behind a number."""

import asyncio
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from router.policy.compiled import Policy
from schemas.api.questions import Filters
from schemas.api.scorecards import (
    CardOut,
    CardsQuery,
    CustomerLineOut,
    CustomersOut,
    CustomersQuery,
    FactsOut,
    FactsQuery,
    LeaderOut,
    ScorecardsOut,
)
from schemas.words import PrincipalKind
from services.metrics import cards, listed
from services.metrics.api.asked import desks_of, period_of, wanted
from services.metrics.api.cached import cached
from services.metrics.api.numbers import described, policy_of
from services.metrics.cards import Card, Whose
from services.metrics.figures import figures, goals_of
from services.metrics.freshness import Freshness
from services.metrics.question import Dimension, Question
from services.runtime.http.call import Call
from services.runtime.http.problems import Invalid, Mistake, NotFound
from services.runtime.http.route import AT_MOST, Route
from services.runtime.http.rule import allow

ME = "me"


def people_routes(freshness: Freshness) -> APIRouter:
    """The endpoints; each first waits, briefly, for what was committed before it was asked."""
    routes = APIRouter(route_class=Route, tags=["metrics"])

    @routes.get("/v1/metrics/scorecards", responses=described(ScorecardsOut))
    @allow(PrincipalKind.REP, PrincipalKind.MANAGER)
    async def scorecards(call: Call, query: CardsQuery) -> Response:
        """Show the figures of reps, each at the desk where they did something in the period.

        Each desk has its own; all have pulls, returns, exceptions, promises, what they returned and another won, and
        their shares of wins, which sum to one for each win. A rep sees their own, by `rep=me`.
        """
        filters = _whose(call, query)
        as_of = await freshness.reach()
        call.still_admitted()
        async with asyncio.timeout(AT_MOST), call.edge.database.read() as tx:
            policy = await policy_of(tx)
            period, zone = period_of(query, policy.zone, tx.now)
            question = Question(period, zone, (), filters, desks_of(call.principal))
            found = await cards.cards(tx, question)
            made = await cards.leaders(tx, question) if call.principal.rep_id is None else {}
        answer = ScorecardsOut(
            from_=period.start,
            to=period.end,
            tz=zone.key,
            as_of=as_of,
            rows=rows_of(found, policy, by_rep="rep" in query.group_by or not query.group_by, small=query.small),
            managers=tuple(
                LeaderOut(actor=actor, exceptions=by.total(), by=dict(sorted(by.items())))
                for actor, by in sorted(made.items())
            ),
        )
        return cached(call, answer)

    @routes.get("/v1/metrics/customers", responses=described(CustomersOut))
    @allow(PrincipalKind.MANAGER)
    async def customers(call: Call, query: CustomersQuery) -> Response:
        """List the customers won in the period: how long they stay, and how much they were enlarged."""
        as_of = await freshness.reach()
        call.still_admitted()
        async with asyncio.timeout(AT_MOST), call.edge.database.read() as tx:
            policy = await policy_of(tx)
            period, zone = period_of(query, policy.zone, tx.now)
            question = Question(period, zone, (), wanted(query), desks_of(call.principal))
            stay = await listed.stay(tx, question, as_of)
            rows = await listed.customers(tx, question, as_of, after=call.after, limit=query.limit + 1)
        page = call.page(rows, query.limit, out=lambda row: row, place=_place)
        answer = CustomersOut(
            from_=period.start,
            to=period.end,
            tz=zone.key,
            as_of=as_of,
            n=stay.n,
            staying=stay.staying,
            months_mean=stay.months_mean,
            data=tuple(page.data),
            next_cursor=page.next_cursor,
        )
        return cached(call, answer)

    @routes.get("/v1/metrics/facts", responses=described(FactsOut))
    @allow(PrincipalKind.MANAGER)
    async def facts(call: Call, query: FactsQuery) -> Response:
        """List the facts behind a number, newest first.

        One that was taken back (a win corrected, a loss reopened, a lead merged or parted) is listed with the time at
        which it was, and counts no more.
        """
        await freshness.reach()
        call.still_admitted()
        async with asyncio.timeout(AT_MOST), call.edge.database.read() as tx:
            policy = await policy_of(tx)
            period, zone = period_of(query, policy.zone, tx.now)
            question = Question(period, zone, (), wanted(query), desks_of(call.principal))
            rows = await listed.facts(tx, question, query.metric, after=call.after, limit=query.limit + 1)
        page = call.page(
            rows,
            query.limit,
            out=lambda row: row.fact,
            place=lambda row: [row.place[0].isoformat(), row.place[1], str(row.place[2]), row.place[3]],
        )
        return cached(call, FactsOut(data=page.data, next_cursor=page.next_cursor))

    return routes


def rows_of(found: Mapping[Whose, Card], policy: Policy, *, by_rep: bool, small: bool = False) -> tuple[CardOut, ...]:
    """A row for each rep at each desk, or for each desk: by desk, in the order of the policy, then by rep."""
    if by_rep:
        cards_of = {(desk, rep): card for (desk, rep), card in found.items()}
    else:
        cards_of = {}
        for (desk, _), card in found.items():
            cards_of.setdefault((desk, ""), Card()).add(card)
    order = list(dict.fromkeys(queue.desk.value for queue in policy.queues.values()))
    return tuple(
        CardOut(
            rep_id=rep or None,
            desk=desk,
            figures=figures(desk, card, goals_of(policy, sorted(card.queues)), small=small),
        )
        for (desk, rep), card in sorted(
            cards_of.items(), key=lambda each: (order.index(each[0][0]) if each[0][0] in order else len(order), each[0])
        )
    )


def _whose(call: Call, query: Filters) -> dict[Dimension, tuple[str, ...]]:
    """The filters, `me` being the rep who calls. Raises: NotFound, of another rep; Invalid, who calls is none."""
    filters = wanted(query)
    asked = filters.get(Dimension.REP, ())
    me = call.principal.rep_id
    if me is None:
        if ME in asked:
            raise Invalid([Mistake("not_allowed", "you are no rep", parameter="rep", remedy="Name a rep by id")])
        return filters
    if any(rep not in (ME, me) for rep in asked):
        raise NotFound
    return {**filters, Dimension.REP: (me,)}


def _place(row: CustomerLineOut) -> list[str]:
    return [row.since.isoformat(), row.customer_id]
