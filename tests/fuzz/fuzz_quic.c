/* link: engine route model lib */
/* Datagrams of one UDP flow. The input is a list of packets: a byte of what to do with it, two of its length, its bytes. It is
 * sealed as an Initial that can be opened, so that the frames are reached, or goes in as it is. The same input must bring the
 * same answer again, and a ClientHello that came in order the answer of the reader for TLS. */
#include <stdlib.h>
#include <string.h>

#include "engine/sniff.h"
#include "tests/unit/quic_seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

enum { RAW = 1, JOIN = 2, DRAFT = 4, OTHER_ID = 8, AS_CRYPTO = 16, V2 = 32, DATAGRAM_MAX = 8192 };

/* The keys do not depend on the input. */
static const struct quic_seal *seals(void)
{
	static struct quic_seal made[6];
	static const uint32_t versions[] = { 1, 0xff00001d, QUIC_SEAL_V2 };

	for (unsigned i = 0; i < 6 && !made[i].version; i++) {
		made[i] = (struct quic_seal){ .version = versions[i % 3], .number_len = 1 + (uint8_t)i % 4 };
		made[i].cid = i >= 3 ? STR("another connection") : STR("connect");
		quic_seal_keys(&made[i]);
	}
	return made;
}

/* One for all flows, as a worker has it. */
static struct sniff_scratch *scratch(void)
{
	static struct sniff_scratch *made;

	if (!made)
		made = sniff_scratch_new();
	return made;
}

struct run {
	struct sniff_quic *state;
	unsigned mask;
	enum sniff_verdict v;
	struct sniffed found;
	size_t crypto; /* bytes of CRYPTO so far (AS_CRYPTO) */
};

static void check(const struct run *r)
{
	char text[ADDR_TEXT];
	struct addr again;

	demand(!r->mask == (r->v == SNIFF_NO));
	demand((r->v == SNIFF_YES) == (r->found.protocol != NULL));
	demand(!r->found.n_attrs && (r->found.protocol || !r->found.host.family));
	if (!r->found.host.family)
		return;
	demand(r->found.host.family == ADDR_NAME && !strcmp(r->found.protocol, "quic"));
	addr_text(&r->found.host, text);
	demand(!addr_parse(&again, str_of(text), -1) && addr_equal(&r->found.host, &again));
}

static void give(struct run *r, struct wire_out *d)
{
	char *exact = malloc(d->len ? d->len : 1);

	if (d->len)
		memcpy(exact, d->p, d->len);
	r->v = sniff_udp(scratch(), &r->state, (struct str){ exact, d->len }, &r->mask, &r->found);
	free(exact);
	d->len = 0;
	check(r);
}

static void add_packet(struct run *r, unsigned flags, struct str bytes, struct wire_out *d)
{
	static const uint8_t padding[4];
	uint8_t payload[DATAGRAM_MAX];
	struct wire_out o = { .p = payload, .cap = sizeof(payload) };

	if (d->cap - d->len < bytes.len + 200)
		return;
	if (flags & RAW) {
		wire_put(d, bytes.p, bytes.len);
		return;
	}
	if (flags & AS_CRYPTO) {
		quic_seal_crypto(&o, r->crypto, bytes);
		r->crypto += bytes.len;
	} else {
		wire_put(&o, bytes.p, bytes.len);
	}
	wire_put(&o, padding, sizeof(padding));
	quic_seal_packet(&seals()[(flags & DRAFT ? 1 : flags & V2 ? 2 : 0) + (flags & OTHER_ID ? 3 : 0)],
			 (struct str){ (const char *)o.p, o.len }, d);
}

static void run(struct run *r, struct str input)
{
	uint8_t datagram[DATAGRAM_MAX];
	struct wire_out d = { .p = datagram, .cap = sizeof(datagram) };
	struct wire w = wire_of(input);
	unsigned flags = 0;

	*r = (struct run){ .mask = 1u << SNIFF_QUIC | 1u << SNIFF_UTP, .v = SNIFF_MORE };
	while (w.at < w.len && r->v == SNIFF_MORE) {
		flags = wire_u8(&w);
		size_t len = wire_u16(&w) % (DATAGRAM_MAX / 2);
		add_packet(r, flags, wire_str(&w, len < w.len - w.at ? len : w.len - w.at), &d);
		if (!(flags & JOIN))
			give(r, &d);
	}
	if (r->v == SNIFF_MORE)
		give(r, &d);
	sniff_udp_end(r->state);
}

/* The input as a hello, in pieces whose sizes it tells. */
static void check_hello(struct str hello)
{
	uint8_t datagram[DATAGRAM_MAX];
	struct wire_out d = { .p = datagram, .cap = sizeof(datagram) };
	struct run r = { .mask = 1u << SNIFF_QUIC, .v = SNIFF_MORE };
	struct sniffed alone;
	size_t given = 0;

	for (unsigned i = 0; i < 16 && r.v == SNIFF_MORE && given < hello.len; i++) {
		size_t len = 1 + (unsigned char)hello.p[given] * 8u;

		if (len > hello.len - given)
			len = hello.len - given;
		add_packet(&r, AS_CRYPTO, (struct str){ hello.p + given, len }, &d);
		given += len;
		give(&r, &d);
		demand(r.v == sniff_client_hello((struct str){ hello.p, given }, &alone));
		demand(addr_equal(&r.found.host, &alone.host));
	}
	sniff_udp_end(r.state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct run one, two;

	run(&one, input);
	run(&two, input);
	demand(one.v == two.v && one.found.protocol == two.found.protocol && addr_equal(&one.found.host, &two.found.host));
	check_hello(input);
	return 0;
}
