/* Users of inbounds: identities that collide, accounts that are not asked for, levels that no policy has. */
#include "validate/rules.h"

#include <string.h>

/* Without the quotes, so that what stands around stays readable. */
static void hide(struct facts *f, const struct value *secret)
{
	struct span at = secret->span;

	if (at.end > at.begin + 2) {
		at.begin++;
		at.end--;
	}
	diag_hide(f->sink, at);
}

struct seen { /* of one inbound */
	struct facts *f;
	struct map *emails, *secrets, *ids;
};

/* --- UUIDs -------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 32 digits with any hyphens: 16 bytes. Other texts are reported as such by their format. */
static bool uuid_read(struct str s, char ret_bytes[16])
{
	unsigned n = 0;

	if (s.len < 32 || s.len > 36)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int digit = hex_digit(s.p[i]);
		if (s.p[i] == '-')
			continue;
		if (digit < 0 || n == 32)
			return false;
		ret_bytes[n / 2] = (char)(n % 2 ? ret_bytes[n / 2] | digit : digit << 4);
		n++;
	}
	return n == 32;
}

/* Shorter texts are hashed: fine when both sides know the text, and fatal when it was a UUID once. */
static void check_short(struct facts *f, const struct value *id)
{
	bool hashed = target_has(f->x->target, CAP_XRAY_VALUES);
	struct diag *d;

	if (!id || id->kind != VAL_STRING || !id->len || id->len > 30 || name_is_uuid(value_str(id)))
		return;
	hide(f, id);
	if (hashed)
		d = diag_add(f->sink, DIAG_XR573, id->span,
			     "'id' is not a UUID: the engine makes one from a hash of these %u characters",
			     (unsigned)id->len);
	else
		d = diag_add(f->sink, DIAG_XR666, id->span, "'id' is not a UUID, and %s takes nothing else",
			     f->x->target->name);
	diag_help(f->sink, d, "a UUID has 36 characters: 8-4-4-4-12 hex digits");
}

static void check_uuid(struct seen *s, const struct peer *p, const struct value *user)
{
	const struct value *id = facts_get(user, "id"), *before;
	struct facts *f = s->f;
	char *bytes = arena_array(f->a, char, 16);
	struct diag *d;

	check_short(f, id);
	if (!id || id->kind != VAL_STRING || !uuid_read(value_str(id), bytes))
		return;
	if (p->proto == PROTO_VLESS) /* they carry vlessRoute and do not identify */
		bytes[6] = bytes[7] = 0;
	before = map_put(s->ids, (struct str){ bytes, 16 }, (void *)id);
	if (before == id)
		return;
	hide(f, id);
	hide(f, before);
	if (str_eq_nocase(value_str(id), value_str(before)))
		d = diag_add(f->sink, DIAG_XR575, id->span,
			     "two users of the inbound have one UUID: only the last one is known");
	else
		d = diag_add(f->sink, DIAG_XR575, id->span,
			     "two users have UUIDs that VLESS cannot tell apart: bytes 7 and 8 carry the route, and "
			     "only the last user is known");
	diag_relate(f->sink, d, before->span, "the other user is here");
	diag_help(f->sink, d, "give each user a UUID of its own");
}

/* --- e-mails and passwords ---------------------------------------------------------------------------------------- */

static void check_email(struct seen *s, const struct value *user)
{
	const struct value *email = facts_get(user, "email"), *before;
	struct diag *d;

	if (!email || email->kind != VAL_STRING || !email->len)
		return;
	before = map_put(s->emails, str_of(str_lower(s->f->a, value_str(email))), (void *)email);
	if (before == email)
		return;
	d = diag_add(s->f->sink, DIAG_XR576, email->span,
		     "two users of the inbound have the e-mail '%s' (case does not count)",
		     facts_shown(s->f, value_str(email)));
	diag_relate(s->f->sink, d, before->span, "the other user is here");
	diag_help(s->f->sink, d, "an e-mail names one user");
}

static void check_password(struct seen *s, const struct value *user)
{
	const struct value *secret = facts_get(user, "password"), *before;
	struct diag *d;

	if (!secret)
		secret = facts_get(user, "auth");
	if (!secret || secret->kind != VAL_STRING || !secret->len)
		return;
	before = map_put(s->secrets, value_str(secret), (void *)secret);
	if (before == secret)
		return;
	hide(s->f, secret);
	hide(s->f, before);
	d = diag_add(s->f->sink, DIAG_XR577, secret->span,
		     "two users of the inbound have one password: the engine takes both for the same user");
	diag_relate(s->f->sink, d, before->span, "the other user is here");
	diag_help(s->f->sink, d, "give each user a password of its own");
}

/* --- levels ------------------------------------------------------------------------------------------------------- */

static void levels_read(struct facts *f)
{
	const struct value *levels = facts_get(&f->x->section[XS_POLICY], "levels");

	f->levels = map_new(f->a, 4);
	for (uint32_t i = 0; levels && levels->kind == VAL_OBJECT && i < levels->n_members; i++) {
		int64_t *key = arena_new_of(f->a, int64_t);
		if (!str_int(member_key(&levels->members[i]), key))
			map_put(f->levels, (struct str){ (const char *)key, sizeof(*key) }, key);
	}
}

static void check_level(struct facts *f, const struct value *level)
{
	int64_t n = 0;
	struct diag *d;

	if (!level || value_int(level, &n) || n <= 0)
		return;
	if (!f->levels)
		levels_read(f);
	if (map_get(f->levels, (struct str){ (const char *)&n, sizeof(n) }))
		return;
	d = diag_add(f->sink, DIAG_XR552, level->span, "policy has no level %lld: the engine's defaults hold",
		     (long long)n);
	diag_help(f->sink, d, "add it to policy.levels, or remove 'level'");
}

/* --- socks accounts ----------------------------------------------------------------------------------------------- */

static void check_socks(struct facts *f, const struct peer *p)
{
	const struct value *auth = facts_get(p->settings, "auth"), *users = facts_users(p->settings);
	bool asked = auth && auth->kind == VAL_STRING && str_is(value_str(auth), "password");
	struct diag *d;

	if (facts_filled(users) && !asked) {
		d = diag_add(f->sink, DIAG_XR571, facts_point(users),
			     "the accounts have no effect: nobody is asked for one");
		if (auth)
			diag_relate(f->sink, d, auth->span, "'auth' is here");
		diag_help(f->sink, d, "write \"auth\": \"password\"");
	}
	if (!facts_filled(users) && asked) {
		d = diag_add(f->sink, DIAG_XR572, auth->span,
			     "auth is \"password\", and there is no account: nobody gets in");
		diag_help(f->sink, d, "add accounts with 'user' and 'pass'");
	}
}

/* --- Shadowsocks 2022 --------------------------------------------------------------------------------------------- */

static void check_2022(struct facts *f, const struct peer *p, const struct value *users)
{
	const struct value *method = facts_get(p->settings, "method"), *own;
	struct diag *d;

	if (!method || method->kind != VAL_STRING || !str_starts(value_str(method), "2022-"))
		return;
	for (uint32_t i = 0; i < users->n; i++) {
		own = facts_get(&users->items[i], "method");
		if (!own || own->kind != VAL_STRING || !own->len)
			continue;
		d = diag_add(f->sink, DIAG_XR422, own->span,
			     "a user has a 'method' of its own: with a 2022 cipher all users share "
			     "the inbound's");
		diag_relate(f->sink, d, method->span, "the cipher of the inbound is here");
		diag_help(f->sink, d, "remove 'method' from the user");
	}
}

static void check_inbound(struct facts *f, const struct peer *p)
{
	const struct value *users = facts_users(p->settings);
	struct seen s = { .f = f };

	check_level(f, facts_get(p->settings, "userLevel"));
	if (p->proto == PROTO_SOCKS) {
		check_socks(f, p);
		return;
	}
	if (!users || p->proto == PROTO_HTTP)
		return;
	if (p->proto == PROTO_SHADOWSOCKS)
		check_2022(f, p, users);
	s.emails = map_new(f->a, users->n);
	s.secrets = map_new(f->a, users->n);
	s.ids = map_new(f->a, users->n);
	for (uint32_t i = 0; i < users->n; i++) {
		const struct value *user = &users->items[i];
		if (user->kind != VAL_OBJECT)
			continue;
		check_uuid(&s, p, user);
		check_email(&s, user);
		check_password(&s, user);
		check_level(f, facts_get(user, "level"));
	}
}

void users_check(struct facts *f)
{
	for (uint32_t i = 0; i < f->ins.n; i++)
		check_inbound(f, &f->ins.v[i]);
	for (uint32_t i = 0; i < f->outs.n; i++) {
		const struct peer *p = &f->outs.v[i];
		const struct value *account = facts_account(p->settings);

		check_level(f, facts_get(account, "level"));
		if (p->proto == PROTO_VLESS || p->proto == PROTO_VMESS)
			check_short(f, facts_get(account, "id"));
	}
}
