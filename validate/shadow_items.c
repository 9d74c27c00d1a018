/* Items of conditions as keys of the index, and which keys cover which: an equal item, a domain: above a name, a
 * network around a network. Anything less certain covers nothing. */
#include "validate/shadow.h"

#include <string.h>

/* kind = field, family of items, prefix length. */
enum family { FAMILY_TEXT, FAMILY_FULL, FAMILY_SUFFIX, FAMILY_KEYWORD, FAMILY_NET4, FAMILY_NET6, FAMILY_PORT };
static uint16_t kind_of(enum rule_field f, enum family family, unsigned prefix)
{
	return (uint16_t)((unsigned)f << 11 | (unsigned)family << 8 | prefix);
}

struct query {
	const struct shadow_items *s;
	const uint32_t *contexts; /* two */
	struct shadow_cover *cover;
};

void shadow_cover_add(struct shadow_cover *c, uint32_t rule)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->rules[i] == rule)
			return;
	if (c->n < sizeof(c->rules) / sizeof(*c->rules))
		c->rules[c->n++] = rule;
}

/* In the rule's own context first, then without other conditions. */
static bool is_put(const struct query *q, struct shadow_key *k)
{
	for (unsigned i = 0; i < 2; i++) {
		uint32_t rule;

		if (i && q->contexts[0] == q->contexts[1])
			return false;
		k->context = q->contexts[i];
		rule = shadow_table_find(q->s->table, k);
		if (rule != SHADOW_NONE) {
			shadow_cover_add(q->cover, rule);
			return true;
		}
	}
	return false;
}

static struct shadow_key text_key(struct str s, uint16_t kind)
{
	return (struct shadow_key){ .p = s.p, .len = (uint32_t)s.len, .kind = kind, .hash = str_hash(s) };
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* Hashed from the right, so that one pass gives the hash of every suffix. */
static uint64_t name_hash_step(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * 0x100000001b3u;
}
static const uint64_t name_hash_start = 0xcbf29ce484222325u;

static struct shadow_key name_key(struct str s, uint16_t kind)
{
	uint64_t h = name_hash_start;

	for (size_t i = s.len; i-- > 0;)
		h = name_hash_step(h, s.p[i]);
	return (struct shadow_key){ .p = s.p, .len = (uint32_t)s.len, .kind = kind, .hash = h };
}

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	return false;
}

/* The value as the engine compares it; false when it never matches, or nobody knows what it matches. */
static bool name_fold(const struct shadow_items *s, struct str *name)
{
	if (!name->len)
		return false;
	if (!has_upper(*name))
		return true;
	if (!s->folds)
		return false;
	*name = str_of(str_lower(s->a, *name));
	return true;
}

/* A domain: at or above the name; *ret_hash is the hash of the whole name when there is none. */
static bool is_below(const struct query *q, enum rule_field f, struct str name, uint64_t *ret_hash)
{
	uint64_t h = name_hash_start;

	for (size_t i = name.len; i-- > 0;) {
		h = name_hash_step(h, name.p[i]);
		*ret_hash = h;
		if ((i && name.p[i - 1] != '.') || !q->s->has_suffix)
			continue;
		struct shadow_key k = { .p = name.p + i, .len = (uint32_t)(name.len - i), .hash = h,
			.kind = kind_of(f, FAMILY_SUFFIX, 0) };
		if (is_put(q, &k))
			return true;
	}
	return false;
}

static bool domain_covered(const struct query *q, enum rule_field f, struct str item)
{
	struct str value;
	struct shadow_key k;
	uint64_t hash = 0;

	switch (domain_split(item, &value)) {
	case DOMAIN_FULL:
		if (!name_fold(q->s, &value))
			return false;
		if (is_below(q, f, value, &hash))
			return true;
		k = (struct shadow_key){
			.p = value.p, .len = (uint32_t)value.len, .kind = kind_of(f, FAMILY_FULL, 0), .hash = hash
		};
		return is_put(q, &k);
	case DOMAIN_SUFFIX:
		return name_fold(q->s, &value) && is_below(q, f, value, &hash);
	case DOMAIN_KEYWORD:
		if (!name_fold(q->s, &value))
			return false;
		k = text_key(value, kind_of(f, FAMILY_KEYWORD, 0));
		return is_put(q, &k);
	default:
		k = text_key(item, kind_of(f, FAMILY_TEXT, 0));
		return is_put(q, &k);
	}
}

static bool domain_key(struct shadow_items *s, enum rule_field f, struct str item, struct shadow_key *ret_key)
{
	struct str value;
	enum domain_kind kind = domain_split(item, &value);

	if (kind == DOMAIN_FULL || kind == DOMAIN_SUFFIX || kind == DOMAIN_KEYWORD) {
		if (!name_fold(s, &value))
			return false;
	}
	switch (kind) {
	case DOMAIN_FULL:
		*ret_key = name_key(value, kind_of(f, FAMILY_FULL, 0));
		break;
	case DOMAIN_SUFFIX:
		s->has_suffix = true;
		*ret_key = name_key(value, kind_of(f, FAMILY_SUFFIX, 0));
		break;
	case DOMAIN_KEYWORD:
		*ret_key = text_key(value, kind_of(f, FAMILY_KEYWORD, 0));
		break;
	default:
		*ret_key = text_key(item, kind_of(f, FAMILY_TEXT, 0));
	}
	return true;
}

/* --- networks ----------------------------------------------------------------------------------------------------- */

enum net_kind { NET_PLAIN, NET_LIST, NET_NEGATED };

/* geoip:!LIST and ext:FILE:!LIST negate behind the prefix. An IPv6 form of an IPv4 address is IPv4 to the engine;
 * nobody writes it, so it counts as unknown. */
static enum net_kind net_read(const struct shadow_items *s, struct str item, struct ip_net *ret_net)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (item.len && memchr(item.p, '!', item.len))
		return NET_NEGATED;
	if (items_net(s->nets, item, ret_net))
		return NET_LIST;
	if (ret_net->v6 && !memcmp(ret_net->addr, mapped, sizeof(mapped)))
		return NET_NEGATED;
	ip_mask(ret_net);
	return NET_PLAIN;
}

static struct shadow_key net_key(const struct ip_net *net, enum rule_field f)
{
	struct shadow_key k = text_key((struct str){ (const char *)net->addr, net->v6 ? 16 : 4 }, 0);

	k.kind = kind_of(f, net->v6 ? FAMILY_NET6 : FAMILY_NET4, net->prefix);
	return k;
}

static bool net_covered(const struct query *q, enum rule_field f, const struct ip_net *inner)
{
	struct ip_net net = *inner;

	for (int prefix = net.prefix; prefix >= 0; prefix--) {
		if (!(q->s->prefixes[net.v6][prefix / 64] >> prefix % 64 & 1))
			continue;
		net.prefix = (uint8_t)prefix;
		ip_mask(&net);
		struct shadow_key k = net_key(&net, f);
		if (is_put(q, &k))
			return true;
	}
	return false;
}

static bool ip_covered(const struct query *q, enum rule_field f, struct str item)
{
	struct ip_net net;
	struct shadow_key k;

	switch (net_read(q->s, item, &net)) {
	case NET_PLAIN:
		return net_covered(q, f, &net);
	case NET_LIST:
		k = text_key(item, kind_of(f, FAMILY_TEXT, 0));
		return is_put(q, &k);
	default:
		return false;
	}
}

static bool ip_key(struct shadow_items *s, enum rule_field f, struct str item, struct shadow_key *ret_key)
{
	struct ip_net net, *copy;

	switch (net_read(s, item, &net)) {
	case NET_PLAIN:
		copy = arena_new_of(s->a, struct ip_net);
		*copy = net;
		s->prefixes[net.v6][net.prefix / 64] |= 1ull << net.prefix % 64;
		*ret_key = net_key(copy, f);
		return true;
	case NET_LIST:
		*ret_key = text_key(item, kind_of(f, FAMILY_TEXT, 0));
		return true;
	default:
		return false;
	}
}

/* --- whole conditions --------------------------------------------------------------------------------------------- */

enum class { CLASS_NONE, CLASS_DOMAIN, CLASS_IP, CLASS_TEXT };
static const uint8_t classes[RF_CONDITIONS__N] = {
	[RF_DOMAIN] = CLASS_DOMAIN, [RF_IP] = CLASS_IP, [RF_SOURCE_IP] = CLASS_IP, [RF_LOCAL_IP] = CLASS_IP,
	[RF_INBOUND] = CLASS_TEXT, [RF_USER] = CLASS_TEXT, [RF_PROTOCOL] = CLASS_TEXT, [RF_PROCESS] = CLASS_TEXT,
};

bool shadow_items_knows(enum rule_field f)
{
	return classes[f] != CLASS_NONE;
}

static bool item_covered(const struct query *q, enum rule_field f, struct str item)
{
	struct shadow_key k;

	if (classes[f] == CLASS_DOMAIN)
		return domain_covered(q, f, item);
	if (classes[f] == CLASS_IP)
		return ip_covered(q, f, item);
	k = text_key(item, kind_of(f, FAMILY_TEXT, 0));
	return item.len && is_put(q, &k);
}

enum shadow_fit shadow_items_find(const struct shadow_items *s, enum rule_field f, const struct value *v,
				  const uint32_t contexts[2], struct shadow_cover *cover)
{
	const struct query q = { s, contexts, cover };
	struct xparts it = xparts_of(v);
	struct xpart item;
	bool any = false;

	while (xparts_next(&it, &item)) {
		if (!item_covered(&q, f, item.s))
			return SHADOW_FREE;
		any = true;
	}
	return any ? SHADOW_COVERED : SHADOW_FREE;
}

bool shadow_items_put(struct shadow_items *s, enum rule_field f, const struct value *v, uint32_t context, uint32_t rule)
{
	struct xparts it = xparts_of(v);
	struct xpart item;
	bool all = true;

	while (xparts_next(&it, &item)) {
		struct shadow_key k = { 0 };
		bool made = true;

		if (classes[f] == CLASS_DOMAIN)
			made = domain_key(s, f, item.s, &k);
		else if (classes[f] == CLASS_IP)
			made = ip_key(s, f, item.s, &k);
		else
			k = text_key(item.s, kind_of(f, FAMILY_TEXT, 0));
		k.context = context;
		made &= item.s.len > 0;
		all &= made;
		if (made)
			shadow_table_put(s->table, &k, rule);
	}
	return all;
}
