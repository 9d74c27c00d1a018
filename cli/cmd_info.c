/* explain, schema, completion, version, docs, help: what the tables say. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/docs.h"
#include "cli/templates.h"

static int print(struct arena *a, const struct invocation *inv, struct buf *out)
{
	int r = out_buf(STDOUT_FILENO, out);

	return r ? out_fail(a, inv, EXIT_SYSTEM, NULL, "write to stdout: %s", strerror(-r)) : EXIT_DONE;
}

static struct value info_json(struct arena *a, const struct diag_info *d)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "code", d->name);
	value_put_str(a, &v, "severity", severity_name(d->severity));
	value_put_str(a, &v, "title", d->title);
	value_put_str(a, &v, "meaning", d->meaning);
	value_put_str(a, &v, "example", d->example);
	value_put_str(a, &v, "fix", d->fix);
	return v;
}

static int explain_list(struct arena *a, const struct invocation *inv)
{
	struct value list = value_array(SPAN_NONE), result = value_object(SPAN_NONE);
	struct buf out = { 0 };

	if (inv->format == FORMAT_JSON) {
		for (size_t i = 0; i < DIAG__N; i++)
			value_push(a, &list, info_json(a, &diag_infos[i]));
		value_put(a, &result, "codes", list);
		return out_result(a, inv, result);
	}
	for (size_t i = 0; i < DIAG__N; i++)
		buf_printf(&out, "%s  %-7s  %s\n", diag_infos[i].name, severity_name(diag_infos[i].severity),
			   diag_infos[i].title);
	return print(a, inv, &out);
}

static void indented(struct buf *out, const char *text)
{
	struct str rest = str_of(text);

	while (rest.p) {
		struct str line = str_cut(&rest, '\n');

		buf_printf(out, "    %.*s\n", (int)line.len, line.p);
	}
}

int cmd_explain(struct arena *a, const struct invocation *inv)
{
	const struct diag_info *d;
	struct buf out = { 0 };

	if (!inv->n_operands)
		return inv->list ? explain_list(a, inv) :
				   out_fail(a, inv, EXIT_USAGE, NULL, "explain needs a code such as XR302, or --list");
	d = diag_info_find(inv->operands[0]);
	if (!d)
		return out_fail(a, inv, EXIT_NOT_FOUND, NULL,
				"no diagnostic is called '%s'; 'xrat explain --list' shows them all", inv->operands[0]);
	if (inv->format == FORMAT_JSON)
		return out_result(a, inv, info_json(a, d));
	buf_printf(&out, "%s (%s): %s\n\n%s\n\nFor example:\n\n", d->name, severity_name(d->severity), d->title,
		   d->meaning);
	indented(&out, d->example);
	buf_printf(&out, "\nFix: %s\n", d->fix);
	return print(a, inv, &out);
}

static struct str schema_name(const struct template_file *f)
{
	struct str name = str_of(f->path);

	if (str_ends_nocase(name, ".schema.json"))
		name.len -= sizeof(".schema.json") - 1;
	return name;
}

static int schema_list(struct arena *a, const struct invocation *inv)
{
	struct value list = value_array(SPAN_NONE), result = value_object(SPAN_NONE);
	struct buf out = { 0 };

	for (size_t i = 0; i < schema_files_n; i++) {
		struct str name = schema_name(&schema_files[i]);

		value_push(a, &list, value_string_n(name, SPAN_NONE));
		buf_printf(&out, "%.*s\n", (int)name.len, name.p);
	}
	if (inv->format != FORMAT_JSON)
		return print(a, inv, &out);
	buf_fini(&out);
	value_put(a, &result, "schemas", list);
	return out_result(a, inv, result);
}

int cmd_schema(struct arena *a, const struct invocation *inv)
{
	struct buf out = { 0 };

	if (!inv->n_operands)
		return schema_list(a, inv);
	for (size_t i = 0; i < schema_files_n; i++)
		if (str_is(schema_name(&schema_files[i]), inv->operands[0])) {
			buf_add(&out, schema_files[i].bytes, schema_files[i].len);
			return print(a, inv, &out);
		}
	return out_fail(a, inv, EXIT_NOT_FOUND, NULL, "no schema is called '%s'; 'xrat schema' lists them",
			inv->operands[0]);
}

int cmd_completion(struct arena *a, const struct invocation *inv)
{
	struct buf out = { 0 };

	if (!completion_write(&out, inv->operands[0]))
		return print(a, inv, &out);
	return out_fail(a, inv, EXIT_USAGE, NULL, "no completion for '%s', allowed are bash, zsh, fish",
			inv->operands[0]);
}

int cmd_docs(struct arena *a, const struct invocation *inv)
{
	struct buf out = { 0 };

	if (!docs_write(&out, inv->operands[0]))
		return print(a, inv, &out);
	return out_fail(a, inv, EXIT_USAGE, NULL, "no page '%s', allowed are man, diagnostics, engine", inv->operands[0]);
}

int cmd_version(struct arena *a, const struct invocation *inv)
{
	struct value result = value_object(SPAN_NONE), list = value_array(SPAN_NONE);
	struct buf out = { 0 };

	for (size_t i = 0; i < targets_n; i++)
		value_push(a, &list, value_string(targets[i].name, SPAN_NONE));
	if (inv->format == FORMAT_JSON) {
		value_put_str(a, &result, "version", XRAT_VERSION);
		value_put_str(a, &result, "default_target", target_default()->name);
		value_put(a, &result, "targets", list);
		return out_result(a, inv, result);
	}
	buf_printf(&out, "xrat %s\ntargets: %s (default %s)\n", XRAT_VERSION, target_names_with(a, 0),
		   target_default()->name);
	return print(a, inv, &out);
}

int cmd_help(struct arena *a, const struct invocation *inv)
{
	const struct command *c = inv->n_operands ? command_find(inv->operands[0]) : NULL;
	struct buf out = { 0 };

	if (inv->n_operands && !c)
		return out_fail(a, inv, EXIT_USAGE, NULL, "unknown command '%s'", inv->operands[0]);
	if (c)
		help_command(&out, c);
	else
		help_all(&out);
	return print(a, inv, &out);
}
