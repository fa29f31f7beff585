# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""The contract, api/openapi.yaml, as the tests use it: its operations and who may call them."""

import re
from dataclasses import dataclass, replace

import yaml

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ROLES = ("station", "operator", "auditor", "administrator", "metrics")
CERTIFICATE = "certificate"  # any certificate of the client CA, enrolled or not
PUBLIC = "public"  # no certificate at all


@dataclass(frozen=True)
class Operation:
    """One method of one path; every $ref of its first level is followed."""

    id: str
    method: str  # upper case
    path: str  # "/v1/licenses/{license_id}"
    roles: tuple  # of x-roles; empty when the file has none
    parameters: tuple
    request: dict  # media type -> {"schema": ...}; empty: no body
    responses: dict  # "200" -> response
    is_open: bool  # security: []

    @property
    def route(self):
        return route_of(self.method, self.path)

    def parameters_in(self, place):
        return {p["name"]: p for p in self.parameters if p["in"] == place}


def route_of(method, path):
    """What the file and the server's table have in common: how a segment is called is not."""
    return f"{method} {re.sub(r'{[+]?[^}]*}', '{}', path)}"


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        self.operations = list(self._read_operations())
        # The more is fixed in a path, the earlier it is tried.
        self._patterns = sorted(
            ((op.path.count("{"), self._pattern(op), op) for op in self.operations),
            key=lambda row: row[0],
        )

    def follow(self, node):
        """The node itself, or what its $ref names."""
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def _read_operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield self._read_operation(path, method, item)

    def _read_operation(self, path, method, item):
        entry = item[method]
        parameters = item.get("parameters", []) + entry.get("parameters", [])
        return Operation(
            id=entry.get("operationId", ""),
            method=method.upper(),
            path=path,
            roles=tuple(entry.get("x-roles", ())),
            parameters=tuple(self.follow(p) for p in parameters),
            request=self.follow(entry.get("requestBody", {})).get("content", {}),
            responses={s: self.follow(r) for s, r in entry["responses"].items()},
            is_open=entry.get("security") == [],
        )

    def _pattern(self, op):
        """A segment's value goes over slashes when its schema speaks of them."""

        def segment(match):
            schema = self.follow(op.parameters_in("path").get(match[1], {}).get("schema", {}))
            return ".+" if "/" in schema.get("pattern", "") else "[^/]+"

        parts = re.split(r"({[^}]*})", op.path)
        return re.compile(
            "".join(re.sub(r"{(.*)}", segment, p) if p[:1] == "{" else re.escape(p) for p in parts)
        )

    def find(self, method, path):
        """The operation that answers, and the methods that its path has. A GET serves HEAD too."""
        matching = [op for _, pattern, op in self._patterns if pattern.fullmatch(path)]
        methods = {op.method for op in matching}
        for op in matching:
            if op.method == method:
                return op, methods
        for op in matching:
            if method == "HEAD" and op.method == "GET":
                return replace(op, method="HEAD"), methods
        return None, methods

    def complaints(self):
        """What the tests need of the file and a linter does not look at."""
        ids = [op.id for op in self.operations]
        for op in self.operations:
            where = f"{op.method} {op.path}"
            if not op.id or ids.count(op.id) > 1:
                yield f"{where}: needs an operationId of its own"
            if not op.roles:
                yield f"{where}: has no x-roles"
            for role in op.roles:
                if role not in ROLES + (CERTIFICATE, PUBLIC):
                    yield f"{where}: x-roles names {role}, which is no role"
            if len(op.roles) > 1 and {CERTIFICATE, PUBLIC} & set(op.roles):
                yield f"{where}: x-roles with certificate or public names nothing else"
            if op.is_open != (op.roles == (PUBLIC,)):
                yield f"{where}: security is [] for x-roles [public], and only then"
            if not op.is_open and "401" not in op.responses:
                yield f"{where}: does not say 401"
            if set(op.roles) & set(ROLES) and "403" not in op.responses:
                yield f"{where}: does not say 403"
