#ifndef XRAT_STORE_SUBS_H
#define XRAT_STORE_SUBS_H
/* Subscriptions: where nodes come from. Their URLs are secrets (most hold a token). */
#include "store/base.h"

enum store_sub_kind { STORE_SUB_URL, STORE_SUB_FILE, STORE_SUB_RAW_TEXT, STORE_SUB_KIND__N };
extern const char *const store_sub_kind_names[]; /* "url", "file", "raw_text" */

struct store_userinfo { /* the subscription-userinfo header; each -1 = not said */
	int64_t upload, download, total; /* bytes */
	int64_t expire_at;               /* ms */
};
struct store_sub {
	int64_t id;
	char ref[STORE_REF_TEXT];
	enum store_sub_kind kind;
	const char *source_url; /* URL or absolute path; NULL for raw text */
	const char *name, *user_agent;
	const char *etag, *last_modified; /* of the newest good answer */
	struct store_userinfo userinfo;
	const char *last_error; /* of the newest try; NULL = it went well */
	int64_t created_at, updated_at, last_refreshed_at, last_tried_at;
	int64_t n_nodes;        /* that it holds now */
};

/* Makes one, or finds the one with the same kind and URL (never for raw text) and gives it the name and user agent
 * unless these are NULL. 0: new; STORE_UNCHANGED: there already. *ret_id either way. */
int store_sub_put(struct store *s, enum store_sub_kind kind, const char *source_url, const char *name,
		  const char *user_agent, int64_t now_ms, int64_t *ret_id, struct err *e);
/* As store_node_find. */
int store_sub_find(struct store *s, const char *text, int64_t *ret_id, struct err *e);
/* 0; STORE_MISSING. */
int store_sub_get(struct store *s, struct arena *a, int64_t id, struct store_sub *ret_sub, struct err *e);
/* All, by id. */
int store_subs(struct store *s, struct arena *a, struct store_sub **ret_subs, size_t *ret_n, struct err *e);
/* A good answer: its validators (NULL = none) and userinfo (NULL = header not there: the old one stays); clears
 * last_error. 0; STORE_MISSING. Put it in one batch with store_import, or a crash between them would keep an etag for
 * nodes that never came. */
int store_sub_fetched(struct store *s, int64_t id, const char *etag, const char *last_modified,
		      const struct store_userinfo *userinfo, int64_t now_ms, struct err *e);
/* The answer was "not modified": only the times move and last_error is cleared. */
int store_sub_same(struct store *s, int64_t id, int64_t now_ms, struct err *e);
/* No answer, or none that could be used: the old validators and nodes stay. */
int store_sub_failed(struct store *s, int64_t id, const char *reason, int64_t now_ms, struct err *e);
/* For good. Nodes that nobody else holds are removed (as by an update); *ret_n_lost of them (may be NULL). */
int store_sub_erase(struct store *s, int64_t id, int64_t now_ms, int64_t *ret_n_lost, struct err *e);

#endif
