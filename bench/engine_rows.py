"""The rows of bench/engine.py: who takes part in each, what is done to them, and the bars that xrat is held to."""
import dataclasses
import statistics
import subprocess
import time

from engine_peers import KINDS, Failed, listens
from machine import spread

IDLE = 5000
MANY, SOME, FEW = 100000, 1000, 10
# Where the bar of 0.4 processor seconds a GB was written down, a target that sent it without a proxy took this much; one
# that receives takes less, so there is nothing to scale by in that direction.
DIRECT_THERE = 0.13


@dataclasses.dataclass
class Scale:
    """How long and how much: --quick takes a part of it."""
    seconds: float = 2.0
    part: float = 1.0

    def count(self, n):
        return max(100, int(n * self.part))


@dataclasses.dataclass
class Entry:
    """A line of a row: a peer in one of its configurations; `slow` makes it do with fewer connections."""
    name: str
    kind: str
    variant: dict = dataclasses.field(default_factory=dict)
    slow: int = 1


@dataclasses.dataclass
class Bar:
    """A figure of one entry, as it is or in proportion to another's; without a limit it is there for orientation."""
    what: str
    of: str
    beside: str = ""
    least: float = None
    most: float = None
    second: bool = False
    scaled: bool = False


@dataclasses.dataclass
class Row:
    name: str
    title: str
    unit: str
    second: str
    entries: list
    measure: object
    bars: list
    digits: int = 1
    second_digits: int = 3


# --- what is done -----------------------------------------------------------------------------------------------------

def stream(mode, connections):
    """Gbit/s and processor seconds a GB. Eight streams run twice: how they fall on two threads is a matter of luck."""
    def measure(running, _entry, scale):
        times = 1 if connections == 1 else 2
        running.ready()
        runs = [running.load("-m", mode, "-c", connections, "-d", scale.seconds / times) for _ in range(times)]
        if running.kind == "xrat" and mode == "down":
            running.load("-m", mode, "-c", connections, "-d", 0.2, "-V")
        moved = sum(int(r["bytes"]) for r in runs)
        if not moved:
            raise Failed("nothing arrived")
        return statistics.mean(float(r["MBps"]) * 8 / 1000 for r in runs), sum(float(r["cpu_s"]) for r in runs) / (moved / 1e9)
    return measure


def connect(running, entry, scale):
    """Connections a second, the client hanging up first; microseconds of the peer's processor time for each."""
    running.ready()
    r = running.load("-m", "conn", "-k", "-c", 64, "-b", 128, "-n", scale.count(15000 // entry.slow))
    return float(r["per_s"]), float(r["cpu_us_per_op"])


def round_trips(running, _entry, scale):
    running.ready()
    r = running.load("-m", "rr", "-c", 64, "-b", 64, "-d", scale.seconds / 2)
    return float(r["per_s"]) / 1000, float(r["cpu_us_per_op"])


def idle(running, _entry, _scale):
    """What RssAnon grows by with idle connections, each of which has carried 128 bytes both ways; after a pause they
    have to carry them once more."""
    running.ready()
    time.sleep(1.5)  # v2ray keeps the tunnel of that question for a second
    before, opened = running.memory()[0], running.descriptors()
    hold = running.start(running.load_command("-m", "idle", "-n", IDLE, "-b", 128, "-d", 3), subprocess.PIPE)
    # The target itself has one descriptor for each, a proxy two.
    each = 1 if running.kind == "direct" else 2
    end = time.monotonic() + 30
    while running.descriptors() < opened + each * IDLE:
        if hold.poll() is not None or time.monotonic() > end:
            raise Failed(f"{running.descriptors() - opened} descriptors more instead of {each * IDLE}")
        time.sleep(0.05)
    seen = []
    for _ in range(3):
        time.sleep(0.5)
        seen.append(running.memory()[0])
    out = hold.communicate()[0].decode()
    running.processes.remove(hold)
    if hold.returncode or f"alive_after={IDLE}" not in out:
        raise Failed(f"not every idle connection lives: {out.strip()[-120:]}")
    return (statistics.median(seen) - before) / IDLE, statistics.median(seen) / 1024


def memory(running, _entry, _scale):
    """RssAnon and VmRSS in MiB of a peer that listens and has not been spoken to, as soon as they stand still."""

    running.until(lambda: listens(running.port), 0.005)
    last, same, end = None, 0, time.monotonic() + 5
    while same < 4 and time.monotonic() < end:
        time.sleep(0.05)
        now = running.memory()
        same = same + 1 if now == last else 0
        last = now
    return last[0] / 1024, last[1] / 1024


def start(running, _entry, _scale):
    """Milliseconds from fork to the first round trip, tried every 0.3 ms; and RssAnon in MiB then."""
    took = running.ready(0.0003)
    return took * 1000, running.memory()[0] / 1024


# --- the rows ---------------------------------------------------------------------------------------------------------

# In this order they run: who is in proportion to xrat runs beside it.
EVERYONE = ("microsocks", "v2ray", "xrat", "forwarder", "forwarder -w 2", "haproxy tcp", "direct")
EIGHT = ("microsocks", "v2ray", "xrat", "forwarder -w 2", "forwarder", "haproxy tcp", "direct")
CONNECT = ("v2ray", "xrat", "microsocks", "forwarder", "forwarder -w 2", "haproxy tcp", "direct")
# In this order they are printed.
PRINTED = list(KINDS)


def plain(kinds):
    return [Entry(kind, kind) for kind in kinds]


SPEED, CPU = "Gbit/s", "CPU s/GB"


def stream_row(mode, connections):
    one = connections == 1
    beside = "forwarder" if one else "forwarder -w 2"
    bars = [Bar(f"{connections} stream{'s' * (not one)} {mode}, x v2ray", "xrat", "v2ray", least=1.5 if one else 1.35),
            Bar(f"{connections} stream{'s' * (not one)} {mode}, x {beside}", "xrat", beside, least=0.95)]
    if one:
        bars += [Bar(f"CPU seconds a GB {mode}", "xrat", most=0.4, second=True, scaled=mode == "down"),
                 Bar("  in proportion to the forwarder", "xrat", "forwarder", second=True),
                 Bar("  in proportion to v2ray", "xrat", "v2ray", second=True)]
    return Row(f"{mode}{connections}", f"SOCKS5 -> freedom, {connections} stream{'s' * (not one)} {mode}", SPEED, CPU,
               plain(EVERYONE if one else EIGHT), stream(mode, connections), bars, digits=2)


RULES = [Entry(f"{kind}, {n} rules", kind, {"rules": n}, slow=10 if (kind, n) == ("v2ray", MANY) else 1)
         for kind in ("xrat", "v2ray") for n in (FEW, MANY)]
SNIFF = [Entry(f"{kind}, {text}", kind, variant, slow=12 if kind == "v2ray" and "sniffing" in variant else 1)
         for kind in ("xrat", "v2ray")
         for text, variant in (("off, no rules", {}), (f"off, {SOME} rules", {"rules": SOME}),
                               ("on, no rules", {"sniffing": True}),
                               (f"on, {SOME} rules", {"rules": SOME, "sniffing": True}))]

ROWS = [
    stream_row("down", 1), stream_row("up", 1), stream_row("down", 8), stream_row("up", 8),
    Row("connect", "new SOCKS connections a second, 64 at a time, reply of 128 bytes", "a second", "CPU us each",
        plain(CONNECT), connect,
        [Bar("connections, x v2ray", "xrat", "v2ray", least=1.75),
         Bar("connections, x microsocks", "xrat", "microsocks", least=1.2)], digits=0, second_digits=1),
    Row("rules", f"the same with {MANY} rules, none of which takes the flow", "a second", "CPU us each", RULES, connect,
        [Bar(f"{MANY} rules, x own figure with {FEW}", RULES[1].name, RULES[0].name, least=0.9),
         Bar("  v2ray's own", RULES[3].name, RULES[2].name)], digits=0, second_digits=1),
    Row("sniff", "the same with sniffing (http, tls), first payload of an unknown protocol", "a second", "CPU us each", SNIFF,
        connect,
        [Bar("sniffing on, x off, no rules", SNIFF[2].name, SNIFF[0].name, least=0.8),
         Bar(f"sniffing on, x off, both with {SOME} rules", SNIFF[3].name, SNIFF[1].name, least=0.8),
         Bar(f"  on with {SOME} rules, x off without any", SNIFF[3].name, SNIFF[0].name),
         Bar("  v2ray's own, no rules", SNIFF[6].name, SNIFF[4].name),
         Bar(f"  v2ray's own, both with {SOME} rules", SNIFF[7].name, SNIFF[5].name),
         Bar(f"  v2ray's own, on with {SOME} rules, x off without any", SNIFF[7].name, SNIFF[4].name)],
        digits=0, second_digits=1),
    Row("roundtrip", "round trips, 64 connections, 64 bytes", "1,000/s", "CPU us each", plain(EVERYONE), round_trips,
        [Bar("round trips, x v2ray", "xrat", "v2ray", least=1.3)], second_digits=2),
    Row("idle", f"RssAnon for each of {IDLE} idle connections", "KiB each", "MiB in all", plain(EVERYONE), idle,
        [Bar("KiB for each idle connection", "xrat", most=1.0)], digits=2, second_digits=1),
    Row("memory", "memory at start: one inbound, no rules, no TLS", "RssAnon MiB", "VmRSS MiB", plain(EVERYONE[:-1]), memory,
        [Bar("RssAnon, MiB", "xrat", most=2.0), Bar("VmRSS, MiB", "xrat", most=8.0, second=True)], digits=2, second_digits=2),
    Row("start", f"from start to the first round trip, with {MANY} rules and with none", "ms", "RssAnon MiB",
        [Entry(f"{kind}, {n} rules", kind, {"rules": n}) for kind in ("xrat", "v2ray") for n in (MANY, 0)], start,
        [Bar(f"start with {MANY} rules, x v2ray", f"xrat, {MANY} rules", f"v2ray, {MANY} rules", most=1 / 3),
         Bar("  with none", "xrat, 0 rules", "v2ray, 0 rules")], second_digits=1),
]
ALIASES = {"cpu": ["down1", "up1"], "stream": ["down1", "up1", "down8", "up8"]}


# --- what is said -----------------------------------------------------------------------------------------------------

def table(row, results, failures, absent):
    out = [f"\n{row.title}", f"  {'':26} {row.unit:>12}  {'spread':20} {row.second:>12}  spread"]
    for e in sorted(row.entries, key=lambda entry: PRINTED.index(entry.kind)):
        values = [v for v in results[e.name] if v]
        if e.kind in absent:
            out.append(f"  {e.name:26} {'absent':>12}")
        elif not values:
            out.append(f"  {e.name:26} {'failed':>12}  {failures[e.name][0]}")
        else:
            middle, between = spread([v[0] for v in values], row.digits)
            middle2, between2 = spread([v[1] for v in values], row.second_digits)
            out.append(f"  {e.name:26} {middle:>12}  {between:20} {middle2:>12}  {between2}"
                       + (f"  ({len(failures[e.name])} failed: {failures[e.name][0]})" if failures[e.name] else ""))
    return out


def figures(bar, results):
    """One for each repetition in which all of it was measured."""
    at = 1 if bar.second else 0
    if not bar.beside:
        return [v[at] for v in results[bar.of] if v]
    return [a[at] / b[at] for a, b in zip(results[bar.of], results[bar.beside]) if a and b and b[at]]


def verdict(bar, values, failed):
    if bar.least is None and bar.most is None:
        return ""
    limit = f"at least {bar.least:.2f}" if bar.most is None else f"at most {bar.most:.2f}"
    if not values:
        return f"({limit})  NOT MEASURED"
    middle = statistics.median(values)
    good = middle >= bar.least if bar.most is None else middle <= bar.most
    return f"({limit})  " + ("met" if good and not failed else "NOT MET" + f", {failed} runs failed" * bool(failed))


def judge(row, results, failures):
    """The lines of a row's bars, and how many of them are not met."""
    out, missed = [], 0
    for bar in row.bars:
        values, failed = figures(bar, results), len(failures[bar.of])
        text = verdict(bar, values, failed)
        missed += "NOT" in text
        middle, between = spread(values) if values else ("-", "")
        out.append(f"  {bar.what:62} {middle:>8}  {between:15} {text}".rstrip())
        if bar.scaled and values:
            out += scaled(bar, results, statistics.median(values))
    return out, missed


def scaled(bar, results, have):
    """Processor seconds differ between machines: the bar as it would be where the kernel's own part costs what it does here."""
    direct = [v[1] for v in results.get("direct", []) if v]
    if not direct:
        return []
    here = statistics.median(direct)
    limit = bar.most * here / DIRECT_THERE
    what = f"  for orientation: the bar times direct here / {DIRECT_THERE}"
    return [f"  {'  direct here':62} {here:8.2f}",
            f"  {what:62} {limit:8.2f}  {'':15} {'within' if have <= limit else 'beyond'}"]
