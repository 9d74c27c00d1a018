#ifndef XRAT_TESTS_ROUTE_MATCHER_H
#define XRAT_TESTS_ROUTE_MATCHER_H
/* Rule by rule, item by item, from the JSON values: what the index is held against. Shares no code with route/: JSON by
 * jansson, patterns by regcomp, lists as the generator made them and not as the reader of .dat files sees them. */
#include <arpa/inet.h>
#include <ctype.h>
#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* In the order in which Xray tests them. */
enum mf { MF_OS, MF_INBOUND, MF_NETWORK, MF_PROTOCOL, MF_PORT, MF_SPORT, MF_LPORT, MF_VLESS, MF_USER, MF_ATTRS, MF_IP,
	MF_SOURCE, MF_LOCAL, MF_DOMAIN, MF_PROCESS, MF__N };
static const char *const mf_names[MF__N] = { "localOS", "inboundTag", "network", "protocol", "port", "sourcePort",
	"localPort", "vlessRoute", "user", "attrs", "ip", "sourceIP", "localIP", "domain", "process" };

struct maddr {
	int family; /* 0, 4, 6 */
	uint8_t b[16];
};
struct mattr {
	const char *name, *value;
};
struct mflow {
	char domain[64]; /* "" = none */
	struct maddr target, source, local, resolved[4];
	int n_resolved;  /* -1 = the lookup fails */
	bool udp;
	uint16_t port, sport, lport, vless;
	const char *inbound, *user, *protocol, *process;
	struct mattr attrs[3];
	int n_attrs;
};
/* What stands in the lists of the .dat files. */
struct mname {
	int type; /* 0 keyword, 1 regexp, 2 domain, 3 full */
	const char *value, *attrs; /* "x y" */
};
struct mlist {
	const char *file, *code;
	struct mname names[8];
	const char *nets[8];
};
struct mrule {
	json_t *f[MF__N];
	unsigned n;
};

static const struct mlist *m_lists; /* ends with a NULL file */

/* --- patterns, compiled once ---------------------------------------------------------------------------------------- */

struct mpattern {
	char text[80];
	regex_t re;
};
static struct mpattern m_patterns[256];
static unsigned m_n_patterns;

static bool m_regexp(const char *pattern, const char *text)
{
	unsigned i = 0;

	while (i < m_n_patterns && strcmp(m_patterns[i].text, pattern) != 0)
		i++;
	if (i == m_n_patterns) {
		if (i == 256 || strlen(pattern) >= sizeof(m_patterns[i].text))
			abort();
		strcpy(m_patterns[i].text, pattern);
		if (regcomp(&m_patterns[i].re, pattern, REG_EXTENDED | REG_NOSUB))
			abort();
		m_n_patterns++;
	}
	return !regexec(&m_patterns[i].re, text, 0, NULL, 0);
}

/* --- names ---------------------------------------------------------------------------------------------------------- */

static bool m_suffix(const char *s, const char *end)
{
	size_t a = strlen(s), b = strlen(end);

	return a >= b && !strcmp(s + a - b, end);
}

/* A text of Xray's table: the name itself, or an ending of it that begins with a dot. */
static bool m_text(const char *name, const char *text)
{
	return *text && (!strcmp(name, text) || (*text == '.' && m_suffix(name, text)));
}

static bool m_kind(const char *name, int type, const char *value)
{
	char low[96], dotted[100];
	size_t n = strlen(value);

	if (type == 1)
		return m_regexp(value, name);
	for (size_t i = 0; i <= n; i++)
		low[i] = (char)tolower((unsigned char)value[i]);
	snprintf(dotted, sizeof(dotted), ".%s", low);
	if (type == 0)
		return strstr(name, low) != NULL;
	return m_text(name, low) || (type == 2 && m_text(name, dotted));
}

static bool m_has_attrs(const struct mname *n, const char *wanted) /* "@a@b" */
{
	char copy[64], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", wanted);
	for (char *w = strtok_r(copy, "@", &save); w; w = strtok_r(NULL, "@", &save)) {
		char have[64], *save2 = NULL;
		bool found = false;
		snprintf(have, sizeof(have), "%s", n->attrs ? n->attrs : "");
		for (char *h = strtok_r(have, " ", &save2); h; h = strtok_r(NULL, " ", &save2))
			found |= !strcasecmp(h, w);
		if (!found)
			return false;
	}
	return true;
}

static const struct mlist *m_list(const char *file, size_t file_len, const char *code, size_t code_len)
{
	for (const struct mlist *l = m_lists; l->file; l++)
		if (strlen(l->file) == file_len && !memcmp(l->file, file, file_len) && strlen(l->code) == code_len &&
		    !strncasecmp(l->code, code, code_len))
			return l;
	abort();
}

static bool m_in_list(const char *name, const char *file, size_t file_len, const char *rest)
{
	size_t code_len = strcspn(rest, "@");
	const struct mlist *l = m_list(file, file_len, rest, code_len);

	for (int i = 0; i < 8 && l->names[i].value; i++)
		if (m_has_attrs(&l->names[i], rest + code_len) && m_kind(name, l->names[i].type, l->names[i].value))
			return true;
	return false;
}

static bool m_starts(const char *s, const char *prefix, const char **rest)
{
	size_t n = strlen(prefix);

	*rest = s + n;
	return !strncmp(s, prefix, n);
}

static bool m_domain_item(const char *name, const char *item)
{
	const char *r;
	char pattern[80];

	if (m_starts(item, "regexp:", &r))
		return m_regexp(r, name);
	if (m_starts(item, "domain:", &r))
		return m_kind(name, 2, r);
	if (m_starts(item, "full:", &r))
		return m_kind(name, 3, r);
	if (m_starts(item, "keyword:", &r))
		return m_kind(name, 0, r);
	if (m_starts(item, "geosite:", &r))
		return m_in_list(name, "geosite.dat", 11, r);
	if (m_starts(item, "ext:", &r) || m_starts(item, "ext-domain:", &r))
		return m_in_list(name, r, strcspn(r, ":"), strchr(r, ':') + 1);
	if (m_starts(item, "dotless:", &r)) {
		snprintf(pattern, sizeof(pattern), "^[^.]*%s[^.]*$", r);
		return m_regexp(pattern, name);
	}
	return m_kind(name, 0, item);
}

/* --- addresses ------------------------------------------------------------------------------------------------------ */

static bool m_net(const char *text, struct maddr *net, int *bits)
{
	char copy[64], *slash;
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = 0;
	net->family = strchr(copy, ':') ? 6 : 4;
	if (inet_pton(net->family == 6 ? AF_INET6 : AF_INET, copy, net->b) != 1)
		return false;
	if (net->family == 6 && !memcmp(net->b, mapped, 12)) {
		memmove(net->b, net->b + 12, 4);
		net->family = 4;
	}
	*bits = slash ? atoi(slash + 1) : net->family == 6 ? 128 : 32;
	return true;
}

static bool m_in_net(const struct maddr *ip, const struct maddr *net, int bits)
{
	if (ip->family != net->family)
		return false;
	for (int i = 0; i < bits; i++)
		if ((ip->b[i / 8] ^ net->b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

struct mset {
	bool used, has[2], holds;
};

static void m_add_net(struct mset *s, const struct maddr *ip, const char *text)
{
	struct maddr net;
	int bits;

	if (!m_net(text, &net, &bits))
		abort();
	s->has[net.family == 6] = true;
	s->holds |= m_in_net(ip, &net, bits);
}

static bool m_one_ip(json_t *list, const struct maddr *ip)
{
	struct mset sets[4] = { 0 };
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) {
		const char *s = json_string_value(v), *r;
		bool negated = false, is_list;

		for (; *s == '!'; s++)
			negated = !negated;
		is_list = m_starts(s, "geoip:", &r) || m_starts(s, "ext:", &r);
		if (!is_list) {
			sets[negated].used = true;
			m_add_net(&sets[negated], ip, s);
			continue;
		}
		const char *file = *s == 'g' ? "geoip.dat" : r;
		size_t file_len = strcspn(file, ":");
		if (*s != 'g')
			r = strchr(r, ':') + 1;
		for (; *r == '!'; r++)
			negated = !negated;
		const struct mlist *l = m_list(file, file_len, r, strlen(r));
		sets[2 + negated].used = true;
		for (int k = 0; k < 8 && l->nets[k]; k++)
			m_add_net(&sets[2 + negated], ip, l->nets[k]);
	}
	for (int k = 0; k < 4; k++)
		if (sets[k].used && sets[k].has[ip->family == 6] && sets[k].holds != (k & 1))
			return true;
	return false;
}

static bool m_ips(json_t *list, const struct maddr *ips, int n)
{
	for (int i = 0; i < n; i++)
		if (ips[i].family && m_one_ip(list, &ips[i]))
			return true;
	return false;
}

/* --- words, ports --------------------------------------------------------------------------------------------------- */

/* An array of strings, or one string with commas. */
static bool m_any(json_t *list, const char *word, bool (*matches)(const char *word, const char *item))
{
	char copy[128], *p = copy, *item;
	size_t i;
	json_t *v;

	if (json_is_string(list)) {
		snprintf(copy, sizeof(copy), "%s", json_string_value(list));
		while ((item = strsep(&p, ",")))
			if (matches(word, item))
				return true;
		return false;
	}
	json_array_foreach(list, i, v)
		if (matches(word, json_string_value(v)))
			return true;
	return false;
}

static bool m_is(const char *word, const char *item) { return *item && *word && !strcmp(word, item); }
static bool m_is_nocase(const char *word, const char *item) { return !strcasecmp(word, item); }
static bool m_begins(const char *word, const char *item) { return *item && !strncmp(word, item, strlen(item)); }

static bool m_is_user(const char *word, const char *item)
{
	if (*word && !strncmp(item, "regexp:", 7) && item[7])
		return m_regexp(item + 7, word);
	return m_is(word, item);
}

static bool m_is_process(const char *process, const char *item)
{
	const char *name = strrchr(process, '/') ? strrchr(process, '/') + 1 : process;
	char plain[64];

	if (!*process || !*item)
		return false;
	if (item[strlen(item) - 1] == '/')
		return !strncmp(process, item, strlen(item));
	if (strchr(item, '/'))
		return !strcmp(process, item);
	snprintf(plain, sizeof(plain), "%s", item);
	if (m_suffix(plain, ".exe"))
		plain[strlen(plain) - 4] = 0;
	return !strcmp(plain, name);
}

static bool m_port(json_t *v, unsigned port)
{
	const char *s = json_string_value(v);
	char *end;

	if (!s)
		return json_integer_value(v) && json_integer_value(v) == (json_int_t)port;
	while (*s) {
		unsigned long from = strtoul(s, &end, 10), to = from;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (from <= port && port <= to)
			return true;
		s = *end ? end + 1 : end;
	}
	return false;
}

static bool m_attrs(json_t *attrs, const struct mflow *f)
{
	const char *key;
	json_t *v;

	json_object_foreach(attrs, key, v) {
		int i = f->n_attrs - 1;
		while (i >= 0 && strcasecmp(f->attrs[i].name, key) != 0)
			i--;
		if (i < 0 || !m_regexp(json_string_value(v), f->attrs[i].value))
			return false;
	}
	return true;
}

/* --- rules ---------------------------------------------------------------------------------------------------------- */

static bool m_field(enum mf k, json_t *v, const struct mflow *f, const char *name, const struct maddr *ips, int n_ips)
{
	switch (k) {
	case MF_OS: return m_any(v, "linux", m_is_nocase);
	case MF_INBOUND: return m_any(v, f->inbound, m_is);
	case MF_NETWORK: return m_any(v, f->udp ? "udp" : "tcp", m_is_nocase);
	case MF_PROTOCOL: return m_any(v, f->protocol, m_begins);
	case MF_PORT: return m_port(v, f->port);
	case MF_SPORT: return m_port(v, f->sport);
	case MF_LPORT: return m_port(v, f->lport);
	case MF_VLESS: return m_port(v, f->vless);
	case MF_USER: return m_any(v, f->user, m_is_user);
	case MF_ATTRS: return m_attrs(v, f);
	case MF_IP: return m_ips(v, ips, n_ips);
	case MF_SOURCE: return m_ips(v, &f->source, 1);
	case MF_LOCAL: return m_ips(v, &f->local, 1);
	case MF_DOMAIN: return *name && m_any(v, name, m_domain_item);
	case MF_PROCESS: return m_any(v, f->process, m_is_process);
	default: abort();
	}
}

struct manswer {
	int rule;         /* -1 = none */
	bool asked;       /* Xray would have asked for addresses */
	unsigned decided; /* bits of fields without whose condition an earlier rule would have won */
};

/* One pass: the first rule without a failing condition. Two failures of a rule are enough to know. */
static void m_pass(const struct mrule *rules, int n, const struct mflow *f, const char *name, const struct maddr *ips,
		   int n_ips, struct manswer *ret)
{
	for (int r = 0; r < n; r++) {
		unsigned failed = 0, failures = 0;

		for (int k = 0; k < MF__N && failures < 2; k++) {
			if (!rules[r].f[k])
				continue;
			if (k == MF_IP && !failures && *name)
				ret->asked = true;
			if (!m_field(k, rules[r].f[k], f, name, ips, n_ips)) {
				failed |= 1u << k;
				failures++;
			}
		}
		if (failures == 1 && rules[r].n > 1)
			ret->decided |= failed;
		if (!failures) {
			ret->rule = r;
			return;
		}
	}
	ret->rule = -1;
}

/* strategy: 0 AsIs, 1 IPIfNonMatch, 2 IPOnDemand */
static struct manswer m_find(const struct mrule *rules, int n, int strategy, const struct mflow *f)
{
	struct manswer a = { .rule = -1 };
	char name[64];
	size_t len = strlen(f->domain);
	const struct maddr *ips = &f->target, *resolved = f->resolved;
	int n_ips = f->target.family ? 1 : 0, n_resolved = f->n_resolved;

	for (size_t i = 0; i <= len; i++)
		name[i] = (char)tolower((unsigned char)f->domain[i]);
	if (n_resolved < 0) {
		resolved = ips;
		n_resolved = n_ips;
	}
	if (strategy == 2 && *name) {
		m_pass(rules, n, f, name, resolved, n_resolved, &a);
		return a;
	}
	m_pass(rules, n, f, name, ips, n_ips, &a);
	a.asked = false;
	if (strategy == 1 && a.rule < 0 && *name)
		m_pass(rules, n, f, name, resolved, n_resolved, &a);
	return a;
}

#endif
