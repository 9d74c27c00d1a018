#ifndef XRAT_LINKS_PARAMS_H
#define XRAT_LINKS_PARAMS_H
/* The parameters of share links, one row each: reading and writing walk the same rows. */
#include "links/links.h"

/* FIXED: says what holds anyway, so only `values` pass and nothing is stored. */
enum param_kind { PARAM_TEXT, PARAM_TRANSPORT, PARAM_SECURITY, PARAM_FLAG, PARAM_ALPN, PARAM_INT, PARAM_HEADERS,
	PARAM_FIXED, PARAM_EXTRA, PARAM_EXTRA_INT, PARAM_EXTRA_JSON };

struct param {
	const char *name;
	const char *aliases;       /* other spellings, separated by spaces; NULL = none */
	enum param_kind kind;
	unsigned protocols;        /* 1 << enum node_protocol */
	size_t offset;             /* into struct node; extras keep their name in node.extra */
	const char *const *values; /* allowed ones, without case; NULL = any */
};
extern const struct param params[];
extern const size_t params_n;
/* Free parameters are looked up one by one, and a text that is wrong this often is not what it claims to be. */
enum { PARAMS_MAX = 64, PARAMS_FREE_MAX = 64, LINK_MAX_FAULTS = 20 };

/* One link, or one entry of another input, being read. */
struct link_reader {
	struct arena *a;
	struct diag_sink *sink;
	struct span at;
	const char *scheme, *noun; /* "trojan", "link": what messages call it */
	bool lenient;
	struct node *n;
	unsigned faults, n_free;
	struct {
		const char *name;
		struct str value;
	} seen[PARAMS_MAX]; /* by row of params */
};

/* Reports a fault of the link; returns 1. Formats never hold text of the link other than names of parameters. */
int link_fault(struct link_reader *r, enum diag_code code, const char *help, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same for what is not understood and could be kept: with r->lenient a warning. True: keep it. */
bool link_doubt(struct link_reader *r, enum diag_code code, const char *help, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A name for messages: itself when it looks like one, else "?": a broken link could have a secret in its place. */
const char *param_shown(struct link_reader *r, struct str name);
/* The row of a name or alias for a protocol; NULL: none. */
const struct param *param_find(unsigned protocol, struct str name);
/* Something that is not known: a doubt (XR805), kept in node.extra when lenient. */
void param_unknown(struct link_reader *r, struct str name, struct str value);
/* A decoded parameter into the node. An empty value counts as absent. */
void param_read(struct link_reader *r, struct str name, struct str value);
/* A member of node.extra. */
void extra_put(struct arena *a, struct node *n, struct str key, struct value v, struct span at);
/* The text of a parameter a node has set: its decoded value, or false. JSON is compact. */
bool param_text(struct arena *a, const struct param *p, const struct node *n, const char **ret_text);
/* Members of node.extra that no row of the protocol owns (xp2p_…, labels) are written as they are. */
bool extra_is_free(const struct node *n, const struct member *m);
/* Compact JSON of anything, NUL-terminated. */
struct str param_compact(struct arena *a, const struct value *v);
/* Reads a JSON document without a trace of its text in any message. 0, or 1. */
int param_json(struct arena *a, struct str text, struct value *ret_value);

static inline void node_text(struct text *t, struct str s, struct span at)
{
	*t = (struct text){ .s = s.p, .at = at, .set = true };
}
static inline void node_num(struct num *num, int64_t v, struct span at)
{
	*num = (struct num){ .v = v, .at = at, .set = true };
}
static inline void node_secret(struct secret *secret, struct str s, struct span at)
{
	*secret = (struct secret){ .s = s.p, .at = at, .set = true, .kind = SECRET_LITERAL };
}

#endif
