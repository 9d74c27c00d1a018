/* Log files: of the service, of the engines of roles, and of sessions. An engine's words may hold what its configuration holds,
 * so a session's are included only when every secret of its node was learned. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/bundle_impl.h"
#include "store/store.h"

struct place {
	const char *mark;     /* of this root, in the names of files of sessions; "" where there is none */
	bool sessions;        /* only theirs; else only the others */
	unsigned taken, kept_back;
};

/* ".log" or ".log.1" */
static bool is_log_ending(const char *s)
{
	return str_starts(str_of(s), ".log") && (!s[4] || (s[4] == '.' && s[5] >= '0' && s[5] <= '9' && !s[6 + strspn(s + 6, "0123456789")]));
}

/* --- of sessions -------------------------------------------------------------------------------------------------- */
/* "session-12-3f9a1c07.access.log", "session-12-proof.err.log.1": 12; 0 = none of ours. */
static int64_t session_of(const char *name, const char *mark)
{
	static const char front[] = "session-";
	const char *dot = strchr(name, '.'), *at = name + sizeof(front) - 1;
	struct str number, rest;
	int64_t id;

	if (!dot || !strchr(dot + 1, '.') || !is_log_ending(strchr(dot + 1, '.')))
		return 0;
	rest = (struct str){ at, (size_t)(dot - at) };
	number = str_cut(&rest, '-');
	if (str_int(number, &id) || id <= 0)
		return 0;
	return *mark ? (str_is(rest, mark) ? id : 0) : (!rest.len || str_is(rest, "proof") ? id : 0);
}

/* The session whose process it has: the builtin engine goes on with the files that it began with. */
static int64_t process_of(const struct store_session *s)
{
	const char *slash = s->engine_config_path ? strrchr(s->engine_config_path, '/') : NULL;

	if (!slash || !str_starts(str_of(slash), "/session-"))
		return s->id;
	return strtoll(slash + sizeof("/session-") - 1, NULL, 10);
}

static bool is_of(const struct store_session *s, int64_t id)
{
	return s->id == id || process_of(s) == id;
}

static bool is_recent(const struct bundle *b, int64_t id)
{
	for (size_t i = 0; i < b->n_sessions && i < BUNDLE_LOGGED; i++)
		if (is_of(&b->sessions[i], id))
			return true;
	return false;
}

/* Of a node that was erased nobody knows the secrets any more. */
static bool is_known(const struct bundle *b, int64_t id)
{
	bool found = false;

	for (size_t i = 0; i < b->n_sessions; i++) {
		if (!is_of(&b->sessions[i], id))
			continue;
		if (!b->sessions[i].node_id)
			return false;
		found = true;
	}
	return found;
}

static bool wants_session(const struct bundle *b, struct place *p, const char *name)
{
	int64_t id = session_of(name, p->mark);

	if (!id)
		return false;
	if (b->knows_nodes && !is_recent(b, id))
		return false;
	if (!b->mask)
		return true;
	if (b->knows_nodes && is_known(b, id))
		return true;
	p->kept_back++;
	return false;
}

/* --- of roles and of the service ---------------------------------------------------------------------------------- */
/* name.log, name.log.1 of the roles in question. */
static bool wants_other(const struct bundle *b, const char *name)
{
	const char *log = strstr(name, ".log");
	struct str text = str_of(name);

	if (!log || *name == '.' || !is_log_ending(log))
		return false;
	for (int role = 0; role < ROLE__N; role++) {
		const char *own = arena_printf(b->a, "engine-%s.", role_names[role]);

		if (str_starts(text, own) && b->o->roles && !(b->o->roles & 1u << role))
			return false;
	}
	return true;
}

static void tell_kept_back(struct bundle *b, unsigned n)
{
	bundle_problem(b, "logs", "%u log file%s of sessions left out: the secrets in them are not known, since %s", n, n == 1 ? "" : "s",
		       b->knows_nodes ? "their nodes were erased" : b->config_is_broken ? "config.toml does not tell which database" :
		       "the database could not be read");
}

static void gather(struct bundle *b, int dir_fd, struct place *p)
{
	const char **names = NULL;
	size_t n = bundle_list(b, dir_fd, ".", true, &names);

	for (size_t i = 0; i < n; i++) {
		bool session = str_starts(str_of(names[i]), "session-"), engine = session || str_starts(str_of(names[i]), "engine-");

		if (session != p->sessions || !(session ? wants_session(b, p, names[i]) : wants_other(b, names[i])))
			continue;
		if (p->taken++ == BUNDLE_LOGS) {
			bundle_problem(b, "logs", "only the first %d log files are included", BUNDLE_LOGS);
			return;
		}
		bundle_take(b, arena_printf(b->a, "logs/%s", names[i]), dir_fd, names[i], BUNDLE_LOG,
			    engine ? MASK_ENGINE_LOG : MASK_TEXT);
	}
	if (p->kept_back)
		tell_kept_back(b, p->kept_back);
}

/* --- directories -------------------------------------------------------------------------------------------------- */
static int open_logs(struct bundle *b)
{
	static const char *const variables[] = { "XRAT_LOG_ROOT", "XP2P_LOG_ROOT" };

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *set = getenv(variables[i]);

		if (set && *set)
			return dir_open(set, NULL);
	}
	return file_open_walk(b->root_fd, "logs");
}

static int open_runtime(struct bundle *b)
{
	return file_open_walk(b->root_fd, "runtime");
}

static int open_session_logs(struct bundle *b)
{
	const char *dir = b->session_log_dir;

	return *dir == '/' ? dir_open(dir, NULL) : file_open_walk(b->root_fd, dir);
}

static void gather_in(struct bundle *b, const char *what, int (*open_dir)(struct bundle *b), struct place *p)
{
	jmp_buf oom, *volatile outer = arena_on_oom(b->a, NULL);
	volatile int fd;

	arena_on_oom(b->a, outer);
	fd = open_dir(b);
	if (fd < 0 && fd != -ENOENT)
		bundle_problem(b, what, "the directory cannot be opened: %s", strerror(-fd));
	if (fd < 0)
		return;
	if (setjmp(oom)) {
		close(fd);
		arena_on_oom(b->a, outer);
		arena_fail(b->a);
	}
	arena_on_oom(b->a, &oom);
	gather(b, fd, p);
	arena_on_oom(b->a, outer);
	close(fd);
}

/* As the daemon makes it, from the path without links. */
static void mark_of(const struct bundle *b, char ret_mark[SESSION_MARK_TEXT])
{
	char link[40], root[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", b->root_fd);
	n = readlink(link, root, sizeof(root) - 1);
	root[n > 0 ? n : 0] = 0;
	session_log_mark(root, ret_mark);
}

void bundle_gather_logs(struct bundle *b)
{
	struct place others = { .mark = "" }, own = { .mark = "", .sessions = true }, opened = { .sessions = true };
	char mark[SESSION_MARK_TEXT];

	mark_of(b, mark);
	opened.mark = mark;
	gather_in(b, "logs", open_logs, &others);
	gather_in(b, "runtime", open_runtime, &own);
	gather_in(b, b->session_log_dir, open_session_logs, &opened);
}
