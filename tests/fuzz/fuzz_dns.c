/* link: engine route model lib */
/* DNS: any bytes as a query, as an answer, as a name. What is written is read back as the same. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/dnsmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what)                                                               \
	do                                                                       \
		if (!(what)) {                                                   \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                 \
		}                                                                \
	while (0)

static struct dnsmsg_answer answer;

static void check_answer(uint16_t type)
{
	MUST(answer.n <= DNS_IPS_MAX && answer.ttl <= DNS_TTL_MAX && answer.type == type);
	MUST(!answer.n || ((type == DNS_A || type == DNS_AAAA) && !answer.rcode));
	for (uint32_t i = 0; i < answer.n; i++)
		MUST(answer.ips[i].family == 4 || (answer.ips[i].family == 6 && type == DNS_AAAA));
}

static void respond(struct str query, uint16_t id, const char *name, uint16_t type, size_t cap)
{
	static uint8_t out[DNS_UDP_MAX];
	struct route_ip ips[8];
	int len;

	for (unsigned i = 0; i < 8; i++)
		ips[i] = i % 2 ? (struct route_ip){ .family = 6, .bytes = { 0x20, 1, [15] = (uint8_t)i } }
			       : (struct route_ip){ .family = 4, .bytes = { 192, 0, 2, (uint8_t)i } };
	len = dnsmsg_answer_write(query, DNS_OK, ips, 8, 60, out, cap < sizeof(out) ? cap : sizeof(out));
	MUST(len == -EMSGSIZE || (len > 0 && (size_t)len <= cap));
	if (len < 0)
		return;
	MUST(!dnsmsg_read((struct str){ (char *)out, (size_t)len }, id, str_of(name), type, &answer));
	MUST(answer.truncated || answer.n == (type == DNS_A || type == DNS_AAAA ? 4u : 0u));
	MUST(!answer.truncated || !answer.n);
}

static void as_query(struct str bytes, size_t cap)
{
	char name[256];
	uint16_t id, type;
	uint8_t out[DNS_QUERY_MAX];
	size_t room = dnsmsg_room(bytes);

	MUST(room >= 512 && room <= DNS_UDP_MAX);
	if (dnsmsg_question(bytes, &id, name, &type))
		return;
	MUST(strlen(name) <= DNS_NAME_MAX);
	respond(bytes, id, name, type, cap);
	if (!name[0])
		return;
	int len = dnsmsg_query(out, sizeof(out), id, str_of(name), type);
	MUST(len > 0);
	respond((struct str){ (char *)out, (size_t)len }, id, name, type, sizeof(out) + 200);
}

/* As an answer to whatever it says it is one to. */
static void as_answer(struct str bytes)
{
	char *query = malloc(bytes.len ? bytes.len : 1), name[256];
	uint16_t id, type;

	MUST(query);
	if (bytes.len)
		memcpy(query, bytes.p, bytes.len);
	if (bytes.len > 2)
		query[2] = 1;
	if (!dnsmsg_question((struct str){ query, bytes.len }, &id, name, &type) &&
		!dnsmsg_read(bytes, id, str_of(name), type, &answer))
		check_answer(type);
	if (bytes.len > 2 && !dnsmsg_read(bytes, (uint16_t)((uint8_t)bytes.p[0] << 8 | (uint8_t)bytes.p[1]), STR("a.example"), DNS_A, &answer))
		check_answer(DNS_A);
	free(query);
}

static void as_name(struct str bytes)
{
	uint8_t out[DNS_QUERY_MAX];
	char name[256];
	uint16_t id, type;
	int len = dnsmsg_query(out, sizeof(out), 7, bytes, DNS_AAAA);

	if (len < 0)
		return;
	MUST(!dnsmsg_question((struct str){ (char *)out, (size_t)len }, &id, name, &type) && id == 7 && type == DNS_AAAA);
	if (bytes.p[bytes.len - 1] == '.')
		bytes.len--;
	MUST(str_eq_nocase(bytes, str_of(name)));
}

/* Every three bytes are a deed: what, which name, how long. */
static void as_deeds(const uint8_t *p, size_t len)
{
	struct dnscache *c = dnscache_new(p[0] % 8);
	struct fakepool *pool = NULL;
	struct route_ip ip;
	char name[256];
	int64_t now = 0;

	MUST(c && !fakepool_new(&pool, p[0] & 8 ? STR("198.18.0.0/28") : STR("fc00::/124"), 1 + p[0] % 20));
	for (size_t i = 1; i + 3 <= len; i += 3) {
		struct str text = { (const char *)&p[i + 1], 1 };

		now += p[i] >> 2;
		answer = (struct dnsmsg_answer){ .type = DNS_A, .n = p[i + 2] % 4, .ttl = p[i + 2] % 8 };
		if (p[i] & 1)
			dnscache_put(c, text, &answer, now * 100);
		else if (!dnscache_get(c, text, DNS_A, now * 100, &answer))
			MUST(answer.ttl >= 1 && answer.ttl < 8 && answer.n < 4);
		MUST(dnscache_count(c) <= p[0] % 8);
		fakepool_lend(pool, text, &ip);
		MUST(fakepool_name(pool, &ip, name) == 1 && name[0] == text.p[0]);
	}
	dnscache_free(c);
	fakepool_free(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *block;

	if (size < 2)
		return 0;
	block = malloc(size - 2 ? size - 2 : 1);
	MUST(block);
	memcpy(block, data + 2, size - 2);
	switch (data[0] % 4) {
	case 0:
		as_query((struct str){ block, size - 2 }, data[1] * 2u);
		break;
	case 1:
		as_answer((struct str){ block, size - 2 });
		break;
	case 2:
		as_name((struct str){ block, size - 2 });
		break;
	default:
		as_deeds(data + 1, size - 1);
	}
	free(block);
	return 0;
}
