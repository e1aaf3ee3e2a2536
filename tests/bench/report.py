#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmark's results say: tests/bench/run.sh and plot.sh call it.

  report.py collect LINES FILE SRCDIR QUICK PROXY...   one JSON document out of a JSON object a line
  report.py table FILE                                 for people
  report.py assert FILE                                the targets, each with a generous factor; status 1: missed
  report.py smoke FILE                                 something was measured and nothing was lost; status 1: not so
  report.py series FILE DIR                            columns for gnuplot, one file a curve
  report.py rows FILE LABEL                            how many groups a `show ... groups json` lists

In samples, null is what was waited for and did not come. Status 2: wrong usage, or a file that cannot be used.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from itertools import product

OURS = "improxyd"


def numbers(samples):
    return [v for v in samples if v is not None]


def median(samples):
    samples = numbers(samples)
    return statistics.median(samples) if samples else None


def percentile(samples, share):
    """The nearest rank."""
    samples = sorted(numbers(samples))
    return samples[min(len(samples) - 1, int(share * len(samples)))] if samples else None


class Unusable(Exception):
    """A file that is not what it should be; the text says which and why."""


def result_of(path, value):
    if not isinstance(value, dict) or "test" not in value:
        raise Unusable(f"{path}: no result of a test: {json.dumps(value)[:60]}")
    return value


class Results:
    def __init__(self, path):
        try:
            with open(path, encoding="utf-8") as f:
                self.doc = json.load(f)
        except ValueError as e:
            raise Unusable(f"{path}: not JSON: {e}") from e
        wants = {"date": str, "quick": bool, "machine": dict, "proxies": list, "results": list}
        for key, kind in wants.items():
            if not isinstance(self.doc, dict) or not isinstance(self.doc.get(key), kind):
                raise Unusable(f"{path}: not what `collect` has written: no {key}")
        self.all = [result_of(path, value) for value in self.doc["results"]]

    def find(self, test, **keys):
        return [r for r in self.all if r["test"] == test and all(r.get(k) == v for k, v in keys.items())]

    def values(self, field, test, **keys):
        """All samples, or numbers, of a field, of all rounds."""
        found = []
        for r in self.find(test, **keys):
            value = r.get(field)
            found += value if isinstance(value, list) else [value]
        return found

    def median(self, field, test, **keys):
        return median(self.values(field, test, **keys))

    def proxies(self):
        return self.doc["proxies"]


# --- collect


def first_line(command):
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return (out.stdout + out.stderr).strip().split("\n")[0]
    except OSError:
        return None


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def collect(lines, path, srcdir, quick, *proxies):
    results = []
    with open(lines, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            try:
                results.append(result_of(lines, json.loads(line)))
            except ValueError as e:
                raise Unusable(f"{lines}:{number}: not JSON: {e}") from e
    doc = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": quick == "yes",
        "commit": first_line(["git", "-C", srcdir, "describe", "--always", "--dirty"]),
        "machine": {"cpu": cpu_model(), "cpus": os.cpu_count(), "kernel": platform.release()},
        "proxies": list(proxies),
        "results": results,
    }
    with open(path, "w", encoding="utf-8") as f:
        json.dump(doc, f, separators=(",", ":"))
        f.write("\n")


def rows(path, label):
    result = {**json.loads(label), "test": "rows", "valid": False, "rows": 0, "octets": 0}
    try:
        result["octets"] = os.path.getsize(path)
        with open(path, encoding="utf-8") as f:
            doc = json.load(f)
        result["rows"] = sum(len(v["groups"]) for v in doc.values() if isinstance(v, dict))
        result["valid"] = True
    except (OSError, ValueError) as e:
        result["error"] = str(e)
    print(json.dumps(result))


# --- the table


def duration(us):
    if us is None:
        return "never"
    if us < 1000:
        return f"{us:.0f} us"
    return f"{us / 1000:.3g} ms" if us < 1e6 else f"{us / 1e6:.3g} s"


def spread(samples):
    lost = len(samples) - len(numbers(samples))
    text = f"{duration(median(samples))} / {duration(percentile(samples, 0.99))}"
    return text + (f", {lost} of {len(samples)} never" if lost and lost < len(samples) else "")


def share_of(samples, whole):
    return f"{100 * statistics.mean(numbers(samples)) / whole:.0f} %" if numbers(samples) else "-"


def columns(r):
    """Who stands in the table: proxy, variant suffix and family, those with results only."""
    return [(p, f) for p in r.proxies() for f in (4, 6) if any(x.get("proxy") == p and x.get("family") == f for x in r.all)]


def table_rows(r):
    """Label, and a function of the keys of a cell that returns its text or None."""

    def spread_of(field, test, **more):
        return lambda **k: (lambda v: spread(v) if v else None)(r.values(field, test, **more, **k))

    def last(test, text, **more):
        def cell(**k):
            found = r.find(test, **more, **k)
            return text(found) if found else None

        return cell

    def grow_at(found, field):
        n = max(x["groups"] for x in found)
        return [v for x in found if x["groups"] == n for v in x.get(field, [])], n

    yield "join delay, method A: first frame", spread_of("data_us", "join-delay", variant="fast", method="A")
    yield "join delay, method A: report upstream", spread_of("upstream_us", "join-delay", variant="fast", method="A")
    yield "join delay, method B: first frame", spread_of("data_us", "join-delay", variant="fast", method="B")
    yield "join delay, method A, wildcard", spread_of("data_us", "join-delay", variant="wildcard", method="A")
    yield "join delay, method B, wildcard", spread_of("data_us", "join-delay", variant="wildcard", method="B")
    yield "leave delay: last frame", spread_of("data_us", "leave-delay", variant="plain")
    yield "immediate leave: last frame", spread_of("data_us", "leave-delay", variant="fast")
    yield "immediate leave: report upstream", spread_of("upstream_us", "leave-delay", variant="fast")
    for variant, name in (("fast", ""), ("wildcard", ", wildcard")):
        yield f"first 20 frames of a stream{name}: arrived", last("new-stream", lambda f: share_of([v for x in f for v in x["arrived"]], f[0]["sent"]), variant=variant)
    for variant, name in (("fast", ""), ("wildcard", ", wildcard")):
        yield f"capacity, groups on two LANs{name}", last("capacity", lambda f: (lambda x: f"{x['groups']}" + (" (the most tried)" if x["reached_end"] else ""))(max(f, key=lambda x: x["groups"])), variant=variant)

        def with_table(found):
            samples, n = grow_at([x for x in found if numbers(x.get("data_us", []))] or found, "data_us")
            return f"{spread(samples)} at {n}"

        yield f"join delay with a full table{name}", last("grow", with_table, variant=variant)
    sizes = sorted({x["groups"] for x in r.find("burst")})
    for n in sizes:
        for variant, name in (("fast", ""), ("wildcard", ", wildcard")):
            for field, word in (("join", "join"), ("leave", "leave")):
                yield (f"burst of {n} {word}s{name}: last one upstream after",
                       last("burst", lambda f, field=field: duration(median([x[f"{field}_us"] for x in f])), variant=variant, groups=n))
                yield (f"burst of {n} {word}s{name}: processor per 1000",
                       last("burst", lambda f, field=field: duration(median([x[f"{field}_cpu_us"] / x["groups"] * 1000 for x in f])), variant=variant, groups=n))
    yield "memory per group record (process)", last("grow", lambda f: (lambda x: f"{x['memory'] / x['groups'] / 2:.0f} octets at {x['groups']}")(max(f, key=lambda x: (x["joined"] == x["added"], x["groups"]))), variant="fast")
    yield "memory per source (process)", last("sources", lambda f: f"{median([x['memory'] / x['sources'] for x in f]):.0f} octets")
    yield "idle with a full table: processor", last("idle", lambda f: f"{median([x['cpu_percent'] for x in f]):.2f} % at {f[0]['groups']}")
    for n in sorted({x["groups"] for x in r.find("reports")}):
        yield f"reports a second, {n} groups, no state lost", last("reports", lambda f: f"{median([x['sustained_per_second'] for x in f]):.0f}" + ("" if any(x["failed_at"] for x in f) else " (the most tried)"), groups=n)
    for n in sorted({x["hosts"] for x in r.find("zap")}):
        yield f"zap storm of {n} hosts: join delay", spread_of("data_us", "zap", hosts=n)
        yield f"zap storm of {n} hosts: groups wrong after", last("zap", lambda f: f"{max(x['lost'] + x['stray'] for x in f)} of {f[0]['groups']}", hosts=n)
    for x in sorted({(x["groups"] > 100, x["reports_per_second"]) for x in r.find("burden")}):
        big, rate = x

        def burden(found, field, big=big):
            found = [x for x in found if (x["groups"] > 100) == big]
            return f"{spread([v for x in found for v in x[field]])}, {found[0]['groups']} groups" if found else None

        for field, name in (("baseline_us", "empty table"), ("table_us", "table"), ("storm_us", f"table and {rate:.0f} reports/s")):
            yield f"burdened join delay ({'big' if big else 'small'}), {name}", last("burden", lambda f, field=field, burden=burden: burden(f, field))
    yield "show groups json: rows", last("rows", lambda f: f"{f[0]['rows']}, {f[0]['octets'] / 1e6:.1f} MB{'' if f[0]['valid'] else ', NOT JSON'}")
    yield "show groups json: takes", last("stall", lambda f: duration(median([x["command_us"] for x in f])))
    yield "show groups json: longest pause (without it)", last("stall", lambda f: f"{duration(median([x['longest_us'] for x in f]))} ({duration(median([x['before_us'] for x in f]))})")


def print_grid(grid):
    widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
    for row in grid:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip())


def table(path):
    r = Results(path)
    heads = columns(r)
    grid = [["delays: median / 99th percentile"] + [f"{p} IPv{f}" for p, f in heads]]
    for label, cell in table_rows(r):
        cells = [cell(proxy=p, family=f) for p, f in heads]
        if any(cells):
            grid.append([label] + [c or "-" for c in cells])
    if heads:
        print_grid(grid)
    engine = r.find("engine-groups")
    if engine:
        print()
        grid = [["engine alone", "join", "refresh", "leave", "octets a record"]]
        for x in engine:
            grid.append([f"{x['groups']} groups x {x['interfaces']}"] + [f"{x[k + '_ns']} ns" for k in ("join", "refresh", "leave")] + [f"{x['octets_per_record']:.0f}"])
        print_grid(grid)
        print()
        grid = [["engine, sources a group", "add one", "refresh one", "take one", "octets a source", "octets a forwarding entry"]]
        for x in r.find("engine-sources"):
            grid.append([f"{x['sources']}{', hosts tracked' if x['tracking'] else ''}", *(f"{x[k + '_ns']} ns" for k in ("add", "refresh", "take")), f"{x['octets_per_source']:.0f}", f"{x['octets_per_entry']:.0f}"])
        print_grid(grid)
    for x in r.find("died"):
        print(f"{x['proxy']} ended during {x['trial']} (IPv{x['family']}, {x['variant']})")


# --- targets

FACTOR = 3.0  # how far a target may be missed: machines differ and are not idle


def at_most(have, limit):
    return have is not None and have <= limit


def targets(r):
    """Name, what was measured, target, unit, the factor that is allowed. A rising value is bad."""
    for f in (4, 6):
        ours = {"proxy": OURS, "family": f}
        for variant in ("fast", "wildcard"):
            here = {**ours, "variant": variant}
            grown = r.find("grow", **here)
            if not grown:
                continue
            top = max(x["groups"] for x in grown)
            yield f"IPv{f} {variant}: groups of {top} that are not joined", max(x["added"] - x["joined"] for x in grown), 0, "", 1
            if variant == "wildcard":
                yield f"IPv{f} {variant}: first frames lost", sum(x["frames_wanted"] - x["frames_arrived"] for x in grown), 0, "", 1
            full = r.median("data_us", "grow", groups=top, **here)
            empty = r.median("data_us", "grow", groups=min(x["groups"] for x in grown), **here)
            if full and empty:
                yield f"IPv{f} {variant}: join delay, full table to empty one", full / empty, 2, "times", 1.5
        for variant in ("fast", "wildcard"):
            burst = max(r.find("burst", variant=variant, **ours), key=lambda x: x["groups"], default=None)
            if burst:
                us = r.median("join_us", "burst", variant=variant, groups=burst["groups"], **ours)
                yield f"IPv{f} {variant}: burst of {burst['groups']}, all upstream after", None if us is None else us / 1e6, 2, "s", FACTOR
        for p, method in product(r.proxies(), "AB"):
            theirs = r.values("data_us", "join-delay", proxy=p, family=f, variant="fast", method=method)
            mine = r.values("data_us", "join-delay", variant="fast", method=method, **ours)
            if p != OURS and numbers(theirs) and numbers(mine):
                # A peer that never sleeps need not be woken up.
                yield f"IPv{f}: median join delay {method}, to {p}'s", median(mine) / median(theirs), 1, "times", 2
                yield f"IPv{f}: 99th percentile {method}, to {p}'s", percentile(mine, 0.99) / percentile(theirs, 0.99), 1, "times", FACTOR
        if r.find("leave-delay", variant="fast", **ours):
            for field, what in (("data_us", "last frame"), ("upstream_us", "report upstream")):
                us = r.median(field, "leave-delay", variant="fast", **ours)
                yield f"IPv{f}: immediate leave to {what}", None if us is None else us / 1000, 1, "ms", FACTOR
        for x in r.find("idle", **ours):
            if not x["general_queries"]:
                yield f"IPv{f}: idle with {x['groups']} groups", x["cpu_percent"], 1, "% CPU", FACTOR
        for x in r.find("zap", **ours):
            worst = None if None in x["data_us"] else max(x["data_us"]) / 1000
            yield f"IPv{f}: zap of {x['hosts']} hosts, groups wrong after", x["lost"] + x["stray"], 0, "", 1
            yield f"IPv{f}: zap of {x['hosts']} hosts, longest join", worst, 50, "ms", FACTOR
        for x in r.find("stall", **ours):
            yield f"IPv{f}: pause by show ... json", None if x["longest_us"] is None else x["longest_us"] / 1000, 10, "ms", FACTOR
        for x in r.find("rows", **ours):
            yield f"IPv{f}: rows of show ... json that are missing", 0 if x["valid"] and x["rows"] else 1, 0, "", 1
    for x in r.find("engine-groups", groups=20000, interfaces=4):
        for kind in ("join", "refresh", "leave"):
            yield f"engine: {kind}, 20000 groups x 4", x[f"{kind}_ns"], 1000, "ns a record", FACTOR
        yield "engine: memory of a group record", x["octets_per_record"], 400, "octets", 1.1
        small = r.find("engine-groups", groups=1000, interfaces=4)
        if small:
            yield "engine: refresh, 20000 groups to 1000", x["refresh_ns"] / small[0]["refresh_ns"], 1, "times", FACTOR
    wide = r.find("engine-groups", groups=20000, interfaces=31)
    narrow = r.find("engine-groups", groups=20000, interfaces=1)
    if wide and narrow:
        yield "engine: refresh, 31 interfaces to 1", wide[0]["refresh_ns"] / narrow[0]["refresh_ns"], 1, "times", FACTOR
    many = r.find("engine-sources", sources=1000, tracking=0)
    one = r.find("engine-sources", sources=1, tracking=0)
    if many and one:
        yield "engine: memory of a source, without its forwarding entry", many[0]["octets_per_source"], 64, "octets", 1.1
        # log2(1000) is 10.
        for kind, what in (("add", "a source more"), ("refresh", "refresh of a source"), ("take", "a source less")):
            yield f"engine: {what}, 1000 a group to 1", many[0][f"{kind}_ns"] / one[0][f"{kind}_ns"], 10, "times", 1.5


def check_targets(path):
    r = Results(path)
    grid, missed = [["target", "measured", "wanted", ""]], 0
    for name, have, want, unit, factor in targets(r):
        met = at_most(have, want)
        near = at_most(have, want * factor)
        missed += not near
        grid.append([name, "never" if have is None else f"{have:.3g} {unit}", f"<= {want} {unit}", "" if met else "near" if near else "MISSED"])
    print()
    print_grid(grid)
    died = r.find("died", proxy=OURS)
    if missed or died:
        print(f"{missed} targets missed{', improxyd ended by itself' if died else ''}")
        sys.exit(1)


def smoke(path):
    """Without a look at speed: everything was measured, and no group and no state was lost."""
    r = Results(path)
    bad = []

    def want(what, holds):
        if not holds:
            bad.append(what)

    families = sorted({x["family"] for x in r.find("grow", proxy=OURS)})
    want("both families", families == [4, 6])
    for f in families:
        ours = {"proxy": OURS, "family": f}
        for test, field in (("grow", "data_us"), ("leave-delay", "data_us"), ("leave-delay", "upstream_us"), ("zap", "data_us")):
            samples = r.values(field, test, **ours)
            want(f"IPv{f}: {test} {field} {samples}", samples and None not in samples)
        want(f"IPv{f}: capacity {r.find('grow', **ours)}", all(x["reached_end"] for x in r.find("capacity", **ours)))
        want(f"IPv{f}: wildcard, every first frame", all(x["frames_arrived"] == x["frames_wanted"] for x in r.find("grow", variant="wildcard", **ours)))
        for test in ("zap", "reports"):
            found = r.find(test, **ours)
            want(f"IPv{f}: {test}, no state lost: {found}", found and not any(x["lost"] or x["stray"] for x in found))
        want(f"IPv{f}: pause", all(x["longest_us"] is not None for x in r.find("stall", **ours)))
        want(f"IPv{f}: rows", any(x["valid"] and x["rows"] >= 200 for x in r.find("rows", **ours)))
    want("engine", r.find("engine-groups") and r.find("engine-sources"))
    want("improxyd has ended", not r.find("died", proxy=OURS))
    for what in bad:
        print(f"missing or lost: {what}")
    sys.exit(1 if bad else 0)


# --- the plot


def series(path, directory):
    """GROUPS MEDIAN P25 P75 of the join delay, and GROUPS CPU of a join in a burst; a file and a line of `curves` each."""
    r = Results(path)
    names = []
    for p, f in columns(r):
        for variant in ("fast", "wildcard"):
            here = {"proxy": p, "family": f, "variant": variant}
            sizes = sorted({x["groups"] for x in r.find("grow", **here)})
            lines = []
            for n in sizes:
                found = r.find("grow", groups=n, **here)
                delays = numbers([v for x in found for v in x.get("data_us", [])])
                cpu = median([x["cpu_us"] / x["added"] for x in found if x["joined"] == x["added"]])
                if delays and cpu is not None:
                    lines.append(f"{n} {median(delays)} {percentile(delays, 0.25)} {percentile(delays, 0.75)} {cpu}")
            if lines:
                name = f"{p}-{f}-{variant}"
                with open(os.path.join(directory, name), "w", encoding="utf-8") as out:
                    out.write("\n".join(lines) + "\n")
                names.append(f"{name}\t{p} IPv{f}{', wildcard' if variant == 'wildcard' else ''}")
    with open(os.path.join(directory, "curves"), "w", encoding="utf-8") as out:
        out.write("\n".join(names) + "\n")


# And how many arguments each takes; collect takes more.
COMMANDS = {
    "collect": (collect, 4),
    "table": (table, 1),
    "assert": (check_targets, 1),
    "smoke": (smoke, 1),
    "series": (series, 2),
    "rows": (rows, 2),
}


def main(name=None, *args):
    command, wants = COMMANDS.get(name, (None, 0))
    if not command or len(args) < wants or (len(args) > wants and name != "collect"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return command(*args)
    except Unusable as e:
        print(f"report.py: {e}", file=sys.stderr)
    except OSError as e:
        print(f"report.py: {e.filename}: {e.strerror}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
