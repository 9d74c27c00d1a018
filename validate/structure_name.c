/* Values of enumerations. */
#include "validate/structure.h"

static void unknown_name(struct walk *w, const struct xkey *k, struct str s, struct span at)
{
	struct diag *d;
	if (k->names->silent)
		d = walk_add(w, DIAG_XR408, at, "'%.*s' is not a value of '%s': %s silently takes it for %s",
			     (int)s.len, s.p, k->name, walk_engine(w), k->names->silent);
	else
		d = walk_add(w, DIAG_XR407, at, "'%.*s' is not a value of '%s'", (int)s.len, s.p, k->name);
	if (!d)
		return;
	bool spaced = str_trim(s).len != s.len && xname_find(k->names, str_trim(s));
	diag_help(w->sink, d, spaced ? "spaces are not cut off; use %s" : "use %s", xnames_list(w->a, k->names, w->t));
}

/* A value that this target does not take. */
static void lacking_name(struct walk *w, const struct xkey *k, const struct xname *n, struct span at)
{
	bool gone = w->t->family == ENGINE_XRAY && n->advice;
	struct diag *d = walk_add(w, gone ? DIAG_XR417 : DIAG_XR421, at, "%s does not take '%s' as '%s'%s", w->t->name,
				  n->name, k->name, gone ? " any more" : "");
	if (!d)
		return;
	const char *names = xnames_list(w->a, k->names, w->t), *others = walk_known_to(w, n->lacks);
	if (w->t->family == ENGINE_BUILTIN && *others)
		diag_help(w->sink, d, "use %s, or choose an engine that takes it: %s", names, others);
	else if (w->t->family != ENGINE_BUILTIN && n->advice)
		diag_help(w->sink, d, "%s", n->advice);
	else
		diag_help(w->sink, d, "use %s", names);
}

void walk_name(struct walk *w, const struct xkey *k, struct str s, struct span at)
{
	const struct xname *n = xname_find(k->names, s);
	if (!n && !s.len && k->flags & XK_REQUIRED)
		return; /* reported as missing */
	if (!n)
		unknown_name(w, k, s, at);
	else if (n->lacks & w->t->bit && !n->reported && !w->managed)
		lacking_name(w, k, n, at);
}
