# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""alarms.py: run at the top of the source. Every alert rule, every check of /readyz and every word with
which a start can fail for its configuration has its place in docs/alarms.md, and no word stands there
that no program says."""

import pathlib
import re
import sys

START_ROOMS = ("core", "daemon", "hsm", "ledger", "api")
CONFIGURATION_FAULT = re.compile(r'fault_set\(\s*\w+,\s*ERR_CONFIG,\s*"([a-z-]+)"')

document = pathlib.Path("docs/alarms.md").read_text()
headings = set(re.findall(r"^### (\S+)$", document, re.M))
rows = [line.split("|")[1] for line in document.splitlines() if line.startswith("| `")]
words = {word for row in rows for word in re.findall(r"`([a-z-]+)`", row)}


def sources(rooms):
    return "\n".join(p.read_text() for room in rooms for p in sorted(pathlib.Path(room).glob("*.[ch]")))


alerts = set(re.findall(r"- alert: (\w+)", pathlib.Path("docs/examples/alerts.yaml").read_text()))
schema = pathlib.Path("api/openapi.yaml").read_text().partition("\n    Ready:\n")[2]
checks = set(re.search(r"required: \[(vault[^\]]*)\]", schema).group(1).replace(" ", "").split(","))
starts = set(CONFIGURATION_FAULT.findall(sources(START_ROOMS)))
literals = set(re.findall(r'"([a-z-]+)"', sources(START_ROOMS + ("vault", "image"))))

wrong = [f"no section: {name}" for name in sorted((alerts | checks) - headings)]
wrong += [f"a section of nothing: {name}" for name in sorted(headings - alerts - checks)]
wrong += [f"no row: {word}" for word in sorted(starts - words)]
wrong += [f"nobody says: {word}" for word in sorted(words - literals)]
print("\n".join(wrong) or f"{len(alerts)} alerts, {len(checks)} checks, {len(words)} words")
sys.exit(bool(wrong))
