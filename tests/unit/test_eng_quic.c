/* link: engine route model lib */
/* The first datagrams of a UDP flow: QUIC's ClientHello, sealed, split, shuffled; and uTP. */
#include "tests/unit/quic_seal.h"
#include "tests/unit/sniff_case.h"
#include "tests/unit/sniff_vectors.h"

#include "engine/sniff_impl.h"

static const unsigned both = 1u << SNIFF_QUIC | 1u << SNIFF_UTP;

/* One flow. */
struct flow {
	struct sniff_scratch *s;
	struct sniff_quic *state;
	unsigned mask;
	struct sniffed found;
};
static struct flow flow_new(void)
{
	return (struct flow){ .s = sniff_scratch_new(), .mask = both };
}

static enum sniff_verdict flow_give(struct flow *f, struct str datagram)
{
	struct str exact = case_exact(datagram);
	enum sniff_verdict v = sniff_udp(f->s, &f->state, exact, &f->mask, &f->found);

	assert_int_equal(!f->mask, v == SNIFF_NO);
	if (v != SNIFF_YES)
		assert_sniffed(&f->found, "none", "-");
	free((void *)exact.p);
	return v;
}

static void flow_end(struct flow *f)
{
	sniff_udp_end(f->state);
	sniff_scratch_free(f->s);
}

static enum sniff_verdict flow_hex(struct flow *f, const char *hex)
{
	struct str bytes = case_hex(hex);
	enum sniff_verdict v = flow_give(f, bytes);

	case_free(bytes);
	return v;
}

/* One datagram alone. */
static enum sniff_verdict once(struct str datagram, const char *host)
{
	struct flow f = flow_new();
	enum sniff_verdict v = flow_give(&f, datagram);

	if (v == SNIFF_YES)
		assert_sniffed(&f.found, "quic", host);
	flow_end(&f);
	return v;
}

/* RFC 9001 A.1, RFC 9369 A.1 */
static void test_keys(void **state)
{
	struct sniff_crypto *c = sniff_crypto_new();
	const struct str cid = STR("\x83\x94\xc8\xf0\x3e\x51\x57\x08");
	const struct sniff_version v1 = {
		.salt = { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
			  0x0a },
		.key = STR("quic key"), .iv = STR("quic iv"), .hp = STR("quic hp"),
	};
	const struct sniff_version v2 = {
		.salt = { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e,
			  0xd9 },
		.key = STR("quicv2 key"), .iv = STR("quicv2 iv"), .hp = STR("quicv2 hp"),
	};
	struct sniff_keys k;
	struct str expect = case_hex("1f369613dd76d5467730efcbe3b1a22dfa044b2f42a3fd3b46fb255c9f50449e04a0e810283a1e9933adedd2"
				     "8b1a0bc121284290a29e0971b5cd045d91f73e2351d8fa91660e909f45b95e15235d6f45a6b19cbcb0294ba9");

	(void)state;
	assert_int_equal(expect.len, 2 * sizeof(k));
	assert_int_equal(sniff_crypto_keys(c, &v1, cid, &k), 0);
	assert_memory_equal(&k, expect.p, sizeof(k));
	assert_int_equal(sniff_crypto_keys(c, &v2, cid, &k), 0);
	assert_memory_equal(&k, expect.p + sizeof(k), sizeof(k));
	case_free(expect);
	sniff_crypto_free(c);
}

static void test_recorded(void **state)
{
	struct flow f = flow_new();
	struct str bytes = case_hex(rfc9001_initial);

	(void)state;
	assert_int_equal(once(bytes, "example.com:0"), SNIFF_YES);
	for (size_t n = 1; n < bytes.len; n++)
		assert_int_equal(once((struct str){ bytes.p, n }, NULL), SNIFF_NO);
	case_free(bytes);
	bytes = case_hex(draft29_coalesced);
	assert_int_equal(once(bytes, "www.example.com:0"), SNIFF_YES);
	case_free(bytes);
	assert_int_equal(flow_hex(&f, quic_go_first), SNIFF_MORE);
	assert_int_equal(flow_hex(&f, quic_go_first), SNIFF_MORE);
	assert_int_equal(flow_hex(&f, quic_go_second), SNIFF_YES);
	assert_sniffed(&f.found, "quic", "localhost:0");
	flow_end(&f);
	f = flow_new();
	assert_int_equal(flow_hex(&f, quic_go_second), SNIFF_MORE);
	assert_int_equal(f.mask, 1u << SNIFF_QUIC);
	assert_int_equal(flow_hex(&f, quic_go_first), SNIFF_YES);
	assert_sniffed(&f.found, "quic", "localhost:0");
	flow_end(&f);
}

/* Every bit counts: the header is authenticated, the payload sealed. */
static void test_flipped_bits(void **state)
{
	struct str bytes = case_hex(rfc9001_initial);
	uint8_t *p = (uint8_t *)bytes.p;

	(void)state;
	for (size_t i = 0; i < bytes.len; i += i < 64 ? 1 : 13) {
		for (unsigned bit = 0; bit < 8; bit++) {
			p[i] ^= (uint8_t)(1u << bit);
			assert_int_equal(once(bytes, NULL), SNIFF_NO);
			p[i] ^= (uint8_t)(1u << bit);
		}
	}
	case_free(bytes);
}

/* --- made here --- */
struct maker {
	struct quic_seal seal;
	uint8_t frames[40 * 1024], datagram[48 * 1024];
	struct wire_out f, d;
};
static struct maker *maker_new(uint32_t version)
{
	struct maker *m = test_calloc(1, sizeof(*m));

	m->seal = (struct quic_seal){ .version = version, .cid = STR("connection"), .number_len = 1 };
	quic_seal_keys(&m->seal);
	m->f = (struct wire_out){ .p = m->frames, .cap = sizeof(m->frames) };
	m->d = (struct wire_out){ .p = m->datagram, .cap = sizeof(m->datagram) };
	return m;
}

/* What was put into m->f becomes a packet in m->d. */
static void maker_seal(struct maker *m)
{
	static const uint8_t padding[20];

	wire_put(&m->f, padding, sizeof(padding));
	assert_false(m->f.failed);
	quic_seal_packet(&m->seal, (struct str){ (const char *)m->f.p, m->f.len }, &m->d);
	m->seal.number++;
	m->f.len = 0;
}

static enum sniff_verdict maker_send(struct maker *m, struct flow *f)
{
	enum sniff_verdict v;

	if (m->f.len)
		maker_seal(m);
	v = flow_give(f, (struct str){ (const char *)m->d.p, m->d.len });
	m->d.len = 0;
	return v;
}

static void put_piece(struct maker *m, struct str hello, size_t at, size_t len)
{
	quic_seal_crypto(&m->f, at, (struct str){ hello.p + at, len });
}

/* A hello of the largest size in packets of 1100 bytes, in an order of its own; and one byte more. */
static void test_largest(void **state)
{
	enum { PIECE = 1100, OTHERS = 4 + 34 + 1 + 4 + 2 + 2 + 4 + 10 };

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct str hello = case_hello(STR("a"), SNIFF_HELLO_MAX - OTHERS + over);
		size_t n = (hello.len + PIECE - 1) / PIECE;
		struct maker *m = maker_new(1);
		struct flow f = flow_new();

		for (size_t i = 0; i < n; i++) {
			size_t at = (n - 1 - i) * 7 % n * PIECE;
			enum sniff_verdict v, expect = i + 1 < n ? SNIFF_MORE : SNIFF_YES;

			put_piece(m, hello, at, hello.len - at < PIECE ? hello.len - at : PIECE);
			v = maker_send(m, &f);
			if (over && v == SNIFF_NO)
				break;
			assert_int_equal(v, expect);
			assert_false(over && i + 1 == n);
		}
		if (!over)
			assert_sniffed(&f.found, "quic", "a:0");
		flow_end(&f);
		test_free(m);
		case_free(hello);
	}
}

static void test_frames(void **state)
{
	static const uint32_t versions[] = { 1, QUIC_SEAL_V2, 0xff00001d };
	static const struct {
		struct str frames;
		enum sniff_verdict v;
	} cases[] = {
		{ STR(""), SNIFF_YES },
		{ STR("\0\0\1\1\0"), SNIFF_YES },
		{ STR("\2\5\0\0\0"), SNIFF_YES },
		{ STR("\2\x40\5\x80\0\0\1\2\1\xc0\0\0\0\0\0\0\1\0\1\1"), SNIFF_YES },
		{ STR("\3\5\0\0\0\1\2\3"), SNIFF_YES },
		{ STR("\x1c\0\0\3abc"), SNIFF_YES },
		{ STR("\6\0\0"), SNIFF_YES },
		{ STR("\6\0\1\2"), SNIFF_NO },                        /* another hello than the other frame has */
		{ STR("\6\x80\0\x40\0\0"), SNIFF_YES },                 /* nothing, at the end */
		{ STR("\6\x80\0\x40\0\1a"), SNIFF_NO },                /* behind the end */
		{ STR("\6\xff\xff\xff\xff\xff\xff\xff\xff\1a"), SNIFF_NO },
		{ STR("\6\0\xff\xff\xff\xff\xff\xff\xff\xff"), SNIFF_NO },
		{ STR("\2\5\0\xff\xff\xff\xff\xff\xff\xff\xff\0"), SNIFF_NO },
		{ STR("\x1c\0\0\x7f\xff"), SNIFF_NO },
		{ STR("\4\0"), SNIFF_NO }, { STR("\x1d\0\0\0"), SNIFF_NO }, { STR("\x40\0"), SNIFF_NO }, { STR("\xff"), SNIFF_NO },
	};
	struct str hello = case_hello(STR("example.com"), 100);

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(cases) / sizeof(*cases); i++) {
		struct maker *m = maker_new(versions[i % 3]);
		struct flow f = flow_new();

		put_piece(m, hello, 40, hello.len - 40);
		put_piece(m, hello, 0, 60);
		wire_put(&m->f, cases[i / 3].frames.p, cases[i / 3].frames.len);
		assert_int_equal(maker_send(m, &f), cases[i / 3].v);
		flow_end(&f);
		test_free(m);
	}
	case_free(hello);
}

static void test_coalesced(void **state)
{
	struct str hello = case_hello(STR("example.com"), 1300);
	struct maker *m = maker_new(1);
	struct flow f = flow_new();

	(void)state;
	m->seal.type = 1;
	wire_put_u8(&m->f, 1);
	assert_int_equal(maker_send(m, &f), SNIFF_MORE); /* 0-RTT came first */
	assert_null(f.state);
	assert_null(f.s->crypto); /* nothing was to be decrypted */
	wire_put_u8(&m->f, 1);
	maker_seal(m);
	m->seal.type = 0;
	m->seal.number_len = 4;
	m->seal.token = STR("a token");
	put_piece(m, hello, 0, 1000);
	maker_seal(m);
	m->d.p[m->d.len - 1] ^= 1; /* damaged: passed over */
	put_piece(m, hello, 900, hello.len - 900);
	maker_seal(m);
	wire_put(&m->d, "\0\0\0\0", 4); /* not a packet any more */
	assert_int_equal(maker_send(m, &f), SNIFF_MORE);
	assert_non_null(f.s->crypto);
	assert_int_equal(flow_give(&f, STR("noise")), SNIFF_MORE);
	put_piece(m, hello, 0, 1000);
	assert_int_equal(maker_send(m, &f), SNIFF_YES);
	assert_sniffed(&f.found, "quic", "example.com:0");
	flow_end(&f);
	test_free(m);
	case_free(hello);
}

/* After a Retry the connection id is another, the keys with it, and the hello begins again. */
static void test_retry(void **state)
{
	struct str hello = case_hello(STR("example.com"), 1300), other = case_hello(STR("other"), 1300);
	struct maker *m = maker_new(1);
	struct flow f = flow_new();

	(void)state;
	put_piece(m, other, 0, 500);
	assert_int_equal(maker_send(m, &f), SNIFF_MORE);
	m->seal.cid = STR("");
	quic_seal_keys(&m->seal);
	put_piece(m, hello, 500, hello.len - 500);
	assert_int_equal(maker_send(m, &f), SNIFF_MORE);
	put_piece(m, hello, 0, 500);
	assert_int_equal(maker_send(m, &f), SNIFF_YES);
	assert_sniffed(&f.found, "quic", "example.com:0");
	flow_end(&f);
	test_free(m);
	case_free(hello);
	case_free(other);
}

static void test_without_end(void **state)
{
	struct str hello = case_hello(STR("example.com"), 1300);
	struct maker *m = maker_new(1);
	struct flow f = flow_new();
	unsigned n = 0;

	(void)state;
	do
		put_piece(m, hello, 10, 500);
	while (maker_send(m, &f) == SNIFF_MORE && ++n < 100);
	assert_int_equal(n, 31);
	flow_end(&f);
	test_free(m);
	case_free(hello);
}

static void test_not_quic(void **state)
{
	static const struct str cases[] = {
		STR("\0"), STR("\x40\0\0\0\1"), STR("\xc0"), STR("\xc0\0\0\0\1"), STR("\xc0\0\0\0\0\0\0\0\0"), STR("\x80\0\0\0\1\0\0\0\0"),
		STR("\xc0\x6b\x33\x43\xcf\0\0\x14" "aaaabbbbccccddddeeee"),    /* Retry of version 2 */
		STR("\xd0\x6b\x33\x43\xcf\0\0\0\x14" "aaaabbbbccccddddeeee"), /* its Initial, not sealed */
		STR("\xc0\xff\0\0\x1c\0\0\0\x14" "aaaabbbbccccddddeeee"),    /* draft 28 */
		STR("\xc0\0\0\0\1\x15" "aaaaabbbbbcccccdddddX\0\0\x14" "aaaabbbbccccddddeeee"), /* an id of 21 bytes */
		STR("\xc0\0\0\0\1\0\0\0\x13" "aaaabbbbccccddddeee"),
		STR("\xc0\0\0\0\1\0\0\0\x14" "aaaabbbbccccddddeee"),
		STR("\xc0\0\0\0\1\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x14" "aaaabbbbccccddddeeee"),
		STR("\xe0\0\0\0\1\0\0\x14" "aaaabbbbccccddddeeee"), /* Handshake comes later */
		STR("\xf0\0\0\0\1\0\0\x14" "aaaabbbbccccddddeeee"), /* Retry comes from servers */
		STR("\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"), /* DNS */
		STR("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe"),
	};
	struct flow f = flow_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(once(cases[i], NULL), SNIFF_NO);
	assert_int_equal(flow_give(&f, (struct str){ NULL, 0 }), SNIFF_MORE);
	assert_int_equal(f.mask, both);
	assert_int_equal(flow_give(&f, STR("x")), SNIFF_NO);
	assert_null(f.s->crypto);
	flow_end(&f);
}

static void test_utp(void **state)
{
	static const struct {
		struct str bytes;
		enum sniff_verdict v;
	} cases[] = {
		{ STR("\x41\0\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0"), SNIFF_YES },
		{ STR("\x41\0\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\7"), SNIFF_YES },
		{ STR("\x41\1\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\0\4abcd"), SNIFF_YES },
		{ STR("\x41\2\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\1\10abcdefgh\0\4abcd"), SNIFF_YES },
		{ STR("\x41\1\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\0\0"), SNIFF_NO },
		{ STR("\x41\1\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\0\5abcde"), SNIFF_NO },
		{ STR("\x41\2\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\0\4abcd"), SNIFF_NO },
		{ STR("\x41\3\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\0\4abcd"), SNIFF_NO },
		{ STR("\x41\1\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\3\4abcd\0\4abcd"), SNIFF_NO },
		{ STR("\x41\1\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\0\4abc"), SNIFF_NO },
		{ STR("\x41\1\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0"), SNIFF_NO },
		{ STR("\x41\1\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0\0\4abcde"), SNIFF_NO },
		{ STR("\x41\0\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0x"), SNIFF_NO },
		{ STR("\x41\0\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0"), SNIFF_NO },
		{ STR("\x41\0\x12\x34\1\2\3\4\0\0\0\1\0\x10\0\0\0\1\0\0"), SNIFF_NO },
		{ STR("\x01\0\x12\x34\1\2\3\4\0\0\0\0\0\x10\0\0\0\1\0\0"), SNIFF_NO }, /* DATA without a SYN */
		{ STR("\x41\0\1\0\0\1\0\0\0\0\0\0\2vk\2ru\0\0\1\0\1"), SNIFF_NO }, /* DNS */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct flow f = flow_new();

		assert_int_equal(flow_give(&f, cases[i].bytes), cases[i].v);
		if (cases[i].v == SNIFF_YES)
			assert_sniffed(&f.found, "bittorrent", "-");
		flow_end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_quic), cmocka_unit_test(test_keys), cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_largest), cmocka_unit_test(test_frames),
		cmocka_unit_test(test_coalesced), cmocka_unit_test(test_retry), cmocka_unit_test(test_without_end),
		cmocka_unit_test(test_utp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
