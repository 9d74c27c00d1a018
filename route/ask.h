#ifndef XRAT_ROUTE_ASK_H
#define XRAT_ROUTE_ASK_H
/* One question: a flow against a table. Only route/ includes this. */
#include "route/index.h"

struct route_scratch {
	uint32_t *stamp;    /* of atoms, then of patterns: round * 2 + whether it holds; another round = not known */
	uint32_t *hits;     /* atoms that hold, by dimension in the order in which they were looked at */
	uint32_t n_stamps, n_hits, round;
	uint32_t from[DIM__N], to[DIM__N]; /* a dimension's part of hits */
	char *lower;        /* the name */
	size_t cap_lower;
};
enum set_state { SET_NOT_RUN, SET_RUN, SET_USELESS };
struct ask {
	const struct route_table *t;
	struct route_scratch *s;
	const struct route_flow *f;
	const struct route_ip *ips; /* of the target */
	uint32_t n_ips;
	struct str name;            /* in lower case; set with DIM_DOMAIN */
	uint32_t prepared;          /* bits of dimensions that were looked at */
	uint32_t best;
	unsigned n_patterns;        /* asked one by one so far */
	enum set_state set;
};
/* Forgets what is known: before another flow, and before the addresses change. */
void ask_begin(struct ask *q);
/* Looks the flow up in a dimension that is made of atoms; once. */
void ask_prepare(struct ask *q, enum dim dim);
bool ask_lazy_holds(struct ask *q, const struct lazy *l);
const struct lazy *ask_lazy_of(const struct route_table *t, uint32_t atom);
/* Whether all terms hold. */
bool ask_rest_holds(struct ask *q, uint32_t rest);
uint16_t ask_port(const struct route_flow *f, enum dim dim);
/* Calls with the first owner of each attribute of the flow. */
bool ask_attr_atom(const struct route_table *t, struct str name, uint32_t *ret_atom);

static inline bool ask_is_known(const struct ask *q, uint32_t i) { return q->s->stamp[i] >> 1 == q->s->round; }
static inline bool ask_is_hit(const struct ask *q, uint32_t i) { return q->s->stamp[i] == (q->s->round << 1 | 1); }

#endif
