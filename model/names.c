/* Rules for tags, hosts, addresses, UUIDs and ruleTags. */
#include "model/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/sha256.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

char *name_sanitise(struct arena *a, struct str s)
{
	char *out = arena_array(a, char, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		if (is_alnum(c))
			out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	if (n && out[n - 1] == '-')
		n--;
	out[n] = '\0';
	return out;
}

const char *name_reserved(struct str tag)
{
	struct str t = str_trim(tag);

	if (str_starts_nocase(t, "proxy-"))
		return "proxy-*";
	if (str_starts_nocase(t, "xp2p-"))
		return "xp2p-*";
	return str_ends_nocase(t, ".rev") ? "*.rev" : NULL;
}

/* Letters, digits, '-' and '_' (which real names hold); 1 to 63 of them, no '-' at either end. */
static bool is_label(struct str l)
{
	if (!l.len || l.len > 63 || l.p[0] == '-' || l.p[l.len - 1] == '-')
		return false;
	for (size_t i = 0; i < l.len; i++)
		if (!is_alnum(l.p[i]) && l.p[i] != '-' && l.p[i] != '_')
			return false;
	return true;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.len > 0;
}

bool name_is_host(struct str s)
{
	struct str label = { NULL, 0 };

	if (ip_is_literal(s))
		return true;
	if (s.len && s.p[s.len - 1] == '.')
		s.len--;
	if (!s.len || s.len > 253)
		return false;
	while (s.len) {
		size_t before = s.len;
		label = str_cut(&s, '.');
		if (!is_label(label) || (!s.len && before > label.len))
			return false;
	}
	return !all_digits(label); /* "256.1.1.1" is a mistyped address, not a name */
}

bool name_is_uuid(struct str s)
{
	if (s.len != 36)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		if (hyphen ? s.p[i] != '-' : !is_hex(s.p[i]))
			return false;
	}
	return true;
}

static int prefix_parse(struct str s, unsigned max, uint8_t *ret_prefix)
{
	int64_t n;

	if (!all_digits(s) || s.len > 3 || (s.len > 1 && s.p[0] == '0') || str_int(s, &n) || n > (int64_t)max)
		return -EINVAL;
	*ret_prefix = (uint8_t)n;
	return 0;
}

int ip_parse(struct str s, struct ip_net *ret_net)
{
	struct ip_net net = { 0 };
	char text[INET6_ADDRSTRLEN + 1];
	const char *slash = s.len ? memchr(s.p, '/', s.len) : NULL;
	size_t len = slash ? (size_t)(slash - s.p) : s.len;

	if (!len || len >= sizeof(text) || memchr(s.p, '\0', len))
		return -EINVAL;
	memcpy(text, s.p, len);
	text[len] = '\0';
	net.v6 = memchr(text, ':', len) != NULL;
	if (inet_pton(net.v6 ? AF_INET6 : AF_INET, text, net.addr) != 1)
		return -EINVAL;
	net.prefix = net.v6 ? 128 : 32;
	if (slash && prefix_parse(str_skip(s, len + 1), net.prefix, &net.prefix))
		return -EINVAL;
	*ret_net = net;
	return 0;
}

bool ip_is_literal(struct str s)
{
	struct ip_net net;

	return s.len && !memchr(s.p, '/', s.len) && !ip_parse(s, &net);
}

void ip_mask(struct ip_net *net)
{
	unsigned bytes = net->v6 ? 16 : 4;

	for (unsigned i = 0; i < bytes; i++) {
		unsigned kept = net->prefix > i * 8 ? net->prefix - i * 8 : 0;
		if (kept < 8)
			net->addr[i] &= (uint8_t)(0xff00u >> kept);
	}
}

char *ip_format(struct arena *a, const struct ip_net *net, bool with_prefix)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(net->v6 ? AF_INET6 : AF_INET, net->addr, text, sizeof(text));
	return with_prefix ? arena_printf(a, "%s/%u", text, net->prefix) : arena_strdup(a, text);
}

bool ip_contains(const struct ip_net *outer, const struct ip_net *inner)
{
	struct ip_net o = *outer, i = *inner;

	if (o.v6 != i.v6 || o.prefix > i.prefix)
		return false;
	i.prefix = o.prefix;
	ip_mask(&o);
	ip_mask(&i);
	return !memcmp(o.addr, i.addr, o.v6 ? 16 : 4);
}

/* Networks no public server has: the lists Xray itself treats as private. */
static const struct ip_net private_nets[] = {
	{ { 0 }, 8, false },
	{ { 10 }, 8, false },
	{ { 100, 64 }, 10, false },
	{ { 127 }, 8, false },
	{ { 169, 254 }, 16, false },
	{ { 172, 16 }, 12, false },
	{ { 192, 0, 0 }, 24, false },
	{ { 192, 0, 2 }, 24, false },
	{ { 192, 88, 99 }, 24, false },
	{ { 192, 168 }, 16, false },
	{ { 198, 18 }, 15, false },
	{ { 198, 51, 100 }, 24, false },
	{ { 203, 0, 113 }, 24, false },
	{ { 224 }, 3, false },
	{ { 0 }, 127, true },
	{ { 0xfc }, 7, true },
	{ { 0xfe, 0x80 }, 10, true },
	{ { 0xff }, 8, true },
};
static const struct ip_net mapped_net = { { [10] = 0xff, [11] = 0xff }, 96, true };

bool ip_is_private(const struct ip_net *net)
{
	struct ip_net n = *net;

	if (ip_contains(&mapped_net, &n)) { /* ::ffff:10.0.0.1 is 10.0.0.1 */
		n = (struct ip_net){ .prefix = (uint8_t)(net->prefix - 96) };
		memcpy(n.addr, net->addr + 12, 4);
	}
	for (size_t i = 0; i < sizeof(private_nets) / sizeof(private_nets[0]); i++)
		if (ip_contains(&private_nets[i], &n))
			return true;
	return false;
}

static const char *const private_domains[] = { "lan", "localdomain", "example", "invalid", "localhost", "test", "local",
	"home.arpa", "internal" };

static bool is_at_or_below(struct str host, const char *domain)
{
	size_t len = strlen(domain);

	return str_ends_nocase(host, domain) && (host.len == len || host.p[host.len - len - 1] == '.');
}

bool host_is_private(struct str host)
{
	struct ip_net net;

	if (!ip_parse(host, &net))
		return ip_is_private(&net);
	if (host.len && host.p[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; i < sizeof(private_domains) / sizeof(private_domains[0]); i++)
		if (is_at_or_below(host, private_domains[i]))
			return true;
	return host.len && !memchr(host.p, '.', host.len);
}

char *rule_tag(struct arena *a, const char *const *parts)
{
	size_t size = 0, n = 0;

	for (const char *const *p = parts; *p; p++)
		size += strlen(*p) + 1;
	char *joined = arena_array(a, char, size + 1);
	for (const char *const *p = parts; *p; p++) {
		char *part = str_lower(a, str_trim(str_of(*p)));
		size_t len = strlen(part);
		if (!len)
			continue;
		if (n)
			joined[n++] = '\0';
		memcpy(joined + n, part, len);
		n += len;
	}
	char *tag = arena_array(a, char, sizeof("xp2p-") + 16);
	memcpy(tag, "xp2p-", 5);
	sha256_hex((struct str){ joined, n }, 8, tag + 5);
	return tag;
}
