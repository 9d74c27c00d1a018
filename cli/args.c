/* Command lines, parsed by the option rows. Options may stand before or behind the command and its operands. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

struct parser {
	struct arena *arena;
	char *const *argv;
	int argc, at;
	bool only_operands; /* behind "--" */
	struct invocation *inv;
};

__attribute__((format(printf, 2, 3))) static int usage(struct parser *p, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(p->arena, fmt, ap);
	va_end(ap);
	return out_fail(p->arena, p->inv, EXIT_USAGE, NULL, "%s; see 'xrat help%s%s'", text,
			p->inv->command ? " " : "", p->inv->command ? p->inv->command->name : "");
}

static bool row_is(const struct option_row *row, struct str name, char letter)
{
	return letter ? row->letter == letter : str_is(name, row->name);
}

static const struct option_row *find_option(const struct parser *p, struct str name, char letter)
{
	/* The command's own first: 'export' has a --format of its own. */
	for (size_t i = 0; p->inv->command && p->inv->command->options[i]; i++)
		if (row_is(p->inv->command->options[i], name, letter))
			return p->inv->command->options[i];
	for (size_t i = 0; i < global_options_n; i++)
		if (row_is(&global_options[i], name, letter))
			return &global_options[i];
	return NULL;
}

static int set_choice(struct parser *p, const struct option_row *row, const char *value, int *field)
{
	struct buf allowed = { 0 };
	int r;

	for (int i = 0; row->choices[i]; i++) {
		if (str_is(str_of(value), row->choices[i])) {
			*field = row->first + i;
			buf_fini(&allowed);
			return 0;
		}
		buf_printf(&allowed, "%s%s", i ? ", " : "", row->choices[i]);
	}
	r = usage(p, "--%s cannot be '%s', allowed are %s", row->name, value, allowed.p ? allowed.p : "");
	buf_fini(&allowed);
	return r;
}

static int set_number(struct parser *p, const struct option_row *row, const char *value, int *field)
{
	int64_t n;

	if (str_int(str_of(value), &n) || n < 0 || n > INT32_MAX)
		return usage(p, "--%s cannot be '%s', it takes a number of at least 0", row->name, value);
	*field = (int)n;
	return 0;
}

/* "--wait" and "--wait 30" and "--wait=30": a word behind it belongs to it when it is a number. */
static int set_seconds(struct parser *p, const struct option_row *row, const char *value, int *field)
{
	int64_t n;

	if (!value && p->at < p->argc && !str_int(str_of(p->argv[p->at]), &n))
		value = p->argv[p->at++];
	*field = row->first;
	return value ? set_number(p, row, value, field) : 0;
}

static int set_option(struct parser *p, const struct option_row *row, const char *value)
{
	char *field = (char *)p->inv + row->offset;
	bool wants = row->kind == OPT_TEXT || row->kind == OPT_CHOICE || row->kind == OPT_NUMBER;

	if (wants && !value && p->at < p->argc)
		value = p->argv[p->at++];
	if (wants && !value)
		return usage(p, "--%s needs a value", row->name);
	if (!wants && value && row->kind != OPT_SECONDS)
		return usage(p, "--%s takes no value", row->name);
	switch (row->kind) {
	case OPT_FLAG:
		*(bool *)(void *)field = true;
		return 0;
	case OPT_COUNT:
		++*(unsigned *)(void *)field;
		return 0;
	case OPT_TEXT:
		*(const char **)(void *)field = value;
		return 0;
	case OPT_CHOICE:
		return set_choice(p, row, value, (int *)(void *)field);
	case OPT_NUMBER:
		return set_number(p, row, value, (int *)(void *)field);
	case OPT_SECONDS:
		return set_seconds(p, row, value, (int *)(void *)field);
	}
	return 0;
}

/* The near option of what was mistyped, for the message. */
static const char *near_option(const struct parser *p, struct str name)
{
	const char *names[64];
	size_t n = 0;

	for (size_t i = 0; i < global_options_n; i++)
		names[n++] = global_options[i].name;
	for (size_t i = 0; p->inv->command && p->inv->command->options[i] && n < 64; i++)
		names[n++] = p->inv->command->options[i]->name;
	return str_nearest(name, names, n);
}

static int long_option(struct parser *p, const char *text)
{
	const char *equals = strchr(text, '='), *near;
	struct str name = { text, equals ? (size_t)(equals - text) : strlen(text) };
	const struct option_row *row = find_option(p, name, 0);

	if (row)
		return set_option(p, row, equals ? equals + 1 : NULL);
	near = near_option(p, name);
	return usage(p, "unknown option '--%.*s'%s%s%s", (int)name.len, name.p, near ? ", did you mean '--" : "",
		     near ? near : "", near ? "'" : "");
}

static int short_options(struct parser *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct option_row *row = find_option(p, (struct str){ 0 }, *letters);
		int r = row ? set_option(p, row, NULL) : usage(p, "unknown option '-%c'", *letters);

		if (r)
			return r;
	}
	return 0;
}

static int unknown_command(struct parser *p, const char *word)
{
	const char *names[64], *near;
	size_t n = 0;

	for (size_t i = 0; i < commands_n && n < 64; i++)
		names[n++] = commands[i].name;
	near = str_nearest(str_of(word), names, n);
	return usage(p, "unknown command '%s'%s%s%s", word, near ? ", did you mean '" : "", near ? near : "",
		     near ? "'" : "");
}

/* "xrat client CMD" is "xrat --role client CMD". */
static int word(struct parser *p, const char *text)
{
	struct invocation *inv = p->inv;

	if (inv->command) {
		if (inv->n_operands == inv->command->max_operands)
			return usage(p, "'%s' is one operand too many for %s", text, inv->command->name);
		inv->operands[inv->n_operands++] = text;
		return 0;
	}
	for (int role = 0; role < ROLE__N; role++)
		if (str_is(str_of(text), role_names[role])) {
			inv->role = role;
			return 0;
		}
	inv->command = command_find(text);
	return inv->command ? 0 : unknown_command(p, text);
}

static int one(struct parser *p)
{
	const char *text = p->argv[p->at++];

	if (p->only_operands || text[0] != '-' || !text[1])
		return word(p, text);
	if (text[1] != '-')
		return short_options(p, text + 1);
	if (!text[2]) {
		p->only_operands = true;
		return 0;
	}
	return long_option(p, text + 2);
}

/* --format json must hold for errors in what stands before it, too. */
static void peek_format(int argc, char *const *argv, struct invocation *inv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--format=json") ||
		    (i + 1 < argc && !strcmp(argv[i], "--format") && !strcmp(argv[i + 1], "json")))
			inv->format = FORMAT_JSON;
}

int args_parse(struct arena *a, int argc, char *const *argv, struct invocation *ret_inv)
{
	struct parser p = { .arena = a, .argv = argv, .argc = argc, .at = 1, .inv = ret_inv };
	int r = 0;

	*ret_inv = (struct invocation){ .role = ROLE_AUTO, .wait = -1, .to = -1, .argv = argv };
	peek_format(argc, argv, ret_inv);
	while (!r && p.at < argc)
		r = one(&p);
	if (r || ret_inv->help || ret_inv->version)
		return r;
	if (!ret_inv->command)
		return usage(&p, "no command given");
	if (ret_inv->n_operands < ret_inv->command->min_operands)
		return usage(&p, "%s needs %s", ret_inv->command->name, ret_inv->command->operands);
	if (ret_inv->target && !target_find(str_of(ret_inv->target)))
		return usage(&p, "unknown target '%s', known are %s", ret_inv->target, target_names_with(a, 0));
	return 0;
}
