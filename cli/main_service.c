/* xrat-service: the commands that need an event loop, a watcher or an archive. xrat starts it under its own command
 * line. */
#include "cli/cli.h"

static const struct { const char *name; command_fn *run; } rows[] = {
	{ "add", cmd_add },
	{ "import", cmd_import },
	{ "update", cmd_update },
	{ "list", cmd_list },
	{ "show", cmd_show },
	{ "enable", cmd_enable },
	{ "disable", cmd_disable },
	{ "remove", cmd_remove },
	{ "restore", cmd_restore },
	{ "purge", cmd_purge },
	{ "export", cmd_export },
	{ "test", cmd_test },
	{ "watch", cmd_watch },
	{ "debug", cmd_bundle },
	{ "daemon", cmd_daemon },
	{ "connect", cmd_connect },
	{ "disconnect", cmd_disconnect },
	{ "proxy", cmd_proxy },
	{ "rotate", cmd_proxy },
};

static int dispatch(struct arena *a, const struct invocation *inv)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (str_is(str_of(inv->command->name), rows[i].name))
			return rows[i].run(a, inv);
	return inv->command->run == cmd_in_service ?
		out_fail(a, inv, EXIT_USAGE, NULL, "this program does not know '%s'", inv->command->name) :
		inv->command->run(a, inv);
}

int main(int argc, char **argv)
{
	return cli_main(argc, argv, dispatch);
}
