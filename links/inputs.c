/* Finding out what a text is, and the life of its entries. Each entry has an arena and a sink of its own, so that a
 * million bad lines cost time but no memory. */
#include "links/inputs.h"

#include <string.h>

#include "links/codec.h"
#include "links/inputs_impl.h"

const char *const input_format_names[] = {
	[INPUT_NONE] = "nothing", [INPUT_LINKS] = "links", [INPUT_SIP008] = "SIP008",      [INPUT_XRAY] = "Xray",
	[INPUT_CLASH] = "Clash",  [INPUT_NODES] = "nodes", [INPUT_FORMAT__N] = NULL,
};

int inputs_refuse(struct input_read *in, enum diag_code code, struct span at, const char *help, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	struct diag *d = diag_add(in->sink, code, at, "%s", arena_vprintf(in->a, fmt, ap));
	va_end(ap);
	if (help)
		diag_help(in->sink, d, "%s", help);
	in->sum->format = INPUT_NONE;
	return 1;
}

/* ---- one entry ---- */
/* The diagnostics of an entry into the caller's sink, as long as there are not too many of such entries. */
static void pass_on(struct input_read *in, const struct diag_sink *from)
{
	unsigned max = in->o->max_reports ? in->o->max_reports : INPUT_MAX_REPORTS;

	if (!diag_total(from))
		return;
	if (in->sum->reported >= max)
		return;
	in->sum->reported++;
	for (unsigned i = 0; i < diag_total(from); i++) {
		const struct diag *d = diag_at(from, i);
		struct diag *copy = diag_add(in->sink, d->code, d->at, "%s", d->msg);
		copy->severity = d->severity;
		if (d->help)
			diag_help(in->sink, copy, "%s", d->help);
	}
}

static int parse(struct arena *a, struct diag_sink *sink, const struct input_read *in, const struct input_item *item,
		 struct node *ret_node)
{
	struct link_options o = { .lenient = in->o->lenient };
	int rc;

	if (item->link.len)
		return link_parse_with(a, sink, item->link, item->at, &o, ret_node);
	rc = item->entry(a, sink, item->value, in->o->lenient, ret_node);
	if (!rc && item->name.len && text_is_clean(item->name))
		node_text(&ret_node->name, (struct str){ arena_memdup(a, item->name.p, item->name.len), item->name.len },
			  item->at);
	return rc;
}

static void collect(struct input_read *in, const struct input_item *item, const struct node *n)
{
	struct input_list *list = in->list;

	if (list->n == in->list_cap)
		list->v = arena_grow(in->a, list->v, list->n, sizeof(*list->v), &in->list_cap);
	list->v[list->n++] = (struct input_node){
		.number = in->number, .line = item->line, .link = item->link, .node = *n,
	};
}

/* The entry in arena a. */
static int read_item(struct input_read *in, struct arena *a, const struct input_item *item)
{
	struct diag_sink *sink = diag_sink_new(a, in->sources);
	struct node *n = arena_new_of(a, struct node);
	int rc = parse(a, sink, in, item, n);

	in->number += rc != 2;
	in->sum->parsed += rc == 0;
	in->sum->failed += rc == 1;
	in->sum->skipped += rc == 2;
	pass_on(in, sink);
	if (rc)
		return 0;
	if (in->list) {
		collect(in, item, n);
		return 0;
	}
	return in->o->visit(in->o->data, &(struct input_entry){ .number = in->number, .line = item->line,
								.link = item->link, .node = n });
}

int inputs_item(struct input_read *in, const struct input_item *item)
{
	struct arena *volatile own = NULL;
	jmp_buf out_of_memory;
	int rc;

	if (in->list)
		return read_item(in, in->a, item);
	own = arena_new();
	if (!own)
		arena_fail(in->a);
	if (setjmp(out_of_memory)) {
		arena_free(own);
		arena_fail(in->a);
	}
	arena_on_oom(own, &out_of_memory);
	rc = read_item(in, own, item);
	arena_free(own);
	return rc;
}

/* ---- lists of links ---- */
static bool is_comment(struct str line)
{
	return !line.len || line.p[0] == '#' || line.p[0] == ';' || str_starts(line, "//");
}

int inputs_links(struct input_read *in)
{
	struct str rest = in->text;
	int rc = 0;

	in->sum->format = INPUT_LINKS;
	for (uint32_t line = 1; rest.len && !rc; line++) {
		struct str one = str_trim(str_cut(&rest, '\n'));
		uint32_t begin = one.len ? (uint32_t)(one.p - in->text.p) : 0;
		if (is_comment(one))
			continue;
		rc = inputs_item(in, &(struct input_item){ .link = one, .line = line,
				.at = { in->src, begin, begin + (uint32_t)one.len } });
	}
	return rc;
}

/* ---- what the text is ---- */
static struct str without_bom(struct str s)
{
	return str_starts(s, "\xef\xbb\xbf") ? str_skip(s, 3) : s;
}

/* From the first line that is no comment. */
static struct str body_of(struct str s)
{
	struct str rest = s, line;

	while (rest.len) {
		struct str from = rest;
		line = str_trim(str_cut(&rest, '\n'));
		if (!is_comment(line))
			return str_trim(from);
	}
	return (struct str){ s.p, 0 };
}

static bool has_line(struct str s, const char *start)
{
	while (s.len)
		if (str_starts(str_cut(&s, '\n'), start))
			return true;
	return false;
}

/* Base64 without its white space; false when anything else is in it. */
static bool decode(struct input_read *in, struct str s, struct str *ret_text)
{
	char *packed = arena_array(in->a, char, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (!strchr(" \t\r\n", s.p[i]) || !s.p[i])
			packed[n++] = s.p[i];
	return n && !base64_decode(in->a, (struct str){ packed, n }, ret_text);
}

static void register_text(struct input_read *in, const char *name, struct str text)
{
	in->src = sources_add(in->sources, name, text.p, (uint32_t)text.len);
	in->text = text;
	diag_hide(in->sink, (struct span){ in->src, 0, (uint32_t)text.len });
}

typedef int form_reader(struct input_read *in);

/* Rules 2 to 5 of inputs.h; NULL: none of them. */
static form_reader *form_of(struct str s)
{
	if (s.p[0] == '{' || s.p[0] == '[')
		return inputs_json;
	if (has_line(s, "proxies:") || has_line(s, "Proxy:"))
		return inputs_clash;
	return s.p[0] != '<' && memmem(s.p, s.len, "://", 3) ? inputs_links : NULL;
}

static int no_form(struct input_read *in, struct str s)
{
	struct span at = { in->src, 0, in->text.len ? 1 : 0 };
	const char *help = "xrat reads share links, base64 of them, SIP008, Xray JSON, Clash YAML and its own node list";

	if (!s.len)
		return inputs_refuse(in, DIAG_XR860, at, help, "the text is empty");
	if (s.p[0] == '<')
		return inputs_refuse(in, DIAG_XR860, at, "look at it in a browser: it may say why",
				     "this is a web page, not a list of nodes");
	return inputs_refuse(in, DIAG_XR860, at, help, "the text is in no form that xrat reads");
}

static int read_text(struct input_read *in, const char *name)
{
	struct str s = body_of(in->text), plain;
	form_reader *form = s.len ? form_of(s) : NULL;

	if (form)
		return form(in);
	if (!s.len || s.p[0] == '<' || !decode(in, s, &plain))
		return no_form(in, s);
	in->sum->base64 = true;
	register_text(in, arena_printf(in->a, "%s (decoded)", name), without_bom(plain));
	s = body_of(in->text);
	form = s.len ? form_of(s) : NULL;
	return form ? form(in) : no_form(in, s);
}

static int read_all(struct input_read *in, struct str text)
{
	const char *name = in->o->name ? in->o->name : "input";

	*in->sum = (struct input_summary){ .format = INPUT_NONE };
	if (text.len > INPUT_MAX_BYTES)
		return inputs_refuse(in, DIAG_XR861, SPAN_NONE, NULL, "'%s' is larger than %d MiB", name,
				     INPUT_MAX_BYTES / 1024 / 1024);
	register_text(in, name, without_bom(text));
	return read_text(in, name);
}

int inputs_read(struct arena *a, struct diag_sink *sink, struct sources *sources, struct str text,
		const struct input_options *o, struct input_summary *ret_summary)
{
	struct input_read in = { .a = a, .sink = sink, .sources = sources, .o = o, .sum = ret_summary };

	return read_all(&in, text);
}

int inputs_collect(struct arena *a, struct diag_sink *sink, struct sources *sources, struct str text,
		   const struct input_options *o, struct input_list *ret_list, struct input_summary *ret_summary)
{
	struct input_read in = { .a = a, .sink = sink, .sources = sources, .o = o, .sum = ret_summary };

	*ret_list = (struct input_list){ 0 };
	in.list = ret_list;
	return read_all(&in, text);
}
