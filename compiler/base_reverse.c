/* Reverse channels: a branch that listens behind the server's SOCKS. Older engines carry them in a top-level section,
 * newer ones on a VLESS outbound and a VLESS user of their own. */
#include <stdlib.h>
#include <string.h>

#include "compiler/base_impl.h"

static int by_tag(const void *pa, const void *pb)
{
	const struct reverse_channel *a = *(const struct reverse_channel *const *)pa;
	const struct reverse_channel *b = *(const struct reverse_channel *const *)pb;
	int by = strcmp(a->tag.s, b->tag.s);

	return by ? by : (a > b) - (a < b);
}

static const struct endpoint *endpoint_of(const struct maker *m, const struct reverse_channel *c)
{
	const struct list *list = &m->d->client.endpoints;
	const struct endpoint *e = list->v;

	for (uint32_t i = 0; i < list->n; i++)
		if (!e[i].disabled.v && str_is(str_of(e[i].tag.s), c->endpoint_tag.s))
			return &e[i];
	return NULL;
}

/* The carrier of a channel is the endpoint on the client, the profile of the tunnel on the server. */
static bool is_vless(const struct maker *m, const struct reverse_channel *c, bool server)
{
	const struct endpoint *e = server ? NULL : endpoint_of(m, c);

	if (server)
		return str_starts(str_of(m->d->server.profile.s), "vless-");
	return !e || e->node.protocol.v == NODE_VLESS; /* a missing endpoint is reported elsewhere */
}

static bool can_carry(const struct maker *m, const struct reverse_channel *c, bool server)
{
	struct diag *d;

	if (target_has(m->t, CAP_LEGACY_REVERSE))
		return true;
	if (!target_has(m->t, CAP_VLESS_REVERSE) || !is_vless(m, c, server)) {
		d = diag_add(m->sink, DIAG_XR600, c->at, "reverse channel '%s' cannot be carried: %s", c->tag.s,
			     !target_has(m->t, CAP_VLESS_REVERSE) ? base_format(m, "%s has no reverse channels",
			     	m->t->name) :
			     server ? base_format(m, "%s carries them over VLESS, and the profile is '%s'",
			     	m->t->name, m->d->server.profile.s) :
			     base_format(m, "%s carries them over VLESS, and endpoint '%s' is another protocol",
			     	m->t->name, c->endpoint_tag.s));
		diag_help(m->sink, d,
			  "use a vless profile on both ends with an 'id' for the channel, or one of these targets: %s",
			  target_names_with(m->a, CAP_LEGACY_REVERSE));
		return false;
	}
	if (c->id.set || c->id.at.src)
		return true;
	d = diag_add(m->sink, DIAG_XR606, c->at, "reverse channel '%s' has no 'id', which %s needs", c->tag.s,
		     m->t->name);
	diag_help(m->sink, d,
		  "add id = \"a new UUID\" to the channel, the same on both ends; a user that carries a channel can do "
		  "nothing else");
	return false;
}

void reverse_channels_init(const struct maker *m, const struct list *list, bool server, struct channels *ret_channels)
{
	const struct reverse_channel *c = list->v;
	struct channels all = { .n = list->n };

	all.v = arena_array(m->a, const struct reverse_channel *, list->n);
	all.usable = arena_array(m->a, bool, list->n);
	for (uint32_t i = 0; i < list->n; i++)
		all.v[i] = &c[i];
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_tag);
	for (uint32_t i = 0; i < all.n; i++)
		all.usable[i] = !all.v[i]->disabled.v && can_carry(m, all.v[i], server);
	*ret_channels = all;
}

/* reverse: {bridges: [{domain, tag}]}, or portals on the server. Never empty: engines after 26.2 refuse the key
 * alone. */
static void legacy_section(const struct maker *m, const struct channels *c, const char *key)
{
	struct value section = base_object(SPAN_NONE), list = value_array(SPAN_NONE);

	for (uint32_t i = 0; i < c->n; i++) {
		struct value one = base_object(c->v[i]->at);
		if (!c->usable[i])
			continue;
		put_text(m, &one, "domain", &c->v[i]->domain);
		put_text(m, &one, "tag", &c->v[i]->tag);
		value_push(m->a, &list, one);
		section.span = list.span = span_or(section.span, one.span);
	}
	if (!list.n)
		return;
	value_put(m->a, &section, key, list);
	m->x->section[XS_REVERSE] = section;
	m->x->section_owner[XS_REVERSE] = "reverse channels";
}

static const char *owner_of(const struct maker *m, const struct reverse_channel *c)
{
	return base_format(m, "reverse channel '%s'", c->tag.s);
}

/* The channel's own connections go to its endpoint. */
static void glue_domain(const struct maker *m, const struct reverse_channel *c)
{
	struct value rule = base_rule_begin(m, c->at);

	put_one(m, &rule, "domain", base_format(m, "full:%s", c->domain.s), c->domain.at);
	put_one(m, &rule, "inboundTag", c->tag.s, c->tag.at);
	base_rule_add(m, SLOT_SYSTEM, &rule, c->endpoint_tag.s, c->endpoint_tag.at,
		      (const char *const[]){ "reverse-domain", c->tag.s, c->endpoint_tag.s, c->domain.s, NULL },
		      owner_of(m, c));
}

/* What comes in over the channel leaves directly. */
static void glue_direct(const struct maker *m, const struct reverse_channel *c)
{
	struct value rule = base_rule_begin(m, c->at);

	put_one(m, &rule, "inboundTag", c->tag.s, c->tag.at);
	base_rule_add(m, SLOT_SYSTEM, &rule, m->knobs->direct.tag.s, SPAN_NONE,
		      (const char *const[]){ "reverse-direct", c->tag.s, NULL }, owner_of(m, c));
}

static void carrier(const struct maker *m, const struct reverse_channel *c)
{
	const struct endpoint *e = endpoint_of(m, c);

	if (e)
		xlist_add(m->a, &m->x->outbounds, base_outbound(m, e, c), owner_of(m, c));
}

void base_client_reverse(const struct maker *m, const struct channels *c)
{
	bool legacy = target_has(m->t, CAP_LEGACY_REVERSE);

	for (uint32_t i = 0; i < c->n; i++) {
		if (!c->usable[i])
			continue;
		if (legacy)
			glue_domain(m, c->v[i]);
		else
			carrier(m, c->v[i]);
		glue_direct(m, c->v[i]);
	}
	if (legacy)
		legacy_section(m, c, "bridges");
}

/* A probe from the server's SOCKS to the far end of a channel. */
static void server_marker(const struct maker *m, const struct reverse_channel *c, uint32_t index)
{
	static const char port[] = "62023";
	const struct text *socks = &m->knobs->socks.tag;
	struct value rule = base_rule_begin(m, c->at);
	const char *address = base_marker_address(m, index);

	if (!address)
		return;
	put_one(m, &rule, "ip", address, c->at);
	put_one(m, &rule, "inboundTag", socks->s, c->at);
	put_str(m, &rule, "port", port);
	base_rule_add(m, SLOT_SYSTEM, &rule, c->tag.s, c->tag.at,
		      (const char *const[]){ "diagnostics-marker", c->tag.s, NULL },
		      base_format(m, "diagnostics marker of reverse channel '%s'", c->tag.s));
}

const char *reverse_rotation_label(const struct maker *m, const struct user *u)
{
	return base_format(m, "%s+previous", u->label.s);
}

static const struct user *user_of(const struct maker *m, const struct reverse_channel *c)
{
	const struct list *list = &m->d->server.users;
	const struct user *u = list->v;

	for (uint32_t i = 0; i < list->n; i++)
		if (str_eq_nocase(str_trim(str_of(u[i].label.s)), str_trim(str_of(c->user_id.s))))
			return &u[i];
	return NULL;
}

/* Only the channel's own user may register it. */
static void server_glue(const struct maker *m, const struct reverse_channel *c)
{
	const struct user *u = text_given(&c->user_id) ? user_of(m, c) : NULL;
	struct value rule = base_rule_begin(m, c->at), users = value_array(span_or(c->user_id.at, c->at));

	put_one(m, &rule, "domain", base_format(m, "full:%s", c->domain.s), c->domain.at);
	if (text_given(&c->user_id)) {
		value_push(m->a, &users, value_string(u ? u->label.s : c->user_id.s, users.span));
		if (u && u->previous.set)
			value_push(m->a, &users, value_string(reverse_rotation_label(m, u), users.span));
		value_put(m->a, &rule, "user", users);
	}
	base_rule_add(m, SLOT_SYSTEM, &rule, c->tag.s, c->tag.at,
		      (const char *const[]){ "reverse", c->tag.s, c->domain.s, c->user_id.s ? c->user_id.s : "", NULL },
		      owner_of(m, c));
}

void base_server_reverse(const struct maker *m, const struct channels *c)
{
	bool legacy = target_has(m->t, CAP_LEGACY_REVERSE);

	for (uint32_t i = 0; i < c->n; i++)
		if (c->usable[i])
			server_marker(m, c->v[i], i + 1);
	for (uint32_t i = 0; legacy && i < c->n; i++)
		if (c->usable[i])
			server_glue(m, c->v[i]);
	for (uint32_t i = 0; i < c->n; i++)
		if (!c->usable[i] && !c->v[i]->disabled.v)
			xlist_add(m->a, &m->x->outbounds, base_placeholder(m, c->v[i]->tag.s, c->v[i]->at),
				  owner_of(m, c->v[i]));
	if (legacy)
		legacy_section(m, c, "portals");
}
