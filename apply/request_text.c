/* What stands in apply.request, any version of it:
 *
 *   version 2   {"version": 2, "requests": {"client": {"id", "timestamp", "role"}, …}}
 *   version 1   {"id", "timestamp", "role": "client" | "server" | "any"}
 *   blank       both roles: somebody touched the file */
#include <string.h>

#include "apply/note_impl.h"

/* A "\n" that a shell's echo left as two characters stands outside of strings, where no JSON has one. */
static struct str repair(struct arena *a, struct str bytes)
{
	char *text = arena_memdup(a, bytes.p ? bytes.p : "", bytes.len);
	bool inside = false;

	for (size_t i = 0; i < bytes.len; i++) {
		if (text[i] == '"')
			inside = !inside;
		if (text[i] != '\\' || i + 1 == bytes.len)
			continue;
		if (!inside && (text[i + 1] == 'n' || text[i + 1] == 'r'))
			text[i] = text[i + 1] = ' ';
		i++;
	}
	return (struct str){ text, bytes.len };
}

/* NULL: absent or empty, one must be made up. false: not usable as an id. */
static bool id_of(struct arena *a, const struct value *object, const char **ret_id)
{
	const struct value *v = value_get(object, "id");

	*ret_id = NULL;
	if (!v || v->kind == VAL_NULL || (v->kind == VAL_STRING && !v->len))
		return true;
	if (v->kind != VAL_STRING || v->len > REQUEST_MAX_ID)
		return false;
	for (uint32_t i = 0; i < v->len; i++)
		if (v->text[i] < 0x20 || v->text[i] > 0x7e)
			return false;
	*ret_id = arena_memdup(a, v->text, v->len);
	return true;
}

static int read_entry(struct arena *a, const struct value *object, const char *what, struct request *ret_request,
		      const char **ret_why)
{
	if (object->kind != VAL_OBJECT) {
		*ret_why = arena_printf(a, "%s is %s, not an object", what, value_kind_name(object->kind));
		return REQUEST_CORRUPT;
	}
	if (!id_of(a, object, &ret_request->id)) {
		*ret_why = arena_printf(a, "the id of %s is not a text of at most %d printable characters", what,
					REQUEST_MAX_ID);
		return REQUEST_CORRUPT;
	}
	ret_request->timestamp = note_clean(a, value_get_str(object, "timestamp"), 64);
	return 0;
}

static void put(struct request_set *set, unsigned role, const struct request *r)
{
	set->of[role] = *r;
	set->has[role] = true;
	set->is_old |= !r->id || r->migrated;
}

static void put_both(struct request_set *set, const struct request *first)
{
	struct request r = *first;

	for (unsigned role = 0; role < ROLE__N; role++) {
		put(set, role, &r);
		r.id = NULL; /* the first role keeps the id, each other gets one of its own */
	}
}

static void drop(struct arena *a, struct request_set *set, struct str role)
{
	set->is_old = true;
	if (!set->dropped)
		set->dropped = note_clean(a, role, 64);
}

static int parse_old(struct arena *a, const struct value *root, struct request_set *set, const char **ret_why)
{
	const struct value *role = value_get(root, "role");
	struct request r = { .migrated = true };
	int which;

	if (!value_get(root, "id") && !role) {
		*ret_why = "it has neither 'requests' nor an 'id'";
		return REQUEST_CORRUPT;
	}
	if (role && role->kind != VAL_STRING && role->kind != VAL_NULL) {
		*ret_why = arena_printf(a, "'role' is %s, not a text", value_kind_name(role->kind));
		return REQUEST_CORRUPT;
	}
	if (read_entry(a, root, "the request", &r, ret_why))
		return REQUEST_CORRUPT;
	which = note_role(value_get_str(root, "role"));
	if (which < 0)
		drop(a, set, value_get_str(root, "role"));
	else if (which == ROLE__N)
		put_both(set, &r);
	else
		put(set, (unsigned)which, &r);
	return 0;
}

static int parse_new(struct arena *a, const struct value *root, struct request_set *set, const char **ret_why)
{
	const struct value *all = value_get(root, "requests");

	if (!all || all->kind != VAL_OBJECT) {
		*ret_why = "'requests' is not an object";
		return REQUEST_CORRUPT;
	}
	for (uint32_t i = 0; i < all->n_members; i++) {
		struct str name = member_key(&all->members[i]);
		int role = note_role(name);
		struct request r = { 0 };

		if (role < 0 || role == ROLE__N) {
			drop(a, set, name);
			continue;
		}
		if (read_entry(a, &all->members[i].value, role_names[role], &r, ret_why))
			return REQUEST_CORRUPT;
		put(set, (unsigned)role, &r);
	}
	return 0;
}

/* 0: the version, 1 where none is written. */
static int version_of(struct arena *a, const struct value *root, int64_t *ret_version, const char **ret_why)
{
	const struct value *v = value_get(root, "version");

	*ret_version = 1;
	if (!v)
		return 0;
	if (v->kind != VAL_NUMBER || value_int(v, ret_version)) {
		*ret_why = "'version' is not an integer";
		return REQUEST_CORRUPT;
	}
	if (*ret_version == 1 || *ret_version == 2)
		return 0;
	*ret_why = arena_printf(a, "its version is %lld; 1 and 2 are known", (long long)*ret_version);
	return REQUEST_VERSION;
}

int request_parse(struct arena *a, struct str bytes, struct request_set *ret_set, const char **ret_why)
{
	const struct request blank = { .timestamp = "", .migrated = true };
	struct request_set set = { 0 };
	struct value root;
	int64_t version;
	int r = note_parse(a, repair(a, bytes), &root, ret_why);

	if (r == 1) {
		put_both(&set, &blank);
		*ret_set = set;
		return 0;
	}
	if (r)
		return REQUEST_CORRUPT;
	if (root.kind != VAL_OBJECT) {
		*ret_why = arena_printf(a, "it is %s, not an object", value_kind_name(root.kind));
		return REQUEST_CORRUPT;
	}
	r = version_of(a, &root, &version, ret_why);
	if (!r)
		r = version == 2 ? parse_new(a, &root, &set, ret_why) : parse_old(a, &root, &set, ret_why);
	if (!r)
		*ret_set = set;
	return r;
}

struct value request_value(struct arena *a, const struct request_set *set)
{
	struct value root = value_object(SPAN_NONE), all = value_object(SPAN_NONE);

	for (unsigned role = 0; role < ROLE__N; role++) {
		struct value one = value_object(SPAN_NONE);

		if (!set->has[role])
			continue;
		value_put_str(a, &one, "id", set->of[role].id);
		value_put_str(a, &one, "timestamp", set->of[role].timestamp);
		value_put_str(a, &one, "role", role_names[role]);
		value_put(a, &all, role_names[role], one);
	}
	value_put_int(a, &root, "version", 2);
	value_put(a, &root, "requests", all);
	return root;
}
