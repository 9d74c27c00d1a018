/* streamSettings that contradict each other: settings of what is not selected, Vision and REALITY where they cannot
 * ride. */
#include "validate/rules.h"

static const struct {
	const char *key;
	enum carrier carrier;
} carrier_settings[] = {
	{ "rawSettings", CARRIER_RAW }, { "tcpSettings", CARRIER_RAW }, { "xhttpSettings", CARRIER_XHTTP },
	{ "splithttpSettings", CARRIER_XHTTP }, { "kcpSettings", CARRIER_KCP }, { "grpcSettings", CARRIER_GRPC },
	{ "wsSettings", CARRIER_WS }, { "httpupgradeSettings", CARRIER_HTTPUPGRADE },
	{ "hysteriaSettings", CARRIER_HYSTERIA }, { "httpSettings", CARRIER_H2 }, { "quicSettings", CARRIER_QUIC },
	{ "dsSettings", CARRIER_DS },
};
static const struct {
	const char *key, *name;
	enum secrecy secrecy;
} secrecy_settings[] = {
	{ "tlsSettings", "tls", SECRECY_TLS }, { "realitySettings", "reality", SECRECY_REALITY },
};
static const char *const carrier_names[CARRIER__N] = {
	[CARRIER_RAW] = "raw", [CARRIER_XHTTP] = "xhttp", [CARRIER_KCP] = "kcp", [CARRIER_GRPC] = "grpc",
	[CARRIER_WS] = "ws",
	[CARRIER_HTTPUPGRADE] = "httpupgrade", [CARRIER_HYSTERIA] = "hysteria", [CARRIER_H2] = "h2",
	[CARRIER_QUIC] = "quic", [CARRIER_DS] = "ds", [CARRIER_OTHER] = "this",
};

static const struct member *filled_member(const struct value *v, const char *key)
{
	const struct member *m = value_member_nocase(v, key);

	return m && m->value.kind == VAL_OBJECT && m->value.n_members ? m : NULL;
}

static void check_carriers(struct facts *f, const struct stream *s)
{
	for (size_t i = 0; i < sizeof(carrier_settings) / sizeof(*carrier_settings); i++) {
		const struct member *m = filled_member(s->v, carrier_settings[i].key);
		struct diag *d;

		if (!m || s->carrier == carrier_settings[i].carrier || s->carrier == CARRIER_OTHER)
			continue;
		d = diag_add(f->sink, DIAG_XR560, m->key_span, "'%s' has no effect: the transport is %s",
			     carrier_settings[i].key, carrier_names[s->carrier]);
		if (s->carrier_at)
			diag_relate(f->sink, d, s->carrier_at->span, "it is selected here");
		diag_help(f->sink, d, "set 'network' to \"%s\", or remove the settings",
			  carrier_names[carrier_settings[i].carrier]);
	}
}

static void check_secrecies(struct facts *f, const struct stream *s)
{
	for (size_t i = 0; i < sizeof(secrecy_settings) / sizeof(*secrecy_settings); i++) {
		const struct member *m = filled_member(s->v, secrecy_settings[i].key);
		struct diag *d;

		if (!m || s->secrecy == secrecy_settings[i].secrecy || s->secrecy == SECRECY_OTHER)
			continue;
		if (!s->secrecy_at) {
			d = diag_add(f->sink, DIAG_XR561, m->key_span,
				     "'%s' has no effect without 'security': the connection is not encrypted",
				     secrecy_settings[i].key);
			diag_help(f->sink, d, "add \"security\": \"%s\"", secrecy_settings[i].name);
			continue;
		}
		d = diag_add(f->sink, DIAG_XR562, m->key_span, "'%s' has no effect: 'security' selects something else",
			     secrecy_settings[i].key);
		diag_relate(f->sink, d, s->secrecy_at->span, "it is selected here");
		diag_help(f->sink, d, "set 'security' to \"%s\", or remove the settings", secrecy_settings[i].name);
	}
}

static void check_reality(struct facts *f, const struct stream *s)
{
	struct diag *d;

	if (s->secrecy != SECRECY_REALITY)
		return;
	if (!facts_get(s->v, "realitySettings")) {
		d = diag_add(f->sink, DIAG_XR565, s->secrecy_at->span, "security reality needs 'realitySettings'");
		diag_help(f->sink, d,
			  "a client names serverName, publicKey and shortId there, a server target and privateKey");
	}
	if (s->carrier == CARRIER_RAW || s->carrier == CARRIER_XHTTP || s->carrier == CARRIER_GRPC ||
	    s->carrier == CARRIER_OTHER)
		return;
	d = diag_add(f->sink, DIAG_XR565, s->secrecy_at->span, "REALITY does not work over %s",
		     carrier_names[s->carrier]);
	diag_relate(f->sink, d, s->carrier_at->span, "the transport is selected here");
	diag_help(f->sink, d, "use raw, xhttp or grpc");
}

/* --- Vision ------------------------------------------------------------------------------------------------------- */

static bool is_vision(const struct value *flow)
{
	return flow && flow->kind == VAL_STRING && str_starts(value_str(flow), "xtls-rprx-vision");
}

/* VLESS encryption carries Vision by itself. */
static bool is_encrypted(struct str encryption)
{
	return encryption.len && !str_is(encryption, "none");
}

static void check_flow(struct facts *f, const struct peer *p, const struct value *flow, struct str encryption)
{
	const struct stream *s = &p->stream;
	struct diag *d;

	if (!is_vision(flow) || is_encrypted(encryption) || s->carrier == CARRIER_OTHER || s->secrecy == SECRECY_OTHER)
		return;
	if (s->carrier != CARRIER_RAW) {
		d = diag_add(f->sink, DIAG_XR563, flow->span,
			     "flow xtls-rprx-vision does not work over %s: every connection fails",
			     carrier_names[s->carrier]);
		diag_relate(f->sink, d, s->carrier_at->span, "the transport is selected here");
		diag_help(f->sink, d, "remove 'flow', or use raw with tls or reality");
	} else if (s->secrecy == SECRECY_NONE) {
		d = diag_add(f->sink, DIAG_XR563, flow->span,
			     "flow xtls-rprx-vision needs tls or reality: every connection fails");
		if (s->secrecy_at)
			diag_relate(f->sink, d, s->secrecy_at->span, "'security' is here");
		diag_help(f->sink, d, "add \"security\": \"tls\" or \"reality\" to streamSettings, or remove 'flow'");
	}
}

static void check_mux(struct facts *f, const struct peer *p, const struct value *flow)
{
	const struct value *mux = facts_get(p->v, "mux"), *n = facts_get(mux, "concurrency");
	int64_t concurrency = 0;
	struct diag *d;

	if (!is_vision(flow) || !facts_true(mux, "enabled") || (n && !value_int(n, &concurrency) && concurrency < 0))
		return;
	d = diag_add(f->sink, DIAG_XR564, facts_get(mux, "enabled")->span,
		     "a server with flow xtls-rprx-vision refuses multiplexed TCP");
	diag_relate(f->sink, d, flow->span, "the flow is here");
	diag_help(f->sink, d, "turn mux off, or set concurrency to -1 and xudpConcurrency for UDP alone");
}

static void check_vision_in(struct facts *f, const struct peer *p)
{
	const struct value *users = facts_users(p->settings);
	struct str decryption = facts_str(p->settings, "decryption");

	check_flow(f, p, facts_get(p->settings, "flow"), decryption);
	for (uint32_t i = 0; users && i < users->n; i++)
		check_flow(f, p, facts_get(&users->items[i], "flow"), decryption);
}

static void check_vision_out(struct facts *f, const struct peer *p)
{
	const struct value *account = facts_account(p->settings), *flow = facts_get(account, "flow");

	check_flow(f, p, flow, facts_str(account, "encryption"));
	check_mux(f, p, flow);
}

/* The download half is a connection of its own; Xray crashes when it has to dial without an address. */
static void check_download(struct facts *f, const struct peer *p)
{
	static const char *const paths[][4] = {
		{ "xhttpSettings", "downloadSettings" }, { "splithttpSettings", "downloadSettings" },
		{ "xhttpSettings", "extra", "downloadSettings" }, { "splithttpSettings", "extra", "downloadSettings" },
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		const struct value *download = facts_dig(p->stream.v, paths[i]);
		struct diag *d;

		if (!download || facts_filled(facts_get(download, "address")) || p->stream.carrier != CARRIER_XHTTP)
			continue;
		d = diag_add(f->sink, DIAG_XR569, facts_point(download),
			     "'downloadSettings' has no 'address': Xray crashes when it connects");
		diag_help(f->sink, d, "add 'address' and 'port' of the server that sends");
	}
}

static void check_stream(struct facts *f, const struct peer *p)
{
	if (!p->stream.v)
		return;
	check_carriers(f, &p->stream);
	check_secrecies(f, &p->stream);
	check_reality(f, &p->stream);
}

void transport_check(struct facts *f)
{
	for (uint32_t i = 0; i < f->ins.n; i++) {
		check_stream(f, &f->ins.v[i]);
		if (f->ins.v[i].proto == PROTO_VLESS)
			check_vision_in(f, &f->ins.v[i]);
	}
	for (uint32_t i = 0; i < f->outs.n; i++) {
		check_stream(f, &f->outs.v[i]);
		check_download(f, &f->outs.v[i]);
		if (f->outs.v[i].proto == PROTO_VLESS)
			check_vision_out(f, &f->outs.v[i]);
	}
}
