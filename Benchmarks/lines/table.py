"""One table for all lines, and the raw figures behind it."""

import statistics
import sys

WIDTHS = (58, 14, 11, 9, 20)


def spread(values):
    """Half the distance between the quartiles, as a part of the median: how much the rounds differ."""
    if len(values) < 3:
        return None
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / middle if middle else None


class Table:
    def __init__(self):
        self.rows = []
        self.missed = 0

    def section(self, title, explanation=""):
        """A heading; the explanation says what is measured."""
        print(f"\n{title}", flush=True)
        if explanation:
            print("\n".join("  " + line for line in explanation.splitlines()), flush=True)
        head = ("", "figure", "× floor", "spread", "bar")
        print("".join(h.ljust(w) if i == 0 else h.rjust(w) for i, (h, w) in enumerate(zip(head, WIDTHS))), flush=True)
        self.name = title

    def row(self, what, figure, unit, *, samples=None, ratio=None, bar=None, bar_on="ratio", sign="≤", places=2,
            note="", **more):
        """One line. `bar` is held by the ratio (bar_on "ratio") or by the figure ("figure"); `sign` is ≤ or ≥."""
        text = f"{figure:.{places}f} {unit}"
        held = None
        bar_text = ""
        if bar is not None:
            value = ratio if bar_on == "ratio" else figure
            held = value <= bar if sign == "≤" else value >= bar
            bar_text = f"{sign} {bar:g} {'×' if bar_on == 'ratio' else unit} {'held' if held else 'MISSED'}"
            self.missed += not held
        noise = spread(samples) if samples else None
        cells = (what, text, f"{ratio:.3f}" if ratio is not None else "",
                 f"± {noise * 100:.1f} %" if noise is not None else "", bar_text)
        print("".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, WIDTHS)))
              + (f"  {note}" if note else ""), flush=True)
        self.rows.append({"section": self.name, "what": what, "figure": figure, "unit": unit, "ratio": ratio,
                          "spread": noise, "bar": bar, "held": held, "note": note, "samples": samples, **more})

    def text(self, what, text):
        """A line that is no single figure."""
        print(f"{what:<{WIDTHS[0]}} {text}", flush=True)
        self.rows.append({"section": self.name, "what": what, "text": text})

    def against(self, what, values, floor, unit, **options):
        """A line of rounds that alternated with the floor's: medians, and the median of each round's own ratio, which
        noise that hits both leaves alone."""
        ratio = statistics.median(v / f for v, f in zip(values, floor))
        self.row(what, statistics.median(values), unit, samples=values, ratio=ratio, floor_samples=floor, **options)


def progress(text):
    """What goes on, for whoever watches; not in the table."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
