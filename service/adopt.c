/* Finding the engine that a killed service left. The file of a generation among its arguments is not enough to be one: a
 * pager that shows it has that too. It must carry the mark its supervisor gave it, or be the process of the status file. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/keeper.h"

enum { FOUND_MAX = 16, PROC_MAX_BYTES = 256 * 1024 };

struct search {
	struct keeper *keeper;
	struct arena *a;
	const char *prefix;     /* of every file of a generation */
	const char *live;       /* the path that an engine which reloads was given */
	const char *mark;       /* in the environment */
	struct process_id known; /* of the status file; pid 0 = none */
	int pids[FOUND_MAX];
	uint64_t generations[FOUND_MAX];
	size_t n;
};

/* A file of /proc with a NUL behind it; "" when it cannot be read. On the heap; NULL when memory is out. */
static char *read_proc(int pid, const char *name, size_t *ret_len)
{
	char path[64], *text = malloc(PROC_MAX_BYTES + 1);
	FILE *f;

	*ret_len = 0;
	if (!text)
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "re");
	if (f) {
		*ret_len = fread(text, 1, PROC_MAX_BYTES, f);
		fclose(f);
	}
	text[*ret_len] = 0;
	return text;
}

/* The generation whose file is one of the arguments; 0 = none. */
static uint64_t generation_of(const struct search *s, int pid)
{
	size_t len;
	char *args = read_proc(pid, "cmdline", &len), *end;
	uint64_t generation = 0;

	for (char *at = args; at && at < args + len && !generation; at += strlen(at) + 1)
		if (str_is(str_of(at), s->live)) {
			generation = s->keeper->live;
		} else if (str_starts(str_of(at), s->prefix)) {
			generation = strtoull(at + strlen(s->prefix), &end, 10);
			if (!str_is(str_of(end), "/xray.json"))
				generation = 0;
		}
	free(args);
	return generation;
}

static bool has_mark(const struct search *s, int pid)
{
	size_t len;
	char *environment = read_proc(pid, "environ", &len);
	bool found = false;

	for (char *at = environment; at && at < environment + len && !found; at += strlen(at) + 1)
		found = str_is(str_of(at), s->mark);
	free(environment);
	return found;
}

static bool is_known(const struct search *s, int pid)
{
	struct process_id id;

	return pid == s->known.pid && !process_identify(pid, &id) && id.start_ticks == s->known.start_ticks &&
	       !memcmp(id.boot_id, s->known.boot_id, sizeof(id.boot_id));
}

static void look(struct search *s)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;

	while (d && s->n < FOUND_MAX && (entry = readdir(d))) {
		int pid = (int)strtol(entry->d_name, NULL, 10);
		uint64_t generation = pid > 0 && pid != s->keeper->service->pid ? generation_of(s, pid) : 0;

		if (!generation || (!has_mark(s, pid) && !is_known(s, pid)))
			continue;
		s->pids[s->n] = pid;
		s->generations[s->n++] = generation;
	}
	if (d)
		closedir(d);
}

static bool adopt(struct keeper *r, int pid, uint64_t generation)
{
	struct arena *a = arena_new();
	struct sup_spec spec = { 0 };
	struct process_id id;
	struct err e = { 0 };
	bool done = a && !process_identify(pid, &id) && !keeper_make_spec(a, r, generation, &spec, &e) &&
		    !sup_adopt(r->sup, &spec, &id);

	err_fini(&e);
	if (!done) {
		arena_free(a);
		return false;
	}
	keeper_take_spec(r, a, &spec);
	r->must_reload = spec.may_reload; /* which bytes it read is not known */
	log_line(&r->service->log, SEV_NOTE, role_names[r->which], "took over the engine of generation %llu, process %d",
		 (unsigned long long)generation, pid);
	return true;
}

/* A second one can only be the rest of a restart that was cut short. */
static void end_stray(const struct search *s, int pid, uint64_t generation)
{
	struct keeper *r = s->keeper;
	struct process_id id = { 0 };
	int fd = -1;

	if (!process_identify(pid, &id))
		fd = process_open(&id, generation_path(s->a, &s->keeper->service->state, s->keeper->which, generation));
	if (fd < 0)
		fd = process_open(&id, s->live); /* it is compared again: the pid may be another's by now */
	if (fd < 0)
		return;
	log_line(&r->service->log, SEV_WARNING, role_names[r->which], "ended a stray engine, process %d", pid);
	process_signal(fd, SIGKILL);
	close(fd);
}

/* The engine of what is live is kept; of others one is taken over, so that it is stopped in good order. */
static void take(struct search *s)
{
	size_t best = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->generations[i] == s->keeper->live)
			best = i;
	for (size_t i = 0; i < s->n; i++)
		if (i != best || !adopt(s->keeper, s->pids[i], s->generations[i]))
			end_stray(s, s->pids[i], s->generations[i]);
}

void keeper_adopt(struct keeper *r)
{
	struct search s = { .keeper = r, .a = arena_new() };
	struct status known;
	struct err ignored = { 0 };
	struct sup_view v;

	sup_view(r->sup, &v);
	if (!s.a || v.process.pid) {
		arena_free(s.a);
		return;
	}
	s.prefix = arena_printf(s.a, "%s/.state/generations/%s/", r->service->root, role_names[r->which]);
	s.live = arena_printf(s.a, "%s/.state/live/config-%s/xray.json", r->service->root, role_names[r->which]);
	s.mark = arena_printf(s.a, "XRAT_ENGINE=%s@%s", role_names[r->which], r->service->root);
	if (!status_read(s.a, &r->service->state, r->which, &known, &ignored))
		s.known = known.engine.process;
	err_fini(&ignored);
	look(&s);
	take(&s);
	arena_free(s.a);
}
