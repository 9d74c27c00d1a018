/* link: links model lib */
/* Generated links: every scheme with every parameter it has, in any order, under any of its names, encoded any way. All
 * of them are read, what they said is found in the node, and writing and reading again loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "links/codec.h"
#include "links/params.h"
#include "tests/unit/node_same.h"

enum { ROUNDS = 12000 };
#define ID "00000000-0000-4000-8000-000000000000"

struct maker {
	struct arena *a;
	uint64_t seed;
	struct buf link;
	const char *given[PARAMS_MAX]; /* by row: the value that must come back, NULL: not in the link */
};

static unsigned pick(struct maker *m, unsigned n)
{
	m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(m->seed >> 33) % n;
}

static const struct {
	const char *scheme, *user; /* %s: a random word */
	enum node_protocol protocol;
	bool port_needed;
} schemes[] = {
	{ "vless", ID "@", NODE_VLESS, true },
	{ "VLESS", ID "@", NODE_VLESS, true },
	{ "vmess", ID "@", NODE_VMESS, true },
	{ "trojan", "%s@", NODE_TROJAN, true },
	{ "ss", "aes-256-gcm:%s@", NODE_SHADOWSOCKS, true },
	{ "ss", "YWVzLTI1Ni1nY206Y2hhbmdlLW1l@", NODE_SHADOWSOCKS, true },
	{ "ss", "2022-blake3-aes-128-gcm:%s@", NODE_SHADOWSOCKS, true },
	{ "socks", "%s:change-me@", NODE_SOCKS, false },
	{ "socks5", "user:%s@", NODE_SOCKS, false },
	{ "socks5", "", NODE_SOCKS, false },
	{ "http", "user:%s@", NODE_HTTP, false },
	{ "http", "", NODE_HTTP, false },
	{ "https", "%s@", NODE_HTTP, false },
	{ "hysteria2", "%s@", NODE_HYSTERIA2, false },
	{ "hy2", "user:%s@", NODE_HYSTERIA2, false },
	{ "wireguard", "%s@", NODE_WIREGUARD, true },
};
static const char *const hosts[] = { "edge.example.net", "198.51.100.7", "[2001:db8::7]", "localhost",
	"xn--bcher-kva.example" };
/* Texts as they must come out. */
static const char *const words[] = { "a", "change-me", "with space", "a/b?c#d&e=f", "50%+1", "\xd0\xbf\xd0\xb0\xd1\x80",
	"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", ":@[]", "\"quoted\\\"", "{\"not\":\"json\"", "~._-", "0", "a,b", "%25", ";=" };

/* Percent-encoded: at least what must be, at most everything. */
static void put_encoded(struct maker *m, const char *text)
{
	bool all = !pick(m, 4);

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool must = c <= ' ' || c >= 0x7f || strchr("%#&?/@:[]=,+;\"\\", c);
		if (all || must || !pick(m, 20))
			buf_printf(&m->link, pick(m, 2) ? "%%%02x" : "%%%02X", c);
		else
			buf_putc(&m->link, (char)c);
	}
}

static const char *json(struct maker *m)
{
	static const char *const objects[] = { "{}", "{\"xPaddingBytes\":\"100-1000\"}", "{\"n\":1.10,\"b\":[true,null,{}]}",
		"{\"a b\":\"\\u00e9\\\"\",\"deep\":{\"er\":{\"x\":1e3}}}" };
	struct value v;

	assert_int_equal(param_json(m->a, str_of(objects[pick(m, 4)]), &v), 0);
	return param_compact(m->a, &v).p;
}

/* A value that the row takes, in the spelling in which it comes back. */
static const char *value_for(struct maker *m, const struct param *p)
{
	static const char *const alpns[] = { "h2", "http/1.1", "h2,http/1.1", "h3" };

	if (p->values)
		return p->values[0] && p->kind != PARAM_FIXED ? p->values[pick(m, p->values[1] ? 2 : 1)] : NULL;
	switch (p->kind) {
	case PARAM_TRANSPORT:
		return node_transport_names[pick(m, NODE_TRANSPORT__N)];
	case PARAM_SECURITY:
		return node_security_names[pick(m, NODE_SECURITY__N)];
	case PARAM_FLAG:
		return pick(m, 2) ? "1" : "0";
	case PARAM_ALPN:
		return alpns[pick(m, 4)];
	case PARAM_INT:
	case PARAM_EXTRA_INT:
		return arena_printf(m->a, "%u", pick(m, 1000001));
	case PARAM_HEADERS:
		return pick(m, 2) ? "{\"User-Agent\":\"a b\"}" : "{\"X-A\":\"1\",\"X-B\":\"\\\"\"}";
	case PARAM_EXTRA_JSON:
		return json(m);
	default:
		return words[pick(m, sizeof(words) / sizeof(*words))];
	}
}

static const char *spelling(struct maker *m, const struct param *p)
{
	struct str rest = str_of(p->aliases);
	unsigned n = 1;
	const char *name = p->name;

	while (rest.len) {
		struct str alias = str_cut(&rest, ' ');
		if (!pick(m, ++n))
			name = arena_memdup(m->a, alias.p, alias.len);
	}
	return name;
}

static void put_params(struct maker *m, enum node_protocol protocol)
{
	unsigned share = pick(m, 5); /* 0: none, 4: all */
	size_t first = pick(m, (unsigned)params_n);
	char sep = '?';

	for (size_t i = 0; i < params_n; i++) {
		size_t row = (first + i) % params_n;
		const struct param *p = &params[row];
		if (!(p->protocols & 1u << protocol) || pick(m, 4) >= share)
			continue;
		const char *value = value_for(m, p);
		if (!value)
			continue;
		m->given[row] = value;
		buf_putc(&m->link, sep);
		sep = '&';
		buf_printf(&m->link, "%s=", spelling(m, p));
		put_encoded(m, value);
	}
	if (!pick(m, 5)) {
		buf_printf(&m->link, "%cxp2p_user=", sep);
		put_encoded(m, words[pick(m, 5)]);
	}
}

static enum node_protocol make(struct maker *m)
{
	unsigned s = pick(m, sizeof(schemes) / sizeof(*schemes));
	const char *mark = strstr(schemes[s].user, "%s"), *user = schemes[s].user;

	memset(m->given, 0, sizeof(m->given));
	m->link.len = 0;
	buf_printf(&m->link, "%s://%.*s", schemes[s].scheme, (int)(mark ? mark - user : (long)strlen(user)), user);
	if (mark) {
		put_encoded(m, words[pick(m, sizeof(words) / sizeof(*words))]);
		buf_puts(&m->link, mark + 2);
	}
	buf_puts(&m->link, hosts[pick(m, sizeof(hosts) / sizeof(*hosts))]);
	if (schemes[s].port_needed || pick(m, 2))
		buf_printf(&m->link, ":%u", 1 + pick(m, 65535));
	buf_puts(&m->link, pick(m, 5) ? "" : "/");
	put_params(m, schemes[s].protocol);
	if (pick(m, 2)) {
		buf_putc(&m->link, '#');
		put_encoded(m, words[pick(m, sizeof(words) / sizeof(*words))]);
	}
	return schemes[s].protocol;
}

static int read(struct arena *a, const char *link, struct node *ret_node)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	int rc = link_parse(a, sink, str_of(link), SPAN_NONE, ret_node);

	if (rc)
		print_error("%s\n", diag_at(sink, 0)->msg);
	return rc;
}

/* What the link said must be what the node says. */
static void check_given(const struct maker *m, const char *link, const struct node *n)
{
	const char *text;

	for (size_t i = 0; i < params_n; i++) {
		if (!m->given[i])
			continue;
		if (!param_text(m->a, &params[i], n, &text))
			fail_msg("'%s' is lost from %s", params[i].name, link);
		if (strcmp(text, m->given[i]))
			fail_msg("'%s' is '%s', not '%s' in %s", params[i].name, text, m->given[i], link);
	}
}

static void one(struct maker *m)
{
	struct node first, second;

	make(m);
	const char *link = arena_memdup(m->a, m->link.p, m->link.len);
	if (read(m->a, link, &first))
		fail_msg("refused: %s", link);
	check_given(m, link, &first);
	char *written = link_write(m->a, &first);
	if (!written || read(m->a, written, &second))
		fail_msg("not read again: %s -> %s", link, written ? written : "nothing");
	if (node_lost(&first, &second))
		fail_msg("%s is lost: %s -> %s", node_lost(&first, &second), link, written);
	assert_string_equal(written, link_write(m->a, &second));
}

static void test_every(void **state)
{
	struct maker m = { .seed = 1 };

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		m.a = arena_new();
		m.seed = i;
		one(&m);
		arena_free(m.a);
	}
	buf_fini(&m.link);
}

/* No row of the table is left out by the generator. */
static void test_all_rows_are_met(void **state)
{
	struct maker m = { .a = arena_new() };
	bool met[PARAMS_MAX] = { false };

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		m.seed = i;
		make(&m);
		for (size_t row = 0; row < params_n; row++)
			met[row] = met[row] || m.given[row];
	}
	for (size_t row = 0; row < params_n; row++)
		if (!met[row] && params[row].kind != PARAM_FIXED)
			fail_msg("'%s' is never written", params[row].name);
	buf_fini(&m.link);
	arena_free(m.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every),
		cmocka_unit_test(test_all_rows_are_met),
	};
	return cmocka_run_group_tests_name("links every", tests, NULL, NULL);
}
