/* ss:// links. SIP002: ss://USER@host:port/?plugin=…#name with USER base64 of method:password, or both percent-encoded;
 * before it: ss://base64(method:password@host:port)#name. */
#include <string.h>

#include "links/codec.h"
#include "links/reader.h"

/* How much of s stands before the first of the characters. */
static size_t len_until(struct str s, const char *stops)
{
	size_t n = 0;

	while (n < s.len && !strchr(stops, s.p[n]))
		n++;
	return n;
}

static bool last_at(struct str s, size_t *ret_at)
{
	for (size_t i = s.len; i-- > 0;) {
		if (s.p[i] != '@')
			continue;
		*ret_at = i;
		return true;
	}
	return false;
}

/* The whole authority is base64, in which '/' is a digit. */
static void split_legacy(struct link_reader *r, struct str rest, struct link_parts *p)
{
	struct str encoded = { rest.p, len_until(rest, "?#") }, text;
	size_t at;

	if (encoded.len && encoded.p[encoded.len - 1] == '/')
		encoded.len--; /* "BASE64/?plugin=…" */
	link_split(str_skip(rest, encoded.len), p);
	if (base64_decode(r->a, encoded, &text) || !text_is_clean(text) || !last_at(text, &at)) {
		link_fault(r, DIAG_XR804, "copy the whole link again",
			   "what follows is not base64 of method:password@host:port");
		return;
	}
	p->user = (struct str){ text.p, at };
	p->has_user = p->decoded = true;
	link_split_host(str_skip(text, at + 1), p);
}

/* The user may be base64 with an unescaped '/'. */
static void split(struct link_reader *r, struct str rest, struct link_parts *p)
{
	size_t at;

	if (!last_at((struct str){ rest.p, len_until(rest, "?#") }, &at)) {
		split_legacy(r, rest, p);
		return;
	}
	link_split(str_skip(rest, at + 1), p);
	p->user = (struct str){ rest.p, at };
	p->has_user = true;
}

/* base64 first: a method or password in plain text always brings its ':' along. */
static bool user_text(struct link_reader *r, const struct link_parts *p, struct str *ret_text)
{
	struct str encoded;

	if (p->decoded) {
		*ret_text = p->user;
		return true;
	}
	if (!link_decode(r, "the user", p->user, &encoded))
		return false;
	if (memchr(p->user.p, ':', p->user.len) || memchr(encoded.p, ':', encoded.len)) {
		*ret_text = encoded;
		return true;
	}
	if (!base64_decode(r->a, encoded, ret_text) && text_is_clean(*ret_text))
		return true;
	link_fault(r, DIAG_XR804, "copy the whole link again", "the user is not base64 of method:password");
	return false;
}

static void read_user(struct link_reader *r, const struct link_parts *p)
{
	struct str password;

	if (!p->has_user || !p->user.len) {
		link_fault(r, DIAG_XR809, NULL, "no method and password stand before the '@'");
		return;
	}
	if (!user_text(r, p, &password))
		return;
	struct str method = str_cut(&password, ':');
	if (!method.len || !password.len) {
		link_fault(r, DIAG_XR809, NULL, "the user is not method:password");
		return;
	}
	node_text(&r->n->method, (struct str){ str_lower(r->a, method), method.len }, r->at);
	node_secret(&r->n->password, (struct str){ arena_memdup(r->a, password.p, password.len), password.len }, r->at);
}

void ss_read(struct link_reader *r, struct str rest)
{
	struct link_parts p;
	struct str name;

	split(r, rest, &p);
	if (r->faults)
		return;
	link_read_server(r, &p, 0);
	read_user(r, &p);
	if (p.path.len && !str_is(p.path, "/"))
		link_fault(r, DIAG_XR802, "cut off what follows the port", "a path stands behind the server");
	link_read_query(r, p.query);
	if (p.has_name && link_decode(r, "the name", p.name, &name))
		node_text(&r->n->name, name, r->at);
}
