/* daemon: start, stop, restart, status, run-server; install and uninstall are in cmd_unit.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask_daemon.h"
#include "cli/cmd_unit.h"
#include "cli/report.h"
#include "runtime/runtime.h"

enum { STOP_MS = 60 * 1000, RESTART_MS = 45 * 1000, LOOK_MS = 20, TAIL_BYTES = 4096, ARGS_MAX = 32 };

/* --- what both sides of `start` are told --- */
static const char *absolute(struct arena *a, const char *path)
{
	char *real = realpath(path, NULL), *here;
	const char *text;

	if (real) {
		text = arena_strdup(a, real);
		free(real);
		return text;
	}
	here = *path == '/' ? NULL : getcwd(NULL, 0);
	text = here ? arena_printf(a, "%s/%s", here, path) : path;
	free(here);
	return text;
}

struct words {
	char *v[ARGS_MAX + 1];
	size_t n;
};

static void add(struct words *w, const char *word)
{
	if (w->n < ARGS_MAX)
		w->v[w->n++] = (char *)word;
}

static void add_two(struct words *w, const char *option, const char *value)
{
	if (!value || !*value)
		return;
	add(w, option);
	add(w, value);
}

/* A daemon of the same root with the same options; every path absolute, since it does not stay in this directory. */
static struct words *words_of(struct arena *a, const struct invocation *inv, const char *root, const char *log_file,
			      bool json)
{
	struct words *w = arena_new_of(a, struct words);

	add(w, "xrat");
	add_two(w, "--root", root);
	add_two(w, "--role", inv->role == ROLE_AUTO ? NULL : role_names[inv->role]);
	add_two(w, "--format", json ? "json" : NULL);
	for (unsigned i = 0; i < inv->quiet && i < 3; i++)
		add(w, "-q");
	for (unsigned i = 0; i < inv->verbose && i < 3; i++)
		add(w, "-v");
	add(w, "daemon");
	add(w, "run-server");
	add_two(w, "--target", inv->target);
	add_two(w, "--log-file", log_file);
	return w;
}

/* --- run-server --- */
static int run_server(struct arena *a, const struct invocation *inv)
{
	const char *root = absolute(a, ask_root(a, inv)), *log_file = inv->log_file ? absolute(a, inv->log_file) : "";
	struct daemon_options o = {
		.root = root, .roles = inv->role == ROLE_AUTO ? 0 : 1u << inv->role, .target = inv->target,
		.log_file = log_file, .quiet = inv->quiet, .verbose = inv->verbose, .json = inv->format == FORMAT_JSON,
	};
	struct err e = { 0 };
	int holder = 0, r;

	o.argv = words_of(a, inv, root, log_file, o.json)->v;
	r = daemon_run(&o, &holder, &e);
	if (r == DAEMON_BUSY)
		r = out_fail(a, inv, EXIT_BUSY, NULL, "process %d is the daemon or the service of '%s' already", holder, root);
	else if (r == DAEMON_INVALID)
		r = EXIT_CONFIG; /* told already */
	else if (r)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
	err_fini(&e);
	return r;
}

/* --- start --- */
/* A file that stderr leads to stays the log; a terminal or a pipe would end with whoever has it. */
static const char *log_of(struct arena *a, const struct invocation *inv, const char *root)
{
	static const char *const variables[] = { "XRAT_LOG_ROOT", "XP2P_LOG_ROOT" };
	struct stat st;

	if (inv->log_file)
		return absolute(a, inv->log_file);
	if (!fstat(STDERR_FILENO, &st) && S_ISREG(st.st_mode))
		return "";
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *set = getenv(variables[i]);

		if (set && *set)
			return arena_printf(a, "%s/daemon.log", absolute(a, set));
	}
	return arena_printf(a, "%s/logs/daemon.log", root);
}

/* Somebody has the root already: EXIT_BUSY; EXIT_DONE; EXIT_SYSTEM. */
static int check_locks(struct arena *a, const struct invocation *inv, const char *root, int root_fd)
{
	struct state s = { .locks_fd = -1 };
	struct err e = { 0 };
	bool held = false, served = false;
	int daemon = ipc_holder(root, &held, &e), service = 0;

	if (daemon >= 0 && !state_open_read(root, root_fd, &s, &e)) {
		if (s.locks_fd >= 0)
			service = lock_holder(s.locks_fd, STATE_LOCK_SERVICE, &served, &e);
		state_close(&s);
	}
	if (e.code) {
		out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		return EXIT_SYSTEM;
	}
	if (held)
		return out_fail(a, inv, EXIT_BUSY, NULL, "process %d is the daemon of '%s' already", daemon, root);
	if (served)
		return out_fail(a, inv, EXIT_BUSY, NULL, "process %d is the service ('xrat watch') of '%s'; a daemon does its work "
				"too, so end it first", service, root);
	return EXIT_DONE;
}

static int check_config(struct arena *a, const struct invocation *inv, const char *root, int root_fd)
{
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct compiled *c = arena_new_of(a, struct compiled);
	struct err e = { 0 };
	const char *why;
	int r = compile_config(a, sink, root_fd, root, c, &e);

	if (r) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		return r;
	}
	diag_finish(sink, false);
	if (out_diags(inv, sink))
		return EXIT_SYSTEM;
	if (diag_count(sink, SEV_ERROR))
		return inv->format == FORMAT_JSON ? out_fail_all(a, inv, EXIT_CONFIG, sink, NULL) : EXIT_CONFIG;
	return daemon_check_ports(a, root, &c->config, &why) ? out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", why) : EXIT_DONE;
}

/* What it wrote into its log since then. */
static const char *tail_of(struct arena *a, const char *log_file, off_t from)
{
	char *text = arena_alloc(a, TAIL_BYTES + 1);
	int fd = open(log_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? pread(fd, text, TAIL_BYTES, from) : 0;

	if (fd >= 0)
		close(fd);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n > 0 ? n : 0] = 0;
	return text;
}

static int tell_ended(struct arena *a, const struct invocation *inv, const char *log_file, off_t from, int status)
{
	int code = WIFEXITED(status) && WEXITSTATUS(status) <= EXIT_BUSY && WEXITSTATUS(status) ? WEXITSTATUS(status) :
												   EXIT_SYSTEM;
	const char *tail = *log_file ? tail_of(a, log_file, from) : "", *how;

	how = WIFSIGNALED(status) ? arena_printf(a, "signal %d", WTERMSIG(status)) :
				    arena_printf(a, "exit code %d", WEXITSTATUS(status));
	return out_fail(a, inv, (enum exit_code)code, NULL, "the daemon ended at once (%s)%s%s", how, *tail ? "; it said:\n" : "",
			tail);
}

static struct value ping_value(struct arena *a, const struct ipc_ping *p)
{
	struct value v = value_object(SPAN_NONE);

	value_put_bool(a, &v, "reachable", true);
	value_put_int(a, &v, "protocol_version", IPC_VERSION);
	value_put_int(a, &v, "pid", p->pid);
	value_put_str(a, &v, "instance_id", p->instance_id);
	value_put_str(a, &v, "version", p->version);
	value_put_str(a, &v, "started_at", p->started_at);
	value_put_int(a, &v, "uptime_seconds", p->uptime_seconds);
	return v;
}

static int launch(struct arena *a, const struct invocation *inv, const char *root)
{
	const char *log_file = log_of(a, inv, root);
	const struct daemon_start s = { .argv = words_of(a, inv, root, log_file, false)->v, .log_file = log_file };
	struct ipc_ping ping;
	struct stat st;
	struct err e = { 0 };
	struct buf out = { 0 };
	off_t from = *log_file && !stat(log_file, &st) ? st.st_size : 0;
	int status = 0, r = daemon_start(a, root, &s, &ping, &status, &e);

	if (r == 1)
		return tell_ended(a, inv, log_file, from, status);
	if (r) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s%s%s", err_text(&e), *log_file ? "; its log is " : "", log_file);
		err_fini(&e);
		return r;
	}
	buf_printf(&out, "Daemon started (pid: %lld)\n", (long long)ping.pid);
	return ask_show(a, inv, ping_value(a, &ping), &out);
}

static int start(struct arena *a, const struct invocation *inv)
{
	const char *given = ask_root(a, inv), *root;
	struct err e = { 0 };
	int root_fd, r;

	if (mkdir(given, 0700) && errno != EEXIST && errno != ENOENT)
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "make directory '%s': %s", given, strerror(errno));
	root = absolute(a, given);
	root_fd = dir_open(root, &e);
	if (root_fd < 0) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		return r;
	}
	r = check_locks(a, inv, root, root_fd);
	if (!r)
		r = check_config(a, inv, root, root_fd);
	close(root_fd);
	return r ? r : launch(a, inv, root);
}

/* --- stop, restart, status --- */
static void pause_a_moment(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000 }, NULL);
}

static int ping(struct arena *a, const struct invocation *inv, struct ipc_reply *ret_reply)
{
	struct ipc_request q;

	ipc_request_init(&q, IPC_SNAKE, IPC_DAEMON_PING);
	return ask_daemon(a, inv, &q, 0, ret_reply, NULL);
}

/* A descriptor of the process, -errno. */
static int hold(int pid)
{
	struct process_id id;
	int r = process_identify(pid, &id);

	return r ? r : process_open(&id, NULL);
}

/* Asks, and waits until the process has ended. */
static int shut_down(struct arena *a, const struct invocation *inv, int process, struct ipc_reply *ret_reply,
		     struct value *ret_payload)
{
	struct ipc_request q;
	int r;

	ipc_request_init(&q, IPC_SNAKE, IPC_DAEMON_SHUTDOWN);
	r = ask_daemon(a, inv, &q, STOP_MS, ret_reply, ret_payload);
	if (r || process < 0)
		return r;
	if (poll(&(struct pollfd){ .fd = process, .events = POLLIN }, 1, STOP_MS) > 0)
		return EXIT_DONE;
	return out_fail(a, inv, EXIT_SYSTEM, NULL, "the daemon said that it stops, and still runs");
}

static int stop(struct arena *a, const struct invocation *inv)
{
	struct ipc_reply reply;
	struct value payload;
	struct buf out = { 0 };
	int r = ping(a, inv, &reply), process;

	if (r)
		return r;
	process = hold((int)reply.ping.pid);
	r = shut_down(a, inv, process, &reply, &payload);
	if (process >= 0)
		close(process);
	if (r)
		return r;
	buf_printf(&out, "Daemon stopped%s\n", reply.shutdown.runtime_disconnected ? ", its session ended" : "");
	return ask_show(a, inv, payload, &out);
}

static int restart(struct arena *a, const struct invocation *inv)
{
	int64_t until_ms = clock_mono_ms() + RESTART_MS;
	struct ipc_request q;
	struct ipc_reply before, now;
	struct buf out = { 0 };
	int r;

	ipc_request_init(&q, IPC_SNAKE, IPC_DAEMON_RESTART);
	r = ask_daemon(a, inv, &q, 0, &before, NULL);
	while (!r && clock_mono_ms() < until_ms) {
		r = ping(a, inv, &now);
		if (!r && !str_is(str_of(now.ping.instance_id), before.restart.instance_id)) {
			buf_printf(&out, "Daemon restarted (pid: %lld)\n", (long long)now.ping.pid);
			return ask_show(a, inv, ping_value(a, &now.ping), &out);
		}
		pause_a_moment();
	}
	return r ? r : out_fail(a, inv, EXIT_SYSTEM, NULL, "the daemon goes on as it was; its log says why");
}

static int status(struct arena *a, const struct invocation *inv)
{
	const char *root = ask_root(a, inv);
	struct ipc_request q;
	struct ipc_reply reply;
	struct buf out = { 0 };
	int r;

	ipc_request_init(&q, IPC_SNAKE, IPC_DAEMON_PING);
	r = ask_quietly(a, root, &q, &reply, NULL);
	if (r == IPC_UNREACHABLE)
		return ask_no_daemon(a, inv, root);
	if (r || reply.code != IPC_OK)
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "the daemon does not answer as it should");
	buf_printf(&out, "%-18s yes\n%-18s %d\n%-18s %lld\n%-18s %s\n%-18s %lld s, since %s\n%-18s %s\n", "reachable",
		   "protocol version", IPC_VERSION, "process", (long long)reply.ping.pid, "instance", reply.ping.instance_id,
		   "uptime", (long long)reply.ping.uptime_seconds, reply.ping.started_at, "version", reply.ping.version);
	return ask_show(a, inv, ping_value(a, &reply.ping), &out);
}

int cmd_daemon(struct arena *a, const struct invocation *inv)
{
	static const struct ask_verb verbs[] = {
		{ "start", start },   { "stop", stop },       { "restart", restart },   { "status", status },
		{ "install", unit_install }, { "uninstall", unit_uninstall }, { "run-server", run_server },
	};

	return ask_verbs(a, inv, verbs, sizeof(verbs) / sizeof(*verbs));
}
