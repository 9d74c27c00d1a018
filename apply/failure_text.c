/* What stands in apply.error:
 *
 *   {"version": 2, "request_id", "role", "timestamp", "reason",        of the newest, as version 1 had it
 *    "failures": {"client": {"request_id", "role", "timestamp", "kind", "reason", "diagnostics": […], "omitted"?}, …}}
 *
 * Version 1 is the first line alone. */
#include <string.h>

#include "apply/note_impl.h"

static void put(struct failure_set *set, unsigned role, const struct failure *f)
{
	set->of[role] = *f;
	set->has[role] = true;
	set->newest = (enum role)role;
}

static struct failure read_entry(struct arena *a, const struct value *object)
{
	const struct value *diagnostics = value_get(object, "diagnostics");
	const struct value *omitted = value_get(object, "omitted");
	struct failure f = {
		.request_id = note_text(a, object, "request_id", ""),
		.kind = note_text(a, object, "kind", ""),
		.reason = note_text(a, object, "reason", ""),
		.timestamp = note_text(a, object, "timestamp", ""),
		.diagnostics = value_array(SPAN_NONE),
	};

	if (diagnostics && diagnostics->kind == VAL_ARRAY)
		f.diagnostics = *diagnostics;
	if (omitted && omitted->kind == VAL_NUMBER && (value_int(omitted, &f.omitted) || f.omitted < 0))
		f.omitted = 0;
	return f;
}

static int parse_old(struct arena *a, const struct value *root, struct failure_set *set, const char **ret_why)
{
	const struct failure f = read_entry(a, root);
	const struct value *role = value_get(root, "role");
	int which = role && role->kind != VAL_STRING ? -1 : note_role(value_get_str(root, "role"));

	if (which < 0 || !value_get(root, "reason")) {
		*ret_why = which < 0 ? "'role' is none that is known" : "it has neither 'failures' nor a 'reason'";
		return 1;
	}
	for (unsigned i = 0; i < ROLE__N; i++)
		if (which == ROLE__N || (unsigned)which == i)
			put(set, i, &f);
	return 0;
}

static int parse_new(struct arena *a, const struct value *root, const struct value *all, struct failure_set *set,
		     const char **ret_why)
{
	struct failure f;
	int newest;

	for (unsigned role = 0; role < ROLE__N; role++) {
		const struct value *one = value_get(all, role_names[role]);

		if (!one)
			continue;
		if (one->kind != VAL_OBJECT) {
			*ret_why = arena_printf(a, "the failure of %s is %s, not an object", role_names[role],
						value_kind_name(one->kind));
			return 1;
		}
		f = read_entry(a, one);
		put(set, role, &f);
	}
	newest = note_role(value_get_str(root, "role"));
	if (newest >= 0 && newest < ROLE__N && set->has[newest])
		set->newest = (enum role)newest;
	return 0;
}

int failure_parse(struct arena *a, struct str bytes, struct failure_set *ret_set, const char **ret_why)
{
	struct failure_set set = { 0 };
	const struct value *all;
	struct value root;
	int r = note_parse(a, bytes, &root, ret_why);

	if (r == 1)
		*ret_why = "it is empty";
	if (r)
		return 1;
	if (root.kind != VAL_OBJECT) {
		*ret_why = arena_printf(a, "it is %s, not an object", value_kind_name(root.kind));
		return 1;
	}
	all = value_get(&root, "failures");
	if (all && all->kind != VAL_OBJECT) {
		*ret_why = "'failures' is not an object";
		return 1;
	}
	r = all ? parse_new(a, &root, all, &set, ret_why) : parse_old(a, &root, &set, ret_why);
	if (!r)
		*ret_set = set;
	return r;
}

/* The members that version 1 has. */
static void put_common(struct arena *a, struct value *object, unsigned role, const struct failure *f)
{
	value_put_str(a, object, "request_id", f->request_id);
	value_put_str(a, object, "role", role_names[role]);
	value_put_str(a, object, "timestamp", f->timestamp);
}

static struct value entry_value(struct arena *a, unsigned role, const struct failure *f)
{
	struct value one = value_object(SPAN_NONE);

	put_common(a, &one, role, f);
	value_put_str(a, &one, "kind", f->kind);
	value_put_str(a, &one, "reason", f->reason);
	value_put(a, &one, "diagnostics", f->diagnostics);
	if (f->omitted)
		value_put_int(a, &one, "omitted", f->omitted);
	return one;
}

struct value failure_value(struct arena *a, const struct failure_set *set)
{
	struct value root = value_object(SPAN_NONE), all = value_object(SPAN_NONE);
	const struct failure *newest = &set->of[set->newest];

	for (unsigned role = 0; role < ROLE__N; role++)
		if (set->has[role])
			value_put(a, &all, role_names[role], entry_value(a, role, &set->of[role]));
	value_put_int(a, &root, "version", 2);
	put_common(a, &root, set->newest, newest);
	value_put_str(a, &root, "reason", newest->reason);
	value_put(a, &root, "failures", all);
	return root;
}
