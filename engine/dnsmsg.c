/* DNS messages: header of 12 bytes (id, flags, four counts), questions, records. A name is a row of labels with their lengths;
 * a length of 11xxxxxx is a pointer to an earlier place, which has to lie before the name that uses it: no loops. */
#include "engine/dnsmsg.h"

#include <errno.h>

enum { HEADER = 12, CLASS_IN = 1, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_OPT = 41 };
enum { FLAG_ANSWER = 0x8000, FLAG_OPCODE = 0x7800, FLAG_TRUNCATED = 0x0200, FLAG_RD = 0x0100, FLAG_RA = 0x0080 };
enum { LABEL_MAX = 63, POINTER = 0xc0, POINTERS_MAX = 32, UDP_ASKED = 1232, UDP_LEAST = 512, OPT_LEN = 11 };

struct name {
	uint8_t len;
	char text[256];
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_label_byte(char c)
{
	return (unsigned char)c > ' ' && c != '.' && c != 0x7f;
}

/* --- names --- */
static int add_label(struct name *n, struct str label)
{
	size_t at = n->len ? n->len + 1u : 0;

	if (at + label.len > DNS_NAME_MAX)
		return -EINVAL;
	if (at)
		n->text[at - 1] = '.';
	for (size_t i = 0; i < label.len; i++) {
		if (!is_label_byte(label.p[i]))
			return -EINVAL;
		n->text[at + i] = lower(label.p[i]);
	}
	n->len = (uint8_t)(at + label.len);
	return 0;
}

/* w stands behind the name then, whatever it points to. */
static int read_name(struct wire *w, struct name *ret)
{
	struct wire at = *w; /* goes where pointers lead */
	size_t limit = w->at;
	unsigned jumps = 0;

	ret->len = 0;
	for (;;) {
		uint8_t len = wire_u8(&at);

		if (len >= POINTER) {
			size_t to = (size_t)(len & 0x3f) << 8 | wire_u8(&at);

			if (!jumps++)
				*w = at;
			if (at.failed || to < HEADER || to >= limit || jumps > POINTERS_MAX)
				return -EINVAL;
			limit = at.at = to;
			continue;
		}
		if (at.failed || len > LABEL_MAX || (len && add_label(ret, wire_str(&at, len))))
			return -EINVAL;
		if (!len)
			break;
	}
	if (!jumps)
		*w = at;
	ret->text[ret->len] = '\0';
	return at.failed ? -EINVAL : 0;
}

static struct str name_str(const struct name *n)
{
	return (struct str){ n->text, n->len };
}

static void put_name(struct wire_out *o, struct str name)
{
	if (name.len && name.p[name.len - 1] == '.')
		name.len--;
	if (!name.len || name.len > DNS_NAME_MAX)
		o->failed = true;
	while (name.len && !o->failed) {
		bool is_last = !memchr(name.p, '.', name.len);
		struct str label = str_cut(&name, '.');

		if (!label.len || label.len > LABEL_MAX || (!is_last && !name.len))
			o->failed = true;
		wire_put_u8(o, (uint8_t)label.len);
		for (size_t i = 0; i < label.len; i++) {
			o->failed |= !is_label_byte(label.p[i]);
			wire_put_u8(o, (uint8_t)lower(label.p[i]));
		}
	}
	wire_put_u8(o, 0);
}

/* --- queries --- */
struct header {
	uint16_t id, flags, counts[4]; /* questions, answers, authority, additional */
};

static struct header read_header(struct wire *w)
{
	struct header h = { .id = wire_u16(w), .flags = wire_u16(w) };

	for (int i = 0; i < 4; i++)
		h.counts[i] = wire_u16(w);
	return h;
}

static void put_header(struct wire_out *o, const struct header *h)
{
	wire_put_u16(o, h->id);
	wire_put_u16(o, h->flags);
	for (int i = 0; i < 4; i++)
		wire_put_u16(o, h->counts[i]);
}

static void put_opt(struct wire_out *o)
{
	wire_put_u8(o, 0);
	wire_put_u16(o, TYPE_OPT);
	wire_put_u16(o, UDP_ASKED);
	wire_put_u32(o, 0);
	wire_put_u16(o, 0);
}

int dnsmsg_query(uint8_t *out, size_t cap, uint16_t id, struct str name, uint16_t type)
{
	const struct header h = { id, FLAG_RD, { 1, 0, 0, 1 } };
	struct wire_out o = { .p = out, .cap = cap };

	put_header(&o, &h);
	put_name(&o, name);
	wire_put_u16(&o, type);
	wire_put_u16(&o, CLASS_IN);
	put_opt(&o);
	return o.failed ? -EINVAL : (int)o.len;
}

size_t dnsmsg_plain(uint8_t *query, size_t len)
{
	query[HEADER - 1] = 0;
	return len - OPT_LEN;
}

/* --- records --- */
struct record {
	struct name owner;
	uint16_t type, class;
	uint32_t ttl;
	struct wire data; /* ends where the record does; a name in it may point to before it */
};

static int read_record(struct wire *w, struct record *ret)
{
	uint16_t len;

	if (read_name(w, &ret->owner))
		return -EINVAL;
	ret->type = wire_u16(w);
	ret->class = wire_u16(w);
	ret->ttl = wire_u32(w);
	len = wire_u16(w);
	ret->data = *w;
	wire_take(w, len);
	ret->data.len = w->at;
	if (ret->ttl >> 31) /* RFC 2181 8 */
		ret->ttl = 0;
	return w->failed ? -EINVAL : 0;
}

/* Walks records n at a time; each(ctx, record) 0 goes on. The first other result, or -EINVAL, or 0. */
static int each_record(struct wire *w, unsigned n, int (*each)(void *ctx, struct record *r), void *ctx)
{
	struct record record;
	int r = 0;

	while (n-- && !r) {
		r = read_record(w, &record);
		if (!r)
			r = each(ctx, &record);
	}
	return r;
}

/* --- answers --- */
struct reading {
	struct dnsmsg_answer *answer;
	struct name at;       /* the name whose records count now: the question's, then those of CNAMEs */
	struct name next;
	bool has_next;
	uint32_t ttl, next_ttl, soa_ttl;
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int find_cname(void *ctx, struct record *r)
{
	struct reading *g = ctx;

	if (g->has_next || r->type != TYPE_CNAME || r->class != CLASS_IN || !str_eq(name_str(&r->owner), name_str(&g->at)))
		return 0;
	g->has_next = true;
	g->next_ttl = r->ttl;
	return read_name(&r->data, &g->next);
}

static int take_address(void *ctx, struct record *r)
{
	struct reading *g = ctx;
	struct dnsmsg_answer *a = g->answer;
	size_t len = r->type == DNS_A ? 4 : 16;
	const uint8_t *bytes;
	struct route_ip ip = { .family = r->type == DNS_A ? ADDR_V4 : ADDR_V6 };
	struct addr normal;

	if (r->type != a->type || r->class != CLASS_IN || (r->type != DNS_A && r->type != DNS_AAAA) ||
		!str_eq(name_str(&r->owner), name_str(&g->at)))
		return 0;
	bytes = wire_take(&r->data, len);
	if (!bytes || r->data.at != r->data.len)
		return -EINVAL;
	if (a->n == DNS_IPS_MAX)
		return 0;
	memcpy(ip.bytes, bytes, len);
	addr_set_ip(&normal, &ip, 0); /* a mapped address is an IPv4 address */
	addr_ip(&normal, &a->ips[a->n++]);
	g->ttl = least(g->ttl, r->ttl);
	return 0;
}

/* How long "no such thing" holds: the smaller of the SOA's own time and its last field. */
static int take_soa(void *ctx, struct record *r)
{
	struct reading *g = ctx;
	struct name ignored;

	if (r->type != TYPE_SOA || r->class != CLASS_IN || g->soa_ttl != UINT32_MAX)
		return 0;
	for (int i = 0; i < 2; i++) /* the server, and who is in charge */
		if (read_name(&r->data, &ignored))
			return -EINVAL;
	wire_take(&r->data, 16);
	g->soa_ttl = least(wire_u32(&r->data), r->ttl);
	return r->data.failed ? -EINVAL : 0;
}

static int take_opt(void *ctx, struct record *r)
{
	struct reading *g = ctx;

	if (r->type == TYPE_OPT && r->ttl >> 24)
		g->answer->rcode = DNS_SERVFAIL;
	return 0;
}

/* One pass over the answers for each CNAME: their order is not given. */
static int follow(struct wire *w, unsigned n, struct reading *g)
{
	for (int i = 0; i <= DNS_CNAMES_MAX; i++) {
		struct wire pass = *w;

		g->has_next = false;
		if (each_record(&pass, n, find_cname, g))
			return -EINVAL;
		if (!g->has_next) {
			*w = pass;
			return 0;
		}
		g->at = g->next;
		g->ttl = least(g->ttl, g->next_ttl);
	}
	return -EINVAL;
}

static int read_sections(struct wire *w, const struct header *h, struct reading *g)
{
	struct wire answers = *w;

	if (follow(w, h->counts[1], g) || each_record(&answers, h->counts[1], take_address, g) ||
		each_record(w, h->counts[2], take_soa, g) || each_record(w, h->counts[3], take_opt, g))
		return -EINVAL;
	return 0;
}

static int check_question(struct wire *w, const struct header *h, struct str name, uint16_t type, struct name *ret)
{
	if (h->counts[0] == 0 && h->flags & 15 && !(h->flags & FLAG_TRUNCATED) && !w->failed) {
		ret->len = 0;
		return 0;
	}
	if (h->counts[0] != 1 || read_name(w, ret) || wire_u16(w) != type || wire_u16(w) != CLASS_IN || w->failed)
		return -EINVAL;
	if (name.len && name.p[name.len - 1] == '.')
		name.len--;
	return str_eq_nocase(name_str(ret), name) ? 0 : -EINVAL;
}

int dnsmsg_read(struct str message, uint16_t id, struct str name, uint16_t type, struct dnsmsg_answer *ret)
{
	struct wire w = wire_of(message);
	struct header h = read_header(&w);
	struct reading g = { .answer = ret, .ttl = DNS_TTL_MAX, .soa_ttl = UINT32_MAX };

	if (w.failed || h.id != id || !(h.flags & FLAG_ANSWER) || h.flags & FLAG_OPCODE ||
		check_question(&w, &h, name, type, &g.at))
		return -EINVAL;
	ret->id = id;
	ret->type = type;
	ret->rcode = h.flags & 15;
	ret->truncated = h.flags & FLAG_TRUNCATED;
	ret->n = 0;
	if (read_sections(&w, &h, &g) && !ret->truncated)
		return -EINVAL;
	if (ret->rcode)
		ret->n = 0;
	ret->ttl = ret->n ? g.ttl : least(g.ttl, g.soa_ttl == UINT32_MAX ? DNS_TTL_NEGATIVE : g.soa_ttl);
	return 0;
}

/* --- answering --- */
/* The header and the one question of a standard query; w stands behind it. */
static int read_query(struct wire *w, struct header *h, struct name *ret_name, uint16_t *ret_type)
{
	size_t before, plain;

	*h = read_header(w);
	if (w->failed || h->flags & (FLAG_ANSWER | FLAG_OPCODE) || h->counts[0] != 1)
		return -EINVAL;
	before = w->at;
	if (read_name(w, ret_name))
		return -EINVAL;
	plain = ret_name->len ? ret_name->len + 2u : 1;
	*ret_type = wire_u16(w);
	return wire_u16(w) == CLASS_IN && !w->failed && w->at - before == plain + 4 ? 0 : -EINVAL;
}

int dnsmsg_question(struct str message, uint16_t *ret_id, char ret_name[256], uint16_t *ret_type)
{
	struct wire w = wire_of(message);
	struct header h;
	struct name name;
	uint16_t type;

	if (read_query(&w, &h, &name, &type))
		return -EINVAL;
	*ret_id = h.id;
	*ret_type = type;
	memcpy(ret_name, name.text, name.len + 1u);
	return 0;
}

static int take_room(void *ctx, struct record *r)
{
	if (r->type == TYPE_OPT)
		*(size_t *)ctx = r->class;
	return 0;
}

/* What the query's EDNS0 says; 0: it has none. */
static size_t edns_room(struct wire *w, const struct header *h)
{
	size_t room = 0;

	each_record(w, h->counts[1] + h->counts[2] + h->counts[3], take_room, &room);
	return room;
}

size_t dnsmsg_room(struct str query)
{
	struct wire w = wire_of(query);
	struct header h;
	struct name name;
	uint16_t type;
	size_t room;

	if (read_query(&w, &h, &name, &type))
		return UDP_LEAST;
	room = edns_room(&w, &h);
	return room < UDP_LEAST ? UDP_LEAST : room > DNS_UDP_MAX ? DNS_UDP_MAX : room;
}

static unsigned put_addresses(struct wire_out *o, uint16_t type, const struct route_ip *ips, uint32_t n, uint32_t ttl)
{
	unsigned written = 0;
	uint8_t family = type == DNS_A ? ADDR_V4 : type == DNS_AAAA ? ADDR_V6 : ADDR_NONE;

	for (uint32_t i = 0; i < n; i++) {
		uint16_t len = family == ADDR_V4 ? 4 : 16;

		if (!family || ips[i].family != family)
			continue;
		wire_put_u16(o, POINTER << 8 | HEADER);
		wire_put_u16(o, type);
		wire_put_u16(o, CLASS_IN);
		wire_put_u32(o, ttl);
		wire_put_u16(o, len);
		wire_put(o, ips[i].bytes, len);
		written++;
	}
	return written;
}

int dnsmsg_answer_write(struct str query, uint8_t rcode, const struct route_ip *ips, uint32_t n, uint32_t ttl, uint8_t *out,
			size_t cap)
{
	struct wire w = wire_of(query);
	struct wire_out o = { .p = out }, head = { .p = out, .cap = HEADER };
	struct header h;
	struct name name;
	uint16_t type;
	size_t end, opt_len;

	if (read_query(&w, &h, &name, &type))
		return -EINVAL;
	end = w.at;
	opt_len = edns_room(&w, &h) ? OPT_LEN : 0;
	if (cap < end + opt_len)
		return -EMSGSIZE;
	h.flags = (uint16_t)(FLAG_ANSWER | (h.flags & FLAG_RD) | FLAG_RA | (rcode & 15));
	o.cap = cap - opt_len;
	wire_put(&o, query.p, end);
	h.counts[1] = (uint16_t)put_addresses(&o, type, ips, n, ttl);
	if (o.failed) {
		h.counts[1] = 0;
		h.flags |= FLAG_TRUNCATED;
		o = (struct wire_out){ .p = out, .len = end };
	}
	h.counts[2] = 0;
	h.counts[3] = opt_len ? 1 : 0;
	o.cap = cap;
	if (opt_len)
		put_opt(&o);
	put_header(&head, &h);
	return (int)o.len;
}
