/* The checks of a merged config, in the order in which a reader would ask: is it well formed, do names lead somewhere,
 * do parts fit together, does the target take it. */
#include "validate/rules.h"

static bool refers_to_lists(const struct xconf *x)
{
	return !x->root || x->root->kind == VAL_OBJECT;
}

void validate_semantics(struct arena *a, struct diag_sink *sink, const struct xconf *x)
{
	struct facts f;

	if (!refers_to_lists(x))
		return;
	facts_build(a, sink, x, &f);
	tags_check(&f);
	refs_check(&f);
	balancer_check(&f);
	cycle_check(&f);
	listen_check(&f);
	transport_check(&f);
	tls_check(&f);
	users_check(&f);
	exposure_check(&f);
	dns_check(&f);
	target_check(&f);
	rules_check(&f);
}

int validate(struct arena *a, struct diag_sink *sink, const struct merged *merged, struct checked *ret_checked)
{
	validate_structure(a, sink, &merged->x);
	validate_semantics(a, sink, &merged->x);
	if (diag_count(sink, SEV_ERROR))
		return 1;
	ret_checked->x = merged->x;
	return 0;
}
