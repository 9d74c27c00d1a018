/* One command, three programs: the others stand in libexec/ beside this one, or where they were installed. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* Below the directory of this program: the build tree, then PREFIX/bin. */
static const char *const places[] = { "libexec", "../libexec/xrat" };

static int become(struct arena *a, const struct invocation *inv, const char *program)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "read '/proc/self/exe': %s", strerror(errno));
	self[n] = 0;
	slash = strrchr(self, '/');
	*slash = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char *path = arena_printf(a, "%s/%s/%s", self, places[i], program);

		execv(path, inv->argv);
		if (errno != ENOENT)
			return out_fail(a, inv, EXIT_SYSTEM, NULL, "start '%s': %s", path, strerror(errno));
	}
	return out_fail(a, inv, EXIT_SYSTEM, NULL, "'xrat %s' needs the program %s, which is neither in '%s/libexec' "
			"nor in '%s/../libexec/xrat'; install it", inv->command->name, program, self, self);
}

int cmd_in_service(struct arena *a, const struct invocation *inv)
{
	return become(a, inv, "xrat-service");
}

int cmd_in_engine(struct arena *a, const struct invocation *inv)
{
	return become(a, inv, "xrat-engine");
}
