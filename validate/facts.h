#ifndef XRAT_VALIDATE_FACTS_H
#define XRAT_VALIDATE_FACTS_H
/* What the semantic checks share: the parts of a configuration, looked up once so that no check searches or parses a
 * part a second time. Only validate/ includes this. */
#include "validate/items.h"
#include "validate/validate.h"

enum proto {
	PROTO_OTHER, PROTO_BLACKHOLE, PROTO_DNS, PROTO_FREEDOM, PROTO_HTTP, PROTO_HYSTERIA, PROTO_LOOPBACK,
		PROTO_SHADOWSOCKS,
	PROTO_SOCKS, PROTO_TROJAN, PROTO_TUN, PROTO_TUNNEL, PROTO_VLESS, PROTO_VMESS, PROTO_WIREGUARD, PROTO__N
};
enum carrier { /* streamSettings.network */
	CARRIER_RAW, CARRIER_XHTTP, CARRIER_KCP, CARRIER_GRPC, CARRIER_WS, CARRIER_HTTPUPGRADE, CARRIER_HYSTERIA,
		CARRIER_H2,
	CARRIER_QUIC, CARRIER_DS, CARRIER_OTHER, CARRIER__N
};
enum secrecy { SECRECY_NONE, SECRECY_TLS, SECRECY_REALITY, SECRECY_OTHER };

struct stream {
	const struct value *v;        /* streamSettings, NULL = absent */
	const struct value *carrier_at, *secrecy_at; /* NULL = not written */
	enum carrier carrier;
	enum secrecy secrecy;
};
struct peer { /* one inbound or outbound */
	const struct xitem *it;
	const struct value *v, *settings, *protocol_at, *tag_at;
	struct str tag; /* empty = none */
	enum proto proto;
	struct stream stream;
	const struct value *sniffing; /* NULL = absent or off */
};
struct peers {
	struct peer *v;
	uint32_t n;
	struct map *by_tag; /* struct peer */
	struct map *extra;  /* names that a rule may use beside the tags: the struct value that says so */
	const char **names; /* of both maps, for suggestions */
	uint32_t n_names, cap_names, n_extra;
};

struct facts {
	struct arena *a;
	struct diag_sink *sink;
	const struct xconf *x;
	struct peers ins, outs;
	struct map *balancers; /* tag -> struct value */
	struct map *emails;    /* of inbound users, as written -> struct value */
	struct map *rule_tags; /* made when the first rule has one: struct xitem */
	struct nets nets;
	struct map *levels;    /* of policy, made when the first user has one: 8 bytes of the number */
	unsigned n_suggested;
	uint8_t blind[3];      /* what all inbounds together cannot see: sniff.c */
	bool takes_guarded;    /* an inbound whose private destinations freedom drops */
	bool has_users, as_is, route_only;
};

void facts_build(struct arena *a, struct diag_sink *sink, const struct xconf *x, struct facts *ret_facts);

/* Member as Xray finds it (exact, else without case); null counts as absent. NULL when v is NULL or no object. */
const struct value *facts_get(const struct value *v, const char *key);
/* The same along a path of at most four keys; "" ends it. */
const struct value *facts_dig(const struct value *v, const char *const keys[4]);
struct str facts_str(const struct value *v, const char *key);
bool facts_true(const struct value *v, const char *key);
/* Whether there is anything in it: {} and [] and "" are empty. */
bool facts_filled(const struct value *v);
/* The user list of an inbound's settings under any of its names, or NULL. */
const struct value *facts_users(const struct value *settings);
/* The server object that an outbound's settings name: itself in the flat form, else the first of vnext or servers;
 * NULL. */
const struct value *facts_server(const struct value *settings);
/* The account object: the flat form's settings, else the first user of the server. */
const struct value *facts_account(const struct value *settings);

/* Where to point: at the tag, else at the first byte; a marker under a whole object helps nobody. */
struct span facts_at(const struct peer *p);
struct span facts_point(const struct value *v);
/* A text for a message: control characters replaced, cut when long. */
const char *facts_shown(const struct facts *f, struct str s);
/* "outbound 'x'", or "outbound 3" when it has no tag. */
const char *facts_name(const struct facts *f, const char *noun, const struct peer *p, const struct peers *all);
/* Adds "did you mean" or the list of what there is. */
void facts_suggest(struct facts *f, struct diag *d, struct str wrong, const struct peers *peers);
/* Whether a tag may be named: one of the peers' or of the extra names. */
bool facts_has(const struct peers *peers, struct str tag);
enum carrier facts_carrier(struct str name);
/* Managed by xrat: the base builder answers for what the target lacks there. */
static inline bool facts_managed(const struct peer *p) { return p->it->owner && !p->it->replaced; }

#endif
