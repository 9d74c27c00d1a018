#ifndef XRAT_COMPILER_SESSION_IMPL_H
#define XRAT_COMPILER_SESSION_IMPL_H
/* Shared by the files that make sessions; not for other folders. */
#include "compiler/normalize_impl.h"

#define SESSION_TAG_BLOCK "block"
#define SESSION_TAG_DIRECT "direct"
#define SESSION_TAG_FRAGMENT "fragment"

/* session_node.c: an endpoint of a stored node: its fields copied, each with its place in a source made for it. number: from
 * 1, stands in for the id of a node that is not stored when there are several; 0: the only one. */
struct endpoint session_endpoint(struct arena *a, struct diag_sink *sink, const struct session_node *node,
				 const char *tag, size_t number);

/* compile_outbounds.c: the tag of an exported node: its name, where engines and snippets take it as a tag and no other node
 * has it; else a number. */
const char *outbounds_tag(struct arena *a, struct map *taken, const struct session_node *node, size_t number);

/* session.c: [runtime], [routing] and [dns] into the knobs of a desired and its session. c: has config and target. */
void session_fill(struct arena *a, struct compiled *c, const struct session_options *o, struct session *ret_session);
/* A SOCKS inbound of the tests and probes. */
struct xray_inbound session_probe(const struct session_options *o, struct arena *a, const char *tag, uint16_t port);

/* compile.c: base -> merge -> validate on c->desired. */
void compile_desired(struct arena *a, struct diag_sink *sink, const struct compile_options *o, struct compiled *c);
/* load.c: config.toml into in->config_toml. */
int load_config(struct arena *a, struct diag_sink *sink, int root_fd, struct inputs *in, struct err *e);

#endif
