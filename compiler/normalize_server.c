/* The server: its accounts, and the tunnel listener with its profile, certificate and REALITY keys. */
#include "compiler/forms.h"
#include "compiler/normalize_impl.h"

struct server_profile {
	const char *name, *network, *security;
	bool vless, vision;
};
static const struct server_profile server_profiles[] = {
	{ "trojan-tls", "tcp", "tls", false, false },
	{ "vless-tls-vision", "tcp", "tls", true, true },
	{ "vless-reality-vision", "tcp", "reality", true, true },
	{ "vless-ws-tls", "ws", "tls", true, false },
};

static const struct server_profile *profile_of(const struct server *s)
{
	const struct server_profile *p = server_profiles;

	while (!str_is(str_of(s->profile.s), p->name))
		p++;
	return p;
}

/* Legacy rows go behind the users. */
static void append_legacy(const struct norm *nm, struct server *s)
{
	const struct user *from = s->users.v, *legacy = s->trojan_users.v;
	uint32_t n = s->users.n + s->trojan_users.n;
	struct user *all;

	if (!s->trojan_users.n)
		return;
	all = arena_array(nm->a, struct user, n);
	for (uint32_t i = 0; i < n; i++) {
		all[i] = i < s->users.n ? from[i] : legacy[i - s->users.n];
		all[i].label.s = all[i].label.s ? all[i].label.s : "";
		all[i].rotation_expires_at.s = all[i].rotation_expires_at.s ? all[i].rotation_expires_at.s : "";
		all[i].previous.s = all[i].previous.s ? all[i].previous.s : "";
	}
	s->users.v = all;
	s->users.n = n;
	s->trojan_users.n = 0;
}

static void check_users(const struct norm *nm, const struct server *s, const struct server_profile *p)
{
	const struct user *u = s->users.v;
	struct names labels;

	norm_names_init(nm, &labels, s->users.n);
	for (uint32_t i = 0; i < s->users.n; i++) {
		if (u[i].disabled.v)
			continue;
		norm_names_add(nm, &labels, u[i].label.s, at_or(u[i].label.at, u[i].at), "a user", "label");
		if (!p->vless)
			continue;
		norm_uuid(nm, &u[i].credential, "active_credential");
		if (u[i].previous.s[0])
			norm_uuid(nm, &u[i].previous, "previous_credential_for_rotation");
	}
}

static void contradiction(const struct norm *nm, const struct server *s, struct text *t, const char *key,
			  const char *must)
{
	struct diag *g = diag_add(nm->sink, DIAG_XR174, t->at, "'%s' is '%s', but profile '%s' means '%s'", key, t->s,
				  s->profile.s, must);

	if (s->profile.set)
		diag_relate(nm->sink, g, s->profile.at, "the profile stands here");
	diag_help(nm->sink, g, "remove '%s', or choose another profile", key);
	t->s = must;
}

/* What the profile decides where the knobs say nothing, and from then on where they contradict it. Security none is
 * always possible: something in front may add TLS. */
static void apply_profile(const struct norm *nm, struct server *s, const struct server_profile *p)
{
	struct text *net = &s->xray.trojan.network, *sec = &s->xray.trojan.security;

	if (!net->set)
		net->s = p->network;
	else if (s->profile.set && !str_is(str_of(net->s), p->network))
		contradiction(nm, s, net, "network", p->network);
	if (!sec->set)
		sec->s = p->security;
	else if (!str_is(str_of(sec->s), "none") && !str_is(str_of(sec->s), p->security))
		contradiction(nm, s, sec, "security", p->security);
	if (p->vision && sec->set && str_is(str_of(sec->s), "none"))
		diag_help(nm->sink, diag_add(nm->sink, DIAG_XR173, sec->at,
			  "profile '%s' with security none: vision needs TLS or REALITY", s->profile.s),
			  "remove 'security', or choose another profile");
}

static void tls_files(const struct norm *nm, const struct server *s)
{
	bool no_cert = text_absent(&s->certificate), no_key = text_absent(&s->key);
	bool tls = str_is(str_of(s->xray.trojan.security.s), "tls");
	const struct text *given = no_cert ? &s->key : &s->certificate;
	struct diag *g;

	if (no_cert != no_key) {
		g = diag_add(nm->sink, DIAG_XR184, given->at, "'%s' is given without '%s'",
			     no_cert ? "key" : "certificate", no_cert ? "certificate" : "key");
		diag_help(nm->sink, g, "give both, or neither");
	} else if (tls && no_cert) {
		g = diag_add(nm->sink, DIAG_XR185, at_or(s->xray.trojan.security.at, at_or(s->profile.at, s->at)),
			     "the tunnel uses TLS, but there is no certificate");
		diag_help(nm->sink, g,
			  "set 'certificate' and 'key', or security = \"none\" in [server.xray.inbounds.trojan]");
	} else if (!tls && !no_cert) {
		g = diag_add(nm->sink, DIAG_XR188, given->at,
			     "'certificate' has no effect: the security of the tunnel is '%s'",
			     s->xray.trojan.security.s);
		diag_help(nm->sink, g, "remove it, or use security tls");
	}
}

static void need(const struct norm *nm, const struct server *s, bool absent, const char *key)
{
	if (absent)
		diag_help(nm->sink,
			  diag_add(nm->sink, DIAG_XR175, at_or(s->profile.at, s->at), "REALITY needs '%s'", key),
			  "add '%s' to [server]", key);
}

static void reality(const struct norm *nm, struct server *s)
{
	struct str host;
	int64_t port;

	need(nm, s, secret_absent(&s->private_key), "private_key");
	need(nm, s, text_absent(&s->reality_target), "reality_target");
	if (s->private_key.set && !s->private_key.missing && s->private_key.s[0] && !norm_is_x25519(s->private_key.s))
		diag_add(nm->sink, DIAG_XR163, s->private_key.at, "'private_key' must be 43 characters of base64url");
	for (uint32_t i = 0; i < s->short_ids.n; i++)
		if (!norm_is_short_id(s->short_ids.v[i].s))
			diag_add(nm->sink, DIAG_XR163, s->short_ids.v[i].at,
				 "a short id must be an even number of hex digits, at most 16");
	if (!s->server_names.n && form_split_hostport(str_of(s->reality_target.s), &host, &port)) {
		s->server_names.v = arena_new_of(nm->a, struct text);
		s->server_names.v[0] =
			(struct text){ arena_memdup(nm->a, host.p, host.len), s->reality_target.at, false };
		s->server_names.n = 1;
	}
	if (!s->short_ids.n) {
		s->short_ids.v = arena_new_of(nm->a, struct text);
		s->short_ids.v[0] = (struct text){ "", SPAN_NONE, false };
		s->short_ids.n = 1;
	}
}

void norm_server(const struct norm *nm, struct server *s)
{
	const struct server_profile *p = profile_of(s);

	append_legacy(nm, s);
	check_users(nm, s, p);
	apply_profile(nm, s, p);
	if (str_is(str_of(s->xray.trojan.security.s), "reality"))
		reality(nm, s);
	tls_files(nm, s);
	norm_redirects(nm, &s->redirects);
	norm_forwards(nm, &s->forwards);
	norm_reverse(nm, &s->reverse);
}
