"""Every mistake in a policy is told with its line, path, value and remedy."""
# ruff: noqa: E501 - tables

from datetime import time, timedelta

import pytest
from kit.rulebooks import EXAMPLE, RULES, policy_of, with_rules

from router.policy.check import check
from router.policy.compile import again
from router.policy.compiled import Cadence, Notify, NurtureFor, Outbound, PersonHours, Raise, Step, Targets, Unreached
from schemas.words import Priority, QueueName, SourceName
from services.runtime.paths import POLICIES


def mistakes(text):
    """As `(line, path, value, remedy)`."""
    return [(each.line, each.path, each.value, each.remedy) for each in check(text).mistakes]


def line_of(text, part):
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_the_example_starter_and_demo_are_right():
    for text in (EXAMPLE, *(path.read_text() for path in POLICIES.glob("*.yaml"))):
        assert check(text).mistakes == ()


def test_the_contracts_own_mistake():
    text = EXAMPLE.replace("bypass", "").replace("hot, queue: closing/uk}", "hot, queue: closing/ukk}")
    [told] = check(text).mistakes
    assert told.line == line_of(text, "ready to buy")
    assert (told.path, told.value) == ("rules[0].then.queue", "closing/ukk")
    assert (told.detail, told.remedy) == ("no such queue", "Did you mean closing/uk?")


# What is changed in the example, then the path, value and remedy told of it.
CHANGES = {
    "an unknown field": ("maturity: 90d", "maturity: 90d\nmaturty: 1d", "maturty", "maturty", "Did you mean maturity?"),
    "a cadence of nothing": ("default_region: GB", "cadence: {after: [], then: unreached}", "sources.web.cadence.after", None, "Write at least 1."),
    "a cadence without end": ("default_region: GB", "cadence: {after: [1h]}", "sources.web.cadence.then", None, "Add `then`."),
    "a cadence to nowhere": ("default_region: GB", "cadence: {after: [1h], then: unqualified}", "sources.web.cadence.then", "unqualified", "Write then: unreached, or"),
    "a cadence's bad nurture": ("default_region: GB", "cadence: {after: [1h], then: {nurture: 3 months}}", "sources.web.cadence.then.nurture", "3 months", "Write 90s"),
    "a cadence at once": ("default_region: GB", "cadence: {after: [0h], then: unreached}", "sources.web.cadence.after[0]", "0h", "Write a longer one."),
    "an endless window": ("maturity: 90d", "reopen_within: 9999d", "reopen_within", "9999d", "At most 3650d."),
    "returns below none": ("in_hand: 3", "returns_per_week: -1", "desks.inbound.queues.main.returns_per_week", -1, "Write at least 0."),
    "hours that are none": ("in_hand: 3", "person_hours: 8-20", "desks.inbound.queues.main.person_hours", "8-20", 'Write "08:00-20:00".'),
    "a person's night": ("in_hand: 3", 'person_hours: "20:00-08:00"', "desks.inbound.queues.main.person_hours", "20:00-08:00", 'Write "08:00-20:00".'),
    "falling through to nowhere": ("in_hand: 20", "when_empty: outbound/man", "desks.closing.queues.uk.when_empty", "outbound/man", "Did you mean outbound/main?"),
    "falling through to itself": ("in_hand: 20", "when_empty: closing/uk", "desks.closing.queues.uk.when_empty", "closing/uk", "Write one of inbound/main"),
    "no target": ("in_hand: 3", "targets: {}", "desks.inbound.queues.main.targets", None, "Write one of conversations_per_day"),
    "an unknown target": ("in_hand: 3", "targets: {calls_per_day: 20}", "desks.inbound.queues.main.targets.calls_per_day", "calls_per_day", None),
    "a skill twice": ("in_hand: 3", "skills: [de, de]", "desks.inbound.queues.main.skills[1]", "de", "Keep one."),
    "a step to nothing": ("in_hand: 3", "escalate: [{after: 10m}]", "desks.inbound.queues.main.escalate[0]", None, "Write one of raise"),
    "a step to two": ("in_hand: 3", "escalate: [{after: 10m, raise: hot, notify: true}]", "desks.inbound.queues.main.escalate[0]", None, "Write one of raise"),
    "a step misspelt": ("in_hand: 3", "escalate: [{after: 10m, rise: hot}]", "desks.inbound.queues.main.escalate[0].rise", "rise", "Did you mean raise?"),
    "steps out of order": ("in_hand: 3", "escalate: [{after: 1h, raise: hot}, {after: 10m, notify: true}]", "desks.inbound.queues.main.escalate[1].after", "10m", "Sort them"),
    "a step to another kind": ("in_hand: 3", "escalate: [{after: 10m, queue: closing/uk}]", "desks.inbound.queues.main.escalate[0].queue", "closing/uk", "Write one of inbound/main."),
    "a step to itself": ("in_hand: 3", "escalate: [{after: 10m, queue: inbound/main}]", "desks.inbound.queues.main.escalate[0].queue", "inbound/main", "Name another one."),
    "a score of nothing": ("maturity: 90d", "scores: [{name: big, when: {list: true}, add: 0}]", "scores[0].add", 0, "Write other points"),
    "half a point": ("maturity: 90d", "scores: [{name: big, when: {list: true}, add: 0.5}]", "scores[0].add", 0.5, "Write a whole number."),
    "scores of one name": ("maturity: 90d", "scores: [{name: big, when: {list: true}, add: 1}, {name: big, when: {list: false}, add: 2}]", "scores[1].name", "big", "Name each rule"),
    "a score of a score": ("maturity: 90d", 'scores: [{name: big, when: {score: ">= 5"}, add: 1}]', "scores[0].when.score", "score", "Test it in a rule."),
    "a rule on no score": ("intent: [demo, buy]", 'score: ">= 5"', "rules[0].when.score", "score", "Add scores:"),
    "a relation that is none": ("intent: [demo, buy]", "account.relation: client", "rules[0].when.account.relation", "client", "Write one of prospect, customer"),
    "what nobody answers": ("intent: [demo, buy]", 'enriched.revenue: ">= 5"', "rules[0].when.enriched.revenue", "enriched.revenue", "Declare it: enrichment: {fields: {revenue: text}}."),
    "no address": ("maturity: 90d", "enrichment: {url: enrich.example.com, fields: {revenue: number}}", "enrichment.url", "enrich.example.com", "Write a whole address"),
    "an address of a file": ("maturity: 90d", "enrichment: {url: 'file:///etc/passwd', fields: {revenue: number}}", "enrichment.url", "file:///etc/passwd", "Write a whole address"),
    "a password in the policy": ("maturity: 90d", "enrichment: {url: 'https://us:pw@example.com', fields: {revenue: number}}", "enrichment.url", "https://us:pw@example.com", "Give it to the worker as LEADGATE_ENRICHMENT_TOKEN."),
    "an answer of no field": ("maturity: 90d", "enrichment: {url: 'https://example.com', fields: {}}", "enrichment.fields", None, "Write at least 1."),
    "an answer of a bad name": ("maturity: 90d", "enrichment: {url: 'https://example.com', fields: {Big-one: text}}", "enrichment.fields.Big-one", "Big-one", "Write a-z, 0-9 or _"),
    "an answer of no type": ("maturity: 90d", "enrichment: {url: 'https://example.com', fields: {revenue: money}}", "enrichment.fields.revenue", "money", "Write one of text, country, number, flag."),
    "what is never sent": ("maturity: 90d", "enrichment: {url: 'https://example.com', send: [contact.email], fields: {revenue: number}}", "enrichment.send[0]", "contact.email", None),
    "an endless wait": ("maturity: 90d", "enrichment: {url: 'https://example.com', deadline: 2h, fields: {revenue: number}}", "enrichment.deadline", "2h", "At most 1h."),
    "an answer before its time": ("maturity: 90d", "enrichment: {url: 'https://example.com', when: {enriched.revenue: 5}, fields: {revenue: number}}", "enrichment.when.enriched.revenue", "enriched.revenue", "Test it in a rule or a score."),
    "answers twice": ("inbound: {queues", "inbound: {asks: [need, need], queues", "desks.inbound.asks[1]", "need", "Keep one."),
    "answers that nobody gives": ("inbound: {queues", "inbound: {asks: [mood], queues", "desks.inbound.asks[0]", "mood", "Write one of need"),
    "answers of a closer": ("closing: {queues", "closing: {asks: [need], queues", "desks.closing.asks", None, "Move it to inbound or outbound."),
    "a cool-down too long": ("maturity: 90d", "outbound: {cool_down: 9999d}", "outbound.cool_down", "9999d", "At most 3650d."),
    "a missing part": ("timezone: Europe/London\n", "", "timezone", None, "Add `timezone`."),
    "a missing lease": ("in_hand: 3, lease: 15m", "in_hand: 3", "desks.inbound.queues.main.lease", None, "Add `lease`."),
    "another version": ("version: 1", "version: 2", "version", 2, "Write one of 1."),
    "a number as text": ("in_hand: 3", 'in_hand: "3"', "desks.inbound.queues.main.in_hand", "3", "Write a whole number."),
    "a list for a mapping": ("sources: {web: {default_region: GB}}", "sources: [web]", "sources", None, "Write a mapping."),
    "nothing in hand": ("in_hand: 3", "in_hand: 0", "desks.inbound.queues.main.in_hand", 0, "Write at least 1."),
    "a bad duration": ("lease: 15m", "lease: 15 minutes", "desks.inbound.queues.main.lease", "15 minutes", "Write 90s, 15m"),
    "a bare number as duration": ("lease: 15m", "lease: 15", "desks.inbound.queues.main.lease", 15, "Write text."),
    "no time at all": ("lease: 15m", "lease: 0m", "desks.inbound.queues.main.lease", "0m", "Write a longer one."),
    "no working day": ("grace: 2 working days", "grace: 0 working days", "desks.closing.queues.uk.grace", "0 working days", "Write 0h."),
    "another script's digits": ("lease: 15m", "lease: ١٥m", "desks.inbound.queues.main.lease", "١٥m", "Write 90s, 15m"),
    "a time in another script": ('"08:30"', '"08:3٠"', "desks.closing.queues.uk.release.at", "08:3٠", 'Write "08:30".'),
    "a duration too long": ("lease: 15m", "lease: 99999d", "desks.inbound.queues.main.lease", "99999d", "At most 3650d."),
    "an endless sla": ("sla: 5m", "sla: 31d", "rules[3].then.sla", "31d", "At most 30d."),
    "a credit beyond 30 days": ("hot: 7d", "hot: 31d", "rank_credit.hot", "31d", "At most 30d."),
    "working days of rank": ("hot: 7d", "hot: 7 working days", "rank_credit.hot", "7 working days", "Write 90s, 15m, 2h or 90d."),
    "no currency": ("GBP", "GBX", "currency", "GBX", "Write three capitals"),
    "an unknown zone": ("timezone: Europe/London", "timezone: Europe/Londn", "timezone", "Europe/Londn", "Did you mean Europe/London?"),
    "a calendar's zone": ("{zone: Europe/London", "{zone: London", "calendars.london.zone", "London", "Did you mean Europe/London?"),
    "a directory as zone": ("{zone: Europe/London", "{zone: Europe", "calendars.london.zone", "Europe", None),
    "no hours": ('hours: {mon-fri: "09:00-17:30"}', "hours: {}", "calendars.london.hours", None, "Write always"),
    "a bad day": ("mon-fri", "mo-fr", "calendars.london.hours.mo-fr", "mo-fr", "Write mon, mon-fri or mon,wed,fri."),
    "a day twice": ("{mon-fri: ", '{fri: "10:00-11:00", mon-fri: ', "calendars.london.hours.mon-fri", "mon-fri", "Give a day"),
    "hours backwards": ("09:00-17:30", "17:30-09:00", "calendars.london.hours.mon-fri", "17:30-09:00", 'Write "09:00-17:30"'),
    "overlapping hours": ('"09:00-17:30"', '["09:00-12:00", "11:00-13:00"]', "calendars.london.hours.mon-fri", None, "Write"),
    "an unknown region": ("GB-ENG", "GB-ENL", "calendars.london.holidays", "GB-ENL", "Did you mean ENG?"),
    "the usual wrong region": ("GB-ENG", "UK", "calendars.london.holidays", "UK", "Did you mean GB?"),
    "a source's region": ("default_region: GB", "default_region: UK", "sources.web.default_region", "UK", "Did you mean GB?"),
    "a region in small letters": ("default_region: GB", "default_region: gb", "sources.web.default_region", "gb", "Write two capitals"),
    "a share above one": ("qualifier: 0.5", "qualifier: 1.5", "credit.qualifier", 1.5, "Write at most 1"),
    "shares that lack": ("qualifier: 0.5", "qualifier: 0.4", "credit", 0.9, "Write qualifier and closer"),
    "no face to face": ("face_to_face: [in_person]", "face_to_face: [phone]", "face_to_face[0]", "phone", "Write one of"),
    "an unknown desk": ("service: {queues", "servce: {queues", "desks.servce", "servce", "Did you mean service?"),
    "an unknown calendar": ("calendar: london, in_hand: 5", "calendar: londn, in_hand: 5", "desks.service.queues.main.calendar", "londn", "Did you mean london?"),
    "two buffers": ("{per_rep_hour: 0.5}", "{per_rep_hour: 0.5, fixed: 3}", "desks.closing.queues.uk.release.buffer", None, "Write either"),
    "no buffer": ("{per_rep_hour: 0.5}", "{}", "desks.closing.queues.uk.release.buffer", None, "Write either"),
    "a bad time": ('"08:30"', '"8:30"', "desks.closing.queues.uk.release.at", "8:30", 'Write "08:30".'),
    "open below in hand": ("open: 60", "open: 6", "desks.closing.queues.uk.open", 6, "Raise it."),
    "a fallback nowhere": ("outbound: outbound/main, handover", "outbound: outbound/man, handover", "fallback.outbound", "outbound/man", "Did you mean outbound/main?"),
    "a fallback to service": ("inbound: inbound/main, outbound", "inbound: service/main, outbound", "fallback.inbound", "service/main", "Write one of"),
    "a handover to qualify again": ("handover: closing/uk", "handover: inbound/main", "fallback.handover", "inbound/main", "Write one of closing/uk."),
    "a handover rule to qualify": ("GB}, then: {queue: closing/uk}", "GB}, then: {queue: inbound/main}", "handover[0].then.queue", "inbound/main", "Write one of closing/uk."),
    "tasks for nobody": ("quote: service/main", "quote: xyz", "tasks.quote", "xyz", "Write one of service/main."),
    "tasks for a closer": ("quote: service/main", "quote: closing/uk", "tasks.quote", "closing/uk", "Write one of service/main."),
    "by-rep to a closer": ("qualify: auto", "qualify: by-rep", "rules[0].then.queue", "closing/uk", "Write one of inbound/main"),
    "auto to a qualifier": ("by-rep, queue: inbound/main", "auto, queue: inbound/main", "rules[3].then.queue", "inbound/main", "Write one of closing/uk."),
    "a queue unqualified": ("qualify: auto, ", "", "rules[0].then.qualify", None, "Add qualify: auto, or bypass."),
    "nothing to do": ("then: {nurture: 90d}", "then: {}", "rules[1].then", None, "Write one of queue, nurture, reject."),
    "too much to do": ("then: {nurture: 90d}", "then: {nurture: 90d, reject: spam}", "rules[1].then", None, "Write one of"),
    "priority for nobody": ("{nurture: 90d}", "{nurture: 90d, priority: hot}", "rules[1].then.priority", "hot", "Remove it."),
    "an unknown priority": ("priority: hot", "priority: hottest", "rules[0].then.priority", "hottest", "Did you mean hot?"),
    "a name that no table takes": ("name: enquiry", 'name: "en\\0quiry"', "rules[3].name", "en\0quiry", "Write 1 to 80 characters, on one line."),
    "a source that no key can have": ("web:", '"my web":', "sources.my web", "my web", "Write A-Z"),
    "rules of one name": ("name: enquiry", "name: prospect", "rules[3].name", "prospect", "Name each rule"),
    "a reserved name": ("name: enquiry", "name: fallback", "rules[3].name", "fallback", "Choose another."),
    "an unknown path": ("company.employees:", "company.employes:", "rules[0].when.company.employes", "company.employes", "Did you mean company.employees?"),
    "a personal path": ("intent: [demo, buy]", "contact.name: Ann", "rules[0].when.contact.name", "contact.name", None),
    "qualification too early": ("intent: [demo, buy]", "qualification.need: x", "rules[0].when.qualification.need", "qualification.need", "Move it"),
    "a number for text": ("intent: [demo, buy]", "company.postal_code: 10115", "rules[0].when.company.postal_code", 10115, 'Quote it: "10115".'),
    "text for a number": ('company.employees: ">= 50"', "company.employees: many", "rules[0].when.company.employees", "many", "Write 50"),
    "a comparison of text": ("intent: [demo, buy]", 'intent: ">= 5"', "rules[0].when.intent", ">= 5", "Write a value"),
    "a comparison with nothing": ('">= 50"', '">= many"', "rules[0].when.company.employees", ">= many", 'Write ">= 50"'),
    "yes for true": ("intent: [demo, buy]", "list: yes", "rules[0].when.list", "yes", "Write true or false."),
    "a country that is none": ("[GB, IE]", "[UK, IE]", "rules[1].when.not.company.country[0]", "UK", "Did you mean GB?"),
    "a direction that is none": ("direction: outbound", "direction: outward", "rules[2].when.direction", "outward", "Write one of inbound, outbound."),
    "an empty value": ("[GB, IE]", "[GB, null]", "rules[1].when.not.company.country[1]", None, "Test absence with {known: false}."),
    "an empty list": ("intent: [demo, buy]", "intent: []", "rules[0].when.intent", None, "Write a value"),
    "an unknown operator": ("intent: [demo, buy]", "intent: {contain: x}", "rules[0].when.intent.contain", "contain", "Did you mean contains?"),
    "two operators": ("intent: [demo, buy]", "intent: {contains: x, known: true}", "rules[0].when.intent", None, "Write a value"),
    "between backwards": ('">= 50"', "{between: [9, 5]}", "rules[0].when.company.employees.between", None, "It takes two numbers"),
    "known of what": ('">= 50"', "{known: 1}", "rules[0].when.company.employees.known", 1, "It takes true or false."),
    "no pattern": ("intent: [demo, buy]", "intent: {matches: '(a'}", "rules[0].when.intent.matches", "(a", "RE2 has no"),
    "a pattern that backtracks": ("intent: [demo, buy]", "intent: {matches: '(a)\\1'}", "rules[0].when.intent.matches", "(a)\\1", "RE2 has no"),
    "any of no list": ("intent: [demo, buy]", "any: {intent: demo}", "rules[0].when.any", None, "Write any: ["),
    "not of a list": ("not: {company.country: [GB, IE]}", "not: [GB]", "rules[1].when.not", None, "Write not: {"),
}  # fmt: skip


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_mistake_is_told_once_with_its_remedy(change):
    before, after, path, value, remedy = CHANGES[change]
    assert before in EXAMPLE
    text = EXAMPLE.replace(before, after, 1)
    [(line, told_path, told_value, told_remedy)] = mistakes(text)
    assert (told_path, told_value) == (path, value)
    assert (told_remedy or "").startswith(remedy or "")
    if after and value is not None:
        assert after.strip().splitlines()[-1] in text.splitlines()[line - 1]


def test_where_no_desk_has_a_queue_for_it_one_is_to_be_added():
    text = "\n".join(line for line in EXAMPLE.splitlines() if not line.startswith("  service:"))
    text = text.replace("support: service/main, administration: service/main, solution_design: service/main", "")
    [(*_, remedy)] = mistakes(text.replace("quote: service/main", "quote: xyz"))
    assert remedy == "Add a queue to the desk service or engineering."


def test_all_mistakes_are_told_at_once_by_line():
    text = EXAMPLE.replace("calendar: always", "calendar: alway").replace("[demo, buy]", "[5]") + "extra: 1\n"
    told = [(line, path) for line, path, _, _ in mistakes(text)]
    assert [path for _, path in told] == [
        "rules[0].when.intent[0]",
        "desks.inbound.queues.main.calendar",
        "desks.outbound.queues.main.calendar",
        "extra",
    ]
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("place", "slip"),
    [
        ("title: SDR, asks: [needs], queues", "asks[0]"),
        ("title: 5, queues", "title"),
    ],
)
def test_a_mistake_of_a_desk_hides_none_of_a_rule(place, slip):
    text = EXAMPLE.replace("outbound: {queues", f"outbound: {{{place}").replace("[demo, buy]", "{matchs: a}")
    assert [path for _, path, *_ in mistakes(text)] == ["rules[0].when.intent.matchs", f"desks.outbound.{slip}"]


def test_a_mistake_of_a_step_hides_none_of_a_rule():
    text = EXAMPLE.replace("in_hand: 3", "escalate: [{after: soon, raise: hot}]").replace("[demo, buy]", "{matchs: a}")
    assert [path for _, path, *_ in mistakes(text)] == [
        "rules[0].when.intent.matchs",
        "desks.inbound.queues.main.escalate[0].after",
    ]


def test_of_an_empty_file_the_first_line_is_named():
    assert mistakes("") == [(1, "", None, "Begin with version: 1; `leadgate policy show` prints one.")]


@pytest.mark.parametrize(
    ("earlier", "later", "hidden"),
    [
        ("{intent: [demo, buy]}", "{intent: demo, list: false}", True),
        ("{intent: demo}", "{intent: [demo, buy]}", False),
        ("{intent: DEMO}", "{intent: demo}", True),
        ("{}", "{intent: demo}", True),
        ('{company.employees: ">= 50"}', '{company.employees: ">= 51"}', True),
        ('{company.employees: ">= 50"}', '{company.employees: "> 50"}', True),
        ('{company.employees: "> 50"}', '{company.employees: ">= 50"}', False),
        ('{company.employees: ">= 50"}', "{company.employees: {between: [50, 60]}}", True),
        ("{company.employees: {between: [50, 60]}}", "{company.employees: [50, 55]}", True),
        ("{company.employees: {between: [50, 60]}}", "{company.employees: [50, 61]}", False),
        ("{intent: {known: true}}", "{intent: demo}", True),
        ("{intent: {known: true}}", "{intent: {known: false}}", False),
        ("{company.name: {contains: log}}", "{company.name: {starts_with: Logis}}", True),
        ("{company.name: {starts_with: log}}", "{company.name: {contains: logis}}", False),
        ("{custom.a: {starts_with: n}}", "{custom.a: north}", False),  # it may be a list of texts
        ("{custom.a: [north, south]}", "{custom.a: north}", True),
        ("{any: [{intent: demo}, {intent: buy}]}", "{intent: buy, list: true}", True),
        ("{not: {intent: demo}}", "{not: {intent: demo}, list: true}", True),
        ("{not: {intent: demo}}", "{list: true}", False),
        ("{intent: demo, list: true}", "{intent: demo}", False),
        ("{direction: inbound}", "{direction: outbound}", False),
    ],
)
def test_a_rule_that_is_never_reached_is_a_mistake(earlier, later, hidden):
    text = with_rules(f"{{name: one, when: {earlier}, then: {{reject: spam}}}}", f"{{name: two, when: {later}, then: {{nurture: 1d}}}}")  # fmt: skip
    told = check(text).mistakes
    assert [each.path for each in told] == (["rules[1]"] if hidden else [])
    if hidden:
        assert told[0].value == "two"
        assert '"one" before it' in told[0].detail


def test_rules_that_take_each_direction_leave_none_over():
    text = EXAMPLE.replace("handover:\n", "  - {name: last, when: {list: true}, then: {nurture: 1d}}\nhandover:\n", 1)
    [told] = check(text).mistakes
    assert (told.path, told.detail) == ("rules[4]", 'never reached: "enquiry" before it takes all that it would')


def test_a_handover_rule_sees_the_qualification():
    text = EXAMPLE.replace(
        "when: {company.country: GB}", "when: {qualification.influence: decides, company.country: GB}"
    )
    assert check(text).mistakes == ()


def test_hours_may_have_a_break_and_a_night():
    hours = '{mon-fri: ["09:00-12:00", "13:00-24:00"], "sat,sun": "00:00-06:00"}'
    assert check(EXAMPLE.replace('{mon-fri: "09:00-17:30"}', hours)).mistakes == ()


def test_what_a_file_may_leave_out():
    kept = [line for line in EXAMPLE.splitlines() if not line.startswith(("rank_", "accept", "face", "matur", "credit", "sources", "tasks"))]  # fmt: skip
    policy = policy_of("\n".join(kept).replace(RULES, ""))
    whole = policy_of(EXAMPLE)
    for name in ("rank_credit", "acceptance_required", "face_to_face", "maturity", "credit"):
        assert getattr(policy, name) == getattr(whole, name)


def test_a_published_text_is_read_again_without_the_long_checks():
    policy = again(EXAMPLE, 7)
    assert policy.version == 7
    assert list(policy.queues) == ["inbound/main", "outbound/main", "closing/uk", "customer/main", "service/main"]
    with pytest.raises(ValueError, match="check"):
        again(EXAMPLE.replace("Europe/London", "Europe/Atlantis"), 8)


WHOLE = (
    EXAMPLE.replace(
        "sources: {web: {default_region: GB}}",
        """reopen_within: 90d
outbound: {cool_down: 60d}
enrichment: {url: "https://enrich.example.com/lead", when: {contact.email_kind: business}, deadline: 20s, fields: {revenue: number}}
scores:
  - {name: large, when: {any: [{company.employees: ">= 500"}, {enriched.revenue: ">= 1000000"}]}, add: 30}
  - {name: student, when: {account.relation: student}, add: -50}
sources: {fair: {cadence: {after: [1h, 1d, 3d], then: unreached}}, web: {cadence: {after: [2h], then: {nurture: 90d}}}}""",
    )
    .replace(
        "in_hand: 5, lease: 1h",
        'in_hand: 5, lease: 1h, returns_per_week: 5, person_hours: "08:00-20:00", skills: [de], targets: {meetings_per_day: 4}, escalate: [{after: 10m, raise: high}, {after: 1h, notify: true}]',
    )
    .replace("in_hand: 20,", "in_hand: 20, when_empty: outbound/main,")
    .replace("outbound: {queues", "outbound: {title: SDR, asks: [need, influence], queues")
)


def test_all_that_a_policy_can_say_is_compiled() -> None:
    policy = policy_of(WHOLE)
    outbound, closing = policy.queues[QueueName("outbound/main")], policy.queues[QueueName("closing/uk")]
    assert policy.reopen_within == timedelta(days=90)
    assert policy.outbound == Outbound(cool_down=timedelta(days=60), one_active=True)
    assert policy.sources[SourceName("fair")].cadence == Cadence(
        (timedelta(hours=1), timedelta(days=1), timedelta(days=3)), Unreached()
    )
    assert policy.sources[SourceName("web")].cadence == Cadence((timedelta(hours=2),), NurtureFor(timedelta(days=90)))
    assert outbound.person_hours == PersonHours(time(8), time(20))
    assert (outbound.returns_per_week, outbound.skills) == (5, {"de"})
    assert outbound.targets == Targets(conversations_per_day=None, meetings_per_week=None, meetings_per_day=4)
    assert outbound.escalate == (
        Step(timedelta(minutes=10), Raise(Priority.HIGH)),
        Step(timedelta(hours=1), Notify()),
    )
    assert closing.when_empty == "outbound/main"
    assert (policy.titles, policy.asks) == ({"outbound": "SDR"}, {"outbound": ("need", "influence")})
    assert policy.enrichment is not None
    assert (policy.enrichment.fields, policy.enrichment.send) == ({"enriched.revenue"}, ("company.domain",))
    assert {"enriched.revenue", "account.relation", "contact.email_kind"} <= policy.looks_at
    assert policy.scores.sum({"enriched.revenue": 2_000_000}) == (30, ("-m", "-"))
    assert policy.scores.sum({"company.employees": 700, "account.relation": "student"}) == (-20, ("m-", "m"))
