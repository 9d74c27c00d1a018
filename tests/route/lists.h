#ifndef XRAT_TESTS_ROUTE_LISTS_H
#define XRAT_TESTS_ROUTE_LISTS_H
/* Small geosite.dat, geoip.dat and two others, written as protobuf from the matcher's own lists. */
#include "tests/route/matcher.h"

static const struct mlist small_lists[] = {
	{ .file = "geosite.dat", .code = "CN", .names = { { 2, "cn", "" }, { 3, "www.abc.com", "ads" }, { 0, "bb", "ads" } } },
	{ .file = "geosite.dat", .code = "Ads-All", .names = { { 2, "ab.test", "ads" }, { 1, "^a+b", "ads x" },
		{ 3, "A.COM", "x" }, { 1, "c[0-9]\\.test$", "" }, { 0, "x1.", "x" } } },
	{ .file = "geosite.dat", .code = "EMPTY" },
	{ .file = "mine.dat", .code = "HOME", .names = { { 2, ".c.com", "" }, { 3, ".b.test", "" }, { 2, "a.b.c", "" } } },
	{ .file = "geoip.dat", .code = "CN", .nets = { "10.0.0.0/14", "10.9.0.0/16", "2001:db8:0:1::/64" } },
	{ .file = "geoip.dat", .code = "Four", .nets = { "10.0.1.0/25", "10.1.0.3/32", "10.0.0.0/29" } },
	{ .file = "geoip.dat", .code = "SIX", .nets = { "2001:db8::/34", "2001:db8:0:2::1/128" } },
	{ .file = "other.dat", .code = "WIDE", .nets = { "0.0.0.0/1" } },
	{ 0 },
};

struct out {
	uint8_t b[4096];
	size_t n;
};

static void out_varint(struct out *o, uint64_t x)
{
	for (; x > 127; x >>= 7)
		o->b[o->n++] = (uint8_t)(x | 128);
	o->b[o->n++] = (uint8_t)x;
}

static void out_bytes(struct out *o, unsigned field, const void *p, size_t len)
{
	out_varint(o, field << 3 | 2);
	out_varint(o, len);
	memcpy(o->b + o->n, p, len);
	o->n += len;
}

static void out_number(struct out *o, unsigned field, uint64_t x)
{
	out_varint(o, field << 3);
	out_varint(o, x);
}

static void write_name(struct out *list, const struct mname *m)
{
	struct out name = { .n = 0 };
	char copy[64], *save = NULL;

	out_number(&name, 1, (uint64_t)m->type);
	out_bytes(&name, 2, m->value, strlen(m->value));
	snprintf(copy, sizeof(copy), "%s", m->attrs);
	for (char *a = strtok_r(copy, " ", &save); a; a = strtok_r(NULL, " ", &save)) {
		struct out attr = { .n = 0 };
		out_bytes(&attr, 1, a, strlen(a));
		out_number(&attr, 2, 1);
		out_bytes(&name, 3, attr.b, attr.n);
	}
	out_bytes(list, 2, name.b, name.n);
}

static void write_net(struct out *list, const char *text)
{
	struct out net = { .n = 0 };
	struct maddr a;
	int bits;

	if (!m_net(text, &a, &bits))
		abort();
	out_bytes(&net, 1, a.b, a.family == 6 ? 16 : 4);
	out_number(&net, 2, (uint64_t)bits);
	out_bytes(list, 2, net.b, net.n);
}

/* All lists of a file. */
static struct out write_lists(const char *file)
{
	struct out all = { .n = 0 };

	for (const struct mlist *l = small_lists; l->file; l++) {
		struct out list = { .n = 0 };
		if (strcmp(l->file, file) != 0)
			continue;
		out_bytes(&list, 1, l->code, strlen(l->code));
		for (int i = 0; i < 8 && l->names[i].value; i++)
			write_name(&list, &l->names[i]);
		for (int i = 0; i < 8 && l->nets[i]; i++)
			write_net(&list, l->nets[i]);
		out_bytes(&all, 1, list.b, list.n);
	}
	return all;
}

#endif
