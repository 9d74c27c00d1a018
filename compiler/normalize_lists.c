/* Redirects, forwards and reverse channels, which both roles have. */
#include <string.h>

#include "compiler/normalize_impl.h"

static void redirect_cidr(const struct norm *nm, struct redirect *r)
{
	struct ip_net net;
	struct diag *g;

	if (ip_parse(str_of(r->cidr.s), &net))
		return;
	if (net.prefix == 0) {
		g = diag_add(nm->sink, DIAG_XR179, r->cidr.at, "'%s' is every address", r->cidr.s);
		diag_help(nm->sink, g, nm->d->role == ROLE_CLIENT ?
			  "use tun_mode = \"full\" with full_tunnel_tag" :
			  "name the networks; what no redirect matches leaves directly");
		return;
	}
	ip_mask(&net);
	r->cidr.s = ip_format(nm->a, &net, true);
}

/* Trimmed and in lower case; a regular expression is only trimmed, because case has a meaning in it. */
static void redirect_domain(const struct norm *nm, struct redirect *r)
{
	struct str s = str_trim(str_of(r->domain.s));

	if (!s.len) {
		diag_add(nm->sink, DIAG_XR160, r->domain.at, "'domain' must not be empty");
		return;
	}
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= ' ') {
			diag_add(nm->sink, DIAG_XR163, r->domain.at, "'domain' must not hold white space");
			return;
		}
	r->domain.s = str_starts_nocase(s, "regexp:") ? arena_memdup(nm->a, s.p, s.len) : str_lower(nm->a, s);
}

static void norm_redirect(const struct norm *nm, struct redirect *r)
{
	bool cidr = r->cidr.at.src != 0, domain = r->domain.at.src != 0;
	struct diag *g;

	if (cidr == domain) {
		g = diag_add(nm->sink, DIAG_XR178, cidr ? r->domain.at : r->at, cidr ?
			     "a redirect has both 'cidr' and 'domain'" : "a redirect has neither 'cidr' nor 'domain'");
		if (cidr)
			diag_relate(nm->sink, g, r->cidr.at, "'cidr' stands here");
		diag_help(nm->sink, g, cidr ? "make two redirects of it" : "add one of them");
	}
	if (r->cidr.set)
		redirect_cidr(nm, r);
	if (r->domain.set)
		redirect_domain(nm, r);
}

void norm_redirects(const struct norm *nm, struct list *redirects)
{
	struct redirect *r = redirects->v;

	for (uint32_t i = 0; i < redirects->n; i++)
		norm_redirect(nm, &r[i]);
}

void norm_forwards(const struct norm *nm, struct list *forwards)
{
	struct forward *f = forwards->v;

	for (uint32_t i = 0; i < forwards->n; i++) {
		if (!f[i].tag.set && f[i].listen_port.set)
			f[i].tag.s = arena_printf(nm->a, "in_%lld", (long long)f[i].listen_port.v);
		if (!f[i].remark.set)
			f[i].remark.s = arena_printf(nm->a, "forward:%s:%lld", f[i].target_host.s,
						     (long long)f[i].target_port.v);
	}
}

/* What channels may refer to: endpoints by tag, or users by label (trimmed, lower case). */
static struct map *known_endpoints(const struct norm *nm)
{
	const struct list *all = &nm->d->client.endpoints;
	struct endpoint *e = all->v;
	struct map *known = map_new(nm->a, all->n);

	for (uint32_t i = 0; i < all->n; i++) {
		const struct endpoint *first = map_put(known, str_of(e[i].tag.s), &e[i]);

		if (first->disabled.v && !e[i].disabled.v)
			map_set(known, str_of(e[i].tag.s), &e[i]);
	}
	return known;
}

static struct str label_key(const struct norm *nm, const char *label)
{
	return str_of(str_lower(nm->a, str_trim(str_of(label))));
}

static struct map *known_users(const struct norm *nm)
{
	const struct list *all = &nm->d->server.users;
	struct user *u = all->v;
	struct map *known = map_new(nm->a, all->n);

	for (uint32_t i = 0; i < all->n; i++)
		map_put(known, label_key(nm, u[i].label.s), &u[i]);
	return known;
}

/* Comparing with every tag is for lists that people write by hand. */
enum { NEAR_MAX = 200 };

static void unknown_endpoint(const struct norm *nm, const struct reverse_channel *c)
{
	const struct list *all = &nm->d->client.endpoints;
	const struct endpoint *e = all->v;
	const char *tags[NEAR_MAX], *near;
	size_t n = 0;
	struct diag *g =
		diag_add(nm->sink, DIAG_XR181, c->endpoint_tag.at, "there is no endpoint '%s'", c->endpoint_tag.s);

	while (n < all->n && n < NEAR_MAX) {
		tags[n] = e[n].tag.s;
		n++;
	}
	near = str_nearest(str_of(c->endpoint_tag.s), tags, n);
	if (near)
		diag_help(nm->sink, g, "did you mean '%s'?", near);
	else
		diag_help(nm->sink, g, "write the tag of one of [[client.endpoints]]");
}

/* An enabled channel needs its endpoint, enabled too. */
static void channel_endpoint(const struct norm *nm, const struct map *known, const struct reverse_channel *c)
{
	const struct endpoint *e = map_get(known, str_of(c->endpoint_tag.s));
	struct diag *g;

	if (!e) {
		unknown_endpoint(nm, c);
	} else if (e->disabled.v) {
		g = diag_add(nm->sink, DIAG_XR181, c->endpoint_tag.at, "endpoint '%s' is disabled", c->endpoint_tag.s);
		diag_relate(nm->sink, g, e->disabled.at, "it is disabled here");
		diag_help(nm->sink, g, "enable it, or disable the channel too");
	}
}

static void channel_user(const struct norm *nm, const struct map *known, const struct reverse_channel *c)
{
	struct diag *g;

	if (map_get(known, label_key(nm, c->user_id.s)))
		return;
	g = diag_add(nm->sink, DIAG_XR181, c->user_id.at, "there is no user '%s'", c->user_id.s);
	diag_help(nm->sink, g, "write the user_label of one of [[server.users]]");
}

static void norm_channel(const struct norm *nm, const struct map *known, struct reverse_channel *c)
{
	struct diag *g;

	if (!c->tag.set && !c->tag.at.src) {
		c->tag.s = c->key.s;
		c->tag.at = c->key.at;
	}
	if (c->tag.s[0] && !str_ends_nocase(str_of(c->tag.s), ".rev")) {
		g = diag_add(nm->sink, DIAG_XR180, c->tag.at, "tag '%s' of a reverse channel does not end in '.rev'",
			     c->tag.s);
		diag_help(nm->sink, g, "write '%s.rev', on both ends", c->tag.s);
	}
	if (!c->domain.set)
		c->domain.s = c->tag.s;
	norm_uuid(nm, &c->id, "id");
	if (c->disabled.v)
		return;
	if (nm->d->role == ROLE_CLIENT && c->endpoint_tag.set)
		channel_endpoint(nm, known, c);
	if (nm->d->role == ROLE_SERVER && c->user_id.set)
		channel_user(nm, known, c);
}

void norm_reverse(const struct norm *nm, struct list *channels)
{
	struct map *known = nm->d->role == ROLE_CLIENT ? known_endpoints(nm) : known_users(nm);
	struct reverse_channel *c = channels->v;

	for (uint32_t i = 0; i < channels->n; i++)
		norm_channel(nm, known, &c[i]);
}
