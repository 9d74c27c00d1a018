/* link: service apply runtime compiler store merge validate render links model lib */
/* bundle_drive ROOT ROLES FILE XRAT [--with-secrets]: one archive without the command line around it; ROLES is a sum of 1
 * (client) and 2 (server). Prints the names in it, then "secrets N" and the problems. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "service/bundle.h"

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct bundle_options o = { .with_secrets = argc > 5 };
	struct bundle_result result;
	struct err e = { 0 };
	int r;

	if (argc < 5)
		return 2;
	umask(077);
	o.root = argv[1];
	o.roles = (unsigned)atoi(argv[2]);
	o.xrat = argv[4];
	r = bundle_write(a, argv[3], &o, &result, &e);
	if (r)
		fprintf(stderr, "bundle_drive: %s\n", err_text(&e));
	for (size_t i = 0; !r && i < result.n; i++)
		printf("%s\n", result.names[i]);
	if (!r)
		printf("secrets %u\n", result.secrets);
	for (uint32_t i = 0; !r && i < result.problems.n; i++)
		printf("problem %.*s: %.*s\n", (int)value_get_str(&result.problems.items[i], "name").len,
		       value_get_str(&result.problems.items[i], "name").p,
		       (int)value_get_str(&result.problems.items[i], "reason").len,
		       value_get_str(&result.problems.items[i], "reason").p);
	err_fini(&e);
	arena_free(a);
	return r ? 3 : 0;
}
