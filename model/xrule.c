/* Reads a rule's keys, string lists and port lists as Xray's decoder does. */
#include "model/xrule.h"

#include <string.h>

const char *const xrule_names[RF__N] = {
	"localOS", "inboundTag", "network", "protocol", "port", "sourcePort", "localPort", "vlessRoute", "user", "attrs",
	"ip", "sourceIP", "localIP", "domain", "process", "outboundTag", "balancerTag", "ruleTag",
};

/* Spellings of the fields in the order of their length; of two spellings the one with the higher rank wins, as in
 * Xray. */
static const struct spelling {
	const char *name;
	uint8_t len, field, rank;
} spellings[] = {
	{ "ip", 2, RF_IP, 0 },
	{ "port", 4, RF_PORT, 0 }, { "user", 4, RF_USER, 0 },
	{ "attrs", 5, RF_ATTRS, 0 },
	{ "domain", 6, RF_DOMAIN, 0 }, { "source", 6, RF_SOURCE_IP, 0 },
	{ "network", 7, RF_NETWORK, 0 }, { "ruleTag", 7, RF_RULE_TAG, 0 }, { "domains", 7, RF_DOMAIN, 1 },
	{ "localIP", 7, RF_LOCAL_IP, 0 }, { "process", 7, RF_PROCESS, 0 }, { "localOS", 7, RF_LOCAL_OS, 0 },
	{ "protocol", 8, RF_PROTOCOL, 0 }, { "sourceIP", 8, RF_SOURCE_IP, 1 },
	{ "localPort", 9, RF_LOCAL_PORT, 0 },
	{ "inboundTag", 10, RF_INBOUND, 0 }, { "sourcePort", 10, RF_SOURCE_PORT, 0 },
	{ "vlessRoute", 10, RF_VLESS_ROUTE, 0 },
	{ "outboundTag", 11, RF_OUTBOUND, 0 }, { "balancerTag", 11, RF_BALANCER, 0 },
};
enum { LONGEST = 11 };
static const uint8_t first_of_len[LONGEST + 2] = { 0, 0, 0, 1, 1, 3, 4, 6, 12, 14, 15, 18, 20 };

static const struct spelling *spelling_of(const struct member *m)
{
	if (m->key_len > LONGEST)
		return NULL;
	for (unsigned i = first_of_len[m->key_len]; i < first_of_len[m->key_len + 1]; i++) {
		const struct spelling *s = &spellings[i];
		if ((s->name[0] | 0x20) != (m->key[0] | 0x20))
			continue;
		if (!memcmp(s->name, m->key, m->key_len) || str_is_nocase(member_key(m), s->name))
			return s;
	}
	return NULL;
}

bool xrule_has_effect(enum rule_field field, const struct value *v)
{
	if (field >= RF_PORT && field <= RF_VLESS_ROUTE)
		return true;
	if (field == RF_ATTRS)
		return v->kind == VAL_OBJECT && v->n_members;
	return v->kind == VAL_STRING || (v->kind == VAL_ARRAY && v->n);
}

void xrule_fields(const struct value *rule, const struct value *fields[RF__N])
{
	uint8_t rank[RF__N] = { 0 };

	memset(fields, 0, sizeof(*fields) * RF__N);
	if (rule->kind != VAL_OBJECT)
		return;
	for (uint32_t i = 0; i < rule->n_members; i++) {
		const struct member *m = &rule->members[i];
		const struct spelling *s = spelling_of(m);
		if (!s || m->value.kind == VAL_NULL || s->rank < rank[s->field])
			continue;
		rank[s->field] = s->rank;
		fields[s->field] = &m->value;
	}
}

/* --- lists --- */
/* The place of a part of a string; the whole string when escapes moved its bytes. */
static struct span part_span(const struct value *v, struct str part)
{
	struct span at = v->span;
	uint32_t off = (uint32_t)(part.p - v->text);

	if (at.end - at.begin != v->len + 2)
		return at;
	return (struct span){ at.src, at.begin + 1 + off, at.begin + 1 + off + (uint32_t)part.len };
}

static bool string_next(struct xparts *it, struct xpart *ret_part)
{
	struct str part;

	if (it->i && !it->rest.p) /* one part is always there: Go splits "" into [""] */
		return false;
	it->i = 1;
	part = str_cut(&it->rest, ',');
	*ret_part = (struct xpart){ part, part.p ? part_span(it->v, part) : it->v->span };
	return true;
}

bool xparts_next(struct xparts *it, struct xpart *ret_part)
{
	if (!it->v)
		return false;
	if (it->v->kind == VAL_STRING)
		return string_next(it, ret_part);
	if (it->v->kind != VAL_ARRAY)
		return false;
	while (it->i < it->v->n) {
		const struct value *v = &it->v->items[it->i++];
		if (v->kind == VAL_STRING) {
			*ret_part = (struct xpart){ value_str(v), v->span };
			return true;
		}
	}
	return false;
}

/* --- ports --- */
/* Digits alone; anything else, or more than a port holds, is not for us to report. */
static bool port_read(struct str s, uint32_t *ret_port)
{
	uint32_t n = 0;

	if (!s.len || s.len > 5)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(s.p[i] - '0');
	}
	*ret_port = n;
	return n <= 65535;
}

static struct xport range_read(struct str part, struct span at)
{
	struct xport p = { .at = at };
	struct str to = part, from = str_cut(&to, '-');

	if (str_starts(part, "env:"))
		p.kind = XPORT_ENV;
	else if (!port_read(from, &p.from) || !port_read(to.p ? to : from, &p.to))
		p.kind = XPORT_UNKNOWN;
	else if (p.from > p.to)
		p.kind = XPORT_REVERSED;
	return p;
}

static bool number_next(struct xports *p, struct xport *ret_port)
{
	int64_t n = 0;

	p->done = true;
	if (p->v->kind != VAL_NUMBER || value_int(p->v, &n) || !n)
		return false;
	if (n < 0 || n > 65535)
		*ret_port = (struct xport){ .kind = XPORT_UNKNOWN, .at = p->v->span };
	else
		*ret_port = (struct xport){ XPORT_RANGE, (uint32_t)n, (uint32_t)n, p->v->span };
	return true;
}

bool xports_next(struct xports *p, struct xport *ret_port)
{
	if (p->done)
		return false;
	if (p->v->kind != VAL_STRING)
		return number_next(p, ret_port);
	while (p->rest.p && p->rest.len) {
		struct str part = str_trim(str_cut(&p->rest, ','));
		if (part.len) {
			*ret_port = range_read(part, part_span(p->v, part));
			return true;
		}
	}
	return false;
}
