/* link: validate model lib */
/* Shadowed rules: chosen pairs, and random lists held against a slow oracle that asks every rule about every flow. */
#include "tests/unit/validate_case.h"

/* --- chosen lists ------------------------------------------------------------------------------------------------- */

struct row {
	const char *rules; /* elements of the list, without outboundTag: it is put in place of @ */
	const char *codes;
};

static const char *with_outbound(char *out, size_t size, const char *rules)
{
	size_t n = 0;

	for (const char *p = rules; *p && n + 32 < size; p++)
		n += (size_t)snprintf(out + n, size - n, *p == '@' ? "\"outboundTag\": \"d\"" : "%c", *p);
	return out;
}

static struct checked_text check_rules(const char *rules, const char *target)
{
	static const char form[] =
		"{\"inbounds\": [{\"tag\": \"p\", \"protocol\": \"vmess\", \"port\": 1}, {\"tag\": \"q\", "
		"\"protocol\": \"vmess\", \"port\": 2}], \"outbounds\": [{\"tag\": \"d\", \"protocol\": \"vmess\"}], "
		"\"routing\": {\"domainStrategy\": \"IPIfNonMatch\", \"rules\": [%s]}}";
	static char text[8192];
	char body[6000];

	snprintf(text, sizeof(text), form, with_outbound(body, sizeof(body), rules));
	return check_text_for(text, target);
}

static void test_pairs(void **state)
{
	static const struct row rows[] = {
		{ "{\"port\": 1, @}, {\"port\": 1, @}", "XR534" },
		{ "{\"port\": 1, @}, {\"port\": 2, @}", "" },
		{ "{\"port\": \"1-100\", @}, {\"port\": \"5,7-9\", @}", "XR534" },
		{ "{\"port\": \"1-100\", @}, {\"port\": \"5,99-101\", @}", "" },
		{ "{\"port\": \"1-50\", @}, {\"port\": \"51-100\", @}, {\"port\": \"40-60\", @}", "XR534" },
		{ "{\"port\": \"1-50\", @}, {\"port\": 7, \"network\": \"tcp\", @}", "XR534" },
		{ "{\"port\": \"1-50\", \"network\": \"tcp\", @}, {\"port\": 7, @}", "" },
		{ "{\"network\": \"tcp,udp\", @}, {\"port\": 7, @}, {\"port\": 8, @}", "XR533" },
		{ "{\"network\": [\"udp\", \"tcp\"], @}, {\"port\": 7, @}", "XR533" },
		{ "{\"network\": \"tcp\", @}, {\"port\": 7, @}", "" },
		{ "{\"network\": \"tcp\", @}, {\"port\": 7, \"network\": \"tcp\", @}", "XR534" },
		{ "{\"port\": \"0-65535\", @}, {\"port\": 7, @}", "XR533" },
		{ "{\"domain\": [\"domain:example.com\"], @}, {\"domain\": [\"full:a.example.com\"], @}", "XR534" },
		{ "{\"domain\": [\"domain:example.com\"], @}, {\"domain\": [\"domain:b.a.example.com\", "
		  "\"full:example.com\"], @}",
			"XR534" },
		{ "{\"domain\": [\"domain:example.com\"], @}, {\"domain\": [\"full:aexample.com\"], @}", "" },
		{ "{\"domain\": [\"domain:a.example.com\"], @}, {\"domain\": [\"domain:example.com\"], @}", "" },
		{ "{\"domain\": [\"domain:EXAMPLE.com\"], @}, {\"domain\": [\"full:a.example.COM\"], @}", "XR534" },
		{ "{\"domain\": [\"full:a.b\"], @}, {\"domain\": [\"full:c.d\"], @}, {\"domain\": [\"full:a.b\", "
		  "\"full:c.d\"], @}",
			"XR534" },
		{ "{\"domain\": \"geosite:cn,a\", @}, {\"domain\": [\"a\"], @}, {\"domain\": [\"geosite:cn\"], @}",
			"XR534 XR534" },
		{ "{\"domain\": [\"a\"], @}, {\"domain\": [\"keyword:a\"], @}, {\"domain\": [\"ab\"], @}", "XR534" },
		{ "{\"domain\": [\"a\"], \"port\": 1, @}, {\"domain\": [\"a\"], @}", "" },
		{ "{\"domain\": [\"a\"], @}, {\"domain\": [\"a\"], \"port\": 1, @}", "XR534" },
		{ "{\"domain\": [\"domain:a.b\"], \"port\": 1, @}, {\"port\": 1, \"domain\": [\"full:x.a.b\"], @}",
			"XR534" },
		{ "{\"domain\": [\"domain:a.b\"], \"port\": 1, @}, {\"port\": 2, \"domain\": [\"full:x.a.b\"], @}",
			"" },
		{ "{\"ip\": [\"10.0.0.0/8\"], @}, {\"ip\": [\"10.1.2.3\", \"10.200.0.0/16\"], @}", "XR534" },
		{ "{\"ip\": [\"10.0.0.0/8\"], @}, {\"ip\": [\"10.1.2.3\", \"11.0.0.1\"], @}", "" },
		{ "{\"ip\": [\"10.0.0.0/8\"], @}, {\"source\": [\"10.1.2.3\"], @}", "" },
		{ "{\"ip\": [\"0.0.0.0/0\"], @}, {\"ip\": [\"::1\"], @}", "" },
		{ "{\"ip\": [\"::/0\"], @}, {\"ip\": [\"2001:db8::/32\"], @}", "XR534" },
		{ "{\"ip\": [\"!10.0.0.0/8\"], @}, {\"ip\": [\"!10.0.0.0/8\"], @}", "XR534" },
		{ "{\"ip\": [\"!10.0.0.0/8\", \"!11.0.0.0/8\"], @}, {\"ip\": [\"!10.0.0.0/8\"], @}", "" },
		{ "{\"ip\": [\"geoip:cn\"], @}, {\"ip\": [\"geoip:cn\"], \"network\": \"udp\", @}", "XR534" },
		{ "{\"inboundTag\": [\"p\", \"q\"], @}, {\"inboundTag\": [\"q\"], \"domain\": [\"a\"], @}", "XR534" },
		{ "{\"inboundTag\": [\"p\"], @}, {\"inboundTag\": [\"p\", \"q\"], @}", "" },
		{ "{\"attrs\": {\":method\": \"GET\"}, @}, {\"attrs\": {\":method\": \"GET\"}, \"port\": 1, @}",
			"XR534" },
		{ "{\"attrs\": {\":method\": \"GET\"}, @}, {\"attrs\": {\":method\": \"PUT\"}, @}", "" },
		{ "{\"port\": \"env:A\", @}, {\"port\": \"env:A\", @}", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct checked_text c = check_rules(rows[i].rules, "xray-26.7");
		char found[256] = "";

		for (unsigned k = 0; k < diag_total(c.sink); k++) {
			const char *name = diag_infos[diag_at(c.sink, k)->code].name;
			if (strcmp(name, "XR533") && strcmp(name, "XR534"))
				continue;
			snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", *found ? " " : "", name);
		}
		if (strcmp(found, rows[i].codes))
			fail_msg("%s: '%s', not '%s'", rows[i].rules, found, rows[i].codes);
		check_free(&c);
	}
}

/* V2Ray compares names with case: what is upper case there matches nothing, and covers nothing. */
static void test_case(void **state)
{
	struct checked_text c = check_rules(
		"{\"domain\": [\"domain:EXAMPLE.com\"], @}, {\"domain\": [\"full:a.example.com\"], @}", "v2ray-4.34");

	(void)state;
	assert_int_equal(check_count(&c, DIAG_XR534), 0);
	check_free(&c);
}

/* --- random lists against the oracle ------------------------------------------------------------------------------ */

struct flow {
	const char *name; /* or NULL, then ip */
	const char *ip, *inbound, *network;
	unsigned port;
};
static const char *const names[] = { "x", "a.x", "b.x", "c.a.x", "y.z" };
static const char *const ips[] = { "10.1.1.1", "10.1.2.2", "10.2.0.1", "11.0.0.1", "2001::1", "2002::1" };
static const char *const inbounds[] = { "p", "q" };
static const char *const networks[] = { "tcp", "udp" };
static const unsigned ports[] = { 1, 5, 10, 80 };

static const char *const domain_items[] = { "full:a.x",  "full:x",   "domain:x",   "domain:a.x", "a",
					    "keyword:x", "domain:z", "full:c.a.x", "domain:X" };
static const char *const ip_items[] = { "10.0.0.0/8", "10.1.0.0/16", "10.1.1.1", "::/0", "2001::/16", "!10.1.0.0/16",
	"0.0.0.0/0", "11.0.0.1/32", "!2001::/16" };
static const char *const port_items[] = { "1", "1-5", "5-10", "80", "1-80", "0-65535", "6-9" };
static const char *const network_items[] = { "tcp", "udp", "tcp,udp" };

#define PICK(list) list[rand_below(sizeof(list) / sizeof(*list))]
static uint64_t seed = 12345;
static unsigned rand_below(size_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((seed >> 33) % n);
}

static void add_items(char *out, size_t size, const char *key, const char *const *list, size_t n, bool joined)
{
	unsigned count = 1 + rand_below(3);

	snprintf(out + strlen(out), size - strlen(out), joined ? "\"%s\": \"" : "\"%s\": [", key);
	for (unsigned i = 0; i < count; i++)
		snprintf(out + strlen(out), size - strlen(out), joined ? "%s%s" : "%s\"%s\"", i ? "," : "",
			 list[rand_below(n)]);
	snprintf(out + strlen(out), size - strlen(out), joined ? "\", " : "], ");
}

static void random_rule(char *out, size_t size)
{
	unsigned fields = 1 + rand_below(31);

	if (rand_below(2))
		fields = 1u << rand_below(5);
	strcat(out, "{");
	if (fields & 1)
		add_items(out, size, "domain", domain_items, sizeof(domain_items) / sizeof(*domain_items),
			  rand_below(2));
	if (fields & 2)
		add_items(out, size, "ip", ip_items, sizeof(ip_items) / sizeof(*ip_items), rand_below(2));
	if (fields & 4)
		add_items(out, size, "port", port_items, sizeof(port_items) / sizeof(*port_items), true);
	if (fields & 8)
		add_items(out, size, "inboundTag", inbounds, 2, false);
	if (fields & 16)
		snprintf(out + strlen(out), size - strlen(out), "\"network\": \"%s\", ", PICK(network_items));
	strcat(out, "@}");
}

/* --- the oracle: reads the items anew, with no code of the check -------------------------------------------------- */

static bool name_matches(const char *item, const char *name)
{
	char value[64];
	const char *colon = strchr(item, ':');
	size_t n = strlen(name), len;

	snprintf(value, sizeof(value), "%s", colon ? colon + 1 : item);
	for (char *p = value; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	len = strlen(value);
	if (!strncmp(item, "full:", 5))
		return !strcmp(value, name);
	if (!strncmp(item, "domain:", 7))
		return n >= len && !strcmp(name + n - len, value) && (n == len || name[n - len - 1] == '.');
	return strstr(name, value) != NULL;
}

static bool net_has(const char *item, const char *ip, bool *ret_family)
{
	struct ip_net net, one;

	assert_int_equal(ip_parse(str_of(item), &net), 0);
	assert_int_equal(ip_parse(str_of(ip), &one), 0);
	*ret_family = net.v6 == one.v6;
	return ip_contains(&net, &one);
}

/* Items of one kind make one set: plain ones, and the complement of the negated ones within their families. */
static bool list_matches_ip(const struct value *list, const char *ip)
{
	bool negated = false, inside = false, family_seen = false;

	for (uint32_t i = 0; i < list->n; i++) {
		char item[64];
		bool family;

		snprintf(item, sizeof(item), "%.*s", (int)list->items[i].len, list->items[i].text);
		if (item[0] != '!') {
			if (net_has(item, ip, &family))
				return true;
			continue;
		}
		negated = true;
		inside |= net_has(item + 1, ip, &family);
		family_seen |= family;
	}
	return negated && family_seen && !inside;
}

static struct value split(struct arena *a, const struct value *v)
{
	struct value list = value_array(v->span);
	struct str rest;

	if (v->kind == VAL_ARRAY)
		return *v;
	for (rest = value_str(v); rest.p;)
		value_push(a, &list, value_string_n(str_cut(&rest, ','), v->span));
	return list;
}

static bool port_matches(const struct value *list, unsigned port)
{
	for (uint32_t i = 0; i < list->n; i++) {
		unsigned from = 0, to = 0;
		char item[32];

		snprintf(item, sizeof(item), "%.*s", (int)list->items[i].len, list->items[i].text);
		if (sscanf(item, "%u-%u", &from, &to) == 1)
			to = from;
		if (from <= port && port <= to)
			return true;
	}
	return false;
}

static bool text_matches(const struct value *list, const char *text)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (str_is(value_str(&list->items[i]), text))
			return true;
	return false;
}

static bool domain_matches(const struct value *list, const char *name)
{
	for (uint32_t i = 0; name && i < list->n; i++) {
		char item[64];

		snprintf(item, sizeof(item), "%.*s", (int)list->items[i].len, list->items[i].text);
		if (name_matches(item, name))
			return true;
	}
	return false;
}

static bool rule_matches(struct arena *a, const struct value *rule, const struct flow *f)
{
	for (uint32_t i = 0; i < rule->n_members; i++) {
		const struct member *m = &rule->members[i];
		struct value list = split(a, &m->value);
		bool holds = true;

		switch (m->key[0]) {
		case 'd': holds = domain_matches(&list, f->name); break;
		case 'p': holds = port_matches(&list, f->port); break;
		case 'n': holds = text_matches(&list, f->network); break;
		case 'i':
			if (m->key_len == 2)
				holds = f->ip && list_matches_ip(&list, f->ip);
			else
				holds = text_matches(&list, f->inbound);
		}
		if (!holds)
			return false;
	}
	return true;
}

static void mark_winner(const struct checked_text *c, const struct flow *f, bool *wins)
{
	for (uint32_t i = 0; i < c->x.rules.n; i++) {
		if (rule_matches(c->a, &c->x.rules.v[i].v, f)) {
			wins[i] = true;
			return;
		}
	}
}

static void mark_winners(const struct checked_text *c, bool *wins)
{
	const size_t n_names = sizeof(names) / sizeof(*names), n_ips = sizeof(ips) / sizeof(*ips);

	for (size_t t = 0; t < n_names + n_ips; t++)
		for (size_t k = 0; k < 16; k++) {
			const struct flow f = { t < n_names ? names[t] : NULL, t < n_names ? NULL : ips[t - n_names],
				inbounds[k & 1], networks[k >> 1 & 1], ports[k >> 2] };
			mark_winner(c, &f, wins);
		}
}

static void test_oracle(void **state)
{
	unsigned reported = 0;

	(void)state;
	for (unsigned round = 0; round < 1500; round++) {
		char rules[4096] = "";
		bool wins[8] = { false };
		unsigned n = 2 + rand_below(6);
		struct checked_text c;

		for (unsigned i = 0; i < n; i++) {
			strcat(rules, i ? ", " : "");
			random_rule(rules, sizeof(rules));
		}
		c = check_rules(rules, "xray-26.7");
		mark_winners(&c, wins);
		for (unsigned k = 0; k < diag_total(c.sink); k++) {
			const struct diag *d = diag_at(c.sink, k);
			if (d->code != DIAG_XR534 && d->code != DIAG_XR533)
				continue;
			for (unsigned i = 0; i < n; i++)
				if (c.x.rules.v[i].v.span.begin == d->at.begin) {
					reported++;
					if (wins[i])
						fail_msg("round %u: rule %u is reported and wins: %s", round, i, rules);
				}
		}
		check_free(&c);
	}
	assert_true(reported > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_oracle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
