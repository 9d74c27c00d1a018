/* Ports that are taken already: for each one, how far the next free one is, with paths shortened as they are walked. A
 * page of the arrays costs nothing until a port in it is taken. */
#include "validate/shadow.h"

enum { PORTS = 65536 };

struct shadow_ports {
	uint32_t skip[PORTS + 1]; /* 0 = free */
	uint32_t rule[PORTS];
};

struct shadow_ports *shadow_ports_new(struct arena *a)
{
	return arena_new_of(a, struct shadow_ports);
}

/* The first free port from `port` on; PORTS when there is none. */
static uint32_t next_free(struct shadow_ports *p, uint32_t port)
{
	uint32_t end = port;

	while (p->skip[end])
		end += p->skip[end];
	while (p->skip[port]) {
		uint32_t step = p->skip[port];
		p->skip[port] = end - port;
		port += step;
	}
	return end;
}

enum shadow_fit shadow_ports_find(struct shadow_ports *p, const struct value *v, struct shadow_cover *cover)
{
	struct xports ports = xports_of(v);
	struct xport r;
	bool any = false;

	while (xports_next(&ports, &r)) {
		if (r.kind == XPORT_REVERSED) /* matches nothing */
			continue;
		if (r.kind >= XPORT_ENV || next_free(p, r.from) <= r.to)
			return SHADOW_FREE;
		shadow_cover_add(cover, p->rule[r.from]);
		shadow_cover_add(cover, p->rule[r.to]);
		any = true;
	}
	return any ? SHADOW_COVERED : SHADOW_FREE;
}

void shadow_ports_put(struct shadow_ports *p, const struct value *v, uint32_t rule)
{
	struct xports ports = xports_of(v);
	struct xport r;

	while (xports_next(&ports, &r)) {
		if (r.kind != XPORT_RANGE)
			continue;
		for (uint32_t at = next_free(p, r.from); at <= r.to; at = next_free(p, at)) {
			p->skip[at] = 1;
			p->rule[at] = rule;
		}
	}
}
