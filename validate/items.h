#ifndef XRAT_VALIDATE_ITEMS_H
#define XRAT_VALIDATE_ITEMS_H
/* What several checks ask of lists (model/xrule.h reads them). Only validate/ includes this. */
#include "model/model.h"

/* How many strings there are; one string counts as at least one. */
uint32_t items_count(const struct value *v);
bool items_has(const struct value *v, struct str wanted);

/* ip_parse of items that several checks ask about: remembers the last few texts by their place. */
struct nets {
	struct {
		const char *p;
		size_t len;
		int result;
		struct ip_net net;
	} last[8];
};
int items_net(struct nets *n, struct str s, struct ip_net *ret_net);

#endif
