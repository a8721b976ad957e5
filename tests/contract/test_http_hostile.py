"""Hostile input never yields a 5xx, and the answer is a problem of moderate size."""

from kit.asgi import asked
from kit.tiny import key_of, tiny

from schemas.words import PrincipalKind
from services.runtime.edge import Edge

NOTES = b"/v1/things/thg_1/notes"
FINE = b'{"text":"a"}'
MANY = b"&".join(b"a%d=1" % place for place in range(10_000))
LARGE = b'{"text":"' + b"a" * 1_000_000 + b'"}'
TYPES = b'{"text":{},"employees":[],"channel":{},"at":[],"value":"x","addresses":{},"custom":[]}'
Line = tuple[bytes, bytes]

HOSTILE: dict[str, tuple[bytes, bytes, list[Line], bytes, int]] = {
    "NUL in the path": (b"/v1/things/%00/notes", b"", [], FINE, 404),
    "lone surrogate in the path": (b"/v1/things/%ED%A0%80/notes", b"", [], FINE, 404),
    "invalid UTF-8 in the path": (b"/v1/things/%ff%fe/notes", b"", [], FINE, 404),
    "bad percent-encoding in the path": (b"/v1/things/%zz%/notes", b"", [], FINE, 404),
    "slashes in the path": (b"/v1/things/..%2f..%2fetc/notes", b"", [], FINE, 404),
    "a line break in the path": (b"/v1/things/thg_1%0a/notes", b"", [], FINE, 404),
    "trailing slash": (NOTES + b"/", b"", [], FINE, 404),
    "double slash": (b"/" + NOTES, b"", [], FINE, 404),
    "no slash": (b"v1", b"", [], FINE, 404),
    "no path": (b"", b"", [], FINE, 404),
    "a path of 60 KiB": (b"/v1/things/" + b"a" * 60_000 + b"/notes", b"", [], FINE, 404),
    "NUL in the query": (NOTES, b"a=%00", [], FINE, 422),
    "invalid UTF-8 in the query": (NOTES, b"%ff=%fe", [], FINE, 422),
    "raw bytes in the query": (NOTES, b"\xff\x00\x80=&&&==;", [], FINE, 422),
    "ten thousand parameters": (NOTES, MANY, [], FINE, 422),
    "garbage credentials": (NOTES, b"", [(b"authorization", b"Bearer \xff\xfe\x80")], FINE, 401),
    "a credential of 60 KiB": (NOTES, b"", [(b"authorization", b"Bearer " + b"l" * 60_000)], FINE, 401),
    "another scheme": (NOTES, b"", [(b"authorization", b"Digest x=y")], FINE, 401),
    "a garbage request id": (NOTES, b"", [(b"x-request-id", b"\xff\r\n")], FINE, 428),
    "a garbage trace": (NOTES, b"", [(b"traceparent", b"00-\xff")], FINE, 428),
    "a garbage claim token": (NOTES, b"", [(b"leadgate-claim-token", b"\xb2")], FINE, 400),
    "a garbage idempotency key": (NOTES, b"", [(b"idempotency-key", b"\x00\xff")], FINE, 400),
    "a garbage media type": (NOTES, b"", [(b"content-type", b"\xff;=;\x00")], FINE, 415),
    "a garbage length": (NOTES, b"", [(b"content-length", b"-5")], FINE, 413),
    "a garbage host": (NOTES, b"", [(b"host", b"\xff[::")], FINE, 428),
    "a body of 1 MB": (NOTES, b"", [], LARGE, 413),
    "NUL in a text": (NOTES, b"", [], b'{"text":"\\u0000"}', 422),
    "a lone surrogate in a key": (NOTES, b"", [], b'{"\\ud800":1,"text":"a"}', 422),
    "a huge integer": (NOTES, b"", [], b'{"text":"a","employees":1' + b"0" * 300 + b"}", 422),
    "a gigantic integer": (NOTES, b"", [], b'{"text":"a","employees":1' + b"0" * 9000 + b"}", 400),
    "deep nesting": (NOTES, b"", [], b'{"text":' + b"[" * 30_000 + b"]" * 30_000 + b"}", 400),
    "wrong types everywhere": (NOTES, b"", [], TYPES, 422),
    "an overflowing time": (NOTES, b"", [], b'{"text":"a","at":"0001-01-01T00:00:00+14:00"}', 422),
    "a field named as a method": (NOTES, b"", [], b'{"text":"a","__class__":1,"model_config":{}}', 422),
    "thousands of unknown fields": (NOTES, b"", [], b"{" + b",".join(b'"k%d":1' % i for i in range(6000)) + b"}", 422),
    "a body that is no text": (NOTES, b"", [], bytes(range(256)), 400),
}


async def test_hostile_input_is_answered_with_a_4xx(edge: Edge) -> None:
    app, rep = tiny(edge), await key_of(edge, PrincipalKind.REP)
    answered = {}
    for name, (path, query, headers, body, _) in HOSTILE.items():
        usual = {b"authorization": f"Bearer {rep}".encode(), b"content-type": b"application/json"}
        chunks = [body[at : at + 8192] for at in range(0, len(body), 8192)]
        answer = await asked(app, "POST", path, query, list({**usual, **dict(headers)}.items()), chunks)
        answered[name] = answer.status
        assert answer.headers["content-type"] == "application/problem+json", name
        assert len(answer.body) < 200 * 1024, name
    assert answered == {name: case[4] for name, case in HOSTILE.items()}


COOKIES = [
    b"x",
    b"leadgate_session=",
    b"leadgate_session=a.b.c",
    b"leadgate_session=\xff.\xfe",
    b"=;=;;",
    b'leadgate_session="\\777',
]


async def test_a_garbage_cookie_is_no_session(edge: Edge) -> None:
    app = tiny(edge)
    for cookie in COOKIES:
        answer = await asked(app, "GET", b"/v1/things", headers=[(b"cookie", cookie)])
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
