"""What every process with pages serves: the way in and out, static files, the reference."""

from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.responses import Response

from schemas.api.shape import Query
from services.runtime.access import Principal
from services.runtime.http import session
from services.runtime.http.call import Call
from services.runtime.http.document import openapi_of
from services.runtime.http.problems import NotFound
from services.runtime.http.route import Route
from services.runtime.http.rule import allow
from services.web.assets import assets, edition
from services.web.page import for_people, home_of, is_local, page, sent_to
from services.web.reference import reference

FORM: Final = "application/x-www-form-urlencoded"
FORM_LIMIT: Final = 8 * 1024

routes = APIRouter(route_class=Route, include_in_schema=False)


class SignIn(Query):
    next: str | None = None


@routes.get("/")
@allow(public=True, finish=for_people)
async def begin(call: Call) -> Response:
    """To where one begins."""
    principal = await _signed_in(call)
    return sent_to(home_of(call, principal.kind) if principal is not None else "/sign-in")


@routes.get("/sign-in")
@allow(public=True, finish=for_people)
async def sign_in_page(call: Call, query: SignIn) -> Response:
    """The form; whoever is signed in goes on."""
    principal = await _signed_in(call)
    if principal is not None:
        return sent_to(_target(call, principal, query.next))
    return _form(call, query.next or "")


@routes.post("/sign-in")
@allow(public=True, media=(FORM,), limit_bytes=FORM_LIMIT, finish=for_people)
async def sign_in(call: Call, body: bytes) -> Response:
    """Exchange a key for a session."""
    given = _fields(body)
    target, key = given.get("next", ""), given.get("key", "").strip()
    if call.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return _form(call, target, "This came from another site. Sign in here.", 403)
    if not key:
        return _form(call, target, "Paste your key.", 422)
    principal = await call.edge.access.of_key(key)
    if principal is None:
        return _form(call, target, "This key is not known, or was revoked. Ask your administrator for a new one.", 401)
    if principal.kind not in session.PEOPLE:
        return _form(call, target, f"This is a {principal.kind.value} key, which is for systems. Use your own.", 403)
    response = sent_to(_target(call, principal, target))
    session.set_cookie(response, session.begin(call.edge.keyring, principal.key_id, call.now), secure=_secure(call))
    return response


@routes.post("/sign-out")
@allow(public=True, media=(FORM,), limit_bytes=FORM_LIMIT, finish=for_people)
async def sign_out(call: Call, body: bytes) -> Response:
    """End the session, if the page was one of ours."""
    response = sent_to("/sign-in")
    now = session.session_of(call.edge.keyring, call.request, call.now)
    if now is not None and session.is_own_page(now, _fields(body).get("csrf")):
        session.set_cookie(response, "", secure=_secure(call))
    return response


@routes.get("/static/{version}/{name:path}")
@allow(public=True)
async def static_file(call: Call, version: str, name: str) -> Response:
    """A static file: kept for ever under its own edition, asked for again under any other."""
    asset = assets().get(name)
    if asset is None:
        raise NotFound
    kept = "public, max-age=31536000, immutable" if version == edition() else "no-cache"
    return Response(asset.body, media_type=asset.media_type, headers={"Cache-Control": kept})


@routes.get("/docs")
@allow(public=True, finish=for_people)
async def docs(call: Call) -> Response:
    """The reference of what is served here."""
    principal = await _signed_in(call)
    call.admitted(principal, call.csrf)
    return page(call, "reference.html", title="API reference", reference=reference(openapi_of(call.request.app)))


async def _signed_in(call: Call) -> Principal | None:
    """Whose session the browser has, on a page that needs none."""
    now = session.session_of(call.edge.keyring, call.request, call.now)
    principal = await call.edge.access.of_key_id(now.key_id) if now is not None else None
    if now is not None and principal is not None:
        call.admitted(principal, now.csrf)
    return principal


def _form(call: Call, target: str, mistake: str | None = None, status: int = 200) -> Response:
    shown = page(call, "sign_in.html", title="Sign in", status=status, next=target, mistake=mistake)
    if status == 401:
        shown.headers["WWW-Authenticate"] = "Bearer"
    return shown


def _target(call: Call, principal: Principal, target: str | None) -> str:
    """Where to after the sign-in: where one wanted to go, if that is here."""
    return target if target and is_local(target) else home_of(call, principal.kind)


def _fields(body: bytes) -> dict[str, str]:
    """The fields of a small form, the last of each name."""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _secure(call: Call) -> bool:
    settings = call.edge.settings
    return session.beyond_loopback(settings.public_url or f"http://{settings.host}", call.request)
