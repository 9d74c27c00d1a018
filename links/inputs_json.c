/* JSON inputs and Clash trees: which of their parts are entries. */
#include <string.h>

#include "links/inputs_impl.h"

/* More values than this many separators cannot come out of a text; strings count too, so that no comment can hide any. */
static bool is_too_many(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == ',' || s.p[i] == ':' || s.p[i] == '[' || s.p[i] == '{';
	return n > INPUT_MAX_VALUES;
}

static int stranger(struct arena *a, struct diag_sink *sink, const struct value *v, bool lenient, struct node *ret_node)
{
	(void)a;
	(void)lenient;
	(void)ret_node;
	return import_no_kind(sink, v->span, "element");
}

static int read_entry(struct input_read *in, const struct value *v, import_entry *entry, struct str name)
{
	uint32_t line, column;

	source_place(in->sources, v->span.src, v->span.begin, &line, &column);
	return inputs_item(in, &(struct input_item){
		.value = v, .entry = v->kind == VAL_OBJECT ? entry : stranger, .name = name, .at = v->span, .line = line });
}

static int read_list(struct input_read *in, const struct value *list, import_entry *entry)
{
	int rc = 0;

	for (uint32_t i = 0; i < list->n && !rc; i++)
		rc = read_entry(in, &list->items[i], entry, STR(""));
	return rc;
}

/* A config is named by its remarks; that is the name of its first proxy, and tags name the others. */
static int read_config(struct input_read *in, const struct value *v)
{
	const struct value *outbounds = import_get(v, "outbounds");
	struct str remarks = value_get_str(v, "remarks");
	int rc = 0;

	for (uint32_t i = 0; i < outbounds->n && !rc; i++) {
		uint32_t before = in->sum->parsed;
		rc = read_entry(in, &outbounds->items[i], import_xray, remarks);
		if (in->sum->parsed != before)
			remarks = STR("");
	}
	return rc;
}

static int read_servers(struct input_read *in, const struct value *v)
{
	return read_list(in, import_get(v, "servers"), import_sip008);
}

static int read_proxies(struct input_read *in, const struct value *v)
{
	return read_list(in, import_get(v, "proxies"), import_clash);
}

static int read_outbound(struct input_read *in, const struct value *v)
{
	return read_entry(in, v, import_xray, STR(""));
}

static int read_node(struct input_read *in, const struct value *v)
{
	return read_entry(in, v, import_node, STR(""));
}

static int read_server(struct input_read *in, const struct value *v)
{
	return read_entry(in, v, import_sip008, STR(""));
}

static int read_stranger(struct input_read *in, const struct value *v)
{
	return read_entry(in, v, stranger, STR(""));
}

/* What a key of an object makes of it; the first row that fits. */
struct json_form {
	const char *key;
	enum value_kind kind;
	enum input_format format;
	int (*read)(struct input_read *in, const struct value *v);
};
static const struct json_form forms[] = {
	{ "outbounds", VAL_ARRAY, INPUT_XRAY, read_config },   { "link", VAL_STRING, INPUT_NODES, read_node },
	{ "protocol", VAL_STRING, INPUT_XRAY, read_outbound }, { "proxies", VAL_ARRAY, INPUT_CLASH, read_proxies },
	{ "servers", VAL_ARRAY, INPUT_SIP008, read_servers },  { "server_port", VAL_NUMBER, INPUT_SIP008, read_server },
	{ "server_port", VAL_STRING, INPUT_SIP008, read_server },
};
static const struct json_form no_form = { NULL, VAL_NONE, INPUT_NONE, read_stranger };

static const struct json_form *form_of(const struct value *v)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const struct value *part = import_get(v, forms[i].key);
		if (part && part->kind == forms[i].kind)
			return &forms[i];
	}
	return &no_form;
}

/* sing-box says "type" where Xray says "protocol". */
static bool is_sing_box(const struct value *v)
{
	const struct value *outbounds = import_get(v, "outbounds");
	const struct value *first = outbounds && outbounds->kind == VAL_ARRAY && outbounds->n ? outbounds->items : NULL;

	return import_get(first, "type") && !import_get(first, "protocol");
}

static int not_nodes(struct input_read *in, const struct value *v)
{
	return inputs_refuse(in, DIAG_XR860, v->span,
			     "xrat reads SIP008, Xray outbounds and configs, Clash proxies and its own node list",
			     is_sing_box(v) ? "this is JSON of sing-box, which xrat does not read" :
					      "this JSON holds nothing that xrat reads as a node");
}

static int read_elements(struct input_read *in, const struct value *array)
{
	int rc = 0;

	for (uint32_t i = 0; i < array->n && !rc; i++)
		rc = form_of(&array->items[i])->read(in, &array->items[i]);
	return rc;
}

static int read_tree(struct input_read *in, const struct value *v)
{
	bool many = v->kind == VAL_ARRAY;
	const struct value *first = many ? v->items : v;
	const struct json_form *form;

	if (many && !v->n) {
		in->sum->format = INPUT_NODES;
		return 0;
	}
	form = form_of(first);
	if (form == &no_form || is_sing_box(first))
		return not_nodes(in, first);
	in->sum->format = form->format;
	return many ? read_elements(in, v) : form->read(in, v);
}

/* The first error of another sink by its title alone: its message may show what stands there. */
static int damaged(struct input_read *in, const struct diag_sink *sink)
{
	for (unsigned i = 0; i < diag_total(sink); i++) {
		const struct diag *d = diag_at(sink, i);
		if (d->severity == SEV_ERROR)
			return inputs_refuse(in, DIAG_XR861, d->at, NULL, "the JSON cannot be read: %s",
					     diag_infos[d->code].title);
	}
	return inputs_refuse(in, DIAG_XR861, SPAN_NONE, NULL, "the JSON cannot be read");
}

int inputs_json(struct input_read *in)
{
	struct diag_sink *sink = diag_sink_new(in->a, in->sources);
	struct value v;

	if (is_too_many(in->text))
		return inputs_refuse(in, DIAG_XR861, SPAN_NONE, NULL, "the JSON holds more than %d values",
				     INPUT_MAX_VALUES);
	if (json_parse(in->a, sink, in->src, true, &v))
		return damaged(in, sink);
	return read_tree(in, &v);
}

int inputs_clash(struct input_read *in)
{
	struct value v;
	struct span at = { in->src, 0, 0 };
	const char *why = "";
	const struct value *proxies;

	if (!in->o->yaml)
		return inputs_refuse(in, DIAG_XR860, at, "use xrat import", "this program does not read Clash YAML");
	if (in->o->yaml(in->a, in->text, in->src, &v, &why, &at))
		return inputs_refuse(in, DIAG_XR861, at, NULL, "the YAML cannot be read: %s", why);
	in->sum->format = INPUT_CLASH;
	proxies = import_get(&v, "proxies");
	if (!proxies)
		proxies = import_get(&v, "Proxy");
	return proxies && proxies->kind == VAL_ARRAY ? read_list(in, proxies, import_clash) : 0;
}
