/* link: store model lib */
/* What the store's own part of `xrat import` and `xrat list` costs: bench/nodes DB import N, bench/nodes DB list. The nodes
 * are those of the links that bench/nodes.py writes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

enum { NOW = 1700000000 };

#define TEXT(value) { .s = (value), .set = true }
#define NUM(value) { .v = (value), .set = true }

static struct node make_node(struct arena *a, unsigned i)
{
	return (struct node){
		.name = TEXT(arena_printf(a, "node %u", i)),
		.protocol = NUM(NODE_VLESS),
		.transport = NUM(NODE_TCP),
		.security = NUM(NODE_REALITY),
		.address = TEXT(arena_printf(a, "n%u.example.net", i)),
		.port = NUM(443),
		.uuid = TEXT("00000000-0000-4000-8000-000000000001"),
		.encryption = TEXT("none"),
		.flow = TEXT("xtls-rprx-vision"),
		.server_name = TEXT("www.example.com"),
		.fingerprint = TEXT("chrome"),
		.public_key = TEXT("change-me-public-key"),
		.short_id = TEXT(arena_printf(a, "%08x", i)),
	};
}

static int import(struct store *s, struct arena *a, unsigned n, struct err *e)
{
	struct store_import_row *rows = arena_array(a, struct store_import_row, n);
	struct node *nodes = arena_array(a, struct node, n);
	struct store_import in = { .rows = rows, .n = n, .reconcile = true, .now_ms = NOW };
	struct store_import_result result;
	int r = store_sub_put(s, STORE_SUB_FILE, "/nodes.txt", NULL, NULL, NOW, &in.subscription_id, e);

	for (unsigned i = 0; i < n; i++) {
		nodes[i] = make_node(a, i);
		rows[i].node = &nodes[i];
		rows[i].link = str_of(arena_printf(a,
			"vless://00000000-0000-4000-8000-000000000001@n%u.example.net:443?encryption=none&flow=xtls-rprx-vision&"
			"security=reality&sni=www.example.com&fp=chrome&pbk=change-me-public-key&sid=%08x&type=tcp#node%%20%u",
			i, i, i));
	}
	if (r >= 0)
		r = store_import(s, &in, &result, e);
	return r;
}

static int list(struct store *s, struct err *e)
{
	struct store_cursor *c;
	struct store_row row;
	int r = store_list(s, &(struct store_filter){ 0 }, &c, e);

	if (r)
		return r;
	while ((r = store_next(c, &row, e)) > 0)
		printf("%lld\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%d\t%lld\n", (long long)row.id, row.ref, row.protocol, row.address,
			row.port, row.network, row.tls, row.name ? row.name : "", row.is_enabled,
			(long long)row.latest.real_delay_ms);
	store_cursor_close(c);
	return r;
}

int main(int n, char **v)
{
	struct arena *a = arena_new();
	struct err e = { 0 };
	struct store *s;
	int r;

	if (n < 3 || !a)
		return 2;
	r = store_open(AT_FDCWD, v[1], NULL, &s, &e);
	if (!r)
		r = n > 3 ? import(s, a, (unsigned)atoi(v[3]), &e) : list(s, &e);
	if (r)
		fprintf(stderr, "%s\n", err_text(&e));
	else
		store_close(s);
	arena_free(a);
	return r != 0;
}
