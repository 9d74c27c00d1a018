/* link: store model lib */
/* Nodes in the store: every field survives, what is the same connection, references, lists, changes. */
#include "store_case.h"

/* --- fields ------------------------------------------------------------------------------------------------------- */

static struct value parsed(struct arena *a, const char *json)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct value v;

	assert_int_equal(json_parse(a, sink, sources_add(sources, "t", json, (uint32_t)strlen(json)), false, &v), 0);
	return v;
}

/* A node with every row of node_fields set, whatever rows there are. */
static struct node full_node(struct store_case *c)
{
	struct node n = { 0 };

	for (size_t i = 0; i < node_fields_n; i++) {
		const struct node_field *f = &node_fields[i];
		void *field = (char *)&n + f->offset;
		struct text *texts = arena_array(c->a, struct text, 2);

		switch (f->kind) {
		case NODE_F_TEXT: *(struct text *)field = TEXT(arena_printf(c->a, "%s \"\\\n\x01 é", f->name)); break;
		case NODE_F_NUM: *(struct num *)field = NUM(2); break;
		case NODE_F_SECRET: *(struct secret *)field = SECRET(arena_printf(c->a, "secret %s", f->name)); break;
		case NODE_F_FLAG: *(struct flag *)field = (struct flag){ .v = true, .set = true }; break;
		case NODE_F_RAW:
			*(struct raw *)field = (struct raw){ .v = parsed(c->a, "{\"z\":[1.50,true,null],\"a\":{\"b\":\"é\\u0000\"}}"),
				.set = true };
			break;
		case NODE_F_TEXTS:
			texts[0] = TEXT("h2");
			texts[1] = TEXT("");
			*(struct texts *)field = (struct texts){ .v = texts, .n = 2, .set = true };
			break;
		}
	}
	return n;
}

static void expect_same_secret(const struct secret *a, const struct secret *b)
{
	assert_int_equal(a->set, b->set);
	assert_int_equal(a->kind, b->kind);
	if (a->kind != SECRET_LITERAL)
		assert_string_equal(a->ref, b->ref);
	else if (a->set)
		assert_string_equal(a->s, b->s);
}

static void expect_same_texts(const struct texts *a, const struct texts *b)
{
	assert_int_equal(a->set, b->set);
	assert_int_equal(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++)
		assert_string_equal(a->v[i].s, b->v[i].s);
}

static void expect_same_field(enum node_field_kind kind, const void *a, const void *b)
{
	const struct text *ta = a, *tb = b;
	const struct num *na = a, *nb = b;
	const struct flag *fa = a, *fb = b;
	const struct raw *ra = a, *rb = b;

	switch (kind) {
	case NODE_F_TEXT:
		assert_int_equal(ta->set, tb->set);
		if (ta->set)
			assert_string_equal(ta->s, tb->s);
		break;
	case NODE_F_NUM: assert_true(na->set == nb->set && na->v == nb->v); break;
	case NODE_F_FLAG: assert_true(fa->set == fb->set && fa->v == fb->v); break;
	case NODE_F_RAW: assert_true(ra->set == rb->set && (!ra->set || value_equal(&ra->v, &rb->v))); break;
	case NODE_F_SECRET: expect_same_secret(a, b); break;
	case NODE_F_TEXTS: expect_same_texts(a, b); break;
	}
}

static void expect_same_node(const struct node *a, const struct node *b)
{
	for (size_t i = 0; i < node_fields_n; i++)
		expect_same_field(node_fields[i].kind, (const char *)a + node_fields[i].offset,
			(const char *)b + node_fields[i].offset);
}

static void expect_survives(struct store_case *c, const struct node *n)
{
	struct span at = { 7, 8, 9 };
	struct store_node got;
	enum store_row_outcome outcome;
	int64_t id;

	assert_int_equal(store_node_add(c->s, n, STR("vless://as it came"), NOW, &id, &outcome, &c->e), 0);
	assert_int_equal(store_node_get(c->s, c->a, id, at, &got, &c->e), 0);
	expect_same_node(n, &got.node);
	assert_int_equal(got.node.address.at.begin, 8);
	assert_string_equal(got.link, "vless://as it came");
	assert_true(got.by_hand);
	assert_int_equal(got.n_subscriptions, 0);
}

static void every_field_survives(void **state)
{
	struct store_case *c = *state;
	struct node n = full_node(c), bare = { .protocol = NUM(NODE_SOCKS), .address = TEXT("::1"), .port = NUM(0) };

	expect_survives(c, &n);
	expect_survives(c, &bare);
	n.password = (struct secret){ .set = true, .kind = SECRET_ENV, .ref = "NODE_PASSWORD", .s = "stand-in" };
	n.uuid = (struct secret){ .set = true, .kind = SECRET_FILE, .ref = "a \"b\"", .s = "stand-in" };
	expect_survives(c, &n);
	/* Each field alone, beside the three that must be. */
	for (size_t i = 0; i < node_fields_n; i++) {
		struct node one = bare, all = full_node(c);
		size_t size[] = { [NODE_F_TEXT] = sizeof(struct text), [NODE_F_NUM] = sizeof(struct num),
			[NODE_F_SECRET] = sizeof(struct secret), [NODE_F_TEXTS] = sizeof(struct texts),
			[NODE_F_FLAG] = sizeof(struct flag), [NODE_F_RAW] = sizeof(struct raw) };
		const struct node_field *f = &node_fields[i];

		memcpy((char *)&one + f->offset, (char *)&all + f->offset, size[f->kind]);
		one.address = TEXT(arena_printf(c->a, "h%zu.example.net", i)); /* each its own node */
		expect_survives(c, &one);
	}
}

static void what_is_not_ours_is_refused(void **state)
{
	struct store_case *c = *state;
	struct node whole = case_node(c, 1), no_port = whole, no_address = whole, no_protocol = whole;
	struct store_import_row rows[] = { { .node = &no_port }, { .node = &whole }, { .node = &no_address },
		{ .node = &no_protocol } };
	struct store_import in = { .rows = rows, .n = 4, .now_ms = NOW };
	struct store_import_result result;

	no_port.port.set = no_address.address.set = no_protocol.protocol.set = false;
	assert_int_equal(store_import(c->s, &in, &result, &c->e), 0);
	assert_int_equal(result.n_outcome[STORE_ROW_REFUSED], 3);
	assert_int_equal(result.n_outcome[STORE_ROW_NEW], 1);
	assert_int_equal(rows[0].id, 0);
	assert_true(rows[1].id > 0);
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static void expect_keys(const struct node *a, const struct node *b, bool equal)
{
	char ka[STORE_KEY_TEXT], kb[STORE_KEY_TEXT];

	assert_int_equal(store_key(a, ka), 0);
	assert_int_equal(store_key(b, kb), 0);
	assert_int_equal(strlen(ka), STORE_KEY_TEXT - 1);
	assert_memory_equal(ka, "v2:", 3);
	assert_int_equal(!strcmp(ka, kb), equal);
}

/* Changing any one field changes the key, the name's alone does not. */
static void every_field_decides(void **state)
{
	struct store_case *c = *state;
	struct node n = full_node(c);

	n.protocol = NUM(NODE_SOCKS); /* where the user is more than a label */
	for (size_t i = 0; i < node_fields_n; i++) {
		const struct node_field *f = &node_fields[i];
		struct node other = n;
		void *field = (char *)&other + f->offset;

		switch (f->kind) {
		case NODE_F_TEXT: *(struct text *)field = TEXT("else"); break;
		case NODE_F_NUM: *(struct num *)field = NUM(1); break;
		case NODE_F_SECRET: *(struct secret *)field = SECRET("else"); break;
		case NODE_F_FLAG: ((struct flag *)field)->v = false; break;
		case NODE_F_RAW: ((struct raw *)field)->v = parsed(c->a, "{\"z\":[1.5]}"); break;
		case NODE_F_TEXTS: ((struct texts *)field)->n = 1; break;
		}
		expect_keys(&n, &other, f->offset == offsetof(struct node, name));
	}
}

static void nothing_collides(void **state)
{
	struct store_case *c = *state;
	struct node a = case_node(c, 1), b = a, d;
	struct text one[] = { TEXT("h2,http/1.1") }, two[] = { TEXT("h2"), TEXT("http/1.1") };

	a.path = TEXT("x\nhost t3:abc");
	b.path = TEXT("x");
	b.host = TEXT("abc");
	expect_keys(&a, &b, false);
	a = b = case_node(c, 1);
	a.alpn = (struct texts){ .v = one, .n = 1, .set = true };
	b.alpn = (struct texts){ .v = two, .n = 2, .set = true };
	expect_keys(&a, &b, false);
	a = b = case_node(c, 1);
	a.password = (struct secret){ .set = true, .kind = SECRET_ENV, .ref = "X", .s = "?" };
	b.password = SECRET("X");
	expect_keys(&a, &b, false);
	d = b;
	d.password = SECRET("");
	b.password.set = false;
	expect_keys(&b, &d, false); /* no password is not an empty one */
}

static void spellings_meet(void **state)
{
	struct store_case *c = *state;
	struct node a = case_node(c, 1), b = a;

	b.name = TEXT("another name");
	b.user = TEXT("label@example.org");
	b.address = TEXT("N1.Example.NET");
	b.server_name = TEXT("WWW.example.com");
	b.transport.set = false;
	b.encryption = TEXT("none");
	b.path = TEXT("");
	b.alter_id = NUM(0);
	b.allow_insecure = (struct flag){ .v = false, .set = true };
	b.extra = (struct raw){ .v = parsed(c->a, "{}"), .set = true };
	expect_keys(&a, &b, true);
	a.extra = (struct raw){ .v = parsed(c->a, "{\"a\":1,\"b\":{\"x\":[],\"y\":{}}}"), .set = true };
	b.extra = (struct raw){ .v = parsed(c->a, "{\"b\":{\"y\":{},\"x\":[]},\"a\":1}"), .set = true };
	expect_keys(&a, &b, true);
	/* ws: host from the server name, path "/" */
	a = b = case_node(c, 1);
	a.transport = b.transport = NUM(NODE_WS);
	b.host = TEXT("www.example.com");
	b.path = TEXT("/");
	expect_keys(&a, &b, true);
	/* a server name that is the address */
	a.server_name.set = false;
	b.server_name = b.host = a.address;
	expect_keys(&a, &b, true);
	b.server_name = TEXT("www.example.com");
	expect_keys(&a, &b, false);
}

/* --- references --------------------------------------------------------------------------------------------------- */

static void found_by_number_and_ref(void **state)
{
	struct store_case *c = *state;
	struct store_node n;
	int64_t id = case_add(c, 1), got = 0;
	char prefix[STORE_REF_TEXT];

	assert_int_equal(store_node_get(c->s, c->a, id, SPAN_NONE, &n, &c->e), 0);
	assert_int_equal(strlen(n.row.ref), 12);
	assert_int_equal(strspn(n.row.ref, "0123456789abcdef"), 12);
	for (size_t len = 12; len > 3; len--) {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)len, n.row.ref);
		assert_int_equal(store_node_find(c->s, prefix, &got, &c->e), 0);
		assert_int_equal(got, id);
		for (char *p = prefix; *p; p++)
			*p = *p >= 'a' ? (char)(*p - 32) : *p;
		assert_int_equal(store_node_find(c->s, prefix, &got, &c->e), 0);
	}
	assert_int_equal(store_node_find(c->s, "1", &got, &c->e), 0);
	assert_int_equal(got, id);
	for (unsigned i = 0; i < 8; i++) {
		static const char *const bad[] = { "", "g", "x1", "-1", "0123456789abc", "00000000000000000000000000", "'", "%" };
		assert_int_equal(store_node_find(c->s, bad[i], &got, &c->e), STORE_MISSING);
	}
	/* Two hundred refs: each hexadecimal digit begins more than one of them; and a number wins over a ref. */
	for (unsigned i = 2; i <= 200; i++)
		case_add(c, i);
	unsigned ambiguous = 0;
	for (char d = 'a'; d <= 'f'; d++)
		ambiguous += store_node_find(c->s, (char[]){ d, 0 }, &got, &c->e) == STORE_AMBIGUOUS;
	for (char d = '1'; d <= '9'; d++) {
		assert_int_equal(store_node_find(c->s, (char[]){ d, 0 }, &got, &c->e), 0);
		assert_int_equal(got, d - '0');
	}
	assert_true(ambiguous > 0);
}

/* --- import ------------------------------------------------------------------------------------------------------- */

static void the_same_node_twice(void **state)
{
	struct store_case *c = *state;
	struct node a = case_node(c, 1), b = a, d = a;
	struct store_import_row rows[] = { { .node = &a, .link = STR("vless://a") }, { .node = &b, .link = STR("vless://b") } };
	struct store_import in = { .rows = rows, .n = 2, .now_ms = NOW };
	struct store_import_result result;
	struct store_node got;
	enum store_row_outcome outcome;
	int64_t id;

	b.name = TEXT("second");
	d.name = TEXT("third");
	assert_int_equal(store_import(c->s, &in, &result, &c->e), 0);
	assert_int_equal(rows[0].outcome, STORE_ROW_NEW);
	assert_int_equal(rows[1].outcome, STORE_ROW_DUPLICATE);
	assert_int_equal(rows[0].id, rows[1].id);
	assert_int_equal(store_node_get(c->s, c->a, rows[0].id, SPAN_NONE, &got, &c->e), 0);
	assert_string_equal(got.row.name, "node 1"); /* the first one of a list stays */
	assert_int_equal(store_node_add(c->s, &d, STR("vless://d"), NOW + 5, &id, &outcome, &c->e), 0);
	assert_int_equal(outcome, STORE_ROW_DUPLICATE);
	assert_int_equal(store_node_get(c->s, c->a, id, SPAN_NONE, &got, &c->e), 0);
	assert_string_equal(got.row.name, "third"); /* a later one is news */
	assert_string_equal(got.link, "vless://d");
	assert_int_equal(got.row.updated_at, NOW + 5);
	assert_int_equal(got.row.created_at, NOW);
	d.name.set = false;
	assert_int_equal(store_node_add(c->s, &d, STR(""), NOW + 6, &id, &outcome, &c->e), 0);
	assert_int_equal(store_node_get(c->s, c->a, id, SPAN_NONE, &got, &c->e), 0);
	assert_string_equal(got.row.name, "third");
	assert_int_equal(got.row.updated_at, NOW + 5);
}

static void removed_and_back(void **state)
{
	struct store_case *c = *state;
	struct node n = case_node(c, 1);
	struct store_import_row row = { .node = &n };
	struct store_import in = { .rows = &row, .n = 1, .now_ms = NOW };
	struct store_import_result result;
	enum store_row_outcome outcome;
	int64_t id = case_add(c, 1), again;

	assert_int_equal(store_node_remove(c->s, id, NOW, &c->e), 0);
	assert_int_equal(store_node_remove(c->s, id, NOW, &c->e), STORE_UNCHANGED);
	assert_int_equal(store_node_enable(c->s, id, true, NOW, &c->e), STORE_MISSING);
	assert_int_equal(case_count(c, &(struct store_filter){ 0 }), 0);
	assert_int_equal(case_count(c, &(struct store_filter){ .which = STORE_DELETED }), 1);
	assert_int_equal(store_import(c->s, &in, &result, &c->e), 0);
	assert_int_equal(row.outcome, STORE_ROW_REMOVED); /* an update does not bring back what a user removed */
	assert_int_equal(case_count(c, &(struct store_filter){ 0 }), 0);
	assert_int_equal(store_node_add(c->s, &n, STR(""), NOW, &again, &outcome, &c->e), 0);
	assert_int_equal(outcome, STORE_ROW_RESTORED);
	assert_int_equal(again, id);
	assert_int_equal(store_node_remove(c->s, id, NOW, &c->e), 0);
	assert_int_equal(store_node_restore(c->s, id, NOW, &c->e), 0);
	assert_int_equal(store_node_restore(c->s, id, NOW, &c->e), STORE_UNCHANGED);
	assert_int_equal(case_count(c, &(struct store_filter){ 0 }), 1);
}

static void enabled_and_disabled(void **state)
{
	struct store_case *c = *state;
	int64_t id = case_add(c, 1);

	assert_int_equal(store_node_enable(c->s, id, true, NOW, &c->e), STORE_UNCHANGED);
	assert_int_equal(store_node_enable(c->s, id, false, NOW, &c->e), 0);
	assert_int_equal(store_node_enable(c->s, id, false, NOW, &c->e), STORE_UNCHANGED);
	assert_int_equal(case_count(c, &(struct store_filter){ .enabled_only = true }), 0);
	assert_int_equal(store_node_enable(c->s, id, true, NOW, &c->e), 0);
	assert_int_equal(case_count(c, &(struct store_filter){ .enabled_only = true }), 1);
	assert_int_equal(store_node_enable(c->s, 99, true, NOW, &c->e), STORE_MISSING);
	assert_int_equal(store_node_remove(c->s, 99, NOW, &c->e), STORE_MISSING);
	assert_int_equal(store_node_restore(c->s, 99, NOW, &c->e), STORE_MISSING);
	assert_int_equal(store_node_erase(c->s, 99, &c->e), STORE_MISSING);
}

static void erased_unless_in_use(void **state)
{
	struct store_case *c = *state;
	int64_t a = case_add(c, 1), b = case_add(c, 2), d = case_add(c, 3), session, n = 0;
	struct store_session run = { .node_id = a }, got;

	assert_int_equal(store_session_add(c->s, &run, NOW, &session, &c->e), 0);
	assert_int_equal(store_node_erase(c->s, a, &c->e), STORE_IN_USE);
	assert_int_equal(store_node_erase(c->s, b, &c->e), 0);
	assert_int_equal(store_node_remove(c->s, a, NOW, &c->e), 0);
	assert_int_equal(store_node_remove(c->s, d, NOW, &c->e), 0);
	assert_int_equal(store_purge(c->s, &n, &c->e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_session_move(c->s, session, STORE_STARTING, STORE_FAILED_SESSION, NOW, NULL, 0, &c->e), 0);
	assert_int_equal(store_node_erase(c->s, a, &c->e), 0);
	assert_int_equal(store_session_get(c->s, c->a, session, &got, &c->e), 0);
	assert_int_equal(got.node_id, 0);
	assert_int_equal(case_add(c, 1), 4); /* numbers do not come back */
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static const char *order(struct store_case *c, const struct store_filter *f)
{
	struct store_cursor *cursor;
	struct store_row row;
	struct buf out = { 0 };
	const char *text;

	assert_int_equal(store_list(c->s, f, &cursor, &c->e), 0);
	while (store_next(cursor, &row, &c->e) > 0)
		buf_printf(&out, "%lld ", (long long)row.id);
	store_cursor_close(cursor);
	text = out.p ? arena_strdup(c->a, out.p) : "";
	buf_fini(&out);
	return text;
}

static void test_of(struct store_case *c, int64_t run, int64_t id, int64_t ms, double mbps, int64_t at)
{
	struct store_test t = { .run_id = run, .node_id = id, .attempt = 1, .tcp = STORE_OK, .tcp_ms = 1, .tested_at = at,
		.real_delay = ms ? STORE_OK : STORE_FAILED, .real_delay_ms = ms, .download_mbps = mbps,
		.failure = ms ? STORE_F_NONE : STORE_F_TIMEOUT, .failure_reason = ms ? NULL : "no answer" };

	assert_int_equal(store_tests_add(c->s, &t, 1, &c->e), 0);
}

static void lists_in_every_order(void **state)
{
	struct store_case *c = *state;
	int64_t run;

	for (unsigned i = 1; i <= 5; i++)
		case_add(c, 6 - i); /* 1 is n5, 5 is n1 */
	assert_int_equal(store_run_begin(c->s, "test", NOW, &run, &c->e), 0);
	test_of(c, run, 1, 50, 0, NOW);
	test_of(c, run, 2, 20, 3.5, NOW + 3);
	test_of(c, run, 3, 10, 0, NOW);
	test_of(c, run, 3, 0, 0, NOW + 1); /* the newest one counts */
	test_of(c, run, 4, 20, 9.5, NOW);
	assert_string_equal(order(c, &(struct store_filter){ 0 }), "1 2 3 4 5 ");
	assert_string_equal(order(c, &(struct store_filter){ .sort = STORE_BY_NAME }), "5 4 3 2 1 ");
	assert_string_equal(order(c, &(struct store_filter){ .sort = STORE_BY_ADDRESS }), "5 4 3 2 1 ");
	assert_string_equal(order(c, &(struct store_filter){ .sort = STORE_BY_PROTOCOL }), "1 2 3 4 5 ");
	assert_string_equal(order(c, &(struct store_filter){ .sort = STORE_BY_DELAY }), "2 4 1 3 5 ");
	assert_string_equal(order(c, &(struct store_filter){ .sort = STORE_BY_DOWNLOAD }), "4 2 1 3 5 ");
	assert_string_equal(order(c, &(struct store_filter){ .sort = STORE_BY_TESTED }), "2 3 1 4 5 ");
	assert_string_equal(order(c, &(struct store_filter){ .limit = 2, .offset = 1 }), "2 3 ");
	assert_string_equal(order(c, &(struct store_filter){ .protocol = "trojan" }), "");
	assert_string_equal(order(c, &(struct store_filter){ .protocol = "vless", .limit = 1 }), "1 ");
	assert_string_equal(order(c, &(struct store_filter){ .protocol = "' OR 1 --" }), "");
}

static void a_row_tells_its_test(void **state)
{
	struct store_case *c = *state;
	struct store_cursor *cursor;
	struct store_row row;
	struct node n;
	int64_t run, id = case_add(c, 1);
	const char *link;

	assert_int_equal(store_run_begin(c->s, "test", NOW, &run, &c->e), 0);
	test_of(c, run, id, 0, 0, NOW);
	assert_int_equal(store_list(c->s, &(struct store_filter){ .with_node = true }, &cursor, &c->e), 0);
	assert_int_equal(store_next(cursor, &row, &c->e), 1);
	assert_true(row.is_tested && row.is_enabled && !row.is_deleted && !row.is_active);
	assert_int_equal(row.latest.real_delay, STORE_FAILED);
	assert_int_equal(row.latest.tcp, STORE_OK);
	assert_int_equal(row.latest.failure, STORE_F_TIMEOUT);
	assert_string_equal(row.latest.failure_reason, "no answer");
	assert_string_equal(row.tls, "reality");
	assert_int_equal(store_cursor_node(cursor, c->a, SPAN_NONE, &n, &link, &c->e), 0);
	assert_string_equal(n.public_key.s, "change-me-public-key");
	assert_null(link);
	assert_int_equal(store_next(cursor, &row, &c->e), 0);
	/* Left open: store_close closes it. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_field_survives), RUN(what_is_not_ours_is_refused), RUN(every_field_decides), RUN(nothing_collides),
		RUN(spellings_meet), RUN(found_by_number_and_ref), RUN(the_same_node_twice), RUN(removed_and_back),
		RUN(enabled_and_disabled), RUN(erased_unless_in_use), RUN(lists_in_every_order), RUN(a_row_tells_its_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
