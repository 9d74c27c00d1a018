#ifndef XRAT_LINKS_H
#define XRAT_LINKS_H
/* Share links to and from nodes (pure). Formats: vless:// and trojan:// URLs, vmess:// base64 JSON and URL, ss://
 * SIP002 and legacy base64 with plugin, socks:// socks5:// http:// https://, hysteria2:// hy2://, wireguard://. */
#include "model/model.h"

/* Reads one link; `at` is the place of its text for diagnostics (XR8xx). Every parameter is consumed, kept in
 * node.extra, or an error that names it. 0: *ret_node written (fields from the link have `set`, their place is `at`);
 * 1: refused. The text of the link never appears in a message. */
int link_parse(struct arena *a, struct diag_sink *sink, struct str link, struct span at, struct node *ret_node);
enum { LINK_MAX_BYTES = 64 * 1024 };
struct link_options {
	bool lenient; /* what is not understood is kept in node.extra with a warning, where a node can hold it */
};
int link_parse_with(struct arena *a, struct diag_sink *sink, struct str link, struct span at,
		    const struct link_options *o, struct node *ret_node);
/* The link of a node, losing nothing: link_parse(link_write(n)) equals n. NULL when the node has no link form. */
char *link_write(struct arena *a, const struct node *n);

#include "links/inputs.h"
#endif
