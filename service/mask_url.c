/* Links: user information, parameters that nobody knows, and the base64 of the forms that are nothing else. */
#include <string.h>

#include "service/mask_impl.h"

/* A scheme of share links, or another that may carry a password. */
struct scheme {
	const char *name;
	bool share;  /* what stands before the '@' is the secret, whatever it holds */
	bool base64; /* without an '@' all of it is base64 */
};
static const struct scheme schemes[] = {
	{ "vless", true, false },     { "vmess", true, true },      { "trojan", true, false },
	{ "ss", true, true },	      { "ssr", true, true },	    { "socks", true, true },
	{ "socks5", true, false },    { "hysteria", true, false },  { "hysteria2", true, false },
	{ "hy2", true, false },	      { "wireguard", true, false }, { "tuic", true, false },
	{ "http", false, false },     { "https", false, false },
};
static const struct scheme other = { "", false, false };

/* Parameters of share links that open nothing. */
static const char *const public_params[] = {
	"type", "net", "network", "security", "encryption", "flow", "sni", "peer", "servername", "alpn", "fp",
	"fingerprint", "allowInsecure", "insecure", "pcs", "vcn", "pbk", "publicKey", "publickey", "host", "path",
	"serviceName", "authority", "mode", "headerType", "ed", "packetEncoding", "alterId", "aid", "mport", "upmbps",
	"downmbps", "up", "down", "address", "allowedips", "mtu", "keepalive", "spx", "obfs", "remark", "remarks",
	"name", "group",
};

struct url {
	struct mask *m;
	struct str text;
	struct mask_ranges *r;
	const struct scheme *scheme;
	size_t begin, end; /* behind "://" to the end of the link */
};

static bool is_scheme_char(char c)
{
	char l = (char)(c | 0x20);

	return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

static const struct scheme *scheme_before(struct str text, size_t colon)
{
	size_t begin = colon;
	struct str name;

	while (begin && colon - begin < 16 && is_scheme_char(text.p[begin - 1]))
		begin--;
	name = (struct str){ text.p + begin, colon - begin };
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (str_is_nocase(name, schemes[i].name))
			return &schemes[i];
	return &other;
}

static size_t link_end(struct str text, size_t at)
{
	while (at < text.len && (unsigned char)text.p[at] > ' ' && text.p[at] != 0x7f && !strchr("\"'<>`", text.p[at])) {
		/* In a JSON string the quote that ends it may be escaped; \/ and \u0026 belong to the link. */
		if (text.p[at] == '\\' && at + 1 < text.len && !strchr("/u", text.p[at + 1]))
			break;
		at++;
	}
	return at;
}

/* The first of the bytes in [at, end), or end. */
static size_t find_any(struct str text, size_t at, size_t end, const char *bytes)
{
	while (at < end && !(text.p[at] && strchr(bytes, text.p[at])))
		at++;
	return at;
}

static struct str decoded(struct mask *m, struct str s, enum mask_decoder d)
{
	struct buf out = { 0 };
	struct str clear = s;

	mask_decode(d, s, &out);
	m->failed |= out.failed;
	if (!out.failed)
		clear = (struct str){ arena_memdup(m->a, out.p ? out.p : "", out.len), out.len };
	buf_fini(&out);
	return clear;
}

/* Bytes [begin, end) as written; what they mean is found through the encodings. */
static void hide(struct url *u, size_t begin, size_t end)
{
	struct str raw = { u->text.p + begin, end - begin };
	struct str clear = decoded(u->m, decoded(u->m, raw, MASK_UNESCAPE), MASK_PERCENT);

	if (begin >= end)
		return;
	mask_range_add(u->m, u->r, (struct mask_range){ (uint32_t)begin, (uint32_t)end,
							 mask_entry_of(u->m, clear, MASK_SURE), false });
}

/* The JSON of vmess. */
static void learn_vmess(struct mask *m, struct str json)
{
	static const char *const public_keys[] = { "v", "ps", "add", "port", "aid", "net", "type", "host", "path",
						   "tls", "sni", "alpn", "fp", "scy" };
	struct sources *sources = sources_new(m->a);
	struct value root = { 0 };

	if (json_parse(m->a, diag_sink_new(m->a, sources), sources_add(sources, "", json.p, (uint32_t)json.len), true,
		       &root))
		return;
	for (uint32_t i = 0; root.kind == VAL_OBJECT && i < root.n_members; i++) {
		const struct member *k = &root.members[i];
		bool public = k->value.kind != VAL_STRING;

		for (size_t n = 0; !public && n < sizeof(public_keys) / sizeof(*public_keys); n++)
			public = str_is_nocase(member_key(k), public_keys[n]);
		if (!public)
			mask_entry_of(m, value_str(&k->value), MASK_SURE);
	}
}

/* Text from inside base64: "method:password@host:port", or JSON. */
static void learn_clear(struct mask *m, struct str clear)
{
	struct str user = clear, first;
	const char *at = memrchr(clear.p, '@', clear.len);

	if (clear.p[0] == '{') {
		learn_vmess(m, clear);
		return;
	}
	user.len = at ? (size_t)(at - clear.p) : clear.len;
	first = str_cut(&user, ':');
	if (user.len && first.len < 64)
		mask_entry_of(m, user, MASK_SURE);
}

static void learn_base64(struct mask *m, struct str raw)
{
	struct str clear = decoded(m, raw, MASK_PERCENT);
	struct buf out = { 0 };
	size_t bad;

	mask_base64(clear, &out);
	m->failed |= out.failed;
	if (out.len && str_is_utf8((struct str){ out.p, out.len }, &bad))
		learn_clear(m, (struct str){ arena_memdup(m->a, out.p, out.len), out.len });
	buf_fini(&out);
}

static void read_user(struct url *u, size_t end)
{
	struct str raw = { u->text.p + u->begin, end - u->begin };
	size_t colon = find_any(u->text, u->begin, end, ":");

	if (u->scheme->share && colon < end) { /* method:password, user:password */
		hide(u, colon + 1, end);
		hide(u, u->begin, end);
	} else if (u->scheme->share) {
		hide(u, u->begin, end);
		learn_base64(u->m, raw);
	} else if (colon < end) {
		hide(u, colon + 1, end);
	}
}

static bool is_public_param(const struct url *u, struct str name)
{
	if (!u->scheme->share)
		return !mask_name_sounds(name);
	for (size_t i = 0; i < sizeof(public_params) / sizeof(*public_params); i++)
		if (str_is_nocase(name, public_params[i]))
			return true;
	return false;
}

static void read_query(struct url *u, size_t at, size_t end)
{
	while (at < end) {
		size_t stop = find_any(u->text, at, end, "&"), equals = find_any(u->text, at, stop, "=");
		struct str name = { u->text.p + at, equals - at };

		if (equals < stop && !is_public_param(u, name))
			hide(u, equals + 1, stop);
		at = stop + 1;
	}
}

static void read_url(struct url *u)
{
	size_t query = find_any(u->text, u->begin, u->end, "?#"), host_end = find_any(u->text, u->begin, query, "/");
	size_t stop = u->scheme->share ? query : host_end, fragment;
	const char *at = memrchr(u->text.p + u->begin, '@', stop - u->begin);

	/* A password may hold what should have been encoded: then the '@' stands behind it. */
	if (!at && u->scheme->share)
		at = memrchr(u->text.p + u->begin, '@', u->end - u->begin);
	if (at) {
		size_t end = (size_t)(at - u->text.p);

		read_user(u, end);
		query = find_any(u->text, end > query ? end : query, u->end, "?#");
	} else if (u->scheme->base64) {
		learn_base64(u->m, (struct str){ u->text.p + u->begin, query - u->begin });
		hide(u, u->begin, query);
	}
	fragment = find_any(u->text, query, u->end, "#");
	if (query < fragment)
		read_query(u, query + 1, fragment);
}

void mask_urls(struct mask *m, struct str text, struct mask_ranges *r)
{
	size_t at = 0;
	const char *p;

	while (at < text.len && (p = memchr(text.p + at, ':', text.len - at))) {
		struct url u = { .m = m, .text = text, .r = r };
		size_t colon = (size_t)(p - text.p);

		at = colon + 1;
		while (at < text.len && text.p[at] == '\\' && at + 1 < text.len && text.p[at + 1] == '/')
			at += 2;
		if (at == colon + 1 && str_starts(str_skip(text, at), "//"))
			at += 2;
		else if (at != colon + 5)
			continue;
		u.scheme = scheme_before(text, colon);
		u.begin = at;
		u.end = link_end(text, at);
		if (u.scheme != &other || memchr(text.p + at, '@', u.end - at))
			read_url(&u);
	}
}
