"""A daemon that is asked for what it refuses: exit code, text, document, and the codes of both dialects."""
import json
import signal
import socket

import jsonschema

from dbed import TOP, Tally, free_port, pascal, snake, until

import ipc
from sessbed import Sessions

tally = Tally("reasons")
made = []

EXITS = {
    "protocol": 3, "argument": 2, "ambiguous_ref": 2, "config": 1, "node": 1, "not_found": 7, "disabled": 7, "no_session": 7,
    "no_candidate": 7, "busy": 4, "locked": 4, "session_active": 4, "same_node": 4, "cooling": 4, "cancelled": 4, "stopping": 4,
    "restarting": 4, "no_engine": 3, "engine": 3, "not_proved": 3, "kept_old": 5, "lost": 3, "system": 3,
}
# What clients saw before there were reasons: the word, and the numbers in answer to a connect and to a replace.
CODES = {
    "argument": ("invalid_state", 400, 400), "ambiguous_ref": ("invalid_state", 400, 400), "config": ("invalid_state", 400, 409),
    "node": ("invalid_state", 400, 409), "not_found": ("not_found", 404, 404), "disabled": ("not_found", 404, 404),
    "no_session": ("not_found", 404, 404), "no_candidate": ("not_found", 404, 404), "session_active": ("busy", 409, 409),
    "same_node": ("invalid_state", 409, 409), "cooling": ("invalid_state", 409, 409), "no_engine": ("internal_error", 500, 500),
    "engine": ("invalid_state", 400, 409), "not_proved": ("invalid_state", 400, 409), "kept_old": ("invalid_state", 400, 409),
    "system": ("internal_error", 500, 500),
}
EXIT_CODES = {1: "invalid_configuration", 2: "invalid_argument", 3: "system_refused", 4: "busy", 5: "rolled_back", 7: "not_found"}
with open(f"{TOP}/schemas/cli-output.schema.json", encoding="utf-8") as schema_file:
    OUTPUT = jsonschema.Draft7Validator(json.load(schema_file))


class Asking(Sessions):
    """One that is asked for what it refuses."""

    def document(self, what, text, command):
        """The document, held against its schema."""
        try:
            doc = json.loads(text)
        except ValueError:
            tally.expect(f"{what}: a document", False, text)
            return {"error": {}, "result": {}}
        faults = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"[:300] for e in OUTPUT.iter_errors(doc)]
        tally.expect(f"{what}: the document fits its schema", not faults, faults[:3], text)
        tally.expect(f"{what}: it names its command", doc.get("command") == command, text)
        return doc

    def result(self, *words, command=None):
        code, out, err = self.xrat("--format", "json", *words)
        tally.expect(f"{words}: exit 0, stderr is empty", code == 0 and not err, code, err)
        return self.document(words, out, command or words[0]).get("result", {})

    def refused(self, reason, *words, only_json=False, says=""):
        """As text and as JSON."""
        if not only_json:
            code, out, err = self.xrat(*words)
            tally.expect(f"{reason}: {words}: exit {EXITS[reason]} and a line", code == EXITS[reason] and not out and
                         err.startswith("xrat: ") and says in err, code, out, err)
        code, out, err = self.xrat("--format", "json", *words)
        self.is_refusal(reason, words, code, out, err)
        return err

    def is_refusal(self, reason, words, code, out, err):
        error = self.document(words, err, words[0]).get("error", {})
        tally.expect(f"{reason}: {words}: JSON", code == EXITS[reason] and not out and error.get("reason") == reason and
                     error.get("code") == EXIT_CODES[EXITS[reason]], code, out, err)

    def told(self, reason, kind, before=lambda: None, **fields):
        """By both dialects, with the codes of old."""
        big, small = kind
        word, connect, replace = CODES[reason]
        for request, want in ((pascal(big, fields), replace if big == "RuntimeReplace" else connect), (snake(small, **fields), word)):
            before()
            reply = self.ask(request, timeout=60)
            ipc.check_reply(tally, f"{reason}: {small}", reply, "", isinstance(want, str))
            tally.expect(f"{reason}: {small}: the code is {want}", reply["code"] == want and reply.get("reason") == reason, reply)

    def begins(self, n):
        """A session on that node."""
        reply = self.connect_node(n)
        tally.expect(f"a session on node {n}", reply["ok"], reply, self.stderr())
        return reply["payload"]

    def again(self, runtime="", extra="", engine=None):
        """Another config.toml, read."""
        self.runtime, self.extra, self.engine = runtime, extra, engine or self.engine
        self.configure()
        before = self.stderr().count("was read again")
        self.proc.send_signal(signal.SIGHUP)
        tally.expect("config.toml is read again", until(10, lambda: self.stderr().count("was read again") > before), self.stderr())


CONNECT, REPLACE, DISCONNECT = ("RuntimeConnect", "runtime_connect"), ("RuntimeReplace", "runtime_replace"), (
    "RuntimeDisconnect", "runtime_disconnect")


def new(work, nodes, engine="builtin", up=True, **more):
    d = Asking(f"{work}/root", engine, [n if isinstance(n, str) else n.link for n in nodes], **more)
    made.append(d)
    if up:
        tally.expect("the daemon starts", d.up(), d.stderr())
    return d


def dead():
    return f"socks://127.0.0.1:{free_port()}#dead"


class Hole:
    """Takes connections and says nothing."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.link = f"socks://127.0.0.1:{self.socket.getsockname()[1]}#hole"
