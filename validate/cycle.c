/* Outbounds that dial through each other in a circle: Xray starts, and the first connection runs round until it
 * fails. */
#include "validate/rules.h"

enum { UNSEEN, ON_PATH, DONE };
enum { EDGES = 2, SHOWN_MAX = 8 };

struct edge {
	const struct value *at;
	const struct peer *to;
};
struct walk {
	struct facts *f;
	uint8_t *state;     /* one for each outbound */
	uint8_t *next_edge;
	uint32_t *path;
	uint32_t depth;
};

static struct edge edge_of(const struct facts *f, const struct peer *p, unsigned which)
{
	static const char *const paths[EDGES][4] = {
		{ "streamSettings", "sockopt", "dialerProxy" },
		{ "proxySettings", "tag" },
	};
	struct edge e = { .at = facts_dig(p->v, paths[which]) };

	if (e.at && e.at->kind == VAL_STRING && e.at->len)
		e.to = map_get(f->outs.by_tag, value_str(e.at));
	return e;
}

/* The circle is the part of the path from the outbound that was met again. */
static void report(struct walk *w, const struct edge *closing)
{
	struct facts *f = w->f;
	uint32_t start = w->depth;
	const char *names = "";
	struct diag *d;

	while (start && &f->outs.v[w->path[start - 1]] != closing->to)
		start--;
	for (uint32_t i = start - 1; i < w->depth && i < start + SHOWN_MAX; i++)
		names = arena_printf(f->a, "%s'%s' -> ", names, facts_shown(f, f->outs.v[w->path[i]].tag));
	d = diag_add(f->sink, DIAG_XR512, closing->at->span, "outbounds dial through each other in a circle: %s%s'%s'",
		     names, w->depth > start + SHOWN_MAX ? "... -> " : "", facts_shown(f, closing->to->tag));
	for (uint32_t i = start - 1; i + 1 < w->depth && i < start + SHOWN_MAX; i++) {
		const struct peer *p = &f->outs.v[w->path[i]];
		struct edge e = edge_of(f, p, (unsigned)w->next_edge[w->path[i]] - 1);
		diag_relate(f->sink, d, e.at->span, "'%s' dials through '%s' here", facts_shown(f, p->tag),
			    facts_shown(f, value_str(e.at)));
	}
	diag_help(f->sink, d, "let one of them connect directly");
}

static void step(struct walk *w, uint32_t at)
{
	struct edge e;
	uint32_t to;

	if (w->next_edge[at] == EDGES) {
		w->state[at] = DONE;
		w->depth--;
		return;
	}
	e = edge_of(w->f, &w->f->outs.v[at], w->next_edge[at]++);
	if (!e.to)
		return;
	to = (uint32_t)(e.to - w->f->outs.v);
	if (w->state[to] == ON_PATH)
		report(w, &e);
	if (w->state[to] == UNSEEN) {
		w->state[to] = ON_PATH;
		w->path[w->depth++] = to;
	}
}

void cycle_check(struct facts *f)
{
	uint32_t n = f->outs.n;
	struct walk w = { .f = f };

	w.state = arena_array(f->a, uint8_t, n + 1);
	w.next_edge = arena_array(f->a, uint8_t, n + 1);
	w.path = arena_array(f->a, uint32_t, n + 1);
	for (uint32_t i = 0; i < n; i++) {
		if (w.state[i] != UNSEEN)
			continue;
		w.state[i] = ON_PATH;
		w.path[w.depth++] = i;
		while (w.depth)
			step(&w, w.path[w.depth - 1]);
	}
}
