/* link: model lib */
/* The rows of Xray's keys: each is whole, each name it points to exists; lookups; which values are secrets; the
 * schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "model/model.h"

enum { TABLES_MAX = 256 };
struct tables {
	const struct xtable *v[TABLES_MAX];
	size_t n;
};

static void reach(struct tables *all, const struct xtable *t);

static void reach_row(struct tables *all, const struct xkey *k)
{
	bool sub = k->type == XT_OBJ || k->type == XT_OBJS || k->type == XT_OBJ_OR_OBJS || k->type == XT_STR_OR_OBJS ||
		   k->type == XT_OBJ_LISTS || k->type == XT_MAP_LEVELS;
	if (sub) {
		assert_non_null(k->sub);
		reach(all, k->sub);
	}
	if (k->type == XT_ENUM || k->type == XT_ENUMS || k->type == XT_ENUMLIST)
		assert_true(k->names && k->names->n);
	for (size_t i = 0; k->type == XT_VARIANT && i < k->variants->n; i++)
		reach(all, k->variants->v[i].table);
	if (k->type == XT_INT || k->type == XT_INTS)
		assert_true(k->lo < k->hi || k->lo == 2);
}

static void reach(struct tables *all, const struct xtable *t)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i] == t)
			return;
	assert_true(all->n < TABLES_MAX);
	all->v[all->n++] = t;
	for (size_t i = 0; i < t->n; i++)
		reach_row(all, &t->keys[i]);
}

static bool knows(const struct xtable *t, const char *name)
{
	return !name || xkey_find(t, name, (uint32_t)strlen(name));
}

static void check_table(const struct xtable *t)
{
	assert_true(t->n <= 64 && t->id && t->title);
	for (size_t i = 0; i < t->n; i++) {
		const struct xkey *k = &t->keys[i];
		assert_int_equal(k->len, strlen(k->name));
		assert_ptr_equal(xkey_find(t, k->name, k->len), k);
		assert_true(knows(t, k->beats));
		if (k->type == XT_VARIANT)
			assert_true(knows(t, k->variants->by));
	}
	for (size_t i = 0; i < t->n_needs; i++) {
		assert_true(knows(t, t->needs[i].when) && t->needs[i].any[0]);
		for (int j = 0; j < 3; j++)
			assert_true(knows(t, t->needs[i].any[j]));
		assert_true(knows(t, t->needs[i].unless[0]) && knows(t, t->needs[i].unless[1]));
	}
}

static void test_rows_are_whole(void **state)
{
	(void)state;
	struct tables all = { .n = 0 };
	reach(&all, &xt_root);
	assert_true(all.n > 90);
	for (size_t i = 0; i < all.n; i++) {
		check_table(all.v[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(all.v[i]->id, all.v[j]->id);
	}
}

static void test_lookup(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	assert_non_null(xkey_find(&xt_rule, "outboundTag", 11));
	assert_null(xkey_find(&xt_rule, "outboundtag", 11));
	assert_non_null(xkey_find_nocase(&xt_rule, STR("outboundtag")));
	assert_null(xkey_find(&xt_rule, "", 0));
	assert_string_equal(xkey_nearest(a, &xt_rule, STR("outbountTag")), "outboundTag");
	assert_string_equal(xkey_nearest(a, &xt_inbound, STR("stream_settings")), "streamSettings");
	assert_null(xkey_nearest(a, &xt_rule, STR("zzzzzzzzzz")));
	arena_free(a);
}

static bool secret(const char *path)
{
	const char *parts[16];
	char text[256];
	size_t n = 0;
	strncpy(text, path, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (char *p = strtok(text, "."); p; p = strtok(NULL, "."))
		parts[n++] = p;
	return xkeys_is_secret(parts, n);
}

static void test_secrets(void **state)
{
	(void)state;
	static const char *const yes[] = {
		"outbounds.settings.servers.password", "outbounds.settings.password", "outbounds.settings.id",
		"outbounds.settings.vnext.users.id", "inbounds.settings.clients.id",
			"inbounds.settings.clients.password",
		"inbounds.settings.accounts.pass", "inbounds.settings.users.auth", "inbounds.settings.secretKey",
		"inbounds.settings.decryption", "inbounds.streamSettings.realitySettings.privateKey",
		"outbounds.streamSettings.realitySettings.shortId", "outbounds.settings.peers.preSharedKey",
		"inbounds.streamSettings.tlsSettings.certificates.key",
			"inbounds.streamSettings.tlsSettings.echServerKeys",
		"outbounds.streamSettings.kcpSettings.seed", "outbounds.streamSettings.finalmask.udp.settings.password",
		"OUTBOUNDS.Settings.Password", "outbounds.settings.passwrd.password", "outbounds.my_token",
		"outbounds.settings.headers.Authorization", "secrets.a",
	};
	static const char *const no[] = {
		"outbounds.settings.address", "outbounds.settings.port", "outbounds.tag", "inbounds.settings.auth",
		"inbounds.settings.clients.email", "inbounds.settings.accounts.user", "routing.rules.attrs.key",
		"inbounds.streamSettings.tlsSettings.certificates.keyFile", "inbounds.settings.portMap.5555",
		"outbounds.streamSettings.realitySettings.publicKey",
			"outbounds.streamSettings.tlsSettings.pinnedPeerCertSha256",
		"outbounds.streamSettings.xhttpSettings.sessionIDKey", "log.access", "dns.hosts.a",
			"routing.rules.user",
		"outbounds.proxySettings.tag", "policy.levels.0.handshake",
	};
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!secret(yes[i]))
			fail_msg("'%s' should be a secret", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (secret(no[i]))
			fail_msg("'%s' should not be a secret", no[i]);
	assert_false(xkeys_is_secret(NULL, 0));
}

static void test_schema(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct value schema;
	xkeys_schema(a, &schema);
	const struct value *definitions = value_get(&schema, "definitions");
	assert_true(definitions && definitions->n_members > 90);
	const struct value *rule = value_get(definitions, "rule");
	assert_non_null(value_get(value_get(rule, "properties"), "outboundTag"));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_whole),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
