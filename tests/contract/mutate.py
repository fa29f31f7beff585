# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""Wrong bodies and wrong queries, made from the schemas and one right value."""

import copy
import json
import re
from dataclasses import dataclass
from urllib.parse import quote

from schema import CONTENT_KEYWORDS, path_of

OF_OTHER_TYPES = (7, 1.5, True, None, "text", [], {}, 2**63, 1e300)
NOT_JSON = (b"", b" ", b"null", b"{", b"[]", b"7", b'"text"', b"\xff\xfe", b"{}{}", b"{'a':1}",
            b'{"a":NaN}', b'{"a":01}', b"\xef\xbb\xbf{}", b'{"a":"\\ud800"}', b'{"a":"\\u0000"}')


@dataclass
class Wrong:
    what: str
    data: bytes  # of a body; of a query its text
    path: str  # where the server must say that it is wrong
    may_be_too_large: bool = False  # 413 says it as well as 400


class Twice(dict):
    """An object that is written with one of its members twice."""

    member = None


def dump(value):
    if isinstance(value, dict):
        pairs = list(value.items())
        if isinstance(value, Twice):
            pairs.append((value.member, value[value.member]))
        return "{" + ",".join(f"{json.dumps(n)}:{dump(v)}" for n, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value)


def _placed(root, parts, value):
    """A copy of root with value at parts."""
    if not parts:
        return value
    root = copy.deepcopy(root)
    node = root
    for part in parts[:-1]:
        node = node[part]
    node[parts[-1]] = value
    return root


def _is_of(value, kind):
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    return isinstance(value, kinds[kind]) and not (kind == "integer" and isinstance(value, bool))


class Mutations:
    def __init__(self, contract):
        self._contract = contract

    # ---- bodies ----

    def of_body(self, schema, right):
        for text in NOT_JSON:
            yield Wrong(f"no JSON object: {text!r}", text, "$")
        yield Wrong("nested too deep", b'{"a":' + b"[" * 99 + b"]" * 99 + b"}", "$")
        yield Wrong("cut short", dump(right).encode()[:-1], "$")
        for parts, what, value, path, is_large in self._of(schema, right, []):
            yield Wrong(what, dump(_placed(right, parts, value)).encode(), path, is_large)

    def _of(self, schema, value, parts):
        """(where to place it, what it is, the wrong value, the path to be named, may be 413)"""
        schema = self._contract.follow(schema)
        here = path_of(parts)
        kind = schema.get("type", "string")  # those without a type here are texts of two forms
        for other in OF_OTHER_TYPES:
            if not _is_of(other, kind):
                yield parts, f"{json.dumps(other)} at {here}", other, here, False
        of_kind = {"object": self._of_object, "array": self._of_array, "string": self._of_string}
        yield from of_kind[kind](schema, value, parts, here)

    def _of_object(self, schema, value, parts, here):
        yield parts, f"unknown member in {here}", value | {"unknown": 1}, f"{here}.unknown", False
        for name in schema.get("required", []):
            less = {n: v for n, v in value.items() if n != name}
            yield parts, f"{here}.{name} missing", less, f"{here}.{name}", False
        if "oneOf" in schema:
            choices = {choice["required"][0]: "AAAA" for choice in schema["oneOf"]}
            yield parts, f"none of a choice in {here}", {}, here, False
            yield parts, f"all of a choice in {here}", choices | value, here, False
        for name in value:
            twice = Twice(value)
            twice.member = name
            yield parts, f"{here}.{name} twice", twice, f"{here}.{name}", False
            yield from self._of(schema["properties"][name], value[name], parts + [name])

    def _of_array(self, schema, value, parts, here):
        if schema.get("minItems"):
            yield parts, f"{here} empty", [], here, False
        if "maxItems" in schema:
            many = (value * (schema["maxItems"] + 1))[: schema["maxItems"] + 1]
            yield parts, f"{here} too long", many, here, False
        for index in sorted({0, len(value) - 1}):
            yield from self._of(schema["items"], value[index], parts + [index])

    def _of_string(self, schema, value, parts, here):
        is_content = any(k in schema for k in CONTENT_KEYWORDS)
        if "maxLength" in schema:
            long = "A" * (schema["maxLength"] // 4 * 4 + 4)
            yield parts, f"{here} too long", long, here, is_content
        if "x-max-bytes" in schema:
            yield parts, f"{here} of too many bytes", "\u00e9" * schema["x-max-bytes"], here, False
        if schema.get("contentEncoding") == "base64":
            for text in ("A", "A===", "AAAA AAAA", "AA-_"):
                yield parts, f"{here} no base64: {text}", text, here, False
        yield parts, f"{here} empty", "", here, False
        yield parts, f"{here} with NUL", "a\0", here, False
        if not is_content:
            yield parts, f"{here} with a control character", "a\x07", here, False
        if any(k in schema for k in ("enum", "const", "pattern", "oneOf")):
            yield parts, f"{here} of another form", "\t no such thing", here, False

    # ---- queries ----

    def of_query(self, op, ignores_unknown):
        known = op.parameters_in("query")
        if not ignores_unknown:
            yield Wrong("unknown", "unknown=1", "?unknown")
            yield Wrong("unknown without a value", "unknown", "?unknown")
            if "limit" not in known:
                yield Wrong("a member of other operations", "limit=1", "?limit")
        for name, parameter in known.items():
            schema = self._contract.follow(parameter["schema"])
            right = self._right(schema)
            yield Wrong("twice", f"{name}={right}&{name}={right}", f"?{name}")
            for text in self._wrong_texts(schema):
                yield Wrong("wrong", f"{name}={quote(text)}", f"?{name}")

    def _right(self, schema):
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("type") == "integer":
            return str(schema.get("minimum", 1))
        if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        return next(t for t in ("a", "0" * 64) if re.search(schema.get("pattern", ""), t))

    def _wrong_texts(self, schema):
        if schema.get("type") == "integer":
            yield from ("", "x", "1.5", "-1", "9" * 30, "0x1")
            yield from (str(schema[k] + d) for k, d in (("minimum", -1), ("maximum", 1)) if k in schema)
        elif schema.get("format") == "date-time":
            yield from ("", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "1767225600")
        else:
            if "maxLength" in schema:
                yield "a" * (schema["maxLength"] + 1)
            if schema.get("minLength") or "enum" in schema:
                yield ""
            if "enum" in schema or "pattern" in schema:
                yield "\t no such thing"
            yield "a\x07"
