#ifndef XRAT_ENGINE_OUT_DNS_H
#define XRAT_ENGINE_OUT_DNS_H
/* What the TCP side and the UDP side of the dns outbound share. */
#include "engine/resolve.h"

enum { DNS_ANSWER_MAX = 65535 };
struct dns_job;
struct dns_owner { /* in whoever asks; zero but for the first four */
	const struct conf *conf;
	const struct outbound *outbound;
	bool tcp;
	/* May be called before dns_owner_ask returns; may not end the owner. message lives until it returns. */
	void (*answered)(struct worker *w, struct dns_owner *o, struct str message, const struct addr *asked);
	struct dns_job *jobs;
	uint32_t n_jobs;
};
/* A query that came from a client, on its way to the server `asked`. What is none is forgotten. */
void dns_owner_ask(struct worker *w, struct dns_owner *o, struct str message, const struct addr *asked);
void dns_owner_stop(struct worker *w, struct dns_owner *o);

#endif
