#ifndef XRAT_ROUTE_STAB_H
#define XRAT_ROUTE_STAB_H
/* Which of many port ranges hold a port: a tree of segments between the ends that occur. A range is at most two nodes a
 * level, a port passes one a level. Only route/ includes this. */
#include "route/seq.h"

struct stab {
	uint32_t n;      /* segments; 0 = no ranges. Nodes are 1 to 2 n - 1, segment i is node n + i */
	uint32_t *begin; /* first port of each segment, ascending; the first is 0 */
};
/* ends: all lo and hi + 1; sorted here. */
void stab_build(struct arena *a, struct words *ends, struct stab *ret_stab);
/* The nodes of a range whose ends were among them: at most 34. Returns how many. */
unsigned stab_nodes(const struct stab *s, uint32_t lo, uint32_t hi, uint32_t ret_nodes[40]);
/* The lowest node of a port; its ancestors are node / 2 down to 1. 0 = no ranges. */
uint32_t stab_leaf(const struct stab *s, uint32_t port);

#endif
