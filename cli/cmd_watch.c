/* watch: the service in the foreground. */
#include "cli/cli.h"
#include "service/service.h"

int cmd_watch(struct arena *a, const struct invocation *inv)
{
	const struct service_options o = {
		.root = inv->root ? inv->root : default_root(a),
		.roles = inv->role == ROLE_AUTO ? 0 : 1u << inv->role,
		.target = inv->target, .quiet = inv->quiet, .verbose = inv->verbose,
		.json = inv->format == FORMAT_JSON,
	};
	struct err e = { 0 };
	int holder = 0, r = service_run(&o, &holder, &e);

	if (!r)
		return EXIT_DONE;
	if (r == SERVICE_BUSY)
		r = out_fail(a, inv, EXIT_BUSY, NULL, "process %d is the service of '%s' already", holder, o.root);
	else
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
	err_fini(&e);
	return r;
}
