#ifndef XRAT_TESTS_INPUTS_CASE_H
#define XRAT_TESTS_INPUTS_CASE_H
/* One text read, with everything that is left of it. */
#include "links/links.h"
#include "tests/unit/node_same.h"

#define ID "00000000-0000-4000-8000-000000000000"

struct given {
	struct arena *a;
	struct sources *sources;
	struct diag_sink *sink;
	struct input_list list;
	struct input_summary sum;
	int rc;
};

static inline void give_text(struct given *g, struct str text, bool lenient)
{
	struct input_options o = { .name = "nodes.txt", .yaml = inputs_yaml, .lenient = lenient };

	g->sources = sources_new(g->a);
	g->sink = diag_sink_new(g->a, g->sources);
	g->rc = inputs_collect(g->a, g->sink, g->sources, text, &o, &g->list, &g->sum);
}

static inline void give(struct given *g, const char *text)
{
	give_text(g, str_of(text), false);
}

/* The node of a link, which must be a good one. */
static inline struct node node_of(struct arena *a, const char *link)
{
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct node n;

	if (link_parse(a, sink, str_of(link), SPAN_NONE, &n))
		fail_msg("refused: %s: %s", link, diag_at(sink, 0)->msg);
	return n;
}

/* All that people would see. */
static inline const char *printed(struct given *g)
{
	struct buf out = { 0 };
	const char *text;
	struct value json;

	diag_finish(g->sink, false);
	diag_print(g->sink, false, SEV_NOTE, &out);
	json = diag_json(g->sink, g->a);
	json_write(&out, &json);
	text = arena_memdup(g->a, out.p, out.len);
	buf_fini(&out);
	return text;
}

#endif
