/* link: engine route model lib */
/* DNS messages of the engine. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "engine/dnsmsg.h"

#define N(a) (sizeof(a) / sizeof(*(a)))
#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define N253 L63 "." L63 "." L63 "." "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"

/* --- a message built by hand --- */
struct message {
	uint8_t bytes[65536];
	struct wire_out o;
	unsigned counts[4];
};
enum { IN = 1, CNAME = 5, SOA = 6, TXT = 16, OPT = 41 };

static void put_name(struct message *m, const char *name)
{
	struct str rest = str_of(name);

	while (rest.len) {
		struct str label = str_cut(&rest, '.');

		wire_put_u8(&m->o, (uint8_t)label.len);
		wire_put(&m->o, label.p, label.len);
	}
	wire_put_u8(&m->o, 0);
}

static void question(struct message *m, const char *name, uint16_t type)
{
	put_name(m, name);
	wire_put_u16(&m->o, type);
	wire_put_u16(&m->o, IN);
	m->counts[0]++;
}

static void begin(struct message *m, uint16_t flags, const char *name, uint16_t type)
{
	m->o = (struct wire_out){ .p = m->bytes, .cap = sizeof(m->bytes) };
	memset(m->counts, 0, sizeof(m->counts));
	wire_put_u16(&m->o, 0x1234);
	wire_put_u16(&m->o, flags);
	wire_put(&m->o, "\0\0\0\0\0\0\0\0", 8);
	if (name)
		question(m, name, type);
}

/* Type, class, ttl; the data is put between record and end_record. */
static size_t record(struct message *m, int section, const char *owner, uint16_t type, uint32_t ttl)
{
	m->counts[section]++;
	put_name(m, owner);
	wire_put_u16(&m->o, type);
	wire_put_u16(&m->o, IN);
	wire_put_u32(&m->o, ttl);
	wire_put_u16(&m->o, 0);
	return m->o.len;
}

static void end_record(struct message *m, size_t begin_at)
{
	size_t len = m->o.len - begin_at;

	m->bytes[begin_at - 2] = (uint8_t)(len >> 8);
	m->bytes[begin_at - 1] = (uint8_t)len;
}

static void address(struct message *m, const char *owner, const char *ip, uint32_t ttl)
{
	uint8_t bytes[16];
	bool is_v4 = inet_pton(AF_INET, ip, bytes) == 1;
	size_t at = record(m, 1, owner, is_v4 ? DNS_A : DNS_AAAA, ttl);

	if (!is_v4)
		assert_int_equal(inet_pton(AF_INET6, ip, bytes), 1);
	wire_put(&m->o, bytes, is_v4 ? 4 : 16);
	end_record(m, at);
}

static void cname(struct message *m, const char *owner, const char *to, uint32_t ttl)
{
	size_t at = record(m, 1, owner, CNAME, ttl);

	put_name(m, to);
	end_record(m, at);
}

static void soa(struct message *m, const char *owner, uint32_t ttl, uint32_t least)
{
	size_t at = record(m, 2, owner, SOA, ttl);

	put_name(m, "ns.example");
	put_name(m, "admin.example");
	for (int i = 0; i < 4; i++)
		wire_put_u32(&m->o, 99);
	wire_put_u32(&m->o, least);
	end_record(m, at);
}

static struct str bytes_of(struct message *m)
{
	for (int i = 0; i < 4; i++) {
		m->bytes[4 + 2 * i] = (uint8_t)(m->counts[i] >> 8);
		m->bytes[5 + 2 * i] = (uint8_t)m->counts[i];
	}
	assert_false(m->o.failed);
	return (struct str){ (char *)m->bytes, m->o.len };
}

/* Out of a block of its own size: a sanitizer sees a byte too far. */
static int read_it(struct message *m, const char *name, uint16_t type, struct dnsmsg_answer *ret)
{
	struct str bytes = bytes_of(m);
	char *block = malloc(bytes.len);
	int r;

	memcpy(block, bytes.p, bytes.len);
	r = dnsmsg_read((struct str){ block, bytes.len }, 0x1234, str_of(name), type, ret);
	free(block);
	return r;
}

static const char *ip_text(const struct route_ip *ip)
{
	static _Thread_local char text[64];

	return inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, text, sizeof(text));
}

/* --- queries --- */
static void test_query(void **state)
{
	static const char *const bad[] = { "",	"..", "a..b", ".a", "a b", "a\n", L63 "x.example", N253 "x", "a.." };
	static const char expected[] = "\x12\x34\1\0\0\1\0\0\0\0\0\1\7example\3com\0\0\x1c\0\1\0\0\x29\4\xd0\0\0\0\0\0\0";
	uint8_t out[DNS_QUERY_MAX];
	char name[256];
	uint16_t id, type;
	int len;

	(void)state;
	len = dnsmsg_query(out, sizeof(out), 0x1234, STR("Example.COM."), DNS_AAAA);
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(out, expected, len);
	assert_int_equal(dnsmsg_query(out, (size_t)len - 1, 1, STR("example.com"), DNS_A), -EINVAL);
	for (size_t i = 0; i < N(bad); i++)
		assert_int_equal(dnsmsg_query(out, sizeof(out), 1, str_of(bad[i]), DNS_A), -EINVAL);
	assert_int_equal(dnsmsg_query(out, sizeof(out), 1, (struct str){ "a\0b", 3 }, DNS_A), -EINVAL);
	len = dnsmsg_query(out, sizeof(out), 7, STR(N253), DNS_A);
	assert_int_equal(len, DNS_QUERY_MAX);
	assert_int_equal(dnsmsg_question((struct str){ (char *)out, (size_t)len }, &id, name, &type), 0);
	assert_string_equal(name, N253);
	assert_int_equal(id, 7);
	assert_int_equal(type, DNS_A);
	for (size_t n = 0; n < 12 + 253 + 2 + 4; n++)
		assert_int_equal(dnsmsg_question((struct str){ (char *)out, n }, &id, name, &type), -EINVAL);
}

/* --- answers --- */
static struct message m;

static void test_answer(void **state)
{
	struct dnsmsg_answer a;

	(void)state;
	begin(&m, 0x8180, "Example.com", DNS_A);
	address(&m, "example.COM", "192.0.2.1", 300);
	address(&m, "other.example", "192.0.2.9", 1);
	address(&m, "example.com", "192.0.2.2", 200);
	address(&m, "example.com", "2001:db8::1", 1);
	assert_int_equal(read_it(&m, "EXAMPLE.com.", DNS_A, &a), 0);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.rcode, DNS_OK);
	assert_int_equal(a.ttl, 200);
	assert_false(a.truncated);
	assert_string_equal(ip_text(&a.ips[0]), "192.0.2.1");
	assert_string_equal(ip_text(&a.ips[1]), "192.0.2.2");
	struct str whole = bytes_of(&m);
	for (size_t n = 0; n < whole.len; n++)
		assert_int_equal(dnsmsg_read((struct str){ whole.p, n }, 0x1234, STR("example.com"), DNS_A, &a), -EINVAL);

	begin(&m, 0x8180, "example.com", DNS_AAAA);
	address(&m, "example.com", "2001:db8::1", 0x80000001u);
	address(&m, "example.com", "::ffff:192.0.2.1", 100000000);
	assert_int_equal(read_it(&m, "example.com", DNS_AAAA, &a), 0);
	assert_int_equal(a.n, 2);
	assert_int_equal(a.ttl, 0);
	assert_string_equal(ip_text(&a.ips[0]), "2001:db8::1");
	assert_int_equal(a.ips[1].family, 4);

	begin(&m, 0x8180, "example.com", DNS_A);
	for (int i = 0; i < 100; i++)
		address(&m, "example.com", "192.0.2.1", 100000000);
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), 0);
	assert_int_equal(a.n, DNS_IPS_MAX);
	assert_int_equal(a.ttl, DNS_TTL_MAX);

	begin(&m, 0x8180, "example.com", TXT);
	end_record(&m, record(&m, 1, "example.com", TXT, 5));
	assert_int_equal(read_it(&m, "example.com", TXT, &a), 0);
	assert_int_equal(a.n, 0);
}

static void test_other_questions(void **state)
{
	struct dnsmsg_answer a;

	(void)state;
	begin(&m, 0x8180, "example.com", DNS_A);
	address(&m, "example.com", "192.0.2.1", 300);
	assert_int_equal(read_it(&m, "example.org", DNS_A, &a), -EINVAL);
	assert_int_equal(read_it(&m, "example.co", DNS_A, &a), -EINVAL);
	assert_int_equal(read_it(&m, "example.com", DNS_AAAA, &a), -EINVAL);
	assert_int_equal(dnsmsg_read(bytes_of(&m), 0x1235, STR("example.com"), DNS_A, &a), -EINVAL);
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), 0);
	question(&m, "example.com", DNS_A);
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), -EINVAL);
	begin(&m, 0x0100, "example.com", DNS_A); /* a query */
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), -EINVAL);
	begin(&m, 0x9000, "example.com", DNS_A); /* another kind of message */
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), -EINVAL);
	begin(&m, 0x8180, NULL, 0);
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), -EINVAL);
	begin(&m, 0x8181, NULL, 0); /* a server that does not know EDNS */
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), 0);
	assert_int_equal(a.rcode, DNS_FORMERR);
	begin(&m, 0x8180, "example.com", DNS_A);
	m.bytes[m.o.len - 1] = 3; /* another class */
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), -EINVAL);
}

static void test_cnames(void **state)
{
	struct dnsmsg_answer a;
	char from[16], to[16];

	(void)state;
	begin(&m, 0x8180, "www.example.com", DNS_A);
	address(&m, "edge.example.net", "192.0.2.1", 300); /* in no order */
	cname(&m, "cdn.example.net", "edge.EXAMPLE.net", 20);
	cname(&m, "www.example.com", "cdn.example.net", 60);
	address(&m, "www.example.com", "192.0.2.66", 300); /* beside a CNAME: not of the name that it leads to */
	assert_int_equal(read_it(&m, "www.example.com", DNS_A, &a), 0);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.ttl, 20);
	assert_string_equal(ip_text(&a.ips[0]), "192.0.2.1");
	for (int hops = DNS_CNAMES_MAX; hops <= DNS_CNAMES_MAX + 1; hops++) {
		begin(&m, 0x8180, "n0", DNS_A);
		for (int i = 0; i < hops; i++) {
			snprintf(from, sizeof(from), "n%d", i);
			snprintf(to, sizeof(to), "n%d", i + 1);
			cname(&m, from, to, 100);
		}
		address(&m, to, "192.0.2.1", 300);
		assert_int_equal(read_it(&m, "n0", DNS_A, &a), hops <= DNS_CNAMES_MAX ? 0 : -EINVAL);
	}
	begin(&m, 0x8180, "a", DNS_A);
	cname(&m, "a", "b", 100);
	cname(&m, "b", "a", 100);
	assert_int_equal(read_it(&m, "a", DNS_A, &a), -EINVAL);
	begin(&m, 0x8180, "a", DNS_A);
	cname(&m, "a", "a", 100);
	assert_int_equal(read_it(&m, "a", DNS_A, &a), -EINVAL);
}

static void test_negative(void **state)
{
	struct dnsmsg_answer a;

	(void)state;
	begin(&m, 0x8183, "nope.example", DNS_A);
	soa(&m, "example", 900, 300);
	assert_int_equal(read_it(&m, "nope.example", DNS_A, &a), 0);
	assert_int_equal(a.rcode, DNS_NXDOMAIN);
	assert_int_equal(a.ttl, 300);
	begin(&m, 0x8180, "v4only.example", DNS_AAAA);
	cname(&m, "v4only.example", "x.example", 30);
	soa(&m, "example", 200, 300);
	assert_int_equal(read_it(&m, "v4only.example", DNS_AAAA, &a), 0);
	assert_int_equal(a.n, 0);
	assert_int_equal(a.ttl, 30);
	begin(&m, 0x8180, "v4only.example", DNS_AAAA);
	assert_int_equal(read_it(&m, "v4only.example", DNS_AAAA, &a), 0);
	assert_int_equal(a.ttl, DNS_TTL_NEGATIVE);
	begin(&m, 0x8182, "example.com", DNS_A);
	address(&m, "example.com", "192.0.2.1", 300); /* beside an error: not believed */
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), 0);
	assert_int_equal(a.rcode, DNS_SERVFAIL);
	assert_int_equal(a.n, 0);
	begin(&m, 0x8180, "example.com", DNS_A);
	end_record(&m, record(&m, 3, "", OPT, 0x01000000)); /* extended code: bad version */
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), 0);
	assert_int_equal(a.rcode, DNS_SERVFAIL);
}

static void test_truncated(void **state)
{
	struct dnsmsg_answer a;

	(void)state;
	begin(&m, 0x8380, "example.com", DNS_A);
	address(&m, "example.com", "192.0.2.1", 300);
	m.counts[1] = 7;
	assert_int_equal(read_it(&m, "example.com", DNS_A, &a), 0);
	assert_true(a.truncated);
}

/* Names that cannot be read make a message that is none. */
static void test_bad_names(void **state)
{
	static const struct {
		const char *name; /* the owner of a record behind the question "a" (12: its name, 19: the record) */
		size_t len;
		int result;
	} rows[] = {
		{ "\1a\0", 3, 0 },
		{ "\xc0\x0c", 2, 0 },
		{ "\1b\xc0\x0c", 4, 0 },
		{ "\xc0\x13", 2, -EINVAL },	 /* to itself */
		{ "\xc0\x15", 2, -EINVAL },	 /* forward */
		{ "\1b\xc0\x13", 4, -EINVAL },	 /* a loop through a label */
		{ "\xff\xff", 2, -EINVAL },	 /* out of the message */
		{ "\xc0\0", 2, -EINVAL },	 /* into the header */
		{ "\x40" "a\0", 3, -EINVAL },	 /* reserved kinds of label */
		{ "\x80" "a\0", 3, -EINVAL },
		{ "\3a.b\0", 5, -EINVAL },	 /* looks like two labels */
		{ "\2a\n\0", 4, -EINVAL },
		{ "\2a\0\0", 4, -EINVAL },
	};
	struct dnsmsg_answer a;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		begin(&m, 0x8180, "a", DNS_A);
		assert_int_equal(m.o.len, 19);
		wire_put(&m.o, rows[i].name, rows[i].len);
		wire_put(&m.o, "\0\1\0\1\0\0\0\7\0\4\xc0\0\2\1", 14);
		m.counts[1] = 1;
		if (read_it(&m, "a", DNS_A, &a) != rows[i].result)
			fail_msg("row %zu", i);
	}
	/* Too long in all, out of parts that are not. */
	for (int labels = 3; labels <= 4; labels++) {
		begin(&m, 0x8180, "a", DNS_A);
		for (int i = 0; i < labels; i++)
			wire_put(&m.o, "\x3f" L63, 64);
		wire_put(&m.o, "\0\0\1\0\1\0\0\0\7\0\4\xc0\0\2\1", 15);
		m.counts[1] = 1;
		assert_int_equal(read_it(&m, "a", DNS_A, &a), labels == 3 ? 0 : -EINVAL);
	}
	/* A long chain of pointers, each to the one before. */
	begin(&m, 0x8180, "a", DNS_A);
	size_t at = record(&m, 1, "b", TXT, 1);
	wire_put_u16(&m.o, 0xc00c);
	for (size_t i = 0; i < 1000; i++)
		wire_put_u16(&m.o, (uint16_t)(0xc000 | (at + 2 * i)));
	end_record(&m, at);
	size_t last = m.o.len - 2;
	wire_put_u16(&m.o, (uint16_t)(0xc000 | last));
	wire_put(&m.o, "\0\1\0\1\0\0\0\7\0\4\xc0\0\2\1", 14);
	m.counts[1] = 2;
	assert_int_equal(read_it(&m, "a", DNS_A, &a), -EINVAL);
	/* A record of a wrong length. */
	begin(&m, 0x8180, "a", DNS_A);
	at = record(&m, 1, "a", DNS_A, 1);
	wire_put(&m.o, "\1\2\3\4\5", 5);
	end_record(&m, at);
	assert_int_equal(read_it(&m, "a", DNS_A, &a), -EINVAL);
}

static void test_answer_write(void **state)
{
	struct route_ip ips[40];
	struct dnsmsg_answer a;
	uint8_t query[DNS_QUERY_MAX], out[DNS_UDP_MAX];
	int query_len, len;

	(void)state;
	for (size_t i = 0; i < N(ips); i++)
		ips[i] = i % 2 ? (struct route_ip){ .family = 6, .bytes = { 0x20, 1, [15] = (uint8_t)i } }
			       : (struct route_ip){ .family = 4, .bytes = { 192, 0, 2, (uint8_t)i } };
	query_len = dnsmsg_query(query, sizeof(query), 0x4321, STR("example.com"), DNS_AAAA);
	struct str q = { (char *)query, (size_t)query_len };
	assert_int_equal(dnsmsg_room(q), 1232);
	len = dnsmsg_answer_write(q, DNS_OK, ips, 6, 77, out, sizeof(out));
	assert_int_equal(len, query_len + 3 * 28);
	assert_int_equal(dnsmsg_read((struct str){ (char *)out, (size_t)len }, 0x4321, STR("example.com"), DNS_AAAA, &a), 0);
	assert_int_equal(a.n, 3);
	assert_int_equal(a.ttl, 77);
	assert_string_equal(ip_text(&a.ips[2]), "2001::5");
	/* All rooms: whole, cut to "truncated", none. */
	for (size_t cap = 0; cap <= (size_t)len; cap++) {
		int r = dnsmsg_answer_write(q, DNS_OK, ips, 6, 77, out, cap);

		assert_int_equal(r, cap < (size_t)query_len ? -EMSGSIZE : cap < (size_t)len ? query_len : len);
		if (r < 0)
			continue;
		assert_int_equal(dnsmsg_read((struct str){ (char *)out, (size_t)r }, 0x4321, STR("example.com"), DNS_AAAA, &a), 0);
		assert_int_equal(a.truncated, cap < (size_t)len);
		assert_int_equal(a.n, a.truncated ? 0 : 3);
	}
	len = dnsmsg_answer_write(q, DNS_NXDOMAIN, NULL, 0, 0, out, sizeof(out));
	assert_int_equal(dnsmsg_read((struct str){ (char *)out, (size_t)len }, 0x4321, STR("example.com"), DNS_AAAA, &a), 0);
	assert_int_equal(a.rcode, DNS_NXDOMAIN);
	/* Without EDNS: none in the answer, and room for 512 bytes. */
	begin(&m, 0x0100, "ExAmPlE.com", DNS_A);
	assert_int_equal(dnsmsg_room(bytes_of(&m)), 512);
	len = dnsmsg_answer_write(bytes_of(&m), DNS_OK, ips, N(ips), 77, out, 512);
	assert_int_equal(len, m.o.len + 20 * 16);
	assert_memory_equal(out + 12, m.bytes + 12, 13); /* in the asker's own spelling */
	assert_int_equal(out[11], 0);
	/* What cannot be answered. */
	m.bytes[2] |= 0x80;
	assert_int_equal(dnsmsg_answer_write(bytes_of(&m), DNS_OK, ips, 1, 1, out, 512), -EINVAL);
	begin(&m, 0x0100, "a", DNS_A);
	question(&m, "b", DNS_A);
	assert_int_equal(dnsmsg_answer_write(bytes_of(&m), DNS_OK, ips, 1, 1, out, 512), -EINVAL);
	begin(&m, 0x0100, NULL, 0);
	assert_int_equal(dnsmsg_answer_write(bytes_of(&m), DNS_OK, ips, 1, 1, out, 512), -EINVAL);
	begin(&m, 0x0100, "", DNS_A); /* the root */
	assert_int_equal(dnsmsg_answer_write(bytes_of(&m), DNS_OK, NULL, 0, 1, out, 512), 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),	     cmocka_unit_test(test_answer),   cmocka_unit_test(test_other_questions),
		cmocka_unit_test(test_cnames),	     cmocka_unit_test(test_negative), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bad_names),    cmocka_unit_test(test_answer_write),
	};

	return cmocka_run_group_tests_name("eng_dns", tests, NULL, NULL);
}
