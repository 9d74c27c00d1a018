/* Nodes as outbounds of a target, for export: no listener, rule or config.toml takes part. */
#include "compiler/base_impl.h"
#include "compiler/session_impl.h"

static const char *numbered(struct arena *a, const struct session_node *node, size_t number)
{
	return node->id ? arena_printf(a, "node-%lld", (long long)node->id) : arena_printf(a, "node-%zu", number);
}

const char *outbounds_tag(struct arena *a, struct map *taken, const struct session_node *node, size_t number)
{
	const char *name = node->node->name.s;
	struct str s = str_trim(str_of(name));
	bool plain = s.len && s.len <= 100 && !name_reserved(s);

	for (size_t i = 0; plain && i < s.len; i++)
		plain = (unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f;
	if (plain) {
		name = arena_memdup(a, s.p, s.len);
		if (map_put(taken, str_of(str_lower(a, s)), (void *)node) == node)
			return name;
	}
	for (;; number++) {
		name = numbered(a, node, number);
		if (map_put(taken, str_of(name), (void *)node) == node)
			return name;
		if (node->id) /* the name of another node stands in the way */
			return arena_printf(a, "node-%lld-%zu", (long long)node->id, number);
	}
}

struct value compile_outbounds(struct arena *a, struct diag_sink *sink, const struct session_node *nodes, size_t n,
			       const struct target *t)
{
	struct desired d = { .role = ROLE_CLIENT };
	struct xconf x = { .role = ROLE_CLIENT, .target = t };
	const struct maker m = { .a = a, .sink = sink, .d = &d, .t = t, .x = &x, .knobs = &d.client.xray };
	struct value list = value_array(SPAN_NONE), o;
	struct map *taken = map_new(a, n);

	for (size_t i = 0; i < n; i++) {
		struct endpoint e = session_endpoint(a, sink, &nodes[i], outbounds_tag(a, taken, &nodes[i], i + 1), n > 1 ? i + 1 : 0);
		unsigned faults = diag_count(sink, SEV_ERROR);
		norm_node(&(struct norm){ a, sink, &d }, &e);
		if (base_endpoint(&m, &e, &o) && diag_count(sink, SEV_ERROR) == faults)
			value_push(a, &list, o);
	}
	return list;
}
