# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""JSON as strict as the server takes it, and schemas that know what their texts hold."""

import base64
import binascii
import datetime
import json
import math
import re

import jsonschema
from jsonschema.validators import extend

DEPTH_MAX = 8
# What a schema says about a text that a server must look into to judge.
CONTENT_KEYWORDS = ("contentEncoding", "contentMediaType", "format")


class NotStrict(ValueError):
    """No JSON, or JSON that is refused before any schema; path is where, if it has a place."""

    def __init__(self, message, path="$"):
        super().__init__(message)
        self.path = path


class _Object(dict):
    """An object that remembers which member came twice."""

    twice = None


def _pairs(pairs):
    result = _Object(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        result.twice = next(name for name in names if names.count(name) > 1)
    return result


def _no_constant(text):
    raise NotStrict(f"{text} is no JSON")


def _walk(value, path, depth):
    if depth > DEPTH_MAX:
        raise NotStrict("nested too deep")
    if isinstance(value, _Object):
        if value.twice is not None:
            raise NotStrict("a member twice", f"{path}.{value.twice}")
        for name, member in value.items():
            _walk(name, path, depth)
            _walk(member, f"{path}.{name}", depth + isinstance(member, (dict, list)))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            _walk(member, f"{path}[{index}]", depth + isinstance(member, (dict, list)))
    elif isinstance(value, str):
        if "\0" in value or re.search("[\ud800-\udfff]", value):
            raise NotStrict("a character that no text may hold", path)
    elif value in (math.inf, -math.inf) or not _is_int64(value):
        raise NotStrict("a number that is too large", path)


def parse(data):
    """bytes -> the one JSON value that they are. NotStrict otherwise."""
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_no_constant
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as e:
        raise NotStrict(str(e)) from e
    _walk(value, "$", 1)
    return value


# ---- what a schema says about texts ----


def _base64(text):
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except (binascii.Error, ValueError):
        return False


def _content_encoding(validator, encoding, instance, schema):
    if encoding == "base64" and isinstance(instance, str) and not _base64(instance):
        yield jsonschema.ValidationError("is no base64 with padding")


def _max_bytes(validator, limit, instance, schema):
    if isinstance(instance, str) and len(instance.encode()) > limit:
        yield jsonschema.ValidationError(f"has more than {limit} bytes")


_Validator = extend(
    jsonschema.Draft202012Validator,
    {"contentEncoding": _content_encoding, "x-max-bytes": _max_bytes},
)
_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time")
def _is_date_time(value):
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.]\d{1,9})?(Z|[+-]\d\d:\d\d)", value):
        return False
    try:
        datetime.datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return False
    return True


@_FORMATS.checks("int64")
def _is_int64(value):
    return not isinstance(value, int) or -(2**63) <= value < 2**63


# ---- schemas of a document ----


def path_of(parts):
    """["licenses", 3, "device"] -> "$.licenses[3].device", as the server writes it."""
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)


class Schemas:
    def __init__(self, contract):
        self._contract = contract
        self._resolver = jsonschema.RefResolver("", contract.document)
        self._validators = {}  # by the schema's id: a validator keeps its schema alive

    def errors(self, schema, value):
        if id(schema) not in self._validators:
            self._validators[id(schema)] = _Validator(
                schema, resolver=self._resolver, format_checker=_FORMATS
            )
        return list(self._validators[id(schema)].iter_errors(value))

    def complaints(self, schema, value):
        return [f"{path_of(e.absolute_path)}: {e.message[:300]}" for e in self.errors(schema, value)]

    def refused_at(self, schema, value):
        """The paths that the server may name for a value that the schema refuses."""
        paths = set()
        for error in self.errors(schema, value):
            here = path_of(error.absolute_path)
            if error.validator == "required":
                paths |= {f"{here}.{n}" for n in error.validator_value if n not in error.instance}
            elif error.validator == "additionalProperties":
                known = error.schema.get("properties", {})
                paths |= {f"{here}.{n}" for n in error.instance if n not in known} | {here}
            else:
                paths.add(here)
        return paths

    def at(self, schema, path):
        """The schema of what stands at a path, or None."""
        node = self._contract.follow(schema)
        for name, index in re.findall(r"[.]([^.\[]+)|\[(\d+)\]", path):
            node = self._step(node, name)
            if node is None:
                return None
        return node

    def _step(self, node, name):
        inner = node.get("properties", {}).get(name) if name else node.get("items")
        if inner is None:
            for choice in node.get("oneOf", []) + node.get("anyOf", []) + node.get("allOf", []):
                inner = self._step(self._contract.follow(choice), name)
                if inner is not None:
                    break
        return self._contract.follow(inner) if inner is not None else None

    def looks_inside(self, schema, path):
        """Whether what stands at path is a text whose content no schema can judge."""
        node = self.at(schema, path)
        return node is not None and any(k in node for k in CONTENT_KEYWORDS)
