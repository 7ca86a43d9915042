"""Makes docs/performance.md and its plots of what the benchmark has measured. Every figure and every verdict is computed
here, from the rounds; the text that explains them is in a file of its own, which is put in.

usage: performance.py MEASURED PAGE-DIRECTORY NOTES
"""

import json
import re
import sys
from html import escape
from pathlib import Path
from statistics import median, quantiles

MOST_LATENCY = 1.02
LEAST_THROUGHPUT = 0.98
MOST_DRAIN = 1.05
# In each language, who of the clients is ours.
OURS = {"node": "demo", "jvm": "authsession-kotlin", "swift": "authsession-swift"}
LANGUAGES = {"node": "Node.js", "jvm": "JVM", "swift": "Swift"}
CALLERS = {"library": "the library's", "own": "the app's own"}


class Spread:
    """The median of some rounds, and their middle half."""

    def __init__(self, values):
        values = sorted(values)
        self.median = median(values)
        self.low, _, self.high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3

    def text(self, digits):
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


def paired(rounds, ours, theirs, key):
    """The ratio within each round: what disturbs a round disturbs both."""
    return Spread([entry[ours][key] / entry[theirs][key] for entry in rounds])


def spread(rounds, client, key):
    return Spread([entry[client][key] for entry in rounds])


# --- Plots


def plot(path, title, rows, aim=None, digits=2):
    """One line for each row: its median as a dot, the middle half as a bar. `rows` are (label, Spread, is ours)."""
    left, right, top, step, width = 370, 90, 62, 24, 900
    height = top + step * len(rows) + 34
    highest = max([row.high for _, row, _ in rows] + ([aim] if aim else [])) * 1.06
    lowest = min([row.low for _, row, _ in rows] + ([aim] if aim else [])) if aim else 0.0
    lowest = lowest - (highest - lowest) * 0.08 if aim else 0.0

    def x(value):
        return left + (value - lowest) / (highest - lowest) * (width - left - right)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="24" font-size="14" font-weight="bold" fill="#1a1a1a">{escape(title)}</text>',
    ]
    bottom = top + step * len(rows)
    for tick in range(5):
        value = lowest + (highest - lowest) * tick / 4
        lines.append(f'<line x1="{x(value):.1f}" y1="{top}" x2="{x(value):.1f}" y2="{bottom}" stroke="#e4e4e4"/>')
        lines.append(
            f'<text x="{x(value):.1f}" y="{bottom + 18}" text-anchor="middle" fill="#606060">{value:,.{digits}f}</text>'
        )
    if aim:
        lines.append(
            f'<line x1="{x(aim):.1f}" y1="{top - 6}" x2="{x(aim):.1f}" y2="{bottom}" stroke="#b03030" '
            f'stroke-dasharray="4 3"/><text x="{x(aim):.1f}" y="{top - 12}" text-anchor="middle" fill="#b03030">'
            f"aim {aim}</text>"
        )
    for number, (label, row, is_ours) in enumerate(rows):
        y = top + step * number + step / 2
        colour = "#1f6fb2" if is_ours else "#8a8a8a"
        lines.append(f'<text x="{left - 12}" y="{y + 4:.1f}" text-anchor="end" fill="#1a1a1a">{escape(label)}</text>')
        lines.append(
            f'<line x1="{x(row.low):.1f}" y1="{y}" x2="{x(row.high):.1f}" y2="{y}" stroke="{colour}" '
            f'stroke-width="6" stroke-opacity="0.35"/><circle cx="{x(row.median):.1f}" cy="{y}" r="4.5" fill="{colour}"/>'
        )
        lines.append(
            f'<text x="{width - right + 10}" y="{y + 4:.1f}" fill="#1a1a1a">{row.median:,.{digits}f}</text>'
        )
    lines.append("</svg>")
    path.write_text("\n".join(lines) + "\n")


# --- Tables


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""


class Page:
    def __init__(self, directory):
        self.plots = directory / "performance"
        self.plots.mkdir(parents=True, exist_ok=True)
        self.aims = []
        self.lines = []

    def aim(self, what, holds, figure):
        """An aim, whether it is met (None: not measured), and by what figure."""
        self.aims.append((what, {True: "met", False: "**missed**", None: "not run"}[holds], figure))

    def plot(self, name, title, rows, aim=None, digits=2):
        plot(self.plots / f"{name}.svg", title, rows, aim, digits)
        self.add(f"![{title}](performance/{name}.svg)", "")

    def add(self, *lines):
        self.lines.extend(lines)

    def missing(self, part, aims):
        """Says so where a part was not measured. True if there is nothing else to say."""
        why = part.get("not_run") or part.get("failed")
        if why:
            self.add(f"Not run: {why}." if "not_run" in part else f"FAILED: {why}", "")
            for aim in aims:
                self.aim(aim, None, "")
        return bool(why)


def verdict(holds):
    return "met" if holds else "missed"


def requests(page, part):
    latency_aim = f"authorised request: median latency at most {MOST_LATENCY} times that of reqwest"
    throughput_aim = f"authorised request: throughput at least {LEAST_THROUGHPUT} of reqwest's"
    page.add("## A request with a valid token, beside bare reqwest", "")
    if page.missing(part, [latency_aim, throughput_aim]):
        return
    page.add(
        "reqwest has the settings that the library gives it, and gets the token with each request. Over HTTP/1.1 a session "
        "sends 56 requests to a host at once and queues the rest; *bounded* is reqwest behind a semaphore with as many "
        "places, *unbounded* is reqwest as it comes, with a connection for each caller. The aim is held against the bounded "
        "one there, whose work is the same; over HTTP/2 the server bounds both. Callers run on the library's own runtime, as those of the bindings do, or on one of the app's, as those of "
        "an app in Rust do: then each answer goes from one runtime to the other, which is the price of an app's runtime "
        "being able to end without cutting a refresh. Each caller sends one request after the other: a server that is slow "
        "for a moment slows the load as well, so that the 99th percentiles tell clients apart, and not what users see.",
        "",
    )
    rows, latencies, throughputs, missed = [], [], [], {"latency": [], "throughput": []}
    for cell in part["cells"]:
        rounds = cell["rounds"]
        for other in [name for name in ("reqwest", "reqwest-bounded") if name in rounds[0]]:
            bounds = {"reqwest": "unbounded", "reqwest-bounded": "bounded"}
            counts = other == ("reqwest-bounded" if "reqwest-bounded" in rounds[0] else "reqwest")
            beside = bounds[other] if "reqwest-bounded" in rounds[0] else "reqwest"
            latency = paired(rounds, "session", other, "p50_us")
            throughput = paired(rounds, "session", other, "per_second")
            fits = latency.median <= MOST_LATENCY, throughput.median >= LEAST_THROUGHPUT
            label = f"{cell['protocol']}, {cell['concurrency']:,} at once, {CALLERS[cell['callers_on']]} runtime"
            if counts:
                latencies.append((label, latency, True))
                throughputs.append((label, throughput, True))
                for name, holds, ratio in zip(missed, fits, (latency, throughput)):
                    missed[name] += [] if holds else [f"{label}: {ratio.median:.3f}"]
            busy = spread(rounds, "session", "server_busy").median
            rows.append(
                (
                    cell["protocol"],
                    CALLERS[cell["callers_on"]],
                    f"{cell['concurrency']:,}",
                    beside,
                    spread(rounds, other, "p50_us").text(0),
                    spread(rounds, "session", "p50_us").text(0),
                    latency.text(3),
                    throughput.text(3),
                    paired(rounds, "session", other, "p99_us").text(2),
                    f"{busy:.0%}",
                    ", ".join(map(verdict, fits)) if counts else "",
                )
            )
    head = ["protocol", "runtime", "at once", "beside", "reqwest p50 µs", "session p50 µs", "latency ratio"]
    page.add(*table([*head, "throughput ratio", "p99 ratio", "server busy", "aims"], rows))
    page.plot("latency", "Median latency, as a multiple of reqwest's (less is better)", latencies, MOST_LATENCY, 3)
    page.plot("throughput", "Throughput, as a multiple of reqwest's (more is better)", throughputs, LEAST_THROUGHPUT, 3)
    for aim, name in ((latency_aim, "latency"), (throughput_aim, "throughput")):
        page.aim(aim, not missed[name], "; ".join(missed[name]) or f"in all {len(latencies)} rows")


def storm(page, part):
    refresh_aim = "storm: one refresh, whatever the number of callers"
    floors = {
        "without_token_ms": f"storm: drained in at most {MOST_DRAIN} times what the same requests of the session take without a token",
        "floor_ms": f"storm: drained in at most {MOST_DRAIN} times what bare reqwest takes for them without a token",
    }
    page.add("## Many callers on an expired token", "")
    if page.missing(part, [refresh_aim, *floors.values()]):
        return
    page.add(
        "*Simultaneous* callers know that the token has expired and wait; *staggered* ones arrive within 200 ms and get a 401 "
        "each. The server keeps the refresh until all wait. The drain is the time from its answer to the last caller's. Beside "
        "it stands the same number of requests without a token, 56 at once, let go together: by the session itself, which "
        "shows what the token costs, and by bare reqwest, which shows what the session costs besides.",
        "",
    )
    rows, ratios, missed, surplus = [], [], {name: [] for name in floors}, 0
    for cell in part["cells"]:
        rounds = cell["rounds"]
        refreshes = sorted({entry["refreshes"] for entry in rounds})
        surplus += sum(entry["refreshes"] != 1 or entry["reuse_detected"] != 0 for entry in rounds)
        label = f"{cell['callers']:,} callers, {cell['arrival']}"
        row = [f"{cell['callers']:,}", cell["arrival"], ", ".join(map(str, refreshes))]
        row.append(Spread([entry["drain_ms"] for entry in rounds]).text(1))
        verdicts = []
        for name, beside in (("without_token_ms", "session without a token"), ("floor_ms", "bare reqwest")):
            ratio = Spread([entry["drain_ms"] / entry[name] for entry in rounds])
            holds = ratio.median <= MOST_DRAIN
            missed[name] += [] if holds else [f"{label}: {ratio.median:.2f}"]
            ratios.append((f"{label}, beside {beside}", ratio, name == "without_token_ms"))
            row += [Spread([entry[name] for entry in rounds]).text(1), ratio.text(2)]
            verdicts.append(verdict(holds))
        rows.append([*row, ", ".join(verdicts)])
    head = ["callers", "arrival", "refreshes", "drain ms", "session without a token ms", "ratio", "bare reqwest ms", "ratio"]
    page.add(*table([*head, "aims"], rows))
    page.plot("storm", "Drain, as a multiple of the same requests without a token (less is better)", ratios, MOST_DRAIN, 2)
    page.aim(refresh_aim, surplus == 0, f"{surplus} storms with more" if surplus else "in every storm")
    for name, aim in floors.items():
        page.aim(aim, not missed[name], "; ".join(missed[name]) or f"in all {len(rows)} rows")
    waiting = [(f"{entry['callers']:,}", Spread(entry["bytes_per_caller"]).text(0)) for entry in part["waiting"]]
    page.add("Resident memory of a caller that waits, its task included, in a process that has done nothing else:", "")
    page.add(*table(["callers", "bytes each"], waiting))


def standing(low, high):
    """What the middle half of some ratios says, where more is better."""
    return "ahead" if low > 1 else "behind" if high < 1 else "even"


def peers(page, part):
    page.add("## Beside the clients of other languages", "")
    aims = {name: f"{title}: ahead of each in throughput and p99" for name, title in LANGUAGES.items()}
    if page.missing(part, aims.values()):
        return
    page.add(
        "Requests with a valid token over HTTP/1.1, one client after the other, in turns, each warmed up before its turn; "
        "callers send one request after the other. *Even*: the middle half of the rounds lies on both sides of one.",
        "",
    )
    for language, measured in part.items():
        page.add(f"### {LANGUAGES[language]}", "")
        if language == "node":
            page.add(
                "Ours is the demo, a program in Rust: there is no engine of React Native here. It starts for each turn, and "
                "its throughput has its start and its sign-in in it. The others are JavaScript, on Node's adapter of axios.",
                "",
            )
        if page.missing(measured, [aims[language]]):
            continue
        ours, rows, plots, behind = OURS[language], [], [], []
        for cell in measured["cells"]:
            rounds = cell["rounds"]
            for client in sorted(rounds[0], key=lambda name: name != ours):
                figures = spread(rounds, client, "per_second")
                row = [client, cell["concurrency"], figures.text(0), spread(rounds, client, "p99_us").text(0)]
                plots.append((f"{client}, {cell['concurrency']} at once", figures, client == ours))
                if client == ours:
                    rows.append([*row, "", "", ""])
                    continue
                throughput = paired(rounds, ours, client, "per_second")
                tail = paired(rounds, ours, client, "p99_us")
                texts = [standing(throughput.low, throughput.high), standing(1 / tail.high, 1 / tail.low)]
                for what, ratio, text in zip(("throughput", "p99"), (throughput, tail), texts):
                    behind += [] if text == "ahead" else [f"{client} at {cell['concurrency']}: {what} {ratio.text(2)}"]
                rows.append([*row, throughput.text(2), tail.text(2), ", ".join(texts)])
        head = ["client", "at once", "requests a second", "p99 µs", "our throughput to its", "our p99 to its", "we are"]
        page.add(*table(head, rows))
        page.plot(f"peers-{language}", f"{LANGUAGES[language]}: requests a second (more is better)", plots, None, 0)
        versions = {f"{name} {version}" for of in measured["versions"].values() for name, version in (of or {}).items()}
        page.add(f"Versions: {', '.join(sorted(versions))}.", "")
        page.aim(aims[language], not behind, "; ".join(behind) or "in all rows")


def crossings(page, part):
    page.add("## Crossing from Kotlin and Swift", "")
    if page.missing(part, []):
        return
    page.add("Medians of the client's own measurement, in microseconds, with the middle half of the rounds.", "")
    for language, measured in part.items():
        page.add(f"### {LANGUAGES[language]}", "")
        if not page.missing(measured, []):
            rounds = measured["rounds"]
            names = [(name, Spread([entry[name] for entry in rounds])) for name in rounds[0]]
            page.add(*table(["what", "µs"], [(name.removesuffix("_us").replace("_", " "), s.text(2)) for name, s in names]))


def opening(page, part):
    page.add("## From opening to the first answer", "")
    if page.missing(part, []):
        return
    page.add("In a process that has just started, over a new connection without TLS.", "")
    rows = [
        (name, *(Spread([entry[name][key] / 1000 for entry in part["rounds"]]).text(2) for key in ("open_us", "first_answer_us")))
        for name in part["rounds"][0]
    ]
    page.add(*table(["store", "opened after ms", "first answer after ms"], rows))
    page.add(f"{part['not_here']}: not measured here.", "")


def size(page, part):
    page.add("## Size", "")
    if not page.missing(part, []):
        page.add(f"The library that the clients above load takes {part['bytes']:,} bytes ({part['architecture']}).", "")
    page.add("What it takes on phones, and what takes it, stands in [size.md](size.md).", "")


def instructions(page, path):
    page.add("## Instructions", "")
    aim = f"instructions of a request: at most {MOST_LATENCY} times those of reqwest"
    found = path.exists() and re.search(r"session (\d+), reqwest (\d+), ratio ([\d.]+)", path.read_text())
    if not found:
        page.add("Not run.", "")
        page.aim(aim, None, "")
        return
    session, reqwest, ratio = int(found[1]), int(found[2]), float(found[3])
    page.add(
        f"A request with a valid token takes {session:,} instructions of the client's process, and {reqwest:,} with bare "
        f"reqwest: {ratio:.3f} times as many. Both are given a path, as apps give it; reqwest's caller makes a URL of it, "
        "which takes some 6,000. Counted under callgrind over HTTP/1.1, one request after the other; the limit "
        "that the tests hold is in `tests/bench/instructions.json` (`scripts/test.sh speed`).",
        "",
    )
    page.aim(aim, ratio <= MOST_LATENCY, f"{ratio:.3f}")


def conditions(machine, quick):
    cores = "one core each" if machine["server_and_client_on_cores_of_their_own"] else "one core for both"
    yield f"- Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_mib']:,} MiB, {machine['kernel']}."
    yield f"- Server and client: two processes on loopback, {cores}."
    node = f", Node.js {machine['node']}" if machine["node"] else ""
    yield f"- Versions: {machine['rustc']}, reqwest {machine['reqwest']}{node}."
    yield "- Profile: `release` for the client in Rust and the server; `mobile`, which ships, for the native library."
    dirty = ", with changes" if machine["changed_since_commit"] else ""
    yield f"- Commit {machine['commit']}{dirty}, {machine['date']}."
    if quick:
        yield "- **A quick run: to see that it works. Its figures mean nothing.**"
    yield ""


def main(measured, directory, notes):
    results = json.loads((measured / "results.json").read_text())
    parts = results["parts"]
    page = Page(directory)
    requests(page, parts["requests"])
    instructions(page, measured / "instructions.txt")
    storm(page, parts["storm"])
    peers(page, parts["peers"])
    crossings(page, parts["crossings"])
    opening(page, parts["opening"])
    size(page, parts["size"])
    head = [
        "# Performance",
        "",
        "Generated by `scripts/bench.sh`, which measures all of it in one run: clients in turns, medians of the rounds with "
        "their middle half in parentheses, ratios within each round. Nothing here is written by hand but the notes at the end.",
        "",
        *conditions(results["machine"], results["quick"]),
        "## Aims",
        "",
        *table(["aim", "", "figure"], page.aims),
    ]
    explained = ["## Notes", "", notes.read_text().strip(), ""] if notes.exists() else []
    (directory / "performance.md").write_text("\n".join([*head, *page.lines, *explained]).rstrip() + "\n")
    return 1 if any("failed" in part for part in parts.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
