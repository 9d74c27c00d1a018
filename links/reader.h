#ifndef XRAT_LINKS_READER_H
#define XRAT_LINKS_READER_H
/* The forms of a link; links.c picks one by scheme. */
#include "links/params.h"

/* The parts of scheme://user@host:port/path?query#name, still encoded. */
struct link_parts {
	struct str user, host, port, path, query, name;
	bool has_user, has_name;
	bool decoded; /* user is plain text already (legacy ss) */
};
/* Splits what stands behind "scheme://"; never fails, checks nothing. */
void link_split(struct str rest, struct link_parts *ret_parts);
/* The host and port of an authority. */
void link_split_host(struct str authority, struct link_parts *parts);

/* Percent-decodes one part; false and XR803 when it cannot be. */
bool link_decode(struct link_reader *r, const char *what, struct str s, struct str *ret_text);
/* Address and port into the node; default_port 0 = the link must have one. */
void link_read_server(struct link_reader *r, const struct link_parts *p, int default_port);
/* A plain address, brackets allowed; XR802 names `what`. */
void link_read_address(struct link_reader *r, struct str s, const char *what);
/* Transport and security where nothing said so. */
void link_set_defaults(struct node *n, struct span at);
void link_read_port(struct link_reader *r, struct str port);
/* A UUID; XR809 otherwise. */
void link_read_uuid(struct link_reader *r, struct str s);
void link_read_query(struct link_reader *r, struct str query);

/* ss://: SIP002 and the legacy form. */
void ss_read(struct link_reader *r, struct str rest);
/* vmess://: whether it is the base64 form, and reading that. */
bool vmess_is_json(struct str rest);
void vmess_read_json(struct link_reader *r, struct str rest);
/* The base64 form of a node; false when it cannot hold all of it. */
bool vmess_write_json(struct arena *a, const struct node *n, struct buf *out);

#endif
