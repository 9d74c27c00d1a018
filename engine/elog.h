#ifndef XRAT_ENGINE_ELOG_H
#define XRAT_ENGINE_ELOG_H
/* The access log and the error log, with the lines of Xray:
 *
 *   2026/11/21 10:00:00.000000 from tcp:127.0.0.1:5000 accepted tcp:example.com:443 [socks-in -> direct] email: u id: 7 rule: r1
 *   2026/11/21 10:00:00.000000 dns example.com -> 192.0.2.1, 2001:db8::1 ttl: 300
 *   2026/11/21 10:00:00.000000 [Info] [7] the handshake took too long
 *
 * "->": a rule sent it there, ">>": no rule took it. "id" and "rule" (its ruleTag) are ours. Each line is one write(2) to a file
 * opened with O_APPEND; a reload puts other files behind the same two descriptors, so writers need no lock. Nobody waits for a
 * log: where there is no room, lines are lost, and the next one that fits is followed by one that says how many. */
#include "engine/flow.h"

struct engine;
struct resolved;
/* The files of en->conf. 0 or -errno. */
int elog_open(struct engine *en, struct err *e);
/* Opens those of c beside the old ones: 0 or -errno; then they are taken into use, or not. */
int elog_prepare(struct engine *en, const struct conf *c, struct err *e);
void elog_commit(struct engine *en, const struct conf *c);
void elog_cancel(struct engine *en);
void elog_close(struct engine *en);
/* From the engine's own thread. */
void elog_engine(const struct engine *en, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What one line of the access log says; elog_access fills it from a flow. */
struct elog_entry {
	const char *network;    /* "tcp", "udp" */
	const struct addr *source, *target; /* target NULL: not known yet */
	const char *verdict;    /* "accepted", "rejected" */
	const char *inbound, *outbound;     /* tags; NULL or "" = none */
	const char *rule_tag;   /* NULL: no rule took it; "": one without a tag */
	const char *reason;     /* "" = none */
	struct str user;
	uint64_t id;
};
void elog_entry(const struct worker *w, const struct elog_entry *x);
/* What a server, or the memory of its answer, said about a name; in the access log, with log.dnsLog of c alone. */
void elog_name(const struct worker *w, const struct conf *c, struct str name, const struct resolved *r);
/* Whether anybody reads it: ask before an entry is put together. */
bool elog_wants_access(const struct worker *w);

#endif
