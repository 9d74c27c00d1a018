/* Reading the values of a configuration: objects by tables of keys, and the kinds of values that many keys have. */
#include <stdlib.h>
#include <string.h>

#include "engine/conf_impl.h"

void conf_fault(struct conf_reader *r, struct span at, const char *fmt, ...)
{
	va_list ap;
	const char *text;

	va_start(ap, fmt);
	text = arena_vprintf(r->a, fmt, ap);
	va_end(ap);
	diag_add(r->sink, DIAG_XR770, at, "%s", text);
}

static void wrong(struct conf_reader *r, const struct conf_key *k, const struct value *v, const char *wanted)
{
	conf_fault(r, v->span, "'%s' must be %s, not %s", k->name, wanted, value_kind_name(v->kind));
}

struct str conf_copy(struct conf_reader *r, struct str s)
{
	return (struct str){ arena_memdup(r->a, s.p, s.len), s.len };
}

char *conf_copy_z(struct conf_reader *r, struct str s)
{
	return arena_memdup(r->a, s.p, s.len);
}

/* --- objects --- */
static bool has_row(const struct conf_key *keys, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_is_nocase(name, keys[i].name))
			return true;
	return false;
}

void conf_object(struct conf_reader *r, const char *what, const struct conf_key *keys, size_t n, const struct value *v, void *to)
{
	if (conf_absent(v))
		return;
	if (v->kind != VAL_OBJECT) {
		conf_fault(r, v->span, "%s must be an object, not %s", what, value_kind_name(v->kind));
		return;
	}
	for (uint32_t i = 0; i < v->n_members; i++) {
		struct str key = member_key(&v->members[i]);

		if (!has_row(keys, n, key))
			conf_fault(r, v->members[i].key_span, "the embedded engine does not read '%.*s' in %s",
				   (int)key.len, key.p, what);
	}
	for (size_t i = 0; i < n; i++) {
		const struct member *m = value_member_nocase(v, keys[i].name);

		if (m && !conf_absent(&m->value))
			keys[i].set(r, &keys[i], &m->value, (char *)to + keys[i].offset);
	}
}

void conf_set_ignored(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	(void)r;
	(void)k;
	(void)v;
	(void)to;
}

void conf_set_value(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	(void)r;
	(void)k;
	*(const struct value **)to = v;
}

/* --- numbers --- */
void conf_set_bool(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	if (v->kind == VAL_BOOL)
		*(bool *)to = v->truth;
	else
		wrong(r, k, v, "true or false");
}

void conf_set_i64(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	int64_t n;

	if (v->kind != VAL_NUMBER)
		wrong(r, k, v, "a number");
	else if (value_int(v, &n) || n < k->lo || n > k->hi)
		conf_fault(r, v->span, "'%s' must be an integer from %lld to %lld", k->name, (long long)k->lo,
			   (long long)k->hi);
	else
		*(int64_t *)to = n;
}

void conf_set_u32(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	int64_t n = *(uint32_t *)to;

	conf_set_i64(r, k, v, &n);
	*(uint32_t *)to = (uint32_t)n;
}

void conf_set_i32(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	int64_t n = *(int32_t *)to;

	conf_set_i64(r, k, v, &n);
	*(int32_t *)to = (int32_t)n;
}

/* --- texts --- */
/* Xray's rule for env:NAME: the name itself, else in upper case with '_' for '.'. */
static const char *environment(struct conf_reader *r, struct str name)
{
	const char *exact = conf_copy_z(r, name), *found = getenv(exact);
	char *other = conf_copy_z(r, name);

	for (char *p = other; *p; p++)
		*p = *p == '.' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
	return found ? found : getenv(other);
}

/* The text behind env:, or the text itself; false and a fault. */
static bool expand(struct conf_reader *r, const char *what, struct span at, struct str *text)
{
	const char *value;

	if (!str_starts(*text, "env:"))
		return true;
	value = environment(r, str_skip(*text, 4));
	if (value && *value) {
		*text = str_of(arena_strdup(r->a, value));
		return true;
	}
	conf_fault(r, at, "'%s': '%.*s' names an environment variable that is not set", what, (int)text->len, text->p);
	return false;
}

bool conf_text_of(struct conf_reader *r, const struct conf_key *k, const struct value *v, bool env, struct str *ret)
{
	if (v->kind != VAL_STRING) {
		wrong(r, k, v, "a string");
		return false;
	}
	*ret = value_str(v);
	return !env || expand(r, k->name, v->span, ret);
}

void conf_set_str(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct str text;

	if (conf_text_of(r, k, v, false, &text))
		*(struct str *)to = conf_copy(r, text);
}

void conf_set_text(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct str text;

	if (!conf_text_of(r, k, v, false, &text))
		return;
	if (text.len && memchr(text.p, 0, text.len))
		conf_fault(r, v->span, "'%s' holds a NUL character", k->name);
	else
		*(const char **)to = conf_copy_z(r, text);
}

void conf_set_name(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	const char *list = "";
	struct str text;

	if (!conf_text_of(r, k, v, false, &text))
		return;
	for (int64_t i = 0; i < k->hi; i++) {
		if (str_is_nocase(text, k->names[i].name)) {
			*(unsigned *)to = k->names[i].value;
			return;
		}
		if (*k->names[i].name)
			list = arena_printf(r->a, "%s%s'%s'", list, *list ? ", " : "", k->names[i].name);
	}
	conf_fault(r, v->span, "'%.*s' is not a value of '%s' that the embedded engine knows: it knows %s", (int)text.len, text.p,
		   k->name, list);
}

void conf_set_strategy(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	static const struct conf_name names[] = {
		{ "AsIs", DS_AS_IS },          { "", DS_AS_IS },
		{ "UseIP", DS_USE_IP },        { "UseIPv4", DS_USE_IP4 },
		{ "UseIPv6", DS_USE_IP6 },     { "UseIPv4v6", DS_USE_IP46 },
		{ "UseIPv6v4", DS_USE_IP64 },  { "ForceIP", DS_FORCE_IP },
		{ "ForceIPv4", DS_FORCE_IP4 }, { "ForceIPv6", DS_FORCE_IP6 },
		{ "ForceIPv4v6", DS_FORCE_IP46 }, { "ForceIPv6v4", DS_FORCE_IP64 },
	};
	struct conf_key named = *k;
	unsigned strategy = *(enum domain_strategy *)to;

	named.names = names;
	named.hi = CONF_N(names);
	conf_set_name(r, &named, v, &strategy);
	*(enum domain_strategy *)to = strategy;
}

static unsigned one_network(struct conf_reader *r, const char *what, struct str s, struct span at)
{
	if (str_is_nocase(s, "tcp"))
		return ROUTE_TCP;
	if (str_is_nocase(s, "udp"))
		return ROUTE_UDP;
	conf_fault(r, at, "'%.*s' is not a network of '%s': it takes 'tcp' and 'udp'", (int)s.len, s.p, what);
	return 0;
}

void conf_set_networks(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	unsigned set = 0;

	if (v->kind == VAL_STRING) {
		struct str rest = value_str(v);

		do
			set |= one_network(r, k->name, str_cut(&rest, ','), v->span);
		while (rest.p);
	} else if (v->kind == VAL_ARRAY) {
		for (uint32_t i = 0; i < v->n; i++)
			set |= one_network(r, k->name, v->items[i].kind == VAL_STRING ? value_str(&v->items[i]) : STR(""),
					   v->items[i].span);
	} else {
		wrong(r, k, v, "a list of networks");
	}
	if (!set && (v->kind != VAL_ARRAY || !v->n))
		conf_fault(r, v->span, "'%s' names no network", k->name);
	*(unsigned *)to = set;
}

/* --- addresses and ports --- */
bool conf_host(struct conf_reader *r, const char *what, struct str text, struct span at, struct addr *ret)
{
	uint16_t port = ret->port;
	struct str given = text;

	if (!expand(r, what, at, &given))
		return false;
	if (!addr_set(ret, given, port))
		return true;
	conf_fault(r, at, "'%s': '%.*s' is neither an address nor a name", what, (int)text.len, text.p);
	return false;
}

void conf_set_host(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct str text;

	if (conf_text_of(r, k, v, false, &text))
		conf_host(r, k->name, text, v->span, to);
}

void conf_set_ip(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct str text;

	if (!conf_text_of(r, k, v, true, &text))
		return;
	if (text.len > 2 && text.p[0] == '[' && text.p[text.len - 1] == ']')
		text = (struct str){ text.p + 1, text.len - 2 };
	if (route_ip_parse(text, to))
		conf_fault(r, v->span, "'%s' must be an address, not '%.*s'", k->name, (int)text.len, text.p);
}

/* One of "80", "1000-2000", "env:NAME". */
static bool one_range(struct conf_reader *r, const char *what, struct str text, struct span at, struct ports *ret)
{
	struct str given = str_trim(text), rest, first;
	int64_t lo = -1, hi = -1;

	if (!expand(r, what, at, &given))
		return false;
	rest = given;
	first = str_cut(&rest, '-');
	if (str_int(first, &lo))
		lo = -1;
	if (!rest.p)
		hi = lo;
	else if (str_int(rest, &hi))
		hi = -1;
	if (lo < 0 || hi > UINT16_MAX || lo > hi) {
		conf_fault(r, at, "'%s': '%.*s' is neither a port nor a range of ports", what, (int)text.len, text.p);
		return false;
	}
	*ret = (struct ports){ (uint16_t)lo, (uint16_t)hi };
	return true;
}

void conf_ports(struct conf_reader *r, const char *what, const struct value *v, struct ports **ret_ports, uint32_t *ret_n)
{
	struct str rest = v->kind == VAL_STRING || v->kind == VAL_NUMBER ? value_str(v) : STR("");
	uint32_t n = 0, cap = 1;
	struct ports *list;

	if (v->kind != VAL_STRING && v->kind != VAL_NUMBER) {
		conf_fault(r, v->span, "'%s' must be a port, or ports as a string, not %s", what, value_kind_name(v->kind));
		return;
	}
	for (size_t i = 0; i < rest.len; i++)
		cap += rest.p[i] == ',';
	list = arena_array(r->a, struct ports, cap);
	do {
		struct str part = str_trim(str_cut(&rest, ','));

		if (part.len && one_range(r, what, part, v->span, &list[n]))
			n++;
	} while (rest.p);
	*ret_ports = list;
	*ret_n = n;
}

void conf_set_port(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct ports *list = NULL;
	uint32_t n = 0;

	conf_ports(r, k->name, v, &list, &n);
	if (n > 1 || (n && list->first != list->last))
		conf_fault(r, v->span, "'%s' must be one port", k->name);
	else if (n)
		*(uint16_t *)to = list->first;
}

bool conf_host_port(struct conf_reader *r, const char *what, const struct value *v, struct addr *ret)
{
	struct str text = v->kind == VAL_STRING ? value_str(v) : STR("");
	int64_t port = 0;
	size_t colon = text.len;

	while (colon && text.p[colon - 1] != ':')
		colon--;
	if (!colon || (colon < text.len && str_int(str_skip(text, colon), &port)) || port < 0 || port > UINT16_MAX) {
		conf_fault(r, v->span, "'%s' must be 'host:port'; either side may be empty", what);
		return false;
	}
	*ret = (struct addr){ .port = (uint16_t)port };
	return colon == 1 || conf_host(r, what, (struct str){ text.p, colon - 1 }, v->span, ret);
}
