/* link: engine route model lib */
/* Any bytes as the begin of a TCP flow, a byte more at a time: a verdict that was given stays, and what is found is well-formed. */
#include <stdlib.h>
#include <string.h>

#include "engine/sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static bool is_inside(struct str s, struct str bytes)
{
	return s.p >= bytes.p && s.p + s.len <= bytes.p + bytes.len;
}

static void check_host(const struct addr *host)
{
	char text[ADDR_TEXT];
	struct addr again;

	if (host->family == ADDR_NONE)
		return;
	addr_text(host, text);
	demand(!addr_parse(&again, str_of(text), -1) && addr_equal(host, &again));
}

static void check_found(const struct sniffed *found, enum sniff_verdict v, struct str bytes)
{
	static const char *const protocols[] = { "http1", "tls", "bittorrent", "quic" };
	bool is_known = false;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols) && found->protocol; i++)
		is_known |= !strcmp(found->protocol, protocols[i]);
	demand(v == SNIFF_YES ? is_known : v == SNIFF_MORE || !found->protocol);
	demand(found->protocol || (!found->host.family && !found->n_attrs));
	demand(found->n_attrs <= SNIFF_ATTRS_MAX);
	check_host(&found->host);
	for (uint32_t i = 0; i < found->n_attrs; i++) {
		demand(found->attrs[i].name.len > 0 && (i < 2 || is_inside(found->attrs[i].name, bytes)));
		demand(!found->attrs[i].value.len || is_inside(found->attrs[i].value, bytes));
		for (uint32_t other = 0; other < i; other++)
			demand(!str_eq_nocase(found->attrs[i].name, found->attrs[other].name));
	}
}

/* One way to ask. */
typedef enum sniff_verdict ask_fn(struct sniff_scratch *s, struct str bytes, struct sniffed *ret);

static enum sniff_verdict ask_tcp(struct sniff_scratch *s, struct str bytes, struct sniffed *ret)
{
	unsigned mask = 1u << SNIFF_HTTP | 1u << SNIFF_TLS | 1u << SNIFF_BITTORRENT;
	enum sniff_verdict v = sniff_tcp(s, bytes, &mask, ret);

	demand(!mask == (v == SNIFF_NO));
	return v;
}

static enum sniff_verdict ask_hello(struct sniff_scratch *s, struct str bytes, struct sniffed *ret)
{
	(void)s;
	return sniff_client_hello(bytes, ret);
}

static void check_prefixes(struct sniff_scratch *s, const uint8_t *data, size_t size, ask_fn *ask)
{
	struct sniffed found, before = { 0 };
	enum sniff_verdict v = SNIFF_MORE, next;

	for (size_t n = 0, step; n <= size; n += step) {
		step = n < 200 || n == size ? 1 : n / 8 < size - n ? n / 8 : size - n;
		char *exact = malloc(n ? n : 1);
		struct str bytes = { exact, n };

		if (n)
			memcpy(exact, data, n);
		next = ask(s, bytes, &found);
		check_found(&found, next, bytes);
		demand(v == SNIFF_MORE || next == v);
		demand(v != SNIFF_YES || (found.protocol == before.protocol && addr_equal(&found.host, &before.host) &&
					  found.n_attrs == before.n_attrs));
		v = next;
		before = found;
		free(exact);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sniff_scratch *s;
	struct sniffed found;
	struct str bytes = { (const char *)data, size };

	if (!s)
		s = sniff_scratch_new();
	check_prefixes(s, data, size, ask_tcp);
	check_prefixes(s, data, size, ask_hello);
	check_found(&found, sniff_utp(bytes, &found), bytes);
	return 0;
}
