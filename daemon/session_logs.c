/* Log files of sessions: what they are called, and which of them go.
 *
 *   runtime/session-N.out.log, .err.log                 the engine's words; session-N-proof.… while it is proved
 *   LOG_DIR/session-N-MARK.access.log, .error.log       what the engine opens itself
 *   … .1 the part before, … .1.new a cut that did not come to its end
 *
 * [runtime.log] dir may be one directory for several roots, which all count their sessions from 1: MARK is made of the path of
 * CONFIG_ROOT, and files with another one are never touched. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/session_impl.h"

static const char *const own[] = { "out", "err", NULL }, *const opened[] = { "access", "error", NULL };
static const char *const ages[] = { "", ".1", ".1.new" };
enum { AGES = sizeof(ages) / sizeof(*ages), NAME_BYTES = 96 };

char *session_logs_name(struct arena *a, const char *mark, int64_t id)
{
	return arena_printf(a, "session-%lld-%s", (long long)id, mark);
}

/* --- of a session that has ended --- */
static void remove_kinds(int dir_fd, const char *name, const char *const *kinds)
{
	char file[NAME_BYTES];

	for (; *kinds; kinds++)
		for (size_t k = 0; k < AGES; k++) {
			snprintf(file, sizeof(file), "%s.%s.log%s", name, *kinds, ages[k]);
			unlinkat(dir_fd, file, 0);
		}
}

void session_logs_remove_own(int runtime_fd, const char *name)
{
	remove_kinds(runtime_fd, name, own);
}

void session_logs_remove_opened(const char *dir, const char *mark, int64_t id)
{
	int fd = dir_open(dir, NULL);
	char name[NAME_BYTES];

	if (fd < 0)
		return;
	snprintf(name, sizeof(name), "session-%lld-%s", (long long)id, mark);
	remove_kinds(fd, name, opened);
	close(fd);
}

/* --- of sessions that ended long ago --- */
static bool take(const char **at, const char *what)
{
	size_t len = strlen(what);

	if (strncmp(*at, what, len) != 0)
		return false;
	*at += len;
	return true;
}

/* ".KIND.log" and an age, and nothing behind it. */
static bool is_log_ending(const char *at, const char *const *kinds)
{
	for (; *kinds; kinds++) {
		const char *rest = at;

		if (!take(&rest, ".") || !take(&rest, *kinds) || !take(&rest, ".log"))
			continue;
		for (size_t k = 0; k < AGES; k++)
			if (str_is(str_of(rest), ages[k]))
				return true;
	}
	return false;
}

int64_t session_logs_id(const char *name, const char *mark)
{
	const char *at = name;
	char *rest;
	int64_t id;

	if (!take(&at, "session-") || !isdigit((unsigned char)*at))
		return 0;
	id = strtoll(at, &rest, 10);
	at = rest;
	if (!mark)
		take(&at, "-proof");
	else if (!take(&at, "-") || !take(&at, mark))
		return 0;
	return is_log_ending(at, mark ? opened : own) ? id : 0;
}

void session_logs_prune(int dir_fd, const char *mark, int64_t below, int64_t but)
{
	struct arena *a = arena_new();
	const char **names;
	jmp_buf oom;
	size_t n;

	if (!a || setjmp(oom)) {
		arena_free(a);
		return;
	}
	arena_on_oom(a, &oom);
	if (!dir_list(a, dir_fd, &names, &n, NULL))
		for (size_t i = 0; i < n; i++) {
			int64_t id = session_logs_id(names[i], mark);

			if (id && id < below && id != but)
				unlinkat(dir_fd, names[i], 0);
		}
	arena_free(a);
}
