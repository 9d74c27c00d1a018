/* Numbers as Go's decoder takes them: integers without fraction or exponent, ports, port lists, ranges. */
#include <string.h>

#include "validate/structure.h"

/* 0 and the number, or a positive value after a diagnostic. */
static int read_int(struct walk *w, const struct xkey *k, const struct value *v, int64_t lo, int64_t hi, int64_t *ret_n)
{
	struct str s = value_str(v);
	if (memchr(s.p, '.', s.len) || memchr(s.p, 'e', s.len) || memchr(s.p, 'E', s.len)) {
		struct diag *d = walk_add(w, DIAG_XR410, v->span, "'%s' must be an integer, not %.*s", k->name,
					  (int)s.len, s.p);
		if (d)
			diag_help(w->sink, d, "%s refuses a fraction and an exponent, even 1.0", walk_engine(w));
		return 1;
	}
	if (value_int(v, ret_n) || *ret_n < lo || *ret_n > hi) {
		walk_add(w, DIAG_XR409, v->span, "'%s' is %.*s: out of range %lld to %lld", k->name, (int)s.len, s.p,
			 (long long)lo, (long long)hi);
		return 1;
	}
	return 0;
}

void walk_int(struct walk *w, const struct xkey *k, const struct value *v)
{
	int64_t n;
	/* a boolean-or-number key has no range of its own: the engine cuts it */
	read_int(w, k, v, k->lo, k->hi, &n);
}

static void bad_port(struct walk *w, const struct xkey *k, const struct value *v, struct str s, const char *why)
{
	walk_add(w, DIAG_XR411, v->span, "'%s': '%.*s' %s", k->name, (int)s.len, s.p, why);
}

static const char no_port[] = "is not a port: use 1 to 65535";

void walk_port(struct walk *w, const struct xkey *k, const struct value *v)
{
	int64_t n;
	if (read_int(w, k, v, INT64_MIN, INT64_MAX, &n))
		return;
	if (n < 0 || n > 65535 || (!n && k->flags & XK_NONZERO))
		bad_port(w, k, v, value_str(v), no_port);
}

/* Digits alone, at most 65535. */
static bool port_text(struct str s, int64_t *ret_n)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.len && !str_int(s, ret_n) && *ret_n <= 65535;
}

static void port_item(struct walk *w, const struct xkey *k, const struct value *v, struct str s)
{
	int64_t from, to;
	struct str rest = s;
	if (str_starts(s, "env:"))
		return;
	if (!memchr(s.p, '-', s.len)) {
		/* read as a JSON number, so a leading zero is refused */
		if (!port_text(s, &from) || (s.len > 1 && s.p[0] == '0') || (!from && k->flags & XK_NONZERO))
			bad_port(w, k, v, s, no_port);
		return;
	}
	struct str first = str_cut(&rest, '-');
	if (!port_text(first, &from) || !port_text(rest, &to))
		bad_port(w, k, v, s,
			 "is not a range of ports: write it like 1000-2000, up to 65535 and without spaces");
}

void walk_ports(struct walk *w, const struct xkey *k, const struct value *v)
{
	int64_t n;
	if (v->kind == VAL_NUMBER) {
		if (read_int(w, k, v, INT64_MIN, INT64_MAX, &n))
			return;
		if (n > 65535)
			bad_port(w, k, v, value_str(v), "is cut to 16 bits by the engine: use 1 to 65535");
		else if (n < 0 || (!n && k->flags & XK_NONZERO))
			bad_port(w, k, v, value_str(v), no_port);
		return;
	}
	struct str rest = value_str(v);
	bool any = false;
	do {
		struct str item = str_trim(str_cut(&rest, ','));
		any |= item.len > 0;
		if (item.len)
			port_item(w, k, v, item);
	} while (rest.p);
	if (!any && k->flags & XK_NONZERO)
		bad_port(w, k, v, value_str(v), "holds no port");
}

/* "a", "a-b", "-3--1", "": what Xray reads as a range; "" is 0. */
static bool range_text(struct str s, int64_t *ret_a, int64_t *ret_b)
{
	*ret_a = *ret_b = 0;
	if (!s.len || !str_int(s, ret_a)) {
		*ret_b = *ret_a;
		return true;
	}
	const char *dash = memchr(s.p + 1, '-', s.len - 1);
	if (!dash)
		return false;
	struct str left = { s.p, (size_t)(dash - s.p) }, right = { dash + 1, s.len - left.len - 1 };
	return !str_int(left, ret_a) && !str_int(right, ret_b);
}

bool walk_above_zero(const struct value *v)
{
	int64_t a, b = 0;
	if (v->kind == VAL_NUMBER)
		return !value_int(v, &b) && b > 0;
	return v->kind == VAL_STRING && range_text(value_str(v), &a, &b) && (a > 0 || b > 0);
}

void walk_range(struct walk *w, const struct xkey *k, const struct value *v)
{
	int64_t a, b;
	if (v->kind == VAL_NUMBER) {
		if (read_int(w, k, v, INT32_MIN, INT32_MAX, &a))
			return;
		b = a;
	} else if (!range_text(value_str(v), &a, &b)) {
		walk_add(w, DIAG_XR418, v->span, "'%s' is not a number or a range like \"10-20\": '%.*s'", k->name,
			 (int)v->len, v->text);
		return;
	}
	if (!a && !b && (!(k->flags & XK_REQUIRED) || !v->len))
		return; /* not set; reported where it has to be */
	if (k->hi && (a < k->lo || b < k->lo || a > k->hi || b > k->hi))
		walk_add(w, DIAG_XR409, v->span, "'%s' is %.*s: out of range %lld to %lld", k->name, (int)v->len,
			 v->text, (long long)k->lo, (long long)k->hi);
}
