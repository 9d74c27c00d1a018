/* What the mains share. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

static int no_memory(void)
{
	static const char text[] = "xrat: out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	return EXIT_SYSTEM;
}

static void give_up(void)
{
	_exit(no_memory());
}

static int run(struct arena *a, int argc, char **argv, int (*dispatch)(struct arena *, const struct invocation *))
{
	struct invocation inv;
	int r = args_parse(a, argc, argv, &inv);

	if (r)
		return r;
	if (inv.version || inv.help) {
		struct invocation shown = { .command = command_find(inv.version ? "version" : "help"),
					    .format = inv.format };

		if (inv.help && inv.command)
			shown.operands[shown.n_operands++] = inv.command->name;
		return shown.command->run(a, &shown);
	}
	return dispatch(a, &inv);
}

int cli_main(int argc, char **argv, int (*dispatch)(struct arena *a, const struct invocation *inv))
{
	struct arena *volatile a = arena_new();
	jmp_buf oom;
	int r;

	if (!a)
		return no_memory();
	if (setjmp(oom)) {
		arena_free(a);
		return no_memory();
	}
	arena_on_oom(a, &oom);
	regex_on_oom(give_up);
	umask(077);
	r = run(a, argc, argv, dispatch);
	arena_free(a);
	return r;
}
