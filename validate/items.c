/* Xray's string lists and port lists. */
#include "validate/items.h"

#include <string.h>

/* The place of a part of a string; the whole string when escapes moved its bytes. */
static struct span part_span(const struct value *v, struct str part)
{
	struct span at = v->span;
	uint32_t off = (uint32_t)(part.p - v->text);

	if (at.end - at.begin != v->len + 2)
		return at;
	return (struct span){ at.src, at.begin + 1 + off, at.begin + 1 + off + (uint32_t)part.len };
}

static bool string_next(struct items *it, struct item *ret_item)
{
	struct str part;

	if (it->i && !it->rest.p) /* one part is always there: Go splits "" into [""] */
		return false;
	it->i = 1;
	part = str_cut(&it->rest, ',');
	*ret_item = (struct item){ part, part.p ? part_span(it->v, part) : it->v->span };
	return true;
}

bool items_next(struct items *it, struct item *ret_item)
{
	if (!it->v)
		return false;
	if (it->v->kind == VAL_STRING)
		return string_next(it, ret_item);
	if (it->v->kind != VAL_ARRAY)
		return false;
	while (it->i < it->v->n) {
		const struct value *v = &it->v->items[it->i++];
		if (v->kind == VAL_STRING) {
			*ret_item = (struct item){ value_str(v), v->span };
			return true;
		}
	}
	return false;
}

uint32_t items_count(const struct value *v)
{
	struct items it = items_of(v);
	struct item item;
	uint32_t n = 0;

	while (items_next(&it, &item))
		n++;
	return n;
}

bool items_has(const struct value *v, struct str wanted)
{
	struct items it = items_of(v);
	struct item item;

	while (items_next(&it, &item))
		if (str_eq(item.s, wanted))
			return true;
	return false;
}

int items_net(struct nets *n, struct str s, struct ip_net *ret_net)
{
	unsigned i = (unsigned)((uintptr_t)s.p >> 3 ^ (uintptr_t)s.p >> 6) & 7;

	if (!s.len || n->last[i].p != s.p || n->last[i].len != s.len) {
		n->last[i].p = s.p;
		n->last[i].len = s.len;
		n->last[i].result = ip_parse(s, &n->last[i].net);
	}
	if (!n->last[i].result)
		*ret_net = n->last[i].net;
	return n->last[i].result;
}

/* Digits alone; anything else, or more than a port holds, is not for us to report. */
static bool port_read(struct str s, uint32_t *ret_port)
{
	uint32_t n = 0;

	if (!s.len || s.len > 5)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(s.p[i] - '0');
	}
	*ret_port = n;
	return n <= 65535;
}

static struct port_item range_read(struct str part, struct span at)
{
	struct port_item p = { .at = at };
	struct str to = part, from = str_cut(&to, '-');

	if (!port_read(from, &p.from) || !port_read(to.p ? to : from, &p.to))
		p.kind = PORT_UNKNOWN;
	else if (p.from > p.to)
		p.kind = PORT_REVERSED;
	return p;
}

static bool number_next(struct ports *p, struct port_item *ret_item)
{
	int64_t n = 0;

	p->done = true;
	if (p->v->kind != VAL_NUMBER || value_int(p->v, &n) || !n)
		return false;
	if (n < 0 || n > 65535)
		*ret_item = (struct port_item){ .kind = PORT_UNKNOWN, .at = p->v->span };
	else
		*ret_item = (struct port_item){ PORT_RANGE, (uint32_t)n, (uint32_t)n, p->v->span };
	return true;
}

bool ports_next(struct ports *p, struct port_item *ret_item)
{
	if (p->done)
		return false;
	if (p->v->kind != VAL_STRING)
		return number_next(p, ret_item);
	while (p->rest.p && p->rest.len) {
		struct str part = str_trim(str_cut(&p->rest, ','));
		if (part.len) {
			*ret_item = range_read(part, part_span(p->v, part));
			return true;
		}
	}
	return false;
}
