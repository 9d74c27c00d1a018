/* Completion scripts for bash, zsh and fish, from the tables. */
#include <errno.h>

#include "cli/cli.h"

typedef void writer_fn(struct buf *out);

static void each_option(struct buf *out, const struct command *c, void (*put)(struct buf *, const struct option_row *))
{
	for (size_t i = 0; i < global_options_n; i++)
		put(out, &global_options[i]);
	for (size_t i = 0; c && c->options[i]; i++)
		put(out, c->options[i]);
}

static void bash_option(struct buf *out, const struct option_row *o)
{
	buf_printf(out, "--%s ", o->name);
}

static void bash_values(struct buf *out, const struct option_row *o)
{
	if (!o->choices)
		return;
	buf_printf(out, "\t--%s) COMPREPLY=($(compgen -W \"", o->name);
	for (size_t i = 0; o->choices[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", o->choices[i]);
	buf_puts(out, "\" -- \"$cur\")); return ;;\n");
}

static void bash_targets(struct buf *out)
{
	buf_puts(out, "\t--target) COMPREPLY=($(compgen -W \"");
	for (size_t i = 0; i < targets_n; i++)
		buf_printf(out, "%s%s", i ? " " : "", targets[i].name);
	buf_puts(out, "\" -- \"$cur\")); return ;;\n");
}

static void bash(struct buf *out)
{
	buf_puts(out,
		 "# bash completion for xrat\n_xrat() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
		 "prev=${COMP_WORDS[COMP_CWORD-1]} cmd= w\n"
		 "\tcase $prev in\n");
	each_option(out, NULL, bash_values);
	bash_targets(out);
	buf_puts(out, "\t--root) COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n"
		      "\t--raw|--output|--map) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n\tesac\n"
		      "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase $w in\n\t\t");
	for (size_t i = 0; i < commands_n; i++)
		buf_printf(out, "%s%s", i ? "|" : "", commands[i].name);
	buf_puts(out, ") cmd=$w; break ;;\n\t\tesac\n\tdone\n\tcase $cmd in\n");
	for (size_t i = 0; i < commands_n; i++) {
		buf_printf(out, "\t%s) w=\"", commands[i].name);
		each_option(out, &commands[i], bash_option);
		for (size_t j = 0; commands[i].operand_choices && commands[i].operand_choices[j]; j++)
			buf_printf(out, "%s ", commands[i].operand_choices[j]);
		buf_puts(out, "\" ;;\n");
	}
	buf_puts(out, "\t*) w=\"client server ");
	for (size_t i = 0; i < commands_n; i++)
		buf_printf(out, "%s ", commands[i].name);
	each_option(out, NULL, bash_option);
	buf_puts(out,
		 "\" ;;\n\tesac\n\tCOMPREPLY=($(compgen -W \"$w\" -- \"$cur\"))\n\t"
		 "[ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -F _xrat xrat\n");
}

/* Brackets and colons mean something to _arguments and _describe. */
static void zsh_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_puts(out, "'\\'");
		else if (*s == '[' || *s == ']' || *s == ':')
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
}

static void zsh_option(struct buf *out, const struct option_row *o)
{
	buf_printf(out, " '--%s%s[", o->name, o->kind == OPT_FLAG || o->kind == OPT_COUNT || o->kind == OPT_SECONDS ? "" : "=");
	zsh_text(out, o->help);
	buf_puts(out, "]");
	if (o->arg)
		buf_printf(out, ":%s:_files", o->arg);
	if (o->choices) {
		buf_printf(out, ":%s:(", o->name);
		for (size_t i = 0; o->choices[i]; i++)
			buf_printf(out, "%s%s", i ? " " : "", o->choices[i]);
		buf_putc(out, ')');
	}
	buf_putc(out, '\'');
}

static void zsh(struct buf *out)
{
	buf_puts(out, "#compdef xrat\n_xrat() {\n\tlocal -a cmds\n\tcmds=(\n");
	for (size_t i = 0; i < commands_n; i++) {
		buf_printf(out, "\t\t'%s:", commands[i].name);
		zsh_text(out, commands[i].summary);
		buf_puts(out, "'\n");
	}
	buf_puts(out, "\t)\n\tlocal w cmd=\n\tfor w in ${words[2,CURRENT-1]}; do\n\t\t"
		      "(( ${cmds[(I)$w:*]} )) && { cmd=$w; break }\n\tdone\n\tcase $cmd in\n");
	for (size_t i = 0; i < commands_n; i++) {
		buf_printf(out, "\t%s) _arguments", commands[i].name);
		each_option(out, &commands[i], zsh_option);
		buf_puts(out, " '*:operand:(");
		for (size_t j = 0; commands[i].operand_choices && commands[i].operand_choices[j]; j++)
			buf_printf(out, "%s%s", j ? " " : "", commands[i].operand_choices[j]);
		buf_puts(out, ")' ;;\n");
	}
	buf_puts(out, "\t*) _describe command cmds ;;\n\tesac\n}\n_xrat \"$@\"\n");
}

static void fish_quoted(struct buf *out, const char *s)
{
	buf_putc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
	buf_putc(out, '\'');
}

static void fish_option(struct buf *out, const struct option_row *o)
{
	buf_printf(out, " -l %s", o->name);
	if (o->letter)
		buf_printf(out, " -s %c", o->letter);
	if (o->kind == OPT_TEXT || o->kind == OPT_CHOICE || o->kind == OPT_NUMBER)
		buf_puts(out, o->choices ? " -x" : " -r");
	if (o->choices) {
		buf_puts(out, " -a '");
		for (size_t i = 0; o->choices[i]; i++)
			buf_printf(out, "%s%s", i ? " " : "", o->choices[i]);
		buf_putc(out, '\'');
	}
	buf_puts(out, " -d ");
	fish_quoted(out, o->help);
	buf_putc(out, '\n');
}

static void fish(struct buf *out)
{
	buf_puts(out, "# fish completion for xrat\n");
	for (size_t i = 0; i < global_options_n; i++) {
		buf_puts(out, "complete -c xrat");
		fish_option(out, &global_options[i]);
	}
	for (size_t i = 0; i < commands_n; i++) {
		const struct command *c = &commands[i];

		buf_printf(out, "complete -c xrat -n __fish_use_subcommand -f -a %s -d ", c->name);
		fish_quoted(out, c->summary);
		buf_putc(out, '\n');
		for (size_t j = 0; c->options[j]; j++) {
			buf_printf(out, "complete -c xrat -n '__fish_seen_subcommand_from %s'", c->name);
			fish_option(out, c->options[j]);
		}
		for (size_t j = 0; c->operand_choices && c->operand_choices[j]; j++)
			buf_printf(out, "complete -c xrat -n '__fish_seen_subcommand_from %s' -f -a %s\n", c->name,
				   c->operand_choices[j]);
	}
}

static const struct { const char *shell; writer_fn *write; } writers[] = { { "bash", bash }, { "zsh", zsh },
	{ "fish", fish } };

int completion_write(struct buf *out, const char *shell)
{
	for (size_t i = 0; i < sizeof(writers) / sizeof(*writers); i++)
		if (str_is(str_of(shell), writers[i].shell)) {
			writers[i].write(out);
			return 0;
		}
	return -EINVAL;
}
