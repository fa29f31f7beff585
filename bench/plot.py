#!/usr/bin/env python3
# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""plot.py RESULT.json >plot.svg: one kept result of ./dev bench as a picture (docs/benchmarks.md).

Python's own library alone. What a result has as null is left out, and said to be.
"""
import json
import math
import sys
from html import escape

WIDTH, HEIGHT = 470, 260  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 44, 44  # around its axes
COLOURS = ["#2b6cb0", "#c05621", "#2f855a", "#6b46c1"]
PROGRAMS = ["hsm", "vault", "provisiond"]
NOTICE = ("<!-- SPDX-FileCopyrightText: The provisiond authors -->\n"
          "<!-- SPDX-License-" "Identifier: Apache-2.0 -->")
MISSING = "not measured in this run"


def text(x, y, words, anchor="start", size=11, fill="#222"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{fill}">{escape(str(words))}</text>')


def line(x1, y1, x2, y2, colour="#bbb"):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="1"/>')


def nice(top):
    """A round number that is not less, for the end of an axis."""
    if top <= 0:
        return 1
    unit = 10 ** math.floor(math.log10(top))
    return next(unit * step for step in (1, 2, 2.5, 5, 10) if unit * step >= top)


def short(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Panel:
    """Axes of one picture; x is 0 to 1, y is 0 to its top."""

    def __init__(self, title, top, unit):
        self.top = nice(top)
        self.parts = [text(8, 20, title, size=13), text(8, 36, unit, fill="#666")]
        for step in range(5):
            value = self.top * step / 4
            y = self.y(value)
            self.parts += [line(LEFT, y, WIDTH - RIGHT, y),
                           text(LEFT - 6, y + 4, short(value), "end", 10, "#666")]

    def x(self, share):
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)

    def bar(self, place, places, pieces, label, colours):
        """Pieces on top of one another."""
        width = (WIDTH - LEFT - RIGHT) / places
        left, base = self.x(place / places) + width * 0.15, 0
        for value, colour in zip(pieces, colours):
            self.parts.append(
                f'<rect x="{left:.1f}" y="{self.y(base + value):.1f}" width="{width * 0.7:.1f}" '
                f'height="{self.y(base) - self.y(base + value):.1f}" fill="{colour}"/>')
            base += value
        middle = left + width * 0.35
        self.parts += [text(middle, self.y(base) - 4, short(base), "middle", 10),
                       text(middle, HEIGHT - BOTTOM + 14, label, "middle", 10)]

    def curve(self, points, colour):
        """(share of x, y), with a mark at each."""
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                          'stroke-width="2"/>')
        self.parts += [f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3" '
                       f'fill="{colour}"/>' for x, y in points]

    def label(self, share, words):
        self.parts.append(text(self.x(share), HEIGHT - BOTTOM + 14, words, "middle", 10))

    def legend(self, names, colours):
        for i, (name, colour) in enumerate(zip(names, colours)):
            x = LEFT + 100 * i
            self.parts += [f'<rect x="{x}" y="{HEIGHT - 20}" width="10" height="10" '
                           f'fill="{colour}"/>', text(x + 14, HEIGHT - 11, name, size=10)]


def empty(title):
    panel = Panel(title, 1, "")
    panel.parts = [text(8, 20, title, size=13), text(8, 40, MISSING, fill="#666")]
    return panel


def curves(title, unit, rows, label, names):
    """Rows at equal distances, one curve for each column of names."""
    if not rows:
        return empty(title)
    values = {name: [row[name] for row in rows] for name in names}
    panel = Panel(title, max(v for column in values.values() for v in column), unit)
    places = [(i + 0.5) / len(rows) for i in range(len(rows))]
    for name, colour in zip(names, COLOURS):
        panel.curve(list(zip(places, values[name])), colour)
    for place, row in zip(places, rows):
        panel.label(place, label(row))
    panel.legend(names, COLOURS)
    return panel


def cpu(result):
    title = "CPU time of a license, by program"
    if result["cpu_us_single"] is None:
        return empty(title)
    bars = [("bare chain", [result["cpu_us_bare"]], ["#888"])]
    for name, kind in (("single", "single"), ("batch of 32", "batch")):
        bars.append((name, [result[f"cpu_us_{kind}_{p}"] for p in PROGRAMS], COLOURS))
    panel = Panel(title, max(sum(pieces) for _, pieces, _ in bars), "microseconds")
    for place, (name, pieces, colours) in enumerate(bars):
        panel.bar(place, len(bars), pieces, name, colours)
    panel.legend(PROGRAMS, COLOURS)
    return panel


def others(result):
    title = "What others cost: CPU time, ours is 1"
    bars = [(name, result[key]) for name, key in
            (("a process per license", "peer_process_ratio"), ("tang", "peer_tang_ratio"),
             ("tang, kept", "peer_tang_kept_ratio")) if result[key] is not None]
    if not bars:
        return empty(title)
    panel = Panel(title, max(value for _, value in bars), "times")
    for place, (name, value) in enumerate(bars):
        panel.bar(place, len(bars), [value], name, ["#888"])
    return panel


def panels(result):
    yield cpu(result)
    yield others(result)
    yield curves("How long a license takes, by what is asked for", "milliseconds", result["load"],
                 lambda row: f"{row['offered_per_s']:.0f}/s", ["p50_ms", "p99_ms"])
    limits = [row for row in result["hsm_model"] or [] if row["is_the_limit"]]
    yield curves("A network HSM (latency, calls at once): use of its capacity", "", limits,
                 lambda row: row["model"], ["utilisation"])
    yield curves("Devices in the ledger: licenses per second, few = 1", "", result["devices"],
                 lambda row: row["size"], ["rate_ratio", "cpu_ratio"])
    yield curves("Memory of all programs, by licenses", "MB", result["memory"],
                 lambda row: f"{row['licenses'] / 1000:.0f}k", ["sum_mb", "hsm_mb"])


def picture(result):
    machine = result["machine"]
    parts = [text(8, 20, f"{machine['processor']}, {machine['processors']} processors, "
                         f"Linux {machine['kernel']}, load before {machine['load_before']:.1f}, "
                         f"{machine['at']}", size=12)]
    for i, panel in enumerate(panels(result)):
        x, y = i % 2 * WIDTH, 30 + i // 2 * HEIGHT
        parts.append(f'<g transform="translate({x},{y})">' + "".join(panel.parts) + "</g>")
    width, height = 2 * WIDTH, 30 + 3 * HEIGHT
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif">\n{NOTICE}\n'
            f'<rect width="{width}" height="{height}" fill="#fff"/>' + "\n".join(parts) + "</svg>")


def main():
    if len(sys.argv) != 2:
        print("usage: plot.py RESULT.json >plot.svg", file=sys.stderr)
        return 64
    with open(sys.argv[1], encoding="utf-8") as file:
        print(picture(json.load(file)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
