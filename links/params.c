/* What each kind of parameter does to a node. */
#include "links/params.h"

#include <string.h>

__attribute__((format(printf, 5, 0))) static void report(struct link_reader *r, enum diag_code code, bool warn,
							 const char *help, const char *fmt, va_list ap)
{
	struct diag *d;

	if (diag_total(r->sink) >= LINK_MAX_FAULTS && r->faults)
		return;
	d = diag_add(r->sink, code, r->at, "%s %s: %s", r->scheme, r->noun, arena_vprintf(r->a, fmt, ap));
	if (help)
		diag_help(r->sink, d, "%s", help);
	if (warn)
		d->severity = SEV_WARNING;
}

int link_fault(struct link_reader *r, enum diag_code code, const char *help, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(r, code, false, help, fmt, ap);
	va_end(ap);
	r->faults++;
	return 1;
}

bool link_doubt(struct link_reader *r, enum diag_code code, const char *help, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(r, code, r->lenient, help, fmt, ap);
	va_end(ap);
	r->faults += !r->lenient;
	return r->lenient;
}

const char *param_shown(struct link_reader *r, struct str name)
{
	bool plain = name.len > 0 && name.len <= 64;
	size_t word = 0;

	for (size_t i = 0; plain && i < name.len; i++) {
		char c = name.p[i], l = (char)(c | 0x20);
		word = c == '.' ? 0 : word + 1;
		plain = word <= 32 && ((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || strchr("-_.", c));
	}
	return plain ? arena_memdup(r->a, name.p, name.len) : "?";
}

static bool is_word_of(const char *words, struct str name)
{
	struct str rest = str_of(words);

	while (rest.len)
		if (str_eq(str_cut(&rest, ' '), name))
			return true;
	return false;
}

const struct param *param_find(unsigned protocol, struct str name)
{
	for (size_t i = 0; i < params_n; i++) {
		const struct param *p = &params[i];
		if (p->protocols & 1u << protocol && (str_is(name, p->name) || is_word_of(p->aliases, name)))
			return p;
	}
	return NULL;
}

void extra_put(struct arena *a, struct node *n, struct str key, struct value v, struct span at)
{
	if (!n->extra.set)
		n->extra = (struct raw){ .v = value_object(at), .at = at, .set = true };
	value_put(a, &n->extra.v, arena_memdup(a, key.p, key.len), v);
}

int param_json(struct arena *a, struct str text, struct value *ret_value)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);

	if (text.len > JSON_MAX_BYTES)
		return 1;
	uint32_t src = sources_add(sources, "link", text.p, (uint32_t)text.len);
	return json_parse(a, sink, src, false, ret_value) || diag_count(sink, SEV_ERROR);
}

/* Names of the enum, then aliases; what was removed from the engines has a message of its own. */
struct choice {
	const char *name;
	int value;
};
enum { REMOVED = -1 };
static const struct choice transports[] = {
	{ "tcp", NODE_TCP },       { "raw", NODE_TCP },
	{ "ws", NODE_WS },         { "websocket", NODE_WS },
	{ "grpc", NODE_GRPC },     { "gun", NODE_GRPC },
	{ "xhttp", NODE_XHTTP },   { "splithttp", NODE_XHTTP },
	{ "kcp", NODE_KCP },       { "mkcp", NODE_KCP },
	{ "httpupgrade", NODE_HTTPUPGRADE },
	{ "h2", REMOVED },         { "http", REMOVED },
	{ "quic", REMOVED },       { NULL, 0 },
};
static const struct choice securities[] = {
	{ "none", NODE_NONE }, { "tls", NODE_TLS }, { "reality", NODE_REALITY }, { "xtls", REMOVED }, { NULL, 0 },
};
static const struct choice booleans[] = {
	{ "1", 1 }, { "0", 0 }, { "true", 1 }, { "false", 0 }, { NULL, 0 },
};

static bool choose(struct link_reader *r, const char *name, const struct choice *c, struct str value, int *ret_value)
{
	for (; c->name; c++) {
		if (!str_is_nocase(value, c->name))
			continue;
		if (c->value == REMOVED)
			link_fault(r, DIAG_XR810,
				   "ask for a link with type tcp, ws, grpc, httpupgrade, xhttp or kcp and security tls "
				   "or reality",
				   "parameter '%s' asks for '%s', which no engine has any more", name, c->name);
		*ret_value = c->value;
		return c->value != REMOVED;
	}
	link_fault(r, DIAG_XR808, NULL, "parameter '%s' has a value that is not known", name);
	return false;
}

static void read_choice(struct link_reader *r, const struct param *p, const struct choice *choices, struct str value)
{
	int v;

	if (choose(r, p->name, choices, value, &v))
		node_num((struct num *)((char *)r->n + p->offset), v, r->at);
}

static void read_flag(struct link_reader *r, const struct param *p, struct str value)
{
	int v;

	if (choose(r, p->name, booleans, value, &v))
		*(struct flag *)((char *)r->n + p->offset) = (struct flag){ .v = v, .set = true, .at = r->at };
}

static void read_text(struct link_reader *r, const struct param *p, struct str value)
{
	node_text((struct text *)((char *)r->n + p->offset), value, r->at);
}

/* A comma list; empty items count for nothing. */
static void read_alpn(struct link_reader *r, const struct param *p, struct str value)
{
	struct texts list = { .v = arena_array(r->a, struct text, value.len / 2 + 1), .set = true, .at = r->at };

	while (value.len) {
		struct str item = str_trim(str_cut(&value, ','));
		if (item.len)
			node_text(&list.v[list.n++], (struct str){ arena_memdup(r->a, item.p, item.len), item.len },
				  r->at);
	}
	if (list.n)
		*(struct texts *)((char *)r->n + p->offset) = list;
}

static bool is_int(struct link_reader *r, const struct param *p, struct str value, int64_t *ret_value)
{
	if (!str_int(value, ret_value) && *ret_value >= 0 && *ret_value <= 1000000)
		return true;
	link_fault(r, DIAG_XR808, NULL, "parameter '%s' is not a number from 0 to 1000000", p->name);
	return false;
}

static void read_int(struct link_reader *r, const struct param *p, struct str value)
{
	int64_t v;

	if (is_int(r, p, value, &v))
		node_num((struct num *)((char *)r->n + p->offset), v, r->at);
}

static void read_extra(struct link_reader *r, const struct param *p, struct str value)
{
	extra_put(r->a, r->n, str_of(p->name), value_string_n(value, r->at), r->at);
}

static void read_extra_int(struct link_reader *r, const struct param *p, struct str value)
{
	int64_t v;

	if (is_int(r, p, value, &v))
		extra_put(r->a, r->n, str_of(p->name), value_number(r->a, v, r->at), r->at);
}

/* Places inside a link are not places of a file: the whole tree takes the link's. */
static void place_all(struct value *v, struct span at)
{
	v->span = at;
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		place_all(&v->items[i], at);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++) {
		v->members[i].key_span = at;
		place_all(&v->members[i].value, at);
	}
}

static void read_extra_json(struct link_reader *r, const struct param *p, struct str value)
{
	struct value v;

	if (param_json(r->a, value, &v) || v.kind != VAL_OBJECT) {
		link_fault(r, DIAG_XR808, NULL, "parameter '%s' is not a JSON object", p->name);
		return;
	}
	place_all(&v, r->at);
	extra_put(r->a, r->n, str_of(p->name), v, r->at);
}

static void read_headers(struct link_reader *r, const struct param *p, struct str value)
{
	struct value v;
	bool ok = !param_json(r->a, value, &v) && v.kind == VAL_OBJECT;

	for (uint32_t i = 0; ok && i < v.n_members; i++)
		ok = v.members[i].value.kind == VAL_STRING;
	if (!ok) {
		link_fault(r, DIAG_XR808, NULL, "parameter '%s' is not a JSON object of texts", p->name);
		return;
	}
	place_all(&v, r->at);
	r->n->headers = (struct raw){ .v = v, .at = r->at, .set = true };
}

static void read_nothing(struct link_reader *r, const struct param *p, struct str value)
{
	(void)r;
	(void)p;
	(void)value;
}

static void read_transport(struct link_reader *r, const struct param *p, struct str value)
{
	read_choice(r, p, transports, value);
}

static void read_security(struct link_reader *r, const struct param *p, struct str value)
{
	read_choice(r, p, securities, value);
}

static void (*const readers[])(struct link_reader *, const struct param *, struct str) = {
	[PARAM_TEXT] = read_text,         [PARAM_TRANSPORT] = read_transport, [PARAM_SECURITY] = read_security,
	[PARAM_FLAG] = read_flag,         [PARAM_ALPN] = read_alpn,           [PARAM_INT] = read_int,
	[PARAM_HEADERS] = read_headers,   [PARAM_FIXED] = read_nothing,
	[PARAM_EXTRA] = read_extra,       [PARAM_EXTRA_INT] = read_extra_int, [PARAM_EXTRA_JSON] = read_extra_json,
};

/* Whether this is the first time; otherwise the fault is reported. */
static bool first_time(struct link_reader *r, const struct param *p, struct str name, struct str value)
{
	size_t row = (size_t)(p - params);

	if (!r->seen[row].name) {
		r->seen[row].name = param_shown(r, name);
		r->seen[row].value = value;
		return true;
	}
	if (str_is(name, r->seen[row].name))
		link_fault(r, DIAG_XR806, "keep one of them", "parameter '%s' stands twice", p->name);
	else if (!str_eq(value, r->seen[row].value))
		link_fault(r, DIAG_XR807, "keep one of them", "parameters '%s' and '%s' mean the same and differ",
			   r->seen[row].name, param_shown(r, name));
	return false;
}

/* xp2p's own parameters say nothing to an engine; they are kept for whoever reads the link next. */
static void read_free(struct link_reader *r, struct str name, struct str value)
{
	if (r->n_free++ >= PARAMS_FREE_MAX) {
		link_fault(r, DIAG_XR805, NULL, "more than %d parameters are not known", PARAMS_FREE_MAX);
		return;
	}
	if (r->n->extra.set && value_member(&r->n->extra.v, name)) {
		link_fault(r, DIAG_XR806, "keep one of them", "parameter '%s' stands twice", param_shown(r, name));
		return;
	}
	extra_put(r->a, r->n, name, value_string_n(value, r->at), r->at);
}

/* "security=tls" and the like where the protocol has no such parameter: kept as a word it would leave plain text. */
static bool asks_for_encryption(struct str name, struct str value)
{
	static const char *const nothing[] = { "", "none", "false", "0", NULL };
	const char *dot = memrchr(name.p, '.', name.len);
	struct str last = dot ? str_skip(name, (size_t)(dot + 1 - name.p)) : name;

	if (!str_is_nocase(last, "security") && !str_is_nocase(last, "tls"))
		return false;
	for (const char *const *v = nothing; *v; v++)
		if (str_is_nocase(value, *v))
			return false;
	return true;
}

void param_unknown(struct link_reader *r, struct str name, struct str value)
{
	if (asks_for_encryption(name, value)) {
		link_fault(r, DIAG_XR805, "xrat does not connect in plain text instead; use a protocol with TLS, or a node without it",
			   "'%s' asks for encryption, which this protocol does not have", param_shown(r, name));
		return;
	}
	if (link_doubt(r, DIAG_XR805,
		       "remove it if the connection works without it; xrat never ignores what it does not understand",
		       "parameter '%s' is not known", param_shown(r, name)))
		read_free(r, name, value);
}

static bool is_allowed(const struct param *p, struct str value)
{
	for (const char *const *v = p->values; v && *v; v++)
		if (str_is_nocase(value, *v))
			return true;
	return !p->values;
}

void param_read(struct link_reader *r, struct str name, struct str value)
{
	const struct param *p = param_find((unsigned)r->n->protocol.v, name);

	if (!p && str_starts(name, "xp2p_")) {
		read_free(r, name, value);
		return;
	}
	if (!p) {
		param_unknown(r, name, value);
		return;
	}
	if (!first_time(r, p, name, value) || !value.len)
		return;
	if (is_allowed(p, value))
		readers[p->kind](r, p, value);
	else if (link_doubt(r, DIAG_XR808, NULL, "parameter '%s' has a value that is not known", p->name))
		(p->kind == PARAM_FIXED ? read_extra : readers[p->kind])(r, p, value);
}
