/* QUIC: the ClientHello in a client's Initial packets (RFC 9000 17.2, 19). A datagram holds one packet or more; the Initials are
 * opened, and their CRYPTO frames fill one buffer, each byte at its offset, until the hello can be read from the begin. What
 * cannot be opened is passed over when an Initial was opened before, as a server does. */
#include <errno.h>
#include <stdlib.h>

#include "engine/sniff_impl.h"

enum { DATAGRAMS_MAX = 32, WORD_BITS = 64 };
struct sniff_quic {
	uint32_t version;
	uint8_t cid_len, cid[SNIFF_CID_MAX]; /* the keys are made of it */
	struct sniff_keys keys;
	unsigned n_datagrams;
	uint32_t n_ready;                           /* bytes from the begin without a gap */
	uint64_t there[SNIFF_HELLO_MAX / WORD_BITS]; /* a bit for each byte */
	uint8_t hello[SNIFF_HELLO_MAX];
};

void sniff_udp_end(struct sniff_quic *state)
{
	free(state);
}

/* --- packets --- */
static const struct sniff_version *find_version(uint32_t number)
{
#define LABELS(begin) STR(begin " key"), STR(begin " iv"), STR(begin " hp")
	static const struct sniff_version rows[] = {
		{ 1, 0, { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
			  0xbb, 0x7f, 0x0a }, LABELS("quic") },
		{ 0x6b3343cf, 1, { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
				   0xf9, 0xbd, 0x2e, 0xd9 }, LABELS("quicv2") }, /* version 2 */
		{ 0xff00001d, 0, { 0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
				   0x43, 0x90, 0xa8, 0x99 }, LABELS("quic") }, /* draft 29 */
	};
#undef LABELS

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].number == number)
			return &rows[i];
	return NULL;
}

enum { INITIAL, ZERO_RTT, HANDSHAKE, RETRY };
struct packet {
	const struct sniff_version *version;
	unsigned type;
	struct str cid;   /* of the destination */
	struct str bytes; /* to its end */
	size_t number_at;
};

/* A number of 1, 2, 4 or 8 bytes, as its two highest bits say. */
static uint64_t read_varint(struct wire *w)
{
	uint8_t first = wire_u8(w);
	uint64_t n = first & 0x3f;

	for (unsigned more = (1u << (first >> 6)) - 1; more; more--)
		n = n << 8 | wire_u8(w);
	return n;
}

static struct str read_cid(struct wire *w)
{
	size_t len = wire_u8(w);

	if (len > SNIFF_CID_MAX)
		w->failed = true;
	return wire_str(w, len);
}

/* The packet with a long header at the begin of bytes; false: there is none that a client sends in these versions. */
static bool read_packet(struct str bytes, struct packet *ret)
{
	enum { LONG = 0x80, FIXED = 0x40 };
	struct wire w = wire_of(bytes);
	uint8_t first = wire_u8(&w);
	uint64_t len;

	ret->version = find_version(wire_u32(&w));
	if ((first & (LONG | FIXED)) != (LONG | FIXED) || !ret->version)
		return false;
	ret->type = ((first >> 4) - ret->version->initial_type) & 3;
	if (ret->type == RETRY)
		return false;
	ret->cid = read_cid(&w);
	read_cid(&w);
	if (ret->type == INITIAL) {
		len = read_varint(&w); /* of the token */
		wire_take(&w, len > w.len ? w.len + 1 : (size_t)len);
	}
	len = read_varint(&w);
	ret->number_at = w.at;
	if (w.failed || len > w.len - w.at || len < 4 + SNIFF_SAMPLE)
		return false;
	ret->bytes = (struct str){ bytes.p, w.at + (size_t)len };
	return true;
}

/* --- frames --- */
/* Keeps bytes of the hello. A byte that was there before must be the same. */
static int keep_hello(struct sniff_quic *q, uint64_t offset, struct str bytes)
{
	if (offset > SNIFF_HELLO_MAX || bytes.len > SNIFF_HELLO_MAX - offset)
		return -EBADMSG;
	for (size_t i = 0, at = (size_t)offset; i < bytes.len; i++, at++) {
		uint64_t bit = (uint64_t)1 << at % WORD_BITS;

		if (q->there[at / WORD_BITS] & bit && q->hello[at] != (uint8_t)bytes.p[i])
			return -EBADMSG;
		q->there[at / WORD_BITS] |= bit;
		q->hello[at] = (uint8_t)bytes.p[i];
	}
	while (q->n_ready < SNIFF_HELLO_MAX && q->there[q->n_ready / WORD_BITS] >> q->n_ready % WORD_BITS & 1)
		q->n_ready++;
	return 0;
}

static void skip_varints(struct wire *w, uint64_t n)
{
	for (; n && !w->failed; n--)
		read_varint(w);
}

static void skip_ack(struct wire *w, bool has_ecn)
{
	uint64_t n_ranges;

	skip_varints(w, 2); /* largest, delay */
	n_ranges = read_varint(w);
	skip_varints(w, 1); /* first range */
	for (; n_ranges && !w->failed; n_ranges--)
		skip_varints(w, 2);
	skip_varints(w, has_ecn ? 3 : 0);
}

static struct str read_counted(struct wire *w)
{
	uint64_t len = read_varint(w);

	return wire_str(w, len > w->len ? w->len + 1 : (size_t)len);
}

static int read_crypto(struct sniff_quic *q, struct wire *w)
{
	uint64_t offset = read_varint(w);
	struct str bytes = read_counted(w);

	return w->failed ? -EBADMSG : keep_hello(q, offset, bytes);
}

/* 0, or -EBADMSG: no Initial packet has such a frame. */
static int read_frames(struct sniff_quic *q, struct str payload)
{
	enum { PADDING = 0, PING = 1, ACK = 2, ACK_ECN = 3, CRYPTO = 6, CLOSE = 0x1c };
	struct wire w = wire_of(payload);
	int r = 0;

	while (!r && !w.failed && w.at < w.len) {
		uint8_t type = wire_u8(&w);

		switch (type) {
		case PADDING:
		case PING:
			break;
		case ACK:
		case ACK_ECN:
			skip_ack(&w, type == ACK_ECN);
			break;
		case CRYPTO:
			r = read_crypto(q, &w);
			break;
		case CLOSE:
			skip_varints(&w, 2);
			read_counted(&w);
			break;
		default:
			r = -EBADMSG;
		}
	}
	return w.failed ? -EBADMSG : r;
}

/* --- a flow --- */
/* Begins the state, or begins it again: after a Retry all is new. */
static struct sniff_quic *state_for(struct sniff_quic **state, const struct packet *p, const struct sniff_keys *keys)
{
	struct sniff_quic *q = *state;

	if (!q) {
		q = *state = malloc(sizeof(*q));
		if (!q)
			return NULL;
		q->n_datagrams = 0;
	}
	q->version = p->version->number;
	q->cid_len = (uint8_t)p->cid.len;
	if (p->cid.len)
		memcpy(q->cid, p->cid.p, p->cid.len);
	q->keys = *keys;
	q->n_ready = 0;
	memset(q->there, 0, sizeof(q->there));
	return q;
}

static bool is_same(const struct sniff_quic *q, const struct packet *p)
{
	return q && q->version == p->version->number && str_eq((struct str){ (const char *)q->cid, q->cid_len }, p->cid);
}

/* 0: taken, or passed over because it cannot be opened; -EBADMSG: opened, and no client sends that; -errno. */
static int take_initial(struct sniff_scratch *s, struct sniff_quic **state, const struct packet *p)
{
	struct sniff_quic *q = *state;
	struct sniff_keys keys;
	struct str payload;

	if (!s->crypto)
		s->crypto = sniff_crypto_new();
	if (!s->crypto)
		return -ENOMEM;
	if (is_same(q, p))
		keys = q->keys;
	else if (sniff_crypto_keys(s->crypto, p->version, p->cid, &keys))
		return -EIO;
	if (sniff_crypto_open(s->crypto, &keys, p->bytes, p->number_at, &payload))
		return 0;
	if (!is_same(q, p))
		q = state_for(state, p, &keys);
	return q ? read_frames(q, payload) : -ENOMEM;
}

/* All packets of a datagram: 0 or as take_initial; *ret_is_early when one may come before the Initial. */
static int take_datagram(struct sniff_scratch *s, struct sniff_quic **state, struct str rest, bool *ret_is_early)
{
	struct packet p;
	int r = 0;

	*ret_is_early = false;
	while (!r && rest.len && read_packet(rest, &p)) {
		*ret_is_early |= p.type == ZERO_RTT;
		if (p.type == INITIAL)
			r = take_initial(s, state, &p);
		rest = str_skip(rest, p.bytes.len);
	}
	return r;
}

enum sniff_verdict sniff_quic(struct sniff_scratch *s, struct sniff_quic **state, struct str datagram, struct sniffed *ret)
{
	bool is_early;
	struct sniff_quic *q;
	enum sniff_verdict v;

	*ret = (struct sniffed){ 0 };
	if (take_datagram(s, state, datagram, &is_early))
		return SNIFF_NO;
	q = *state;
	if (!q)
		return is_early ? SNIFF_MORE : SNIFF_NO;
	v = sniff_client_hello((struct str){ (const char *)q->hello, q->n_ready }, ret);
	if (v == SNIFF_YES)
		ret->protocol = "quic";
	else if (++q->n_datagrams == DATAGRAMS_MAX)
		v = SNIFF_NO;
	return v;
}
