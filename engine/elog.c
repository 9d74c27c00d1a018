/* The logs. */
#include "engine/elog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine_impl.h"
#include "engine/resolve.h"

enum { LINE_BYTES = 2048, ACCESS = 0, ERRORS = 1, KINDS = 2 };

struct elog {
	int fd[KINDS];         /* the same numbers from the start to the end */
	char *path[KINDS];     /* heap; of what is open */
	int next_fd[KINDS];    /* of a reload; -1 = as it is */
	char *next_path[KINDS];
	_Atomic uint32_t lost[KINDS]; /* lines that nobody took */
	_Atomic bool torn[KINDS];     /* the newest line is there in part */
	_Atomic bool is_socket[KINDS];
	_Atomic bool has_access;
};

/* --- lines --- */
struct line {
	char text[LINE_BYTES];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *l, const char *fmt, ...)
{
	size_t room = sizeof(l->text) - 1 - l->len; /* the last byte is for the line's end */
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void put_time(struct line *l)
{
	struct timespec t;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	localtime_r(&t.tv_sec, &tm);
	put(l, "%04d/%02d/%02d %02d:%02d:%02d.%06ld", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, t.tv_nsec / 1000);
}

/* No log is worth waiting for: a full disk, pipe or socket loses lines, and nothing else stops. */
static bool put_bytes(struct elog *log, int kind, const char *p, size_t len)
{
	bool is_socket = atomic_load_explicit(&log->is_socket[kind], memory_order_relaxed);
	ssize_t n = is_socket ? send(log->fd[kind], p, len, MSG_DONTWAIT | MSG_NOSIGNAL) : -1;

	if (!is_socket || (n < 0 && errno == ENOTSOCK))
		n = write(log->fd[kind], p, len);
	if (n > 0 && (size_t)n < len)
		atomic_store(&log->torn[kind], true);
	return n == (ssize_t)len;
}

static void tell_lost(struct elog *log, int kind)
{
	uint32_t n = atomic_exchange(&log->lost[kind], 0);
	struct line l = { .len = 0 };

	if (!n)
		return;
	put_time(&l);
	put(&l, " [Warning] %u lines before this one were lost: there was no room for them\n", n);
	if (!put_bytes(log, kind, l.text, l.len))
		atomic_fetch_add(&log->lost[kind], n);
}

/* Nothing in a line may look like another line. */
static void write_line(struct line *l, struct elog *log, int kind)
{
	for (size_t i = 0; i < l->len; i++)
		if ((unsigned char)l->text[i] < ' ' || l->text[i] == 0x7f)
			l->text[i] = '?';
	l->text[l->len++] = '\n';
	if (atomic_load_explicit(&log->torn[kind], memory_order_relaxed) && put_bytes(log, kind, "\n", 1))
		atomic_store(&log->torn[kind], false);
	if (!put_bytes(log, kind, l->text, l->len))
		atomic_fetch_add(&log->lost[kind], 1);
	else if (atomic_load_explicit(&log->lost[kind], memory_order_relaxed))
		tell_lost(log, kind);
}

/* --- masked addresses: what Xray 26 writes for the same settings --- */
static void put_ip4(struct line *l, const struct addr *a, unsigned keep)
{
	if (!keep) {
		put(l, "[Masked IPv4]");
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (i < keep / 8)
			put(l, "%s%u", i ? "." : "", a->ip[i]);
		else
			put(l, ".*");
	}
}

static void put_ip6(struct line *l, const struct addr *a, unsigned keep)
{
	struct addr shown = *a;
	char text[ADDR_TEXT];

	if (!keep) {
		put(l, "[Masked IPv6]");
		return;
	}
	for (unsigned i = keep / 8; i < 16; i++)
		shown.ip[i] = 0;
	addr_text(&shown, text);
	*strrchr(text, ']') = 0;
	put(l, "%s/%u]", text, keep);
}

/* False when it is shown as it is. */
static bool put_masked(struct line *l, const struct log_conf *c, const struct addr *a)
{
	if (a->family == ADDR_V4 && c->keep4 < 32)
		put_ip4(l, a, c->keep4);
	else if (a->family == ADDR_V6 && c->keep6 < 128)
		put_ip6(l, a, c->keep6);
	else
		return false;
	return true;
}

static void put_addr(struct line *l, const struct log_conf *c, const struct addr *a)
{
	char text[ADDR_TEXT];

	if (put_masked(l, c, a)) {
		put(l, ":%u", a->port);
		return;
	}
	addr_text(a, text);
	put(l, "%s", text);
}

const char *elog_addr(const struct worker *w, const struct addr *a, char ret_text[ADDR_TEXT])
{
	struct line l = { .len = 0 };

	put_addr(&l, &w->conf->log, a);
	l.text[l.len] = 0;
	memcpy(ret_text, l.text, l.len + 1);
	return ret_text;
}

/* --- the error log --- */
static void put_error(struct elog *log, enum log_level level, uint64_t id, const char *fmt, va_list ap)
{
	static const char *const names[] = { [LOG_DEBUG] = "Debug", [LOG_INFO] = "Info", [LOG_WARNING] = "Warning",
					     [LOG_ERROR] = "Error" };
	char text[LINE_BYTES];
	struct line l = { .len = 0 };

	vsnprintf(text, sizeof(text), fmt, ap);
	put_time(&l);
	put(&l, " [%s] ", names[level]);
	if (id)
		put(&l, "[%llu] ", (unsigned long long)id);
	put(&l, "%s", text);
	write_line(&l, log, ERRORS);
}

void elog(const struct worker *w, enum log_level level, uint64_t id, const char *fmt, ...)
{
	va_list ap;

	if (level < w->conf->log.level || !w->engine->log)
		return;
	va_start(ap, fmt);
	put_error(w->engine->log, level, id, fmt, ap);
	va_end(ap);
}

void elog_engine(const struct engine *en, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level < en->conf->log.level || !en->log)
		return;
	va_start(ap, fmt);
	put_error(en->log, level, 0, fmt, ap);
	va_end(ap);
}

/* --- the access log --- */
bool elog_wants_access(const struct worker *w)
{
	return w->engine->log && atomic_load_explicit(&w->engine->log->has_access, memory_order_relaxed);
}

static void put_way(struct line *l, const struct elog_entry *x)
{
	const char *in = x->inbound ? x->inbound : "", *out = x->outbound ? x->outbound : "";

	if (*in && *out)
		put(l, " [%s %s %s]", in, x->rule_tag ? "->" : ">>", out);
	else if (*in || *out)
		put(l, " [%s%s]", in, out);
}

void elog_entry(const struct worker *w, const struct elog_entry *x)
{
	const struct log_conf *c = &w->conf->log;
	struct line l = { .len = 0 };

	if (!elog_wants_access(w))
		return;
	put_time(&l);
	put(&l, " from %s:", x->network);
	put_addr(&l, c, x->source);
	put(&l, " %s ", x->verdict);
	if (x->target) {
		put(&l, "%s:", x->network);
		put_addr(&l, c, x->target);
	}
	put_way(&l, x);
	if (*x->reason)
		put(&l, " %s", x->reason);
	if (x->user.len)
		put(&l, " email: %.*s", (int)x->user.len, x->user.p);
	put(&l, " id: %llu", (unsigned long long)x->id);
	if (x->rule_tag && *x->rule_tag)
		put(&l, " rule: %s", x->rule_tag);
	write_line(&l, w->engine->log, ACCESS);
}

void elog_access(const struct worker *w, const struct flow *f, const char *verdict, const char *reason)
{
	const struct setup *s = f->setup;

	if (!s || !elog_wants_access(w))
		return;
	elog_entry(w, &(struct elog_entry){
		.network = "tcp", .source = &s->source, .target = s->target.family ? &s->target : NULL, .verdict = verdict,
		.inbound = f->inbound->tag, .outbound = f->outbound ? f->outbound->tag : NULL, .rule_tag = s->rule_tag,
		.reason = reason, .user = s->user ? s->user->name : str_of(NULL), .id = f->id,
	});
}

static void put_ip(struct line *l, const struct log_conf *c, const struct route_ip *ip)
{
	char text[ADDR_TEXT];
	struct addr a;

	addr_set_ip(&a, ip, 0);
	if (put_masked(l, c, &a))
		return;
	addr_text(&a, text);
	*strrchr(text, ':') = 0;
	if (*text == '[') { /* they only set a port apart */
		text[strlen(text) - 1] = 0;
		put(l, "%s", text + 1);
		return;
	}
	put(l, "%s", text);
}

void elog_name(const struct worker *w, const struct conf *c, struct str name, const struct resolved *r)
{
	struct line l = { .len = 0 };

	if (!c->log.dns || !elog_wants_access(w))
		return;
	put_time(&l);
	put(&l, " dns %.*s -> ", (int)name.len, name.p);
	for (uint32_t i = 0; i < r->n; i++) {
		put(&l, "%s", i ? ", " : "");
		put_ip(&l, &c->log, &r->ips[i]);
	}
	if (r->n)
		put(&l, " ttl: %u", r->ttl);
	else
		put(&l, "%s", r->error == -ENOENT ? "no address" : "no answer");
	write_line(&l, w->engine->log, ACCESS);
}

/* --- files --- */
static bool is_none(const char *path)
{
	return str_is(str_of(path), "none");
}

/* What the process writes to anyway must not make it wait either: a pipe or a terminal is opened anew, since the old description
 * is also that of others, whom it would not please. A socket cannot be, and is asked with each line. */
static void own_output(int fd)
{
	char name[32];
	struct stat st;
	int anew;

	if (fstat(fd, &st) < 0 || (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode)))
		return;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	anew = open(name, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (anew < 0)
		return;
	dup3(anew, fd, O_CLOEXEC);
	close(anew);
}

/* A descriptor or -errno. "" is where the process writes anyway. */
static int open_file(int kind, const char *path)
{
	int fd = is_none(path) ? open("/dev/null", O_WRONLY | O_CLOEXEC) :
		 !*path        ? fcntl(kind == ACCESS ? STDOUT_FILENO : STDERR_FILENO, F_DUPFD_CLOEXEC, 3) :
				 open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);

	return fd < 0 ? -errno : fd;
}

static const char *path_of(const struct conf *c, int kind)
{
	return kind == ACCESS ? c->log.access : c->log.error;
}

int elog_prepare(struct engine *en, const struct conf *c, struct err *e)
{
	struct elog *log = en->log;

	for (int kind = 0; kind < KINDS; kind++) {
		const char *path = path_of(c, kind);
		int fd = open_file(kind, path);

		/* The same file, opened anew because it may have been moved away: if that fails, the old one does. */
		if (fd < 0 && log->path[kind] && str_is(str_of(path), log->path[kind]))
			continue;
		if (fd < 0)
			return err_sys(e, fd, "open the log '%s'", path);
		log->next_fd[kind] = fd;
		log->next_path[kind] = strdup(path);
		if (!log->next_path[kind])
			return err_sys(e, -ENOMEM, "open the log '%s'", path);
	}
	return 0;
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || S_ISSOCK(st.st_mode);
}

void elog_commit(struct engine *en, const struct conf *c)
{
	struct elog *log = en->log;

	for (int kind = 0; kind < KINDS; kind++) {
		if (log->next_fd[kind] < 0)
			continue;
		atomic_store(&log->is_socket[kind], true); /* true is right for every file, only slower */
		if (log->fd[kind] < 0)
			log->fd[kind] = log->next_fd[kind];
		else { /* whoever writes at this moment writes to the one or the other */
			dup3(log->next_fd[kind], log->fd[kind], O_CLOEXEC);
			close(log->next_fd[kind]);
		}
		atomic_store(&log->is_socket[kind], is_socket(log->fd[kind]));
		free(log->path[kind]);
		log->path[kind] = log->next_path[kind];
		log->next_path[kind] = NULL;
		log->next_fd[kind] = -1;
	}
	atomic_store(&log->has_access, !is_none(c->log.access));
}

void elog_cancel(struct engine *en)
{
	struct elog *log = en->log;

	for (int kind = 0; kind < KINDS; kind++) {
		if (log->next_fd[kind] >= 0)
			close(log->next_fd[kind]);
		free(log->next_path[kind]);
		log->next_fd[kind] = -1;
		log->next_path[kind] = NULL;
	}
}

int elog_open(struct engine *en, struct err *e)
{
	struct elog *log = calloc(1, sizeof(*log));
	int r;

	if (!log)
		return err_sys(e, -ENOMEM, "open the logs");
	for (int kind = 0; kind < KINDS; kind++)
		log->fd[kind] = log->next_fd[kind] = -1;
	en->log = log;
	own_output(STDOUT_FILENO);
	own_output(STDERR_FILENO);
	tzset();
	r = elog_prepare(en, en->conf, e);
	if (!r)
		elog_commit(en, en->conf);
	return r;
}

void elog_close(struct engine *en)
{
	struct elog *log = en->log;

	if (!log)
		return;
	elog_cancel(en);
	for (int kind = 0; kind < KINDS; kind++) {
		if (log->fd[kind] >= 0)
			close(log->fd[kind]);
		free(log->path[kind]);
	}
	free(log);
	en->log = NULL;
}
