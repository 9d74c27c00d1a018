#ifndef XRAT_APPLY_NEEDS_IMPL_H
#define XRAT_APPLY_NEEDS_IMPL_H
#include "apply/apply.h"
/* After engine = "auto" took another engine than Xray and the configuration has errors: those that Xray would not have say
 * so, and how to get there. One more compile, for the default target. */
void needs_name(struct arena *a, const struct state *s, enum role role, const struct compile_options *o,
		struct snapshot *snap);
#endif
