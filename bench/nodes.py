#!/usr/bin/env python3
"""make bench-nodes: `xrat import` and `xrat list` with 10,000 nodes beside the sqlite3 shell.

    bench/nodes.py [--store] [--runs N] [--nodes N]

import  ours: 10,000 links of a file, read, compared and stored in one transaction, on the disk when it ends
        shell: the very rows that came out of it, as INSERT statements in one transaction, the same settings
list    ours: the table that a user sees; shell: a SELECT of the same columns with the latest test of each node (ten
        attempts at each are in the table)
Whole processes, wall clock, in turn; the first round is not counted. The bars are 4 and 2 times the shell. While `xrat`
has no `list`, bench/nodes (the store's functions alone) stands in for both. --store keeps the output in bench/results/.
The exit code is 1 when a bar is missed."""
import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from machine import TOP, Quiet, Report, commit, describe, first, spread, today

XRAT = os.environ.get("XRAT", os.path.join(TOP, "build", "xrat"))
STAND_IN = os.path.join(TOP, "build", "release", "bench", "nodes")
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
BARS = {"import": 4, "list": 2}
TABLES = ("subscriptions", "configs", "subscription_configs")
SELECT = """SELECT c.id, c.ref, c.protocol, c.address, c.port, c.network, c.tls, c.name, c.is_enabled,
 c.id IN (SELECT config_id FROM runtime_sessions WHERE status = 'running' AND config_id IS NOT NULL),
 d.cooldown_until, t.real_delay_ok, t.real_delay_ms, t.download_mbps, t.failure_kind, t.tested_at
 FROM configs c LEFT JOIN cooldowns d ON d.config_id = c.id LEFT JOIN connection_tests t ON t.id =
 (SELECT id FROM connection_tests WHERE config_id = c.id ORDER BY tested_at DESC, id DESC LIMIT 1)
 WHERE c.is_deleted = 0 ORDER BY c.id;
"""
LINK = ("vless://00000000-0000-4000-8000-000000000001@n{0}.example.net:443?encryption=none&flow=xtls-rprx-vision&"
        "security=reality&sni=www.example.com&fp=chrome&pbk=change-me-public-key&sid={0:08x}&type=tcp#node%20{0}\n")


def run(words, **more):
    """Seconds that a process takes."""
    begin = time.perf_counter()
    done = subprocess.run(words, stdout=more.pop("stdout", subprocess.DEVNULL), stderr=subprocess.PIPE, env=ENV, check=False,
                          **more)
    took = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"bench: {' '.join(words)} ended with {done.returncode}: {done.stderr.decode()[-300:]}")
    return took


class Place:
    def __init__(self, folder, nodes):
        self.folder, self.nodes = folder, nodes
        self.root, self.links = f"{folder}/root", f"{folder}/links.txt"
        self.db = f"{self.root}/xrat.db"
        self.real = os.path.exists(XRAT) and subprocess.run([XRAT, "list", "--help"], capture_output=True,
                                                            check=False).returncode == 0
        with open(self.links, "w", encoding="utf-8") as f:
            f.writelines(LINK.format(i) for i in range(nodes))

    def fresh(self):
        shutil.rmtree(self.root, ignore_errors=True)
        os.mkdir(self.root, 0o700)

    def ours(self, what):
        if self.real:
            return [XRAT, "--root", self.root, what] + ([self.links] if what == "import" else [])
        return [STAND_IN, self.db, what] + ([str(self.nodes)] if what == "import" else [])

    def write_sql(self):
        """The same rows for the shell: once the schema, once the rows."""
        c = sqlite3.connect(self.db)
        with open(f"{self.folder}/schema.sql", "w", encoding="utf-8") as f:
            f.write("PRAGMA journal_mode=WAL;\nPRAGMA foreign_keys=ON;\n")
            f.writelines(f"{sql};\n" for sql, in c.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE"
                                                           " 'sqlite_%' ORDER BY rowid"))
        with open(f"{self.folder}/rows.sql", "w", encoding="utf-8") as f:
            f.write("PRAGMA foreign_keys=ON;\nPRAGMA synchronous=FULL;\nBEGIN IMMEDIATE;\n")
            for table in TABLES:
                for row in c.execute(f"SELECT * FROM {table}"):
                    values = ",".join("NULL" if v is None else str(v) if isinstance(v, int) else "'" + v.replace("'", "''") + "'"
                                      for v in row)
                    f.write(f"INSERT INTO {table} VALUES ({values});\n")
            f.write("COMMIT;\n")
        with open(f"{self.folder}/select.sql", "w", encoding="utf-8") as f:
            f.write(f".mode tabs\n{SELECT}")
        c.close()

    def shell(self, db, script):
        with open(f"{self.folder}/{script}", "rb") as f:
            return run(["sqlite3", "-batch", db], stdin=f)

    def add_tests(self):
        c = sqlite3.connect(self.db, isolation_level=None)
        c.execute("BEGIN")
        c.execute("INSERT INTO connection_test_runs (kind, created_at) VALUES ('test', 1)")
        c.execute("INSERT INTO connection_tests (run_id, config_id, attempt, tcp_ok, tcp_ms, real_delay_ok, real_delay_ms, tested_at)"
                  " WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)"
                  " SELECT (SELECT max(id) FROM connection_test_runs), c.id, n.i, 1, 5, 1, c.id % 300, n.i FROM n, configs c")
        c.execute("COMMIT")
        c.close()


def measure(place, runs):
    seconds = {(what, who): [] for what in BARS for who in ("ours", "shell")}
    place.fresh()
    run(place.ours("import"))
    place.write_sql()
    for _ in range(runs + 1):
        place.fresh()
        seconds["import", "ours"].append(run(place.ours("import")))
        other = f"{place.folder}/shell.db"
        for end in ("", "-wal", "-shm"):
            if os.path.exists(other + end):
                os.unlink(other + end)
        begin = place.shell(other, "schema.sql")
        seconds["import", "shell"].append(begin + place.shell(other, "rows.sql"))
    place.add_tests()
    for _ in range(runs + 1):
        with open(f"{place.folder}/out", "wb") as out:
            seconds["list", "ours"].append(run(place.ours("list"), stdout=out))
        seconds["list", "shell"].append(place.shell(place.db, "select.sql"))
    with open(f"{place.folder}/out", "rb") as f:
        if f.read().count(b".example.net") < place.nodes:
            sys.exit("bench: the list is not whole")
    return {key: values[1:] for key, values in seconds.items()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--store", action="store_true")
    p.add_argument("--runs", type=int, default=11)
    p.add_argument("--nodes", type=int, default=10000)
    o = p.parse_args()
    if not shutil.which("sqlite3"):
        print("skipped: the sqlite3 shell is not installed ('tools/deps bench' installs it)")
        return 0
    r, quiet, missed = Report(), Quiet(), 0
    r.say(f"import and list of {o.nodes} nodes, {today()}{commit()}")
    r.say(describe())
    with tempfile.TemporaryDirectory(prefix="xrat-bench.") as folder:
        place = Place(folder, o.nodes)
        r.say(f"{'xrat' if place.real else 'bench/nodes (the store alone; xrat has no list yet)'} beside sqlite3 "
              f"{first('sqlite3', '--version').partition(' ')[0]}; median and range of {o.runs} runs in turn, milliseconds")
        seconds = measure(place, o.runs)
    r.say()
    r.say(f"{'':8} {'ours':>9} {'range':>16} {'shell':>9} {'range':>16} {'ratio':>7} {'bar':>5}")
    for what, bar in BARS.items():
        ours, shell = ([v * 1000 for v in seconds[what, who]] for who in ("ours", "shell"))
        ratio = statistics.median(ours) / statistics.median(shell)
        missed += ratio > bar
        r.say(f"{what:8} {spread(ours, 1)[0]:>9} {spread(ours, 1)[1]:>16} {spread(shell, 1)[0]:>9} {spread(shell, 1)[1]:>16} "
              f"{ratio:7.2f} {bar:5}{'  missed' if ratio > bar else ''}")
    r.say()
    r.say(quiet.line())
    if o.store:
        r.store("nodes")
    return missed != 0


sys.exit(main())
