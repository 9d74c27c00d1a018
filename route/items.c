/* Reads a rule's keys, string lists and port lists as Xray's decoder does. */
#include "route/items.h"

#include <string.h>

const char *const items_key_names[RK__N] = {
	"localOS", "inboundTag", "network", "protocol", "port", "sourcePort", "localPort", "vlessRoute", "user", "attrs",
	"ip", "sourceIP", "localIP", "domain", "process", "outboundTag", "balancerTag", "ruleTag",
};

/* Spellings by length; of two spellings of one condition the one with the higher rank wins. */
static const struct spelling {
	const char *name;
	uint8_t len, key, rank;
} spellings[] = {
	{ "ip", 2, RK_IP, 0 },
	{ "port", 4, RK_PORT, 0 }, { "user", 4, RK_USER, 0 },
	{ "attrs", 5, RK_ATTRS, 0 },
	{ "domain", 6, RK_DOMAIN, 0 }, { "source", 6, RK_SOURCE_IP, 0 },
	{ "network", 7, RK_NETWORK, 0 }, { "ruleTag", 7, RK_RULE_TAG, 0 }, { "domains", 7, RK_DOMAIN, 1 },
	{ "localIP", 7, RK_LOCAL_IP, 0 }, { "process", 7, RK_PROCESS, 0 }, { "localOS", 7, RK_LOCAL_OS, 0 },
	{ "protocol", 8, RK_PROTOCOL, 0 }, { "sourceIP", 8, RK_SOURCE_IP, 1 },
	{ "localPort", 9, RK_LOCAL_PORT, 0 },
	{ "inboundTag", 10, RK_INBOUND, 0 }, { "sourcePort", 10, RK_SOURCE_PORT, 0 },
	{ "vlessRoute", 10, RK_VLESS_ROUTE, 0 },
	{ "outboundTag", 11, RK_OUTBOUND, 0 }, { "balancerTag", 11, RK_BALANCER, 0 },
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

/* Whether Xray makes a condition of it: ports always, lists when they have an element. */
static bool has_effect(unsigned key, const struct value *v)
{
	if (key >= RK_CONDITIONS__N)
		return v->kind == VAL_STRING && v->len;
	if (key >= RK_PORT && key <= RK_VLESS_ROUTE)
		return true;
	if (key == RK_ATTRS)
		return v->kind == VAL_OBJECT && v->n_members;
	return v->kind == VAL_STRING || (v->kind == VAL_ARRAY && v->n);
}

void items_keys(const struct value *rule, const struct value *keys[RK__N])
{
	uint8_t rank[RK__N] = { 0 };

	memset(keys, 0, sizeof(*keys) * RK__N);
	if (rule->kind != VAL_OBJECT)
		return;
	for (uint32_t i = 0; i < rule->n_members; i++) {
		const struct member *m = &rule->members[i];
		const struct spelling *s = spelling_of(m);
		if (!s || m->value.kind == VAL_NULL || s->rank < rank[s->key])
			continue;
		rank[s->key] = s->rank;
		keys[s->key] = &m->value;
	}
	for (unsigned k = 0; k < RK__N; k++)
		if (keys[k] && !has_effect(k, keys[k]))
			keys[k] = NULL;
}

struct str items_text(const struct value *v)
{
	return v && v->kind == VAL_STRING ? value_str(v) : (struct str){ NULL, 0 };
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

/* The place of a part of a string; the whole string when escapes moved its bytes. */
static struct span part_span(const struct value *v, struct str part)
{
	struct span at = v->span;
	uint32_t off = (uint32_t)(part.p - v->text);

	if (at.end - at.begin != v->len + 2)
		return at;
	return (struct span){ at.src, at.begin + 1 + off, at.begin + 1 + off + (uint32_t)part.len };
}

static bool string_next(struct items *it, struct item *ret_item)
{
	struct str part;

	if (it->i && !it->rest.p) /* one part is always there: Go splits "" into [""] */
		return false;
	it->i = 1;
	part = str_cut(&it->rest, ',');
	*ret_item = (struct item){ part, part.p ? part_span(it->v, part) : it->v->span };
	return true;
}

bool item_next(struct items *it, struct item *ret_item)
{
	if (!it->v)
		return false;
	if (it->v->kind == VAL_STRING)
		return string_next(it, ret_item);
	while (it->v->kind == VAL_ARRAY && it->i < it->v->n) {
		const struct value *v = &it->v->items[it->i++];
		if (v->kind == VAL_STRING) {
			*ret_item = (struct item){ value_str(v), v->span };
			return true;
		}
	}
	return false;
}

/* --- ports -------------------------------------------------------------------------------------------------------- */

struct port_items items_ports_of(const struct value *v)
{
	struct port_items p = { .v = v, .done = !v };

	if (v && v->kind == VAL_STRING)
		p.rest = value_str(v);
	return p;
}

static bool port_read(struct str s, uint16_t *ret_port)
{
	uint32_t n = 0;

	if (!s.len || s.len > 5)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(s.p[i] - '0');
	}
	*ret_port = (uint16_t)n;
	return n <= UINT16_MAX;
}

static bool number_next(struct port_items *p, struct port_range *ret_range)
{
	int64_t n = 0;

	p->done = true;
	if (p->v->kind != VAL_NUMBER || value_int(p->v, &n) || n <= 0 || n > UINT16_MAX)
		return false;
	*ret_range = (struct port_range){ (uint16_t)n, (uint16_t)n };
	return true;
}

bool items_ports_next(struct port_items *p, struct port_range *ret_range)
{
	if (p->done)
		return false;
	if (p->v->kind != VAL_STRING)
		return number_next(p, ret_range);
	while (p->rest.p && p->rest.len) {
		struct str to = str_trim(str_cut(&p->rest, ',')), from;

		if (str_starts(to, "env:")) {
			p->unknown = true;
			continue;
		}
		from = str_cut(&to, '-');
		if (port_read(from, &ret_range->lo) && port_read(to.p ? to : from, &ret_range->hi) &&
		    ret_range->lo <= ret_range->hi)
			return true;
	}
	return false;
}

/* --- items of domain and address lists ---------------------------------------------------------------------------- */

static const struct {
	const char *text, *file; /* of a list: the file that the prefix stands for */
	uint8_t len, kind;
} domain_prefixes[] = {
	{ "domain:", NULL, 7, DK_DOMAIN }, { "full:", NULL, 5, DK_FULL }, { "geosite:", "geosite.dat", 8, DK_LIST },
	{ "regexp:", NULL, 7, DK_REGEXP }, { "keyword:", NULL, 8, DK_KEYWORD }, { "dotless:", NULL, 8, DK_DOTLESS },
	{ "ext:", NULL, 4, DK_LIST }, { "ext-domain:", NULL, 11, DK_LIST }, { "ext-site:", NULL, 9, DK_LIST },
};

static void domain_list(const char *file, struct str text, struct domain_item *d)
{
	d->file = file ? str_of(file) : str_cut(&text, ':');
	d->attrs = text;
	d->code = str_cut(&d->attrs, '@');
}

void items_domain(struct str item, struct domain_item *d)
{
	const char *colon = item.len ? memchr(item.p, ':', item.len) : NULL;
	size_t len = colon ? (size_t)(colon - item.p) + 1 : 0;

	*d = (struct domain_item){ .kind = DK_KEYWORD, .text = item };
	for (size_t i = 0; len && i < sizeof(domain_prefixes) / sizeof(*domain_prefixes); i++) {
		if (domain_prefixes[i].len != len || memcmp(domain_prefixes[i].text, item.p, len) != 0)
			continue;
		d->kind = domain_prefixes[i].kind;
		d->text = str_skip(item, len);
		if (d->kind == DK_LIST)
			domain_list(domain_prefixes[i].file, d->text, d);
		return;
	}
}

static struct str strip_not(struct str s, bool *negated)
{
	for (; s.len && s.p[0] == '!'; s = str_skip(s, 1))
		*negated = !*negated;
	return s;
}

/* A mapped IPv4 address is one of IPv4 to Xray's parser. */
static void net_unmap(struct ip_net *n)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!n->v6 || memcmp(n->addr, mapped, sizeof(mapped)) != 0)
		return;
	memmove(n->addr, n->addr + 12, 4);
	memset(n->addr + 4, 0, 12);
	n->v6 = false;
}

/* Brackets, space and leading zeros of the prefix are taken as Xray takes them; an empty prefix is a whole one. */
static bool net_read(struct str s, struct ip_net *ret_net)
{
	struct str rest = s, addr = str_trim(str_cut(&rest, '/'));
	int64_t prefix;

	if (addr.len > 2 && addr.p[0] == '[' && addr.p[addr.len - 1] == ']')
		addr = (struct str){ addr.p + 1, addr.len - 2 };
	if (!addr.len || memchr(addr.p, '/', addr.len) || ip_parse(addr, ret_net))
		return false;
	net_unmap(ret_net);
	ret_net->prefix = ret_net->v6 ? 128 : 32;
	if (rest.len) {
		if (rest.p[0] == '-' || rest.p[0] == '+' || str_int(rest, &prefix) || prefix > ret_net->prefix)
			return false;
		ret_net->prefix = (uint8_t)prefix;
	}
	ip_mask(ret_net);
	return true;
}

bool items_ip(struct str item, struct ip_item *ip)
{
	static const struct {
		const char *text, *file;
	} lists[] = { { "geoip:", "geoip.dat" }, { "ext:", NULL }, { "ext-ip:", NULL } };
	struct str s;

	*ip = (struct ip_item){ 0 };
	s = strip_not(item, &ip->negated);
	for (size_t i = 0; s.len && (*s.p == 'g' || *s.p == 'e') && i < sizeof(lists) / sizeof(*lists); i++) {
		if (!str_starts(s, lists[i].text))
			continue;
		s = str_skip(s, strlen(lists[i].text));
		ip->is_list = true;
		ip->file = lists[i].file ? str_of(lists[i].file) : str_cut(&s, ':');
		ip->code = strip_not(s, &ip->negated);
		return true;
	}
	return net_read(s, &ip->net);
}
