#ifndef XRAT_RENDER_IMPL_H
#define XRAT_RENDER_IMPL_H
/* What the files of render/ share. */
#include "render/render.h"

enum { PATH_MAX_KEYS = 80 }; /* readers stop at depth 64 */

/* The chain of keys from the root to a value, arrays skipped: what xkeys_is_secret asks for. */
struct keypath {
	const char *keys[PATH_MAX_KEYS];
	size_t n;
};
static inline void keypath_push(struct keypath *p, const char *key)
{
	if (p->n < PATH_MAX_KEYS)
		p->keys[p->n] = key;
	p->n++;
}
static inline void keypath_pop(struct keypath *p) { p->n--; }

/* The value as it may be shown: a copy where secrets are "<redacted>", the value itself when it holds none. */
struct value redact_value(struct arena *a, struct keypath *at, const struct value *v);
/* A whole config, every part redacted. */
struct xconf redact_xconf(struct arena *a, const struct xconf *x);

/* The lists of items, in the order of the file. */
enum list_kind { LIST_RULES, LIST_BALANCERS, LIST_INBOUNDS, LIST_OUTBOUNDS, LIST__N };
struct list_info {
	const char *pointer; /* "/routing/rules" */
	const char *kind;    /* "rule" */
	const char *tag_key; /* "ruleTag" */
	const char *path[2]; /* keys from the root */
	size_t n_path;
	size_t offset;       /* into struct xconf */
};
extern const struct list_info list_infos[LIST__N];
static inline const struct xlist *list_of(const struct xconf *x, enum list_kind k)
{
	return (const struct xlist *)((const char *)x + list_infos[k].offset);
}
/* The path of a list, for redaction. */
struct keypath list_path(enum list_kind k);

/* A NUL-terminated key. */
const char *key_text(struct arena *a, const struct member *m);
/* base and one token more of a JSON pointer (RFC 6901: ~0 and ~1). */
const char *pointer_join(struct arena *a, const char *base, struct str key);
const char *pointer_index(struct arena *a, const char *base, uint32_t i);

/* The routing object (domainStrategy) is xrat's own. */
#define ROUTING_OWNER "routing of the TOML file"

/* One entry of the origin map. at: where it was written; owner NULL = the operator's own. */
struct origin {
	const char *pointer;
	struct str tag, rule_tag;
	const char *owner, *slot;
	struct span at;
};
struct value origin_value(struct arena *a, const struct sources *sources, const struct origin *o);
struct origin origin_of_item(struct arena *a, const struct xconf *x, enum list_kind k, uint32_t i);

#endif
