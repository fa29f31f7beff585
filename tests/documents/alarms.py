# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""alarms.py: run at the top of the source. Every alert rule, every check of /readyz, every word with
which a start can fail for its configuration or an HSM is not well, and every event that is logged as a
warning or an error has its place in docs/alarms.md, and no word stands there that no program says."""

import pathlib
import re
import sys

START_ROOMS = ("core", "daemon", "hsm", "ledger", "api")
PROGRAM_ROOMS = START_ROOMS + ("vault", "image")
CONFIGURATION_FAULT = re.compile(r'fault_set\(\s*\w+,\s*ERR_CONFIG,\s*"([a-z-]+)"')
HSM_FAULT = re.compile(r'ERR_HSM_\w+,\s*(?:CKR_\w+,\s*)?"([a-z-]+)"')
NO_CHECKS = {"stopping", "key-handle-stale"}  # said for a moment only
LOG_CALL = re.compile(r"\blog_(?:event|fault)\((.*?)(?:LOG_TEXT|LOG_NUMBER|\);)", re.S)
QUIET = re.compile(r"LOG_LEVEL_(?:INFO|DEBUG)")
RUNNING = "## Lines of a program that runs"
ELSEWHERE = {"start-stands-still"}  # an event of a start
OF_TESTS = {"trial"}  # daemon/sandbox_trial.c, which no release has

document = pathlib.Path("docs/alarms.md").read_text()
headings = set(re.findall(r"^### (\S+)$", document, re.M))


def words_of(text):
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`([a-z-]+)`", row)}


words = words_of(document)
running = words_of(document.partition(f"\n{RUNNING}\n")[2].partition("\n## ")[0])


def sources(rooms):
    return "\n".join(p.read_text() for room in rooms for p in sorted(pathlib.Path(room).glob("*.[ch]")))


def loud_events():
    """The events of level warning or error, and those whose level only a running program knows."""
    for call in LOG_CALL.findall(sources(PROGRAM_ROOMS)):
        if "LOG_LEVEL_WARNING" in call or "LOG_LEVEL_ERROR" in call or not QUIET.search(call):
            yield from re.findall(r'"([a-z-]+)"', call)
    yield from re.findall(r'\.silence = "([a-z-]+)"', sources(PROGRAM_ROOMS))


alerts = set(re.findall(r"- alert: (\w+)", pathlib.Path("docs/examples/alerts.yaml").read_text()))
schema = pathlib.Path("api/openapi.yaml").read_text().partition("\n    Ready:\n")[2]
checks = set(re.search(r"required: \[(vault[^\]]*)\]", schema).group(1).replace(" ", "").split(","))
starts = set(CONFIGURATION_FAULT.findall(sources(START_ROOMS)))
troubles = set(HSM_FAULT.findall(sources(("hsm",)))) - NO_CHECKS
events = set(loud_events()) - OF_TESTS
literals = set(re.findall(r'"([a-z-]+)"', sources(PROGRAM_ROOMS)))

wrong = [f"no section: {name}" for name in sorted((alerts | checks) - headings)]
wrong += [f"a section of nothing: {name}" for name in sorted(headings - alerts - checks)]
wrong += [f"no row: {word}" for word in sorted((starts | troubles | (events & ELSEWHERE)) - words)]
wrong += [f"no line of a program that runs: {word}" for word in sorted(events - ELSEWHERE - running)]
wrong += [f"no event of a program that runs: {word}" for word in sorted(running - events)]
wrong += [f"nobody says: {word}" for word in sorted(words - literals)]
counts = f"{len(alerts)} alerts, {len(checks)} checks, {len(events)} events, {len(words)} words"
print("\n".join(wrong) or counts)
sys.exit(bool(wrong))
