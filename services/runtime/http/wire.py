"""What is no HTTP never comes to the application: its refusal is a problem all the same."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from services.runtime.clock import DatabaseClock
from services.runtime.http.headers import REQUEST_ID, TRACEPARENT, request_id_of, traceparent_of
from services.runtime.http.problems import Code, Problem, ProblemResponse


class Wire(HttpToolsProtocol):
    """Uvicorn's protocol, which says in plain text that it cannot read a request."""

    def send_400_response(self, msg: str) -> None:
        request_id = request_id_of(None, DatabaseClock().now())
        problem = Problem(Code.MALFORMED_HEADER, "The request's first line, its headers or its framing are no HTTP.")
        response = ProblemResponse(problem, request_id)
        told = {REQUEST_ID.lower(): request_id, TRACEPARENT: traceparent_of(None), "connection": "close"}
        headers = [*response.raw_headers, *((name.encode(), value.encode()) for name, value in told.items())]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[400] + lines + b"\r\n" + bytes(response.body))
        self.transport.close()
