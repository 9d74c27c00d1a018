/* Starter TOML and the docs page. */
#include <string.h>

#include "tools/gen.h"

#define FIELD_SPECIAL (FIELD_UNUSED | FIELD_REFUSED | FIELD_FIXED)

/* Lines of a starter that are not comments: without them it would not check clean. */
static const struct {
	const char *path, *value, *why;
} active[] = {
	{ "client.allow_direct", "true", "no endpoint stands below yet; remove this line when one does" },
	{ "server.xray.inbounds.trojan.listen", "\"127.0.0.1\"",
	  "until certificate and key are set, reachable from this machine alone" },
	{ "server.xray.inbounds.trojan.security", "\"none\"",
	  "remove this line and the one above when certificate and key are set" },
};

static const char *join(struct arena *a, const char *path, const char *key)
{
	bool bare = key[0] &&
		strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(key);

	return arena_printf(a, bare ? "%s%s%s" : "%s%s\"%s\"", path, path[0] ? "." : "", key);
}

static bool is_section(const struct field *f)
{
	return f->type == F_TABLE || f->type == F_TABLES || f->type == F_MAP;
}

static const char *words(struct arena *a, const struct field *f)
{
	const char *out = "";

	for (size_t i = 0; f->names && f->names[i]; i++)
		if (!strchr(f->names[i], '='))
			out = arena_printf(a, "%s%s%s", out, out[0] ? ", " : "", f->names[i][0] ? f->names[i] : "\"\"");
	return out;
}

/* "576 to 9000", the allowed words, or nothing. */
static const char *range(struct arena *a, const struct field *f)
{
	if (f->names)
		return words(a, f);
	if (f->type == F_INT || f->type == F_INTS)
		return arena_printf(a, "%lld to %lld", (long long)f->lo, (long long)f->hi);
	if (f->type == F_PORT)
		return "1 to 65535";
	return f->flags & FIELD_NONEMPTY ? "not empty" : "";
}

static void starter_key(struct arena *a, const char *path, const struct field *f, bool commented_table, struct buf *out)
{
	const char *value = f->def ? f->def : f->example, *mark = "# ", *name = join(a, path, f->name),
		   *allowed = words(a, f);

	if (f->example && (!f->def || str_is(str_of(f->def), "[]")))
		value = f->example;
	buf_printf(out, "## %s%s%s%s%s\n", f->help, allowed[0] ? " (" : "", allowed, allowed[0] ? ")" : "",
		   f->flags & FIELD_REQUIRED ? "; required" : "");
	for (size_t i = 0; i < sizeof(active) / sizeof(active[0]); i++)
		if (!commented_table && str_is(str_of(name), active[i].path)) {
			buf_printf(out, "## %s\n", active[i].why);
			value = active[i].value;
			mark = "";
		}
	buf_printf(out, "%s%s = %s\n", mark, f->name, value ? value : "\"\"");
}

static void starter_table(struct arena *a, const char *path, const struct table *t, bool commented, struct buf *out);

static void starter_section(struct arena *a, const char *path, const struct field *f, bool commented, struct buf *out)
{
	const char *name = join(a, path, f->name), *mark = commented || f->type != F_TABLE ? "# " : "";

	buf_printf(out, "\n## %s\n", f->help);
	if (f->type == F_TABLES)
		buf_printf(out, "# [[%s]]\n", name);
	else if (f->type == F_MAP)
		buf_printf(out, "# [%s]\n", join(a, name, f->sub->example));
	else
		buf_printf(out, "%s[%s]\n", mark, name);
	starter_table(a, name, f->sub, commented || f->type != F_TABLE, out);
}

/* Whether a table has anything that an operator would set. */
static bool is_empty(const struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];

		if (!(f->flags & FIELD_SPECIAL) && (f->type != F_TABLE || !is_empty(f->sub)))
			return false;
	}
	return true;
}

static void starter_table(struct arena *a, const char *path, const struct table *t, bool commented, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++)
		if (!is_section(&t->fields[i]) && !(t->fields[i].flags & FIELD_SPECIAL))
			starter_key(a, path, &t->fields[i], commented, out);
	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];

		if (is_section(f) && !(f->flags & FIELD_SPECIAL) && (f->type != F_TABLE || !is_empty(f->sub)))
			starter_section(a, path, f, commented, out);
	}
}

void gen_starter(struct arena *a, const struct gen_file *file, struct buf *out)
{
	buf_printf(out, "## %s.toml. %s\n## Every key is here, with its default or, where it has none, an example. "
	"Remove one '#' to set it.\n", file->name, file->about);
	starter_table(a, "", file->table, false, out);
}

static const char *type_name(const struct field *f)
{
	static const char *const names[F__N] = {
		[F_STR] = "string", [F_SECRET] = "secret", [F_INT] = "integer", [F_PORT] = "port", [F_BOOL] = "boolean",
		[F_ENUM] = "word", [F_HOST] = "host", [F_IP] = "address", [F_CIDR] = "CIDR",
			[F_PREFIX] = "address/length",
		[F_TAG] = "tag", [F_PATH] = "path", [F_DURATION] = "duration", [F_DATETIME] = "date-time",
			[F_URL] = "URL",
		[F_HOSTPORT] = "host:port", [F_SHA256] = "SHA-256", [F_FILENAME] = "file name",
			[F_STRS] = "list of strings", [F_HOSTS] = "list of hosts",
		[F_IPS] = "list of addresses", [F_ENUMS] = "list of words", [F_INTS] = "list of integers",
			[F_RAW] = "table",
		[F_RAWS] = "list of tables", [F_ANY] = "any", [F_TABLE] = "table", [F_TABLES] = "list of tables",
			[F_MAP] = "tables by name",
	};

	return f->names && f->type == F_STR ? "word" : names[f->type];
}

static void docs_row(struct arena *a, const struct field *f, struct buf *out)
{
	const char *before = "";

	buf_printf(out, "| `%s`", f->name);
	if (f->alias)
		buf_printf(out, " (also `%s`)", f->alias);
	if (f->flags & FIELD_UNUSED)
		before = "accepted, no effect: ";
	else if (f->flags & FIELD_REFUSED)
		before = "not supported: ";
	buf_printf(out, " | %s | ", type_name(f));
	if (f->fixed)
		buf_printf(out, "`%s`", f->fixed);
	else if (f->def)
		buf_printf(out, "`%s`", f->def);
	buf_printf(out, " | %s | %s%s%s |\n", f->fixed ? "this value alone" : range(a, f), before, f->help,
		   f->flags & FIELD_REQUIRED ? "; required" : "");
}

static void docs_table(struct arena *a, const char *path, const struct table *t, const char *heading, const char *help,
		       struct buf *out)
{
	bool head = false;

	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];

		if (is_section(f) && !(f->flags & FIELD_SPECIAL))
			continue;
		if (!head)
			buf_printf(out,
				   "\n### `%s`\n\n%s\n\n| key | type | default | allowed | meaning "
				   "|\n|---|---|---|---|---|\n",
				   heading, help);
		head = true;
		docs_row(a, f, out);
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct field *f = &t->fields[i];
		const char *name = join(a, path, f->name);

		if (!is_section(f) || (f->flags & FIELD_SPECIAL))
			continue;
		docs_table(a, name, f->sub, f->type == F_TABLES ? arena_printf(a, "[[%s]]", name) :
			   f->type == F_MAP ? arena_printf(a, "[%s.\"NAME\"]", name) : arena_printf(a, "[%s]", name),
			   	f->help, out);
	}
}

void gen_docs(struct arena *a, const struct gen_file *file, struct buf *out)
{
	buf_printf(out, "\n## %s.toml\n\n%s\n", file->name, file->about);
	docs_table(a, "", file->table, "", file->about, out);
}
