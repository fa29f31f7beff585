# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""Holds one exchange, a request and its answer, against the contract."""

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from schema import NotStrict, Schemas, parse

PROBLEM = "application/problem+json"
IGNORES_QUERY = "/fw/"  # what these operations do not know in a query
# What a path without an operation is answered with: by the gate, the limits, or the route table.
UNROUTED = (400, 401, 403, 404, 405, 414, 429, 431, 503)
# What the HTTP library answers by itself; the file's description and docs/problems.md list it.
LIBRARY = (400, 413, 414, 431, 505)
UNROUTED_CONTENT = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


@dataclass
class Exchange:
    method: str
    target: str  # path and query, as sent
    status: int
    headers: list = field(default_factory=list)  # of the answer: (lower-case name, value)
    body: bytes = b""  # of the answer; None: it was too large to be kept
    request: bytes = None  # None: no body
    request_type: str = "application/json"
    is_raw: bool = False  # bytes that need not be HTTP: only the answer is judged

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return self.target.partition("?")[2]

    def header(self, name):
        return next((v for n, v in self.headers if n == name), None)

    @property
    def media_type(self):
        return (self.header("content-type") or "").partition(";")[0].strip()

    def problem(self):
        """The problem that the answer is, or {}."""
        if self.media_type != PROBLEM or not self.body:
            return {}
        try:
            return parse(self.body)
        except NotStrict:
            return {}


def from_record(record):
    """What rig/exchange.c writes."""

    def data(name):
        if name in record:
            return record[name].encode()
        if name + "_base64" in record:
            return base64.b64decode(record[name + "_base64"])
        return None

    # The last block: "100 Continue" may stand before it.
    block = re.split(r"\r?\n\r?\n", record.get("headers", "").strip())[-1]
    headers = [line.partition(":") for line in block.splitlines()[1:]]
    return Exchange(
        method=(data("method") or b"").decode("latin-1"),
        target=(data("path") or b"").decode("latin-1"),
        status=record["status"],
        headers=[(name.strip().lower(), value.strip()) for name, _, value in headers],
        body=data("body") if record["length"] else b"",
        request=data("request"),
        is_raw=record["is_raw"],
    )


class Judge:
    def __init__(self, contract):
        self.contract = contract
        self.schemas = Schemas(contract)

    def complaints(self, exchange):
        op, methods = self.contract.find(exchange.method, exchange.path)
        if exchange.is_raw:
            return self._judge_raw(op, exchange)
        if op is None:
            return self._judge_unrouted(exchange, methods)
        found = self._judge_answer(op, exchange) + self._judge_body(op, exchange)
        return found + self._judge_query(op, exchange)

    # ---- bytes that need not be HTTP ----

    def _judge_raw(self, op, exchange):
        """The answer of the operation, of the service about its path, or of the HTTP library."""
        if self._is_of_library(exchange):
            return []
        unrouted = self._judge_unrouted(exchange, methods=())  # a segment may be no value at all
        if op is None or not unrouted:
            return unrouted
        return self._judge_answer(op, exchange)

    def _is_of_library(self, exchange):
        return (
            exchange.status in LIBRARY
            and exchange.header("connection") == "close"
            and exchange.header("x-request-id") is None
            and exchange.header("content-type") is None
        )

    # ---- the answer ----

    def _judge_unrouted(self, exchange, methods):
        if exchange.status not in UNROUTED:
            return [f"{exchange.status} for a path or method that the file does not have"]
        if methods and exchange.status == 404:
            return ["404 for a path that the file has; another method is 405"]
        if exchange.status == 405 and not exchange.header("allow"):
            return ["405 without Allow"]
        if exchange.method == "HEAD":
            return []
        return self._judge_content(UNROUTED_CONTENT, exchange)

    def _judge_answer(self, op, exchange):
        response = op.responses.get(str(exchange.status))
        if response is None:
            return [f"{op.id} does not list {exchange.status}"]
        found = self._judge_headers(response, exchange)
        if op.method == "HEAD" or "content" not in response:
            if exchange.body != b"":
                found.append("a body where the file has none")
            return found
        return found + self._judge_content(response["content"], exchange)

    def _judge_headers(self, response, exchange):
        found = []
        for name, header in response.get("headers", {}).items():
            header = self.contract.follow(header)
            value = exchange.header(name.lower())
            if value is None and header.get("required"):
                found.append(f"the header {name} is missing")
            if value is not None:
                wrong = self.schemas.complaints(header["schema"], self._typed(header, value))
                found += [f"header {name}: {w}" for w in wrong]
        return found

    def _typed(self, parameter, text):
        """The value that the text of a header or of a query stands for."""
        kind = self.contract.follow(parameter["schema"]).get("type")
        if kind == "integer" and re.fullmatch(r"-?\d+", text):
            return int(text)
        if kind == "boolean" and text in ("true", "false"):
            return text == "true"
        return text

    def _judge_content(self, content, exchange):
        full = exchange.header("content-type") or "(none)"
        media = content.get(full, content.get(exchange.media_type))
        if media is None:
            return [f"the media type {full} is not listed"]
        if exchange.body is None:
            return []
        if not exchange.media_type.endswith("json"):
            text = exchange.body.decode("latin-1")
            return self.schemas.complaints(media.get("schema", {}), text)
        try:
            value = parse(exchange.body)
        except NotStrict as e:
            return [f"the body is no strict JSON: {e}"]
        found = self.schemas.complaints(media["schema"], value)
        return found + (self._judge_problem(value, exchange) if exchange.status >= 400 else [])

    def _judge_problem(self, problem, exchange):
        if exchange.media_type != PROBLEM:
            return []
        found = []
        if problem.get("status") != exchange.status:
            found.append(f"the problem says status {problem.get('status')}")
        if problem.get("request_id") != exchange.header("x-request-id"):
            found.append("the problem's request_id is not the X-Request-Id header's")
        if exchange.status == 429 or (exchange.status == 503 and problem.get("retryable")):
            if exchange.header("retry-after") is None:
                found.append("it may be sent again, and no Retry-After says when")
        return found

    # ---- the question ----

    def _judge_body(self, op, exchange):
        """Whether what the schema says of the request and what the server did agree."""
        media = op.request.get("application/json")
        if media is None or exchange.request is None:
            return []
        if exchange.request_type != "application/json" or exchange.status not in (200, 201, 400):
            return []
        try:
            refused = self.schemas.refused_at(media["schema"], parse(exchange.request))
        except NotStrict as e:
            refused = {e.path, "$"}
        if exchange.status != 400:
            return [f"taken, but the schema refuses {sorted(refused)}"] if refused else []
        path = exchange.problem().get("path", "")
        if path.startswith("?"):
            return []  # nobody looked at the body then
        if refused:
            return [] if path in refused else [f"refused at {path}; wrong is {sorted(refused)}"]
        if self.schemas.looks_inside(media["schema"], path):
            return []
        return [f"refused at {path or '(nowhere)'}, but the schema takes it"]

    def refused_query(self, op, query):
        """The paths that the server may name for this query; empty: it must take it."""
        known = op.parameters_in("query")
        names = []
        paths = set()
        for part in query.split("&") if query else []:
            name, _, value = part.partition("=")
            name = unquote(name)
            value = unquote(value.replace("+", " "))
            if name not in known and op.path.startswith(IGNORES_QUERY):
                continue
            if name not in known or name in names:
                paths.add(f"?{name}")
            elif self.schemas.errors(known[name]["schema"], self._typed(known[name], value)):
                paths.add(f"?{name}")
            names.append(name)
        return paths

    def _judge_query(self, op, exchange):
        refused = self.refused_query(op, exchange.query)
        if exchange.status in (200, 201) and refused:
            return [f"taken, but {sorted(refused)} is wrong"]
        path = exchange.problem().get("path", "")
        if exchange.status != 400 or not path.startswith("?"):
            return []
        if refused:
            return [] if path in refused else [f"refused at {path}; wrong is {sorted(refused)}"]
        parameter = op.parameters_in("query").get(path[1:], {"schema": {}})
        if self.schemas.looks_inside(parameter["schema"], "$"):
            return []
        return [f"refused at {path}, but the schema takes it"]
