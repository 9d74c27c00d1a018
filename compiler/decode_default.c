/* Defaults of the rows, which are TOML texts. */
#include <stdlib.h>
#include <string.h>

#include "compiler/decode_impl.h"

/* "text" without its quotes; the rows need no escapes. */
static const char *def_text(struct arena *a, struct str def)
{
	if (def.len >= 2 && def.p[0] == '"')
		def = (struct str){ def.p + 1, def.len - 2 };
	return arena_memdup(a, def.p, def.len);
}

/* ["a", "b"] */
static void def_texts(struct arena *a, const char *def, struct texts *out)
{
	struct str rest = str_of(def);
	uint32_t cap = 1;

	rest = rest.len >= 2 ? (struct str){ rest.p + 1, rest.len - 2 } : rest;
	for (size_t i = 0; i < rest.len; i++)
		cap += rest.p[i] == ',';
	out->v = arena_array(a, struct text, cap);
	out->n = 0; /* defaults of a nested table may be filled in more than once */
	while (rest.len) {
		struct str item = str_trim(str_cut(&rest, ','));

		out->v[out->n++].s = def_text(a, item);
	}
}

static void def_ints(struct arena *a, const char *def, struct nums *out)
{
	out->v = arena_array(a, int64_t, strlen(def));
	out->n = 0;
	for (const char *p = def + strspn(def, "[ "); *p && *p != ']'; p += strspn(p, ", ")) {
		char *end;

		out->v[out->n++] = strtoll(p, &end, 10);
		p = end;
	}
}

static void def_scalar(struct arena *a, const struct field *f, void *out)
{
	const char *s = f->def ? def_text(a, str_of(f->def)) : "";

	if (f->type == F_SECRET)
		((struct secret *)out)->s = s;
	else if (f->type == F_BOOL)
		((struct flag *)out)->v = str_is(str_of(s), "true");
	else if (f->type == F_ENUM)
		((struct num *)out)->v = f->def ? decode_name(f->names, str_of(s)) : 0;
	else if (f->type == F_INT || f->type == F_PORT)
		((struct num *)out)->v = strtoll(s, NULL, 10);
	else
		((struct text *)out)->s = s;
}

void decode_default(const struct dec *d, const struct field *f, void *out)
{
	switch (f->type) {
	case F_STRS:
	case F_HOSTS:
	case F_IPS:
	case F_ENUMS:
		if (f->def)
			def_texts(d->a, f->def, out);
		break;
	case F_INTS:
		if (f->def)
			def_ints(d->a, f->def, out);
		break;
	case F_RAW:
	case F_RAWS:
	case F_ANY:
		break;
	default:
		def_scalar(d->a, f, out);
	}
}

void decode_refused(const struct field *f, void *out, struct span at)
{
	switch (f->type) {
	case F_SECRET:
		((struct secret *)out)->at = at;
		break;
	case F_INT:
	case F_PORT:
	case F_ENUM:
		((struct num *)out)->at = at;
		break;
	case F_BOOL:
	case F_STRS:
	case F_HOSTS:
	case F_IPS:
	case F_ENUMS:
	case F_INTS:
	case F_TABLE:
	case F_TABLES:
	case F_MAP:
	case F_RAW:
	case F_RAWS:
	case F_ANY:
	case F__N:
		break; /* nothing of these kinds is ever missing */
	default:
		((struct text *)out)->at = at;
	}
}
