/* The part of the RE2 wrapper that may jump: C only, no exception passes through it. */
#include "lib/regex.h"

bool regex_compiles(struct arena *a, struct str pattern, const char **ret_why)
{
	struct regex *re = NULL;
	int r = regex_new(a, pattern, &re, ret_why);

	if (r < 0)
		arena_fail(a);
	if (!r)
		regex_free(re);
	return !r;
}
