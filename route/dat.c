/* The reader of geosite.dat and geoip.dat: one pass over the top-level records finds every code; a list is walked when a
 * rule uses it. */
#include "route/dat.h"

#include <errno.h>
#include <string.h>

struct dat_list {
	struct str body;
	size_t offset; /* of the body in the file */
};
struct route_dat {
	struct map *lists; /* upper-case code -> struct dat_list */
	const char *fault;
};
enum wire { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 5 };
struct dat_field {
	uint32_t number;
	enum wire wire;
	uint64_t n;
	struct str bytes; /* WIRE_BYTES */
	size_t offset;    /* of bytes in the file */
};

static struct dat_cursor cursor_of(struct str s, size_t offset)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return (struct dat_cursor){ .p = p, .end = s.len ? p + s.len : p, .offset = offset };
}

static bool damaged(struct dat_cursor *c, const char *why)
{
	if (!c->why)
		c->why = why;
	return false;
}

static void skip(struct dat_cursor *c, size_t n)
{
	c->p += n;
	c->offset += n;
}

static bool varint(struct dat_cursor *c, uint64_t *ret_n)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < 10; i++) {
		if (c->p + i >= c->end)
			return damaged(c, "the file ends within a number");
		n |= (uint64_t)(c->p[i] & 0x7f) << (i * 7);
		if (!(c->p[i] & 0x80)) {
			skip(c, i + 1);
			*ret_n = n;
			return true;
		}
	}
	return damaged(c, "a number has more than ten bytes");
}

static bool take(struct dat_cursor *c, uint64_t len, struct dat_field *f)
{
	if (len > (uint64_t)(c->end - c->p))
		return damaged(c, "a record is longer than what is left");
	f->bytes = (struct str){ (const char *)c->p, (size_t)len };
	f->offset = c->offset;
	skip(c, (size_t)len);
	return true;
}

/* False at the end and at damage. */
static bool next_field(struct dat_cursor *c, struct dat_field *f)
{
	uint64_t tag, len;

	if (c->why || c->p >= c->end || !varint(c, &tag))
		return false;
	*f = (struct dat_field){ .number = (uint32_t)(tag >> 3), .wire = tag & 7 };
	if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return damaged(c, "a record has an impossible number");
	switch (f->wire) {
	case WIRE_VARINT:
		return varint(c, &f->n);
	case WIRE_BYTES:
		return varint(c, &len) && take(c, len, f);
	case WIRE_64:
		return take(c, 8, f);
	case WIRE_32:
		return take(c, 4, f);
	}
	return damaged(c, "a record has an unknown type");
}

static bool is_bytes(const struct dat_field *f, uint32_t number)
{
	return f->number == number && f->wire == WIRE_BYTES;
}

/* --- the index ---------------------------------------------------------------------------------------------------- */

static struct str upper(struct arena *a, struct str s)
{
	char *p = arena_memdup(a, s.p, s.len);

	for (size_t i = 0; i < s.len; i++)
		if (p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 32);
	return (struct str){ p, s.len };
}

/* The code is the first field in every file that is around; anywhere else will do. */
static bool add_list(struct arena *a, struct route_dat *d, const struct dat_field *record, struct dat_cursor *file)
{
	struct dat_cursor c = cursor_of(record->bytes, record->offset);
	struct dat_field f;

	while (next_field(&c, &f)) {
		if (!is_bytes(&f, 1))
			continue;
		struct dat_list *l = arena_new_of(a, struct dat_list);
		*l = (struct dat_list){ record->bytes, record->offset };
		map_put(d->lists, upper(a, f.bytes), l);
		return true;
	}
	if (!c.why)
		return true; /* a list without a code can not be named */
	file->offset = c.offset;
	return damaged(file, c.why);
}

int route_dat_open(struct arena *a, struct str bytes, struct route_dat **ret_dat, const char **ret_why)
{
	struct route_dat *d = arena_new_of(a, struct route_dat);
	struct dat_cursor c = cursor_of(bytes, 0);
	struct dat_field f;

	d->lists = map_new(a, 256);
	*ret_dat = d;
	while (next_field(&c, &f))
		if (is_bytes(&f, 1) && !add_list(a, d, &f, &c))
			break;
	if (!c.why)
		return 0;
	d->fault = arena_printf(a, "byte %zu: %s", c.offset, c.why);
	*ret_why = d->fault;
	return -EINVAL;
}

const char *dat_fault(const struct route_dat *d)
{
	return d->fault;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

int dat_find(const struct route_dat *d, struct str code, struct str attrs, struct dat_walk *w)
{
	char key[256];
	const struct dat_list *l;

	if (code.len > sizeof(key))
		return -ENOENT;
	for (size_t i = 0; i < code.len; i++)
		key[i] = code.p[i] >= 'a' && code.p[i] <= 'z' ? (char)(code.p[i] - 32) : code.p[i];
	l = map_get(d->lists, (struct str){ key, code.len });
	if (!l)
		return -ENOENT;
	*w = (struct dat_walk){ .at = cursor_of(l->body, l->offset) };
	while (attrs.p && attrs.len) {
		if (w->n_attrs == sizeof(w->attrs) / sizeof(*w->attrs))
			return -E2BIG;
		w->attrs[w->n_attrs++] = str_cut(&attrs, '@');
	}
	return 0;
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

/* The wanted one is written in any case, the one in the file must be in lower case. */
static bool is_attr(struct str key, struct str wanted)
{
	if (key.len != wanted.len)
		return false;
	for (size_t i = 0; i < key.len; i++)
		if (key.p[i] != lower(wanted.p[i]))
			return false;
	return true;
}

/* Bits of the wanted attributes that this one stands for. */
static unsigned attr_bits(struct dat_walk *w, const struct dat_field *attr)
{
	struct dat_cursor c = cursor_of(attr->bytes, attr->offset);
	struct str key = { NULL, 0 };
	unsigned bits = 0;
	struct dat_field f;

	while (next_field(&c, &f))
		if (is_bytes(&f, 1))
			key = f.bytes;
	if (c.why) {
		w->at.offset = c.offset;
		damaged(&w->at, c.why);
	}
	for (unsigned i = 0; i < w->n_attrs; i++)
		if (is_attr(key, w->attrs[i]))
			bits |= 1u << i;
	return bits;
}

/* Whether the name has every attribute that is wanted. */
static bool read_name(struct dat_walk *w, const struct dat_field *entry, struct dat_name *n)
{
	struct dat_cursor c = cursor_of(entry->bytes, entry->offset);
	unsigned have = 0;
	struct dat_field f;

	*n = (struct dat_name){ 0 };
	while (next_field(&c, &f)) {
		if (f.number == 1 && f.wire == WIRE_VARINT)
			n->type = f.n > UINT32_MAX ? UINT32_MAX : (uint32_t)f.n;
		else if (is_bytes(&f, 2))
			n->value = f.bytes;
		else if (is_bytes(&f, 3))
			have |= attr_bits(w, &f);
	}
	if (c.why) {
		w->at.offset = c.offset;
		damaged(&w->at, c.why);
	}
	return have == (1u << w->n_attrs) - 1;
}

int dat_next_name(struct dat_walk *w, struct dat_name *ret_name)
{
	struct dat_field f;

	while (next_field(&w->at, &f)) {
		bool wanted = is_bytes(&f, 2) && read_name(w, &f, ret_name);
		if (w->at.why)
			break;
		if (wanted)
			return 1;
	}
	return w->at.why ? -EINVAL : 0;
}

static bool read_net(struct dat_walk *w, const struct dat_field *entry, struct ip_net *net)
{
	struct dat_cursor c = cursor_of(entry->bytes, entry->offset);
	struct str addr = { NULL, 0 };
	uint64_t prefix = 0;
	struct dat_field f;

	*net = (struct ip_net){ 0 };
	while (next_field(&c, &f)) {
		if (is_bytes(&f, 1))
			addr = f.bytes;
		else if (f.number == 2 && f.wire == WIRE_VARINT)
			prefix = f.n & UINT32_MAX;
	}
	if (c.why) {
		w->at.offset = c.offset;
		return damaged(&w->at, c.why);
	}
	if ((addr.len != 4 && addr.len != 16) || prefix > addr.len * 8)
		return false;
	memcpy(net->addr, addr.p, addr.len);
	net->prefix = (uint8_t)prefix;
	net->v6 = addr.len == 16;
	ip_mask(net);
	return true;
}

int dat_next_net(struct dat_walk *w, struct ip_net *ret_net)
{
	struct dat_field f;

	while (next_field(&w->at, &f)) {
		bool wanted = is_bytes(&f, 2) && read_net(w, &f, ret_net);
		if (w->at.why)
			break;
		if (wanted)
			return 1;
	}
	return w->at.why ? -EINVAL : 0;
}
