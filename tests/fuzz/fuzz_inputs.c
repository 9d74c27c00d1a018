/* link: links model lib */
/* Any text as an input: no crash, bounded work, and each node it gives survives being written and read in every form.
 * The first byte picks a frame when it is below 32 (16 more: lenient), so that each form is met often. */
#include <stdlib.h>
#include <string.h>

#include "links/links.h"

static const char *const frames[8][2] = {
	{ "", "" },
	{ "proxies:\n", "" },
	{ "{\"outbounds\":[", "]}" },
	{ "{\"servers\":[", "]}" },
	{ "{\"proxies\":[", "]}" },
	{ "[", "]" },
	{ "proxies: [{name: a, server: b, port: 1, password: c, uuid: 00000000-0000-4000-8000-000000000000, ", "}]" },
	{ "", "" }, /* in base64 */
};
enum { FRAME_BASE64 = 7, NODES_CHECKED = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct arena *a;
	bool lenient;
	uint32_t n;
	const char *links[NODES_CHECKED];
	const struct node *nodes[NODES_CHECKED];
};

static int parse(struct arena *a, const char *link, bool lenient, struct node *ret_node)
{
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));

	return link_parse_with(a, sink, str_of(link), SPAN_NONE, &(struct link_options){ .lenient = lenient }, ret_node);
}

static int visit(void *data, const struct input_entry *entry)
{
	struct run *r = data;
	const char *link = link_write(r->a, entry->node);
	struct node *again = arena_new_of(r->a, struct node);

	if (!link)
		abort();
	if (strlen(link) > LINK_MAX_BYTES)
		return 0;
	if (parse(r->a, link, r->lenient, again) || strcmp(link, link_write(r->a, again)))
		abort();
	if (r->n == NODES_CHECKED)
		return -1;
	r->links[r->n] = link;
	r->nodes[r->n++] = again;
	return 0;
}

static int read(struct arena *a, struct str text, const struct input_options *o, struct input_summary *ret_summary)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	int rc = inputs_read(a, sink, sources, text, o, ret_summary);
	struct buf out = { 0 };

	if (rc == 1 && !diag_count(sink, SEV_ERROR))
		abort();
	diag_finish(sink, false);
	diag_print(sink, false, SEV_NOTE, &out);
	buf_fini(&out);
	return rc;
}

/* What was read, written in every form and read again. */
static void write_all(const struct run *r)
{
	for (unsigned format = 0; format < OUTPUT_FORMAT__N; format++) {
		struct run again = { .a = r->a, .lenient = r->lenient };
		struct input_options o = { .lenient = r->lenient, .visit = visit, .data = &again };
		struct input_summary sum;
		struct buf out = { 0 };
		if (inputs_write(r->a, format, r->nodes, r->n, &out))
			abort();
		if (r->n && read(r->a, (struct str){ arena_memdup(r->a, out.p, out.len), out.len }, &o, &sum))
			abort();
		buf_fini(&out);
		if (again.n != r->n)
			abort();
		for (uint32_t i = 0; i < r->n; i++)
			if (strcmp(r->links[i], again.links[i]))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run r = { .a = arena_new() };
	struct buf text = { 0 };
	struct input_summary sum;
	unsigned frame = 0, skip = 0;

	if (size && data[0] < 32) {
		frame = data[0] % 8;
		r.lenient = data[0] >= 16;
		skip = 1;
	}
	struct str rest = { (const char *)data + skip, size - skip };
	buf_puts(&text, frames[frame][0]);
	if (frame == FRAME_BASE64)
		base64_encode(&text, rest);
	else
		buf_add(&text, rest.p, rest.len);
	buf_puts(&text, frames[frame][1]);
	struct input_options o = { .lenient = r.lenient, .yaml = inputs_yaml, .visit = visit, .data = &r };
	int rc = read(r.a, (struct str){ arena_memdup(r.a, text.p, text.len), text.len }, &o, &sum);
	buf_fini(&text);
	if (rc >= 0 && r.n != sum.parsed)
		abort();
	write_all(&r);
	arena_free(r.a);
	return 0;
}
