/* memory-ROLE.json: which attempt failed, so that it is not made again by itself, and which input a rollback left.
 *
 *   {"version": 1,
 *    "failed": {"input_digest", "rendered_digest", "target", "tool_version", "engine", "engine_mtime_ns", "reason"},
 *    "held": {"input_digest", "rendered_digest", "since"}}
 *
 * Forgetting costs one attempt too many, remembering wrongly would block the operator: so a file that cannot be read is
 * set aside and counts as empty. The role's lock is the caller's. */
#include "apply/note_impl.h"

static const char *name_of(struct arena *a, enum role role)
{
	return arena_printf(a, "memory-%s.json", role_names[role]);
}

static bool is_text(const struct value *object, const char *key)
{
	const struct value *v = value_get(object, key);

	return v && v->kind == VAL_STRING && v->len;
}

static void read_failed(struct arena *a, const struct value *failed, struct memory *m)
{
	const struct value *mtime = value_get(failed, "engine_mtime_ns");

	m->failed = (struct attempt){
		.input_digest = note_text(a, failed, "input_digest", ""),
		.rendered_digest = note_text(a, failed, "rendered_digest", ""),
		.target = note_text(a, failed, "target", ""),
		.tool_version = note_text(a, failed, "tool_version", ""),
		.engine = note_text(a, failed, "engine", ""),
	};
	if (mtime && mtime->kind == VAL_NUMBER && value_int(mtime, &m->failed.engine_mtime_ns))
		m->failed.engine_mtime_ns = 0;
	m->failed_reason = note_text(a, failed, "reason", "");
}

static void read_held(struct arena *a, const struct value *held, struct memory *m)
{
	m->held = note_text(a, held, "input_digest", "");
	m->held_rendered = note_text(a, held, "rendered_digest", "");
	m->held_since = note_text(a, held, "since", "");
}

static int read_root(struct arena *a, const struct value *root, struct memory *m, const char **ret_why)
{
	const struct value *version = value_get(root, "version");
	const struct value *failed = value_get(root, "failed"), *held = value_get(root, "held");
	int64_t number = 0;

	if (version && version->kind == VAL_NUMBER && value_int(version, &number))
		number = 0;
	if (number != 1)
		*ret_why = "its version is not 1";
	else if (failed && !is_text(failed, "input_digest"))
		*ret_why = "'failed' has no 'input_digest'";
	else if (held && !is_text(held, "input_digest"))
		*ret_why = "'held' has no 'input_digest'";
	else
		*ret_why = NULL;
	if (*ret_why)
		return 1;
	if (failed)
		read_failed(a, failed, m);
	if (held)
		read_held(a, held, m);
	return 0;
}

int memory_parse(struct arena *a, struct str bytes, struct memory *ret_memory, const char **ret_why)
{
	struct memory m = { 0 };
	struct value root;
	int r = note_parse(a, bytes, &root, ret_why);

	if (r == 1)
		*ret_why = "it is empty";
	if (!r && root.kind != VAL_OBJECT)
		*ret_why = arena_printf(a, "it is %s, not an object", value_kind_name(root.kind));
	if (r || root.kind != VAL_OBJECT || read_root(a, &root, &m, ret_why))
		return 1;
	*ret_memory = m;
	return 0;
}

static const char *clean(struct arena *a, const char *text)
{
	struct str s = str_of(text);

	return note_clean(a, s, s.len < FAILURE_MAX_REASON ? s.len : FAILURE_MAX_REASON);
}

static struct value failed_value(struct arena *a, const struct memory *m)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "input_digest", clean(a, m->failed.input_digest));
	value_put_str(a, &v, "rendered_digest", clean(a, m->failed.rendered_digest));
	value_put_str(a, &v, "target", clean(a, m->failed.target));
	value_put_str(a, &v, "tool_version", clean(a, m->failed.tool_version));
	value_put_str(a, &v, "engine", clean(a, m->failed.engine));
	value_put_int(a, &v, "engine_mtime_ns", m->failed.engine_mtime_ns);
	value_put_str(a, &v, "reason", clean(a, m->failed_reason));
	return v;
}

static struct value held_value(struct arena *a, const struct memory *m)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "input_digest", clean(a, m->held));
	value_put_str(a, &v, "rendered_digest", clean(a, m->held_rendered));
	value_put_str(a, &v, "since", clean(a, m->held_since));
	return v;
}

static bool has_failed(const struct memory *m)
{
	return m->failed.input_digest && *m->failed.input_digest;
}

static bool has_held(const struct memory *m)
{
	return m->held && *m->held;
}

struct value memory_value(struct arena *a, const struct memory *m)
{
	struct value root = value_object(SPAN_NONE);

	value_put_int(a, &root, "version", 1);
	if (has_failed(m))
		value_put(a, &root, "failed", failed_value(a, m));
	if (has_held(m))
		value_put(a, &root, "held", held_value(a, m));
	return root;
}

int memory_read(struct arena *a, const struct state *s, enum role role, struct memory *ret_memory, struct err *e)
{
	struct memory m = { 0 };
	struct str bytes;
	const char *why = NULL;
	int r = note_read(a, s->state_fd, name_of(a, role), MEMORY_MAX_BYTES, &bytes, &why, e);

	if (r < 0)
		return r;
	if (r == 2 || (!r && memory_parse(a, bytes, &m, &why))) {
		m = (struct memory){ .damaged = why };
		/* Whoever may only look leaves it where it is. */
		r = s->read_only ? 0 : note_set_aside(a, s->state_fd, name_of(a, role), NULL);
	}
	*ret_memory = m;
	return 0;
}

void memory_report(struct diag_sink *sink, enum role role, const struct memory *m)
{
	struct sources *sources = (struct sources *)diag_sources(sink);
	struct diag *d;

	if (!m->damaged)
		return;
	d = diag_add(sink, DIAG_XR714,
		     (struct span){ sources_add(sources, role == ROLE_CLIENT ? ".state/memory-client.json" :
									       ".state/memory-server.json", "", 0), 0, 0 },
		     "what was remembered of failures and rollbacks cannot be read and counts as nothing: %s", m->damaged);
	diag_help(sink, d, "a rolled-back configuration may be applied again; the old file is 'memory-%s.json.corrupt'",
		  role_names[role]);
}

int memory_write(struct arena *a, const struct state *s, enum role role, const struct memory *m, struct err *e)
{
	struct value v;

	if (!has_failed(m) && !has_held(m))
		return note_remove(s->state_fd, name_of(a, role), e);
	v = memory_value(a, m);
	return note_write(s->state_fd, name_of(a, role), &v, e);
}

static bool same(const char *a, const char *b)
{
	return str_eq(str_of(a), str_of(b));
}

bool memory_same(const struct attempt *a, const struct attempt *b)
{
	return a->input_digest && b->input_digest && same(a->input_digest, b->input_digest) &&
	       same(a->rendered_digest, b->rendered_digest) && same(a->target, b->target) &&
	       same(a->tool_version, b->tool_version) && same(a->engine, b->engine) &&
	       a->engine_mtime_ns == b->engine_mtime_ns;
}
