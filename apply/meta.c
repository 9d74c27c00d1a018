/* meta.json: what a generation was made from, by whom and for which engine. One table for writing and reading. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "apply/publish_impl.h"

enum { META_VERSION = 1, META_MAX = 64 * 1024 };

static const struct {
	const char *key;
	size_t offset;
	bool needed;
} texts[] = {
	{ "input_digest", offsetof(struct meta, input_digest), true },
	{ "rendered_digest", offsetof(struct meta, rendered_digest), true },
	{ "tool_version", offsetof(struct meta, tool_version), true },
	{ "target", offsetof(struct meta, target), true },
	{ "engine", offsetof(struct meta, engine), false },
	{ "time", offsetof(struct meta, time), false },
	{ "actor", offsetof(struct meta, actor), false },
	{ "request_id", offsetof(struct meta, request_id), false },
};
enum { TEXTS = sizeof(texts) / sizeof(*texts) };

int meta_text(struct arena *a, const struct meta *m, struct str *ret_text, struct err *e)
{
	struct value v = value_object(SPAN_NONE);
	struct buf text = { 0 };
	char *copy = NULL;

	value_put_int(a, &v, "version", META_VERSION);
	value_put_int(a, &v, "generation", (int64_t)m->generation);
	value_put_str(a, &v, "role", role_names[m->role]);
	for (size_t i = 0; i < TEXTS; i++) {
		const char *s = *(const char *const *)((const char *)m + texts[i].offset);

		value_put_str(a, &v, texts[i].key, s ? s : "");
	}
	json_write(&text, &v);
	if (!text.failed)
		copy = arena_try_alloc(a, text.len + 1);
	if (copy)
		memcpy(copy, text.p, text.len);
	*ret_text = (struct str){ copy, copy ? text.len : 0 };
	buf_fini(&text);
	return copy ? 0 : err_sys(e, -ENOMEM, "write meta.json");
}

int meta_parse_object(struct arena *a, struct str text, struct value *ret_object)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct value v;

	if (text.len > META_MAX)
		return -EINVAL;
	if (json_parse(a, sink, sources_add(sources, "meta.json", text.p, (uint32_t)text.len), true, &v) ||
	    v.kind != VAL_OBJECT)
		return -EINVAL;
	*ret_object = v;
	return 0;
}

/* 0, or -EINVAL when it is not what this generation's publisher wrote. */
static int decode(struct arena *a, const struct value *v, enum role role, uint64_t generation, struct meta *m)
{
	const struct value *number = value_get(v, "generation");
	int64_t n = 0;

	*m = (struct meta){ .generation = generation, .role = role };
	if (!number || value_int(number, &n) || n < 0 || (uint64_t)n != generation ||
	    !str_is(value_get_str(v, "role"), role_names[role]))
		return -EINVAL;
	for (size_t i = 0; i < TEXTS; i++) {
		struct str s = value_get_str(v, texts[i].key);

		if (texts[i].needed && !s.len)
			return -EINVAL;
		*(const char **)((char *)m + texts[i].offset) = s.len ? arena_memdup(a, s.p, s.len) : "";
	}
	return 0;
}

int generation_meta(struct arena *a, const struct state *s, enum role role, uint64_t generation, struct meta *ret_meta,
		    struct err *e)
{
	char name[GENERATION_NAME];
	struct str text = { 0 };
	struct value v;
	struct meta m;
	int r;

	generation_name(generation, name);
	r = s->generations_fd[role] < 0 ?
		    err_sys(e, -ENOENT, "read generation %s", name) :
		    file_read(a, s->generations_fd[role], arena_printf(a, "%s/meta.json", name), META_MAX, &text, e);
	if (r)
		return r;
	r = meta_parse_object(a, text, &v);
	if (!r)
		r = decode(a, &v, role, generation, &m);
	if (r)
		return err_set(e, r, "meta.json of generation %s of the %s is damaged", name, role_names[role]);
	*ret_meta = m;
	return 0;
}
