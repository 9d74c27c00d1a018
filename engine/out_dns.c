/* The dns outbound: it answers queries itself. Its rules say what becomes of each: hijacked ones (A, AAAA) are looked up by the dns
 * section, FakeDNS included; direct ones go to the server the client meant, or the configured one; others get an empty answer or
 * none. What comes by TCP reaches this through a socket pair, whose other end is the flow's server. */
#include "engine/out_dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_MAX = 128, FORWARD_MS = 8000, FLAG_TRUNCATED = 0x02 };

/* One query that is being answered. */
struct dns_job {
	struct dns_job *next, **at;
	struct dns_owner *owner;
	struct query *query;
	struct exchange *exchange;
	struct addr asked;      /* the server that the client meant */
	uint32_t len;
	char message[];
};

static void drop(struct dns_job *j)
{
	*j->at = j->next;
	if (j->next)
		j->next->at = j->at;
	j->owner->n_jobs--;
	free(j);
}

void dns_owner_stop(struct worker *w, struct dns_owner *o)
{
	struct dns_job *next;

	for (struct dns_job *j = o->jobs; j; j = next) {
		next = j->next;
		if (j->query)
			resolve_cancel(w, j->query);
		resolve_send_cancel(w, j->exchange);
		free(j);
	}
	o->jobs = NULL;
	o->n_jobs = 0;
}

/* --- answers --- */
static size_t room_of(const struct dns_owner *o, struct str query)
{
	return o->tcp ? DNS_ANSWER_MAX : dnsmsg_room(query);
}

static void answer(struct worker *w, struct dns_owner *o, struct str query, const struct addr *asked, const struct resolved *r)
{
	uint8_t out[DNS_UDP_MAX];
	size_t room = room_of(o, query);
	int len = dnsmsg_answer_write(query, r->rcode, r->ips, r->n, r->ttl, out, room < sizeof(out) ? room : sizeof(out));

	if (len > 0)
		o->answered(w, o, (struct str){ (const char *)out, (size_t)len }, asked);
}

static void on_resolved(struct worker *w, void *ctx, const struct resolved *r)
{
	struct dns_job *j = ctx;
	struct dns_owner *o = j->owner;

	j->query = NULL;
	answer(w, o, (struct str){ j->message, j->len }, &j->asked, r);
	drop(j);
}

/* More than the client has room for: it has to ask by TCP. */
static void answer_truncated(struct worker *w, struct dns_owner *o, struct str query, const struct addr *asked)
{
	uint8_t out[DNS_UDP_MAX];
	int len = dnsmsg_answer_write(query, DNS_OK, NULL, 0, 0, out, sizeof(out));

	if (len <= 0)
		return;
	out[2] |= FLAG_TRUNCATED;
	o->answered(w, o, (struct str){ (const char *)out, (size_t)len }, asked);
}

static void on_forwarded(struct worker *w, void *ctx, int error, struct str message)
{
	static const struct resolved failed = { .rcode = DNS_SERVFAIL };
	struct dns_job *j = ctx;
	struct dns_owner *o = j->owner;
	struct str query = { j->message, j->len };

	j->exchange = NULL;
	if (error)
		answer(w, o, query, &j->asked, &failed);
	else if (message.len > room_of(o, query))
		answer_truncated(w, o, query, &j->asked);
	else
		o->answered(w, o, message, &j->asked);
	drop(j);
}

/* --- what becomes of a query --- */
static bool has_type(const struct dns_rule *r, uint16_t type)
{
	for (uint32_t i = 0; i < r->n_types; i++)
		if (type >= r->types[i].first && type <= r->types[i].last)
			return true;
	return !r->n_types;
}

static const struct dns_rule *rule_of(struct worker *w, const struct dns_owner *o, struct str name, uint16_t type)
{
	const struct outbound *out = o->outbound;

	for (uint32_t i = 0; i < out->n_dns_rules; i++) {
		const struct dns_rule *r = &out->dns_rules[i];

		if (has_type(r, type) && (!r->names.table || small_has_name(&w->small, o->conf, &r->names, name) > 0))
			return r;
	}
	return NULL;
}

static struct dns_job *add(struct dns_owner *o, struct str message, const struct addr *asked)
{
	struct dns_job *j = o->n_jobs < JOBS_MAX ? malloc(sizeof(*j) + message.len) : NULL;

	if (!j)
		return NULL;
	*j = (struct dns_job){ .next = o->jobs, .at = &o->jobs, .owner = o, .asked = *asked, .len = (uint32_t)message.len };
	memcpy(j->message, message.p, message.len);
	if (j->next)
		j->next->at = &j->next;
	o->jobs = j;
	o->n_jobs++;
	return j;
}

static void hijack(struct worker *w, struct dns_owner *o, struct str message, const struct addr *asked, struct str name,
		   uint16_t type)
{
	struct dns_job *j = add(o, message, asked);

	if (j)
		resolve_ask(w, o->conf, name, RESOLVE_FAKE | (type == DNS_A ? RESOLVE_4 : RESOLVE_6), on_resolved, j, &j->query);
}

static void forward(struct worker *w, struct dns_owner *o, struct str message, const struct addr *asked)
{
	const struct outbound *out = o->outbound;
	struct exchange_to to = { .server = *asked, .tcp = out->dns_network ? out->dns_network == ROUTE_TCP : o->tcp,
				  .timeout_ms = FORWARD_MS, .sockopt = &out->sockopt, .conf = o->conf, .keep_truncated = true };
	struct dns_job *j = add(o, message, asked);
	uint16_t port = out->server.port ? out->server.port : asked->port;

	if (!j)
		return;
	if (out->server.family)
		to.server = out->server;
	to.server.port = port;
	if (out->send_from == SEND_FROM_IP)
		to.send_through = &out->send_through;
	j->exchange = resolve_send(w, &to, message, on_forwarded, j);
	if (!j->exchange)
		drop(j);
}

void dns_owner_ask(struct worker *w, struct dns_owner *o, struct str message, const struct addr *asked)
{
	char text[ADDR_NAME_MAX + 1];
	const struct dns_rule *r;
	uint16_t id, type;
	bool is_ip;

	if (dnsmsg_question(message, &id, text, &type))
		return;
	r = rule_of(w, o, str_of(text), type);
	is_ip = type == DNS_A || type == DNS_AAAA;
	if (!r || r->action == DNS_DROP)
		return;
	if (r->action == DNS_DIRECT)
		forward(w, o, message, asked);
	else if (r->action == DNS_HIJACK && is_ip && *text)
		hijack(w, o, message, asked, str_of(text), type);
	else
		answer(w, o, message, asked, &(struct resolved){ .rcode = (uint8_t)(r->rcode & 15) });
}
