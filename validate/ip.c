/* Items of address lists: networks, geoip lists, and negations that do not mean what they seem to. */
#include <string.h>

#include "validate/rules.h"

struct mix { /* what a list holds: the engine unions each kind by itself and ORs the results */
	bool plain, not_net, not_list;
	struct span first_not;
};

static struct str strip_not(struct str s, bool *ret_not)
{
	*ret_not = false;
	for (; s.len && s.p[0] == '!'; s = str_skip(s, 1))
		*ret_not = !*ret_not;
	return s;
}

/* Spellings that Xray takes and ip_parse does not: brackets, space, an empty prefix, leading zeros. */
static bool is_net_loosely(struct str s)
{
	struct str rest = s, addr = str_trim(str_cut(&rest, '/'));
	struct ip_net net;
	int64_t prefix = 0;

	if (addr.len > 2 && addr.p[0] == '[' && addr.p[addr.len - 1] == ']')
		addr = (struct str){ addr.p + 1, addr.len - 2 };
	if (memchr(addr.len ? addr.p : "", '/', addr.len) || ip_parse(addr, &net))
		return false;
	if (!rest.len)
		return true;
	return rest.p[0] != '-' && !str_int(rest, &prefix) && prefix <= (net.v6 ? 128 : 32);
}

static void report_bad(struct facts *f, const struct xpart *item, const char *where)
{
	struct str rest = item->s, addr = str_cut(&rest, '/');
	struct diag *d;

	d = diag_add(f->sink, DIAG_XR537, item->at, "'%s' is not an address or network", facts_shown(f, item->s));
	if (ip_is_literal(addr))
		diag_help(f->sink, d, "the prefix is 0 to %d", memchr(addr.p, ':', addr.len) ? 128 : 32);
	else if (name_is_host(item->s) || str_starts(item->s, "geosite:") || str_starts(item->s, "domain:"))
		diag_help(f->sink, d, "'%s' takes addresses alone; names belong to 'domain'", where);
	else
		diag_help(f->sink, d, "write 192.0.2.1, 192.0.2.0/24, geoip:LIST or ext:FILE:LIST");
}

/* LIST behind geoip:, FILE:LIST behind ext: and ext-ip:. */
static bool check_list_name(struct facts *f, const struct xpart *item, struct str value, bool with_file)
{
	struct str rest = value, file = with_file ? str_cut(&rest, ':') : str_of("geoip.dat");
	const char *what = NULL;
	bool negated;

	rest = strip_not(rest, &negated);
	if (with_file && !rest.p)
		what = "a file and a list are wanted, FILE:LIST";
	else if (!file.len)
		what = "the file name is empty";
	else if (!rest.len)
		what = "the name of the list is empty";
	if (what)
		diag_add(f->sink, DIAG_XR543, item->at, "'%s' names no list: %s", facts_shown(f, item->s), what);
	return !what;
}

static void mix_add(struct mix *m, bool negated, bool is_list, struct span at)
{
	if (negated && !m->not_net && !m->not_list)
		m->first_not = at;
	m->plain |= !negated;
	m->not_net |= negated && !is_list;
	m->not_list |= negated && is_list;
}

static void check_item(struct facts *f, const struct xpart *item, const char *where, struct mix *m)
{
	static const struct {
		const char *text;
		bool with_file;
	} lists[] = { { "geoip:", false }, { "ext:", true }, { "ext-ip:", true } };
	bool negated, inner = false;
	struct str s = strip_not(item->s, &negated);
	struct ip_net net;

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		if (!s.len || s.p[0] != lists[i].text[0] || !str_starts(s, lists[i].text))
			continue;
		s = str_skip(s, strlen(lists[i].text));
		if (!check_list_name(f, item, s, lists[i].with_file))
			return;
		if (lists[i].with_file)
			str_cut(&s, ':');
		strip_not(s, &inner);
		mix_add(m, negated != inner, true, item->at);
		return;
	}
	mix_add(m, negated, false, item->at);
	if (items_net(&f->nets, s, &net) && !is_net_loosely(s))
		report_bad(f, item, where);
	else if (item->s.p[0] == '!' && !target_has(f->x->target, CAP_XRAY_VALUES))
		diag_add(f->sink, DIAG_XR665, item->at, "%s does not take '!' before a network; these do: %s",
			 f->x->target->name, target_names_with(f->a, CAP_XRAY_VALUES));
}

static void check_mix(struct facts *f, const struct mix *m)
{
	const char *what = NULL;
	struct diag *d;

	if (m->not_net && m->not_list)
		what = "a negated network and a negated list are matched each by itself, and one of them matches "
		       "nearly everything";
	else if (m->plain && (m->not_net || m->not_list))
		what = "'!' does not take addresses away from the other items: it matches everything else";
	if (!what)
		return;
	d = diag_add(f->sink, DIAG_XR546, m->first_not, "%s", what);
	diag_help(f->sink, d, "put what is to be left out into an earlier rule");
}

void ip_check_list(struct facts *f, const struct value *list, const char *where)
{
	struct xparts it = xparts_of(list);
	struct mix m = { 0 };
	struct xpart item;

	while (xparts_next(&it, &item))
		if (!str_is(item.s, "*"))
			check_item(f, &item, where, &m);
	check_mix(f, &m);
}
