/* Secrets of what the database holds: nodes and the addresses of subscriptions. */
#include <string.h>

#include "service/mask_impl.h"

/* Secret by its name, or else only when it looks like one. */
static enum mask_sure sure_of(struct str name)
{
	return mask_name_sounds(name) || mask_name_elsewhere(name) ? MASK_SURE : MASK_MAYBE;
}

static void learn_text(struct mask *m, struct str name, struct str text)
{
	if (!text.len)
		return;
	if (sure_of(name) == MASK_SURE)
		mask_secret(m, text);
	else if (!mask_name_header(name))
		mask_entry_of(m, text, MASK_MAYBE);
	mask_text(m, text, MASK_FIND_KEYS, NULL); /* options of plugins: "a=b;password=c" */
}

static void learn_tree(struct mask *m, struct str name, const struct value *v)
{
	if (v->kind == VAL_STRING)
		learn_text(m, name, value_str(v));
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		learn_tree(m, name, &v->items[i]);
	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		learn_tree(m, member_key(&v->members[i]), &v->members[i].value);
}

/* Texts that lists show; what stands in them behind a name that sounds secret is one all the same. */
static bool is_shown(struct str name)
{
	static const char *const names[] = {
		"name", "address", "encryption", "method", "flow", "server_name", "fingerprint", "path", "host", "service_name",
		"mode", "authority", "public_key", "pinned_peer_cert_sha256", "verify_peer_cert_by_name",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

static void learn_secret(struct mask *m, const struct secret *s)
{
	if (s->kind != SECRET_LITERAL && s->ref) {
		mask_reference(m, s->kind == SECRET_FILE, str_of(s->ref));
	} else if (s->set && s->s && !s->missing) {
		struct str all = str_of(s->s);

		mask_secret(m, all);
		while (memchr(all.p, ':', all.len)) /* keys of Shadowsocks 2022, one behind the other */
			mask_entry_of(m, str_cut(&all, ':'), MASK_MAYBE);
		mask_entry_of(m, all, MASK_MAYBE);
	}
}

void mask_node(struct mask *m, const struct node *n)
{
	for (size_t i = 0; i < node_fields_n; i++) {
		const struct node_field *f = &node_fields[i];
		const void *at = (const char *)n + f->offset;
		struct str name = str_of(f->name), text = f->kind == NODE_F_TEXT ? str_of(((const struct text *)at)->s) : str_of(NULL);

		if (f->kind == NODE_F_SECRET)
			learn_secret(m, at);
		else if (f->kind == NODE_F_RAW && ((const struct raw *)at)->set)
			learn_tree(m, name, &((const struct raw *)at)->v);
		else if (text.len && is_shown(name))
			mask_text(m, text, MASK_FIND_KEYS, NULL);
		else if (text.len)
			learn_text(m, name, text);
	}
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */
/* As written, and what it means. */
static void learn_part(struct mask *m, struct str part, enum mask_sure sure)
{
	struct buf out = { 0 };

	if (!part.len)
		return;
	mask_entry_of(m, part, sure);
	mask_decode(MASK_PERCENT, part, &out);
	m->failed |= out.failed;
	if (!out.failed && out.len)
		mask_entry_of(m, (struct str){ out.p, out.len }, sure);
	buf_fini(&out);
}

static size_t span_of(struct str s, const char *stop)
{
	size_t n = 0;

	while (n < s.len && !(s.p[n] && strchr(stop, s.p[n])))
		n++;
	return n;
}

static void learn_user(struct mask *m, struct str authority)
{
	const char *at = memrchr(authority.p, '@', authority.len);
	struct str user = { authority.p, at ? (size_t)(at - authority.p) : 0 }, name;

	learn_part(m, user, MASK_MAYBE);
	name = str_cut(&user, ':');
	learn_part(m, name, MASK_MAYBE);
	learn_part(m, user, MASK_SURE);
}

/* Tokens stand in the path as often as in the query. */
static void learn_parts(struct mask *m, struct str rest)
{
	while (rest.len) {
		size_t n = span_of(rest, "/?&;=#");

		learn_part(m, (struct str){ rest.p, n }, MASK_MAYBE);
		rest = str_skip(rest, n + 1);
	}
}

void mask_address(struct mask *m, struct str url)
{
	const char *p = url.len > 3 ? memmem(url.p, url.len, "://", 3) : NULL;
	struct str rest = p ? str_skip(url, (size_t)(p - url.p) + 3) : url;
	size_t n = span_of(rest, "/?#");

	mask_text(m, url, MASK_FIND_KEYS, NULL);
	learn_user(m, (struct str){ rest.p, n });
	rest = str_skip(rest, n);
	if (rest.len > 1) /* all of it without the slash: a token too short to look like one is in it */
		learn_part(m, str_skip(rest, 1), MASK_MAYBE);
	learn_parts(m, rest);
}
