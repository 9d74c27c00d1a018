/* xrat-engine: the embedded engine and what talks to it. xrat starts it under its own command line ("xrat engine run -c FILE"),
 * the service as "xrat-engine run -c FILE". Its table has the engine's commands alone, so that nothing else is linked. */
#include <unistd.h>

#include "cli/cmd_engine.h"
#include "cli/options.h"

static const struct {
	const char *name;
	command_fn *run;
} rows[] = {
	{ "run", engine_cmd_run },      { "check", engine_cmd_check },   { "stats", engine_cmd_ask },
	{ "status", engine_cmd_ask },   { "reload", engine_cmd_reload },
};
enum { N_ROWS = sizeof(rows) / sizeof(*rows), ARGS_MAX = 64 };

static int run_engine(struct arena *a, const struct invocation *inv)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (str_is(str_of(inv->operands[0]), rows[i].name))
			return rows[i].run(a, inv);
	return out_fail(a, inv, EXIT_USAGE, NULL, "'xrat engine %s' is unknown, known are run, check, stats, status, reload",
			inv->operands[0]);
}

static int print(struct buf *out)
{
	return out_buf(STDOUT_FILENO, out) ? EXIT_SYSTEM : EXIT_DONE;
}

static int run_help(struct arena *a, const struct invocation *inv)
{
	struct buf out = { 0 };

	(void)a;
	(void)inv;
	help_command(&out, &commands[0]);
	return print(&out);
}

static int run_version(struct arena *a, const struct invocation *inv)
{
	struct buf out = { 0 };

	(void)a;
	(void)inv;
	buf_puts(&out, "xrat-engine " XRAT_VERSION "\n");
	return print(&out);
}

static const struct option_row *const no_options[] = { NULL };

const struct command commands[] = {
	OPTIONS_ENGINE_ROW(run_engine, NULL),
	{ "help", "[COMMAND]", 0, 1, run_help, no_options, NULL, "print help", "" },
	{ "version", "", 0, 0, run_version, no_options, NULL, "print the version", "" },
};
const size_t commands_n = sizeof(commands) / sizeof(*commands);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < commands_n; i++)
		if (str_is(str_of(name), commands[i].name))
			return &commands[i];
	return NULL;
}

static int dispatch(struct arena *a, const struct invocation *inv)
{
	return inv->command->run(a, inv);
}

/* "xrat-engine run -c FILE" stands for "xrat-engine engine run -c FILE". */
int main(int argc, char **argv)
{
	char name[] = "engine";
	char *longer[ARGS_MAX + 2] = { argv[0], name };

	for (size_t i = 0; argc > 1 && argc <= ARGS_MAX && i < N_ROWS; i++)
		if (str_is(str_of(argv[1]), rows[i].name)) {
			for (int k = 1; k < argc; k++)
				longer[k + 1] = argv[k];
			return cli_main(argc + 1, longer, dispatch);
		}
	return cli_main(argc, argv, dispatch);
}
