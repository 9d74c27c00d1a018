/* Names that only stand for something on its way. A rename from one of them to the final name is seen by the final
 * name; a file that is really called so counts where a path names it. */
#include <fnmatch.h>

#include "service/watch_impl.h"

#define ANY6 "[A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9]"

static const char *const temp_patterns[] = {
	"*.tmp",          /* our own writer, among others */
	".*.sw?",         /* vim */
	"4913",           /* vim tries whether it may create files */
	"*~",             /* backups */
	"#*#",  ".#*",    /* emacs, nano */
	".nfs*",          /* open and deleted on NFS */
	".ansible_tmp*",
	("sed" ANY6),     /* sed -i */
	(".[!.]*." ANY6), /* rsync */
};
static const char *const our_patterns[] = { "audit.log*", "logs", ".state" };

static bool matches(const char *const *patterns, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!fnmatch(patterns[i], name, 0))
			return true;
	return false;
}

bool watch_name_is_temp(const char *name)
{
	return matches(temp_patterns, sizeof(temp_patterns) / sizeof(*temp_patterns), name);
}

bool watch_name_is_ours(const char *name)
{
	return matches(our_patterns, sizeof(our_patterns) / sizeof(*our_patterns), name);
}
