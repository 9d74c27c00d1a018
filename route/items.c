/* The conditions of a rule, and what the items of its lists say. */
#include "route/items.h"

#include <string.h>

void items_keys(const struct value *rule, const struct value *keys[RF__N])
{
	xrule_fields(rule, keys);
	for (unsigned k = 0; k < RF__N; k++)
		if (keys[k] && !(k < RF_CONDITIONS__N ? xrule_has_effect((enum rule_field)k, keys[k]) : items_text(keys[k]).len))
			keys[k] = NULL;
}

struct str items_text(const struct value *v)
{
	return v && v->kind == VAL_STRING ? value_str(v) : (struct str){ NULL, 0 };
}

bool items_ports_next(struct xports *p, bool *unknown, struct port_range *ret_range)
{
	struct xport port;

	while (xports_next(p, &port)) {
		if (unknown)
			*unknown |= port.kind == XPORT_ENV;
		if (port.kind == XPORT_RANGE) {
			*ret_range = (struct port_range){ (uint16_t)port.from, (uint16_t)port.to };
			return true;
		}
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
