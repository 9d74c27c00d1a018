#ifndef XRAT_COMPILER_BASE_IMPL_H
#define XRAT_COMPILER_BASE_IMPL_H
/* Shared by the base*.c files; not for other folders. */
#include "compiler/compiler.h"

/* One managed base being made. */
struct maker {
	struct arena *a;
	struct diag_sink *sink;
	const struct desired *d;
	const struct target *t;
	const struct xray_knobs *knobs;
	struct xconf *x;
	struct map *rule_tags; /* ruleTag -> the value of its rule */
};

static inline struct span span_or(struct span own, struct span holder)
{
	return own.src ? own : holder;
}
static inline bool text_given(const struct text *t)
{
	return t->s && *t->s;
}

/* base_put.c: members of an object that is being built. A value has the place of its key in the desired file, else that
 * of the object. */
void put_text(const struct maker *m, struct value *o, const char *key, const struct text *t);
void put_text_if(const struct maker *m, struct value *o, const char *key, const struct text *t); /* unless empty */
void put_secret(const struct maker *m, struct value *o, const char *key, const struct secret *s);
void put_num(const struct maker *m, struct value *o, const char *key, const struct num *n);
void put_flag(const struct maker *m, struct value *o, const char *key, const struct flag *f);
void put_texts(const struct maker *m, struct value *o, const char *key, const struct texts *t);
void put_one(const struct maker *m, struct value *o, const char *key, const char *s, struct span at); /* [s] */
void put_str(const struct maker *m, struct value *o, const char *key, const char *s);
struct value base_object(struct span at);
const char *base_format(const struct maker *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A rule of type field, to which conditions are added; base_rule_add gives it its end and its ruleTag. parts:
 * NULL-terminated, without the role. */
struct value base_rule_begin(const struct maker *m, struct span at);
void base_rule_add(const struct maker *m, enum rule_slot slot, struct value *rule, const char *outbound,
		   struct span outbound_at, const char *const *parts, const char *owner);
/* "127.255.H.L/32" of a 1-based index; NULL above 65535. */
const char *base_marker_address(const struct maker *m, uint32_t index);

/* base_sections.c */
void base_sections(const struct maker *m);

/* base_inbounds.c, base_outbounds.c, base_stream.c, base_security.c */
void base_local_inbounds(const struct maker *m, const struct tun *tun);
void base_forwards(const struct maker *m, const struct list *forwards);
void base_api_inbound(const struct maker *m);
struct value base_sniffing(const struct maker *m); /* VAL_NONE when off */
void base_sniffing_check(const struct maker *m);
void base_endpoints(const struct maker *m);
void base_direct(const struct maker *m);
/* The outbound of an endpoint; with a channel, the one that carries the channel's reverse connections. */
struct value base_outbound(const struct maker *m, const struct endpoint *e, const struct reverse_channel *c);
/* Stands where something the target lacks was asked for, so that what refers to it is not reported too. */
struct value base_placeholder(const struct maker *m, const char *tag, struct span at);
struct value base_stream(const struct maker *m, const struct endpoint *e); /* VAL_NONE when nothing is to be said */
void security_put(const struct maker *m, struct value *stream, const struct endpoint *e);
const struct value *stream_extra(const struct node *n, const char *name);

/* The outbound of an endpoint; false when the target or a fault of its own rules it out, and *ret is a placeholder. */
bool base_endpoint(const struct maker *m, const struct endpoint *e, struct value *ret);
/* "endpoint 'proxy-edge'", "node 7 (NAME)": for messages. */
const char *base_who(const struct maker *m, const struct endpoint *e);
/* One listener for proxy clients, sniffed unless bare. */
void base_socks_inbound(const struct maker *m, const struct xray_inbound *k, bool sniffed, const char *owner);
void base_http_inbound(const struct maker *m, const struct xray_inbound *k);
void base_inbound_add(const struct maker *m, struct value *in, bool sniffed, const char *owner);
struct value base_inbound_head(const struct maker *m, const struct xray_inbound *k, const char *protocol);
/* Lifts freedom's own guard where it would stand in the way. */
void base_put_allow(const struct maker *m, struct value *settings);
void base_section_set(const struct maker *m, enum xsection s, struct value v, const char *owner);

/* base_session.c, base_session_parts.c: the parts of a session, and what config.toml adds to the outbound of a node. */
void base_session(const struct maker *m);
void session_dress(const struct maker *m, const struct endpoint *e, struct value *outbound);
void session_fragment(const struct maker *m); /* the outbound that cuts packets, when it is wanted */
void session_dns(const struct maker *m);

/* base_target.c: what the target lacks. False when the endpoint cannot be rendered; reported. */
bool target_takes_endpoint(const struct maker *m, const struct endpoint *e);
/* True when all of caps are there; else reports code at `at`: "<what>, which <target> does not have" and who has it. */
bool target_takes(const struct maker *m, uint64_t caps, enum diag_code code, struct span at, const char *what);

/* base_rules.c */
void base_client_rules(const struct maker *m);
void base_managed_rules(const struct maker *m, const struct list *redirects);

/* base_reverse.c */
struct channels {
	const struct reverse_channel **v; /* sorted by tag, disabled ones too */
	bool *usable;                     /* enabled, and the target can carry it */
	uint32_t n;
};
void reverse_channels_init(const struct maker *m, const struct list *list, bool server, struct channels *ret_channels);
void base_client_reverse(const struct maker *m, const struct channels *c);
void base_server_reverse(const struct maker *m, const struct channels *c);
/* The e-mail of a user's previous credential. */
const char *reverse_rotation_label(const struct maker *m, const struct user *u);

/* base_server.c */
void base_tunnel(const struct maker *m, const struct channels *c);

#endif
