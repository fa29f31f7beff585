# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""links.py FILE...: every relative link of these Markdown files leads to a file that is there, and to a
heading that is there when it names one. Prints those that do not."""

import pathlib
import re
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def anchors(path):
    """The names that a reader of Markdown gives to the headings of a file."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", path.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path):
    for target in LINK.findall(FENCED.sub("", path.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists():
            yield target
        elif anchor and anchor not in anchors(file):
            yield target


found = [f"{name}: {target}" for name in sys.argv[1:] for target in broken(pathlib.Path(name))]
print("\n".join(found) or "every link leads somewhere")
sys.exit(bool(found))
