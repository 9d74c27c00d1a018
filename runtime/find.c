/* Where an engine's program is. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/runtime.h"

enum { PATH_BYTES = 4096 };

/* PREFIX/bin/xrat has it in PREFIX/libexec/xrat; a build tree's program has it in libexec beside itself, and
 * xrat-service in its own directory. */
static const char *const beside[] = { "/libexec/xrat-engine", "/../libexec/xrat/xrat-engine", "/xrat-engine" };

/* A directory may be "executed" too. */
static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* xrat and xrat-service look from different directories; another path would be another engine, and no reload. */
static char *one_spelling(struct arena *a, char *path)
{
	char *real = realpath(path, NULL);
	size_t len = real ? strlen(real) + 1 : 0;
	char *kept = real ? arena_try_alloc(a, len) : NULL;

	if (kept)
		memcpy(kept, real, len);
	free(real);
	return kept ? kept : path;
}

static char *find_builtin(struct arena *a)
{
	char self[PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = 0;
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < sizeof(beside) / sizeof(beside[0]); i++) {
		char *path = arena_printf(a, "%.*s%s", (int)(slash - self), self, beside[i]);

		if (is_program(path))
			return one_spelling(a, path);
	}
	return NULL;
}

char *engine_find(struct arena *a, const struct target *t, const char *configured)
{
	struct str rest = str_of(getenv("PATH"));
	const char *name = configured && *configured ? configured : engine_family_name(t->family);

	if (strchr(name, '/'))
		return is_program(name) ? arena_strdup(a, name) : NULL;
	if (t->family == ENGINE_BUILTIN && name != configured)
		return find_builtin(a);
	while (rest.len) {
		struct str dir = str_cut(&rest, ':');
		char *path = arena_printf(a, "%.*s/%s", (int)dir.len, dir.p, name);

		if (dir.len && is_program(path))
			return path;
	}
	return NULL;
}

static bool is_on_path(const char *exe)
{
	struct str rest = str_of(getenv("PATH")), own = { exe, (size_t)(strrchr(exe, '/') - exe) };

	while (rest.len)
		if (str_eq(str_cut(&rest, ':'), own))
			return true;
	return false;
}

char *engine_again(struct arena *a, const struct target *t, const char *recorded)
{
	if (*recorded && is_program(recorded))
		return arena_strdup(a, recorded);
	if (t->family != ENGINE_BUILTIN && strchr(recorded, '/') && !is_on_path(recorded))
		return NULL;
	return engine_find(a, t, NULL);
}
