#ifndef XRAT_COMPILER_NORMALIZE_IMPL_H
#define XRAT_COMPILER_NORMALIZE_IMPL_H
/* Shared by the normalize*.c files; not for other folders. */
#include "compiler/compiler.h"

struct norm {
	struct arena *a;
	struct diag_sink *sink;
	struct desired *d;
};

/* Not given. A value that was refused is not absent: it has a place, and its fault is reported already. */
static inline bool text_absent(const struct text *t) { return !t->s[0] && (t->set || !t->at.src); }
static inline bool num_absent(const struct num *n) { return !n->set && !n->at.src; }
static inline bool secret_absent(const struct secret *s) { return s->set ? !s->missing && !s->s[0] : !s->at.src; }
/* Its own place where it has one, else the place of what holds it. */
static inline struct span at_or(struct span at, struct span holder) { return at.src ? at : holder; }

/* normalize_endpoint.c: link, profile, defaults and what must go together. */
void norm_endpoint(const struct norm *nm, struct endpoint *e);
/* A stored node: whole by itself, with a tag and a label; the same defaults and checks. */
void norm_node(const struct norm *nm, struct endpoint *e);
/* XR177 unless the secret is a UUID; a stand-in passes. */
void norm_uuid(const struct norm *nm, const struct secret *s, const char *what);
/* 43 characters of base64url: an X25519 key. */
bool norm_is_x25519(const char *s);
bool norm_is_short_id(const char *s);

/* normalize_lists.c: redirects, forwards, reverse channels of either role. */
void norm_redirects(const struct norm *nm, struct list *redirects);
void norm_forwards(const struct norm *nm, struct list *forwards);
void norm_reverse(const struct norm *nm, struct list *channels);

/* normalize_server.c */
void norm_server(const struct norm *nm, struct server *s);

/* Names that must differ, compared without case (XR171). */
struct names {
	struct map *map;
};
struct name_entry {
	struct span at;
	const char *what;
};
void norm_names_init(const struct norm *nm, struct names *n, size_t expected);
/* what: "endpoint", "the SOCKS inbound"; kind: "tag". */
void norm_names_add(const struct norm *nm, struct names *n, const char *name, struct span at, const char *what,
		    const char *kind);

/* normalize_listen.c: who listens where; collisions are XR172. */
struct listener {
	const char *what; /* "the SOCKS inbound" */
	struct str host;
	int64_t port;
	bool tcp, udp;
	struct span at;     /* of the key or table that decides it; none for a default */
	struct span holder; /* of what holds it */
};
struct listeners {
	struct arena *a;
	struct diag_sink *sink;
	struct map *map;
};
void listeners_init(struct arena *a, struct diag_sink *sink, struct listeners *l);
void listeners_add(struct listeners *l, const struct listener *one);
bool listen_is_loopback(struct str host);
/* Every managed listener of a role: collisions, and XR186 for open ones. */
void norm_listeners(const struct norm *nm);

#endif
