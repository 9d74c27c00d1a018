#ifndef XRAT_ENGINE_FLOW_H
#define XRAT_ENGINE_FLOW_H
/* One TCP connection from a client, from its first byte to the end of both directions:
 *
 *   HANDSHAKE (inbound codec) -> SNIFF -> ROUTE (perhaps waiting for addresses) -> DIAL -> ANSWER (outbound codec) -> RELAY
 *
 * What only the set-up needs lives in struct setup and is given back when the relay begins: an idle relayed connection
 * costs struct flow and nothing else. */
#include "engine/conf.h"
#include "engine/io.h"
#include "engine/worker.h"

enum flow_stage { FLOW_HANDSHAKE, FLOW_SNIFF, FLOW_ROUTE, FLOW_DIAL, FLOW_ANSWER, FLOW_RELAY,
	FLOW_HELD /* stands for a UDP association */, FLOW_DEAD };

/* One direction of a relay. */
struct half {
	char *tail;              /* bytes read and not yet written; NULL = none */
	uint32_t at, len;        /* of tail */
	uint8_t chunk, chunk_most; /* reads are 1 << chunk bytes at most */
	uint8_t warmth;          /* big reads in a row, or nearly */
	bool eof, shut;
	struct tube *tube;       /* of a long transfer; NULL = none */
	struct counter *counters[3]; /* user, inbound, outbound; NULL = not counted */
	struct http_body *body;  /* heap: only this request's body goes on, what stands behind it is dropped; NULL = all */
};

enum { FLOW_ATTRS = 128, FLOW_IPS = 16 };
/* Bytes of a connection while it is being set up. */
struct bytes {
	char *p; /* heap */
	uint32_t len, cap;
};

struct setup {
	struct addr source, local, target; /* target: where the client wants to go */
	struct addr dial;                  /* where the outbound goes: the target, or its server */
	struct str protocol;               /* sniffed, for rules */
	struct addr route_name;            /* routeOnly: the sniffed name */
	const struct login *user;
	struct route_attr attrs[FLOW_ATTRS];
	uint32_t n_attrs;
	struct bytes client;               /* from the client, not yet used */
	struct bytes server;               /* from the server, not yet used (ANSWER) */
	struct bytes to_server;            /* to be sent when connected, before the client's own bytes */
	void *inbound_state, *outbound_state; /* the codecs' own, heap */
	struct dialing *dialing;           /* attempts under way (dial.c) */
	void (*dialed)(struct worker *w, struct flow *f, int error);
	struct query *query;               /* names being resolved (resolve.c) */
	struct route_ip ips[FLOW_IPS];          /* addresses of the target for routing */
	uint32_t n_ips;
	unsigned sniff_mask;
	bool answered;                     /* the client was told already (sniffing needs its bytes) */
	uint8_t loops;                     /* loopback outbounds passed */
	bool faked;                        /* the target was an address of FakeDNS */
	bool in_pool;                      /* it is one, and lent to no name */
	const char *inbound_tag;           /* for rules; NULL = the inbound's own */
	const char *rule_tag;              /* of the rule that won, for the log */
};

struct flow {
	struct retired retired; /* first */
	struct flow *next, **at; /* in the worker's list */
	struct io client, server;
	struct timer timer;
	struct timer turn;      /* RELAY: there is more to move, after the others */
	struct conf *conf;    /* held */
	const struct inbound *inbound;
	const struct outbound *outbound;
	const struct policy *policy;
	struct half up, down;   /* client to server, server to client */
	struct setup *setup;    /* NULL in RELAY and HELD */
	struct association *association; /* HELD */
	int64_t last_ms;        /* newest byte, for the idle timer */
	uint64_t id;            /* of the connection, for the log */
	uint32_t idle_ms;       /* what the idle timer is set for now */
	uint8_t stage;
	bool is_socks;          /* mixed: which of the two it is */
	bool broken;            /* memory was out when something had to be sent to the client */
};

/* --- what codecs do. All run on the worker's thread and never block. --- */
struct inbound_ops {
	/* New bytes in setup->client (or the begin, with none). Uses them up by bytes_drop; sends by flow_tell_client; sets
	 * setup->target and calls flow_target_known, or flow_fail. Called until it has done one of them. */
	void (*read)(struct worker *w, struct flow *f);
	/* The outbound is there (error 0) or is not (errno): tells the client. May be called before the dial when
	 * sniffing needs the client's bytes. */
	void (*answer)(struct worker *w, struct flow *f, int error);
	/* Frees what inbound_state holds (itself excepted); NULL = nothing. */
	void (*end)(struct flow *f);
};
struct outbound_ops {
	/* Takes the flow over: dials (dial_start), answers itself, or gives it back to routing. Ends in
	 * flow_server_ready or flow_fail. */
	void (*start)(struct worker *w, struct flow *f);
	/* Connected to setup->dial (NULL: ready at once), and again for each arrival of bytes in setup->server. */
	void (*connected)(struct worker *w, struct flow *f);
};

/* What dial.c tells: error 0, with f->server open, or an errno. */
void flow_dialed(struct worker *w, struct flow *f, int error);
/* A client connection just accepted. Takes fd in every case. */
void flow_accept(struct worker *w, const struct inbound *in, int fd, const struct sockaddr *peer);
/* A connection of the engine's own, from the other end of a socket pair: it is routed as if it came from that inbound. Takes fd in
 * every case; when it fails the other end sees that. */
void flow_own(struct worker *w, struct conf *c, const char *tag, const char *protocol, const struct addr *target, int fd);
void flow_target_known(struct worker *w, struct flow *f);
/* Routes it again as if it came from that inbound (loopback). */
void flow_route_again(struct worker *w, struct flow *f, const char *inbound_tag);
void flow_server_ready(struct worker *w, struct flow *f);
/* Hands it to an outbound. */
void flow_go(struct worker *w, struct flow *f, const struct outbound *out);
/* Ends it: before RELAY the client is answered with the errno first; error 0: it gets no answer. why is static text. */
void flow_fail(struct worker *w, struct flow *f, int error, const char *why);
/* Sends to the client; what does not go out at once waits in the down half. */
void flow_tell_client(struct worker *w, struct flow *f, const void *p, size_t len);
/* The connection stays open for the association alone, and costs no more than the two structs. */
void flow_hold(struct worker *w, struct flow *f, struct association *a);
void flow_close(struct worker *w, struct flow *f, bool with_reset);

void bytes_add(struct bytes *b, const void *p, size_t len); /* sets p NULL, len 0 when memory is out */
void bytes_drop(struct bytes *b, size_t len);
void bytes_free(struct bytes *b);

/* --- decide.c: between the handshake and the dial --- */
enum { SNIFF_MS = 200, SNIFF_BYTES = 32 * 1024 };
void flow_unfake(struct flow *f);                    /* the target's address, if FakeDNS has lent it */
void flow_sniff(struct worker *w, struct flow *f);   /* looks at the client's bytes so far */
void flow_sniff_last(struct worker *w, struct flow *f); /* no more will come: what they tell by now has to do */
void flow_sniffed(struct worker *w, struct flow *f); /* whatever is known now has to do */
void flow_sniff_over(struct loop *l, struct timer *t);
void flow_route(struct worker *w, struct flow *f);   /* ends in flow_go or flow_fail */
/* The outbound that the rules choose: 0, -ENOMEM, -ENETUNREACH (none). *ret_rule_tag stays when no rule won. */
int flow_find(struct worker *w, const struct conf *c, const struct route_flow *q, const struct outbound **ret_out,
	      const char **ret_rule_tag);
/* A sniffed host as exclusions compare it: the name, or the address without a port, which is written into text. */
struct str flow_host_text(const struct addr *host, char text[ADDR_TEXT]);
/* Whether destOverride names the protocol ("http" stands for all versions of it). */
bool flow_overrides(const struct sniff_conf *c, const char *protocol);

/* The timer of ANSWER. */
void flow_answer_over(struct loop *l, struct timer *t);

/* --- relay.c --- */
/* Puts bytes behind what waits to be sent in that direction; begin: counted as relayed. 0 or -ENOMEM. */
int relay_keep(struct half *h, const char *p, size_t len);
int relay_begin(struct half *h, const char *p, size_t len);
/* Moves what can be moved in both directions; closes the flow when both have ended or one has failed. */
void relay_run(struct worker *w, struct flow *f);

/* --- dial.c: a TCP connection, by address or name, several addresses after RFC 8305 --- */
/* Ends in done(w, f, 0) with f->server open, or done(w, f, errno); also before this returns. */
void dial_start(struct worker *w, struct flow *f, const struct addr *to, enum domain_strategy strategy,
		void (*done)(struct worker *w, struct flow *f, int error));
void dial_cancel(struct worker *w, struct flow *f);
/* The address to dial from, by sendThrough; family 0: any. */
struct route_ip dial_from(struct worker *w, const struct outbound *o, const struct addr *local, const struct addr *source);
/* An event of f->server in DIAL. */
void dial_event(struct worker *w, struct flow *f);

#endif
