/* Help texts, from the tables. */
#include "cli/cli.h"

static void option_line(struct buf *out, const struct option_row *o)
{
	struct buf left = { 0 };

	if (o->letter)
		buf_printf(&left, "-%c, ", o->letter);
	buf_printf(&left, "--%s", o->name);
	if (o->arg)
		buf_printf(&left, " %s", o->arg);
	for (int i = 0; o->choices && o->choices[i]; i++)
		buf_printf(&left, "%s%s", i ? "|" : " ", o->choices[i]);
	buf_printf(out, "  %-28s %s\n", left.p ? left.p : "", o->help);
	buf_fini(&left);
}

void help_command(struct buf *out, const struct command *c)
{
	buf_printf(out, "Usage: xrat [OPTIONS] %s%s%s\n\n%s\n", c->name, *c->operands ? " " : "", c->operands, c->text);
	if (c->options[0])
		buf_puts(out, "\nOptions:\n");
	for (size_t i = 0; c->options[i]; i++)
		option_line(out, c->options[i]);
	buf_puts(out, "\nOptions of every command:\n");
	for (size_t i = 0; i < global_options_n; i++)
		option_line(out, &global_options[i]);
}

void help_all(struct buf *out)
{
	buf_puts(out, "xrat: one validated xray.json from what you write, and why it looks the way it does\n\n"
		      "Usage: xrat [OPTIONS] [client|server] COMMAND\n\nCommands:\n");
	for (size_t i = 0; i < commands_n; i++)
		buf_printf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
	buf_puts(out, "\nOptions:\n");
	for (size_t i = 0; i < global_options_n; i++)
		option_line(out, &global_options[i]);
	buf_puts(out,
		 "\nExit codes: 0 done, 1 the configuration has errors, 2 usage, 3 the system refused, 4 busy,\n"
		 "5 rolled back, 6 no daemon, 7 not found, 8 'diff --exit-code' found differences. 'xrat help COMMAND' tells more.\n");
}
