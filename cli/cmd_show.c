/* show: one node or subscription. What is no secret is on a list; everything else needs --show-secrets. */
#include <string.h>
#include <unistd.h>

#include "cli/grid.h"
#include "cli/nodes.h"

static const char hidden[] = "(hidden)";

static void line(struct arena *a, struct buf *out, const char *name, const char *text)
{
	if (text && *text)
		buf_printf(out, "%-16s %s\n", name, grid_clean(a, text));
}

/* --- the fields of a node --- */
/* Of a tree only the names of its members are told. */
static struct value hide_members(struct arena *a, const struct value *v)
{
	struct value shown = value_object(SPAN_NONE);

	for (uint32_t i = 0; v->kind == VAL_OBJECT && i < v->n_members; i++)
		value_put_str(a, &shown, arena_memdup(a, v->members[i].key, v->members[i].key_len), hidden);
	return shown;
}

/* Numbers and flags are none; of texts those that say how, not who. */
static bool is_public(const struct node_field *f)
{
	static const char *const names[] = {
		"name", "address", "encryption", "method", "flow", "server_name", "fingerprint", "alpn", "path", "host",
		"service_name", "mode", "authority", "public_key", "pinned_peer_cert_sha256", "verify_peer_cert_by_name",
	};

	if (f->kind == NODE_F_NUM || f->kind == NODE_F_FLAG)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_is(str_of(f->name), names[i]))
			return true;
	return false;
}

/* As `export --format json` has it, with what may be secret hidden. */
static struct value node_json(struct arena *a, const struct store_node *n, bool with_secrets)
{
	struct value all = inputs_node_json(a, &n->node), shown = value_object(SPAN_NONE);

	if (with_secrets)
		return all;
	for (size_t i = 0; i < node_fields_n; i++) {
		const struct value *v = value_get(&all, node_fields[i].name);

		if (!v)
			continue;
		if (is_public(&node_fields[i]))
			value_put(a, &shown, node_fields[i].name, *v);
		else
			value_put(a, &shown, node_fields[i].name,
				  v->kind == VAL_OBJECT ? hide_members(a, v) : value_string(hidden, SPAN_NONE));
	}
	return shown;
}

static void node_lines(struct arena *a, struct buf *out, const struct value *fields)
{
	for (uint32_t i = 0; i < fields->n_members; i++) {
		const struct member *m = &fields->members[i];
		const char *name = arena_memdup(a, m->key, m->key_len), *text;
		struct buf flat = { 0 };

		if (m->value.kind == VAL_STRING)
			buf_add(&flat, m->value.text, m->value.len);
		else
			json_write_compact(&flat, &m->value);
		text = flat.p && !flat.failed ? arena_memdup(a, flat.p, flat.len) : "";
		buf_fini(&flat);
		line(a, out, name, text);
	}
}

static struct value numbers(struct arena *a, const int64_t *v, size_t n)
{
	struct value list = value_array(SPAN_NONE);

	for (size_t i = 0; i < n; i++)
		value_push(a, &list, value_number(a, v[i], SPAN_NONE));
	return list;
}

static int show_json(const struct nodes_base *nb, const char *key, struct value v)
{
	struct value result = value_object(SPAN_NONE);

	value_put(nb->a, &result, key, v);
	return out_result(nb->a, nb->inv, result);
}

static int node_as_json(const struct nodes_base *nb, const struct store_node *n)
{
	struct arena *a = nb->a;
	struct value v = nodes_row_json(a, &n->row);

	value_put(a, &v, "subscriptions", numbers(a, n->subscription_ids, n->n_subscriptions));
	value_put_bool(a, &v, "by_hand", n->by_hand);
	value_put(a, &v, "link", n->link && nb->inv->show_secrets ? value_string(n->link, SPAN_NONE) : value_null(SPAN_NONE));
	value_put(a, &v, "node", node_json(a, n, nb->inv->show_secrets));
	return show_json(nb, "node", v);
}

static const char *list_of(struct arena *a, const struct store_node *n)
{
	const char *all = n->by_hand ? "by hand" : "";

	for (size_t i = 0; i < n->n_subscriptions; i++)
		all = arena_printf(a, "%s%ssubscription %lld", all, *all ? ", " : "", (long long)n->subscription_ids[i]);
	return all;
}

static const char *test_of(struct arena *a, const struct store_row *row)
{
	const struct store_test *t = &row->latest;

	if (!row->is_tested)
		return "";
	if (t->real_delay == STORE_OK)
		return arena_printf(a, "%lld ms at %s", (long long)t->real_delay_ms, nodes_time(a, t->tested_at));
	if (!t->failure)
		return arena_printf(a, "TCP %lld ms at %s", (long long)t->tcp_ms, nodes_time(a, t->tested_at));
	return arena_printf(a, "%s at %s: %s", store_failure_names[t->failure], nodes_time(a, t->tested_at),
			    t->failure_reason ? t->failure_reason : "");
}

static void node_as_text(const struct nodes_base *nb, const struct store_node *n, struct buf *out)
{
	struct arena *a = nb->a;
	const struct store_row *row = &n->row;
	const struct value fields = node_json(a, n, nb->inv->show_secrets);

	line(a, out, "node", arena_printf(a, "%lld", (long long)row->id));
	line(a, out, "ref", row->ref);
	line(a, out, "state", row->is_deleted ? (row->by_user ? "removed by a user" : "removed by an update") :
			      row->is_active ? "active" : row->is_enabled ? "enabled" : "disabled");
	line(a, out, "from", list_of(a, n));
	line(a, out, "imported", nodes_time(a, row->imported_at));
	line(a, out, "updated", nodes_time(a, row->updated_at));
	line(a, out, "removed", nodes_time(a, row->deleted_at));
	line(a, out, "cooling down to", nodes_time(a, row->cooldown_until));
	line(a, out, "latest test", test_of(a, row));
	node_lines(a, out, &fields);
	if (!value_get(&fields, "link"))
		line(a, out, "link", !n->link ? "" : nb->inv->show_secrets ? n->link : hidden);
}

static int show_node(const struct nodes_base *nb, int64_t id)
{
	struct store_node n;
	struct buf out = { 0 };
	struct err e = { 0 };
	int r = store_node_get(nb->s, nb->a, id, SPAN_NONE, &n, &e);

	if (r < 0)
		return nodes_fail(nb, &e);
	if (r)
		return out_fail(nb->a, nb->inv, EXIT_NOT_FOUND, NULL, "node %lld is not there any more", (long long)id);
	if (nb->inv->format == FORMAT_JSON)
		return node_as_json(nb, &n);
	node_as_text(nb, &n, &out);
	return out_buf(STDOUT_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}

/* --- subscriptions --- */
static const char *traffic_of(struct arena *a, const struct store_userinfo *u)
{
	long long up = u->upload > 0 ? u->upload : 0, down = u->download > 0 ? u->download : 0;
	const char *used = u->upload >= 0 || u->download >= 0 ? arena_printf(a, "%lld bytes up, %lld down", up, down) : "";
	const char *total = u->total >= 0 ? arena_printf(a, "%s%lld in all", *used ? " of " : "", (long long)u->total) : "";

	return arena_printf(a, "%s%s", used, total);
}

static void sub_as_text(const struct nodes_base *nb, const struct store_sub *sub, struct buf *out)
{
	struct arena *a = nb->a;

	line(a, out, "subscription", arena_printf(a, "%lld", (long long)sub->id));
	line(a, out, "ref", sub->ref);
	line(a, out, "name", sub->name);
	line(a, out, "kind", store_sub_kind_names[sub->kind]);
	line(a, out, "source", nb->inv->show_secrets ? sub->source_url : nodes_sub_source(a, sub));
	line(a, out, "user agent", sub->user_agent);
	line(a, out, "nodes", arena_printf(a, "%lld", (long long)sub->n_nodes));
	line(a, out, "traffic", traffic_of(a, &sub->userinfo));
	line(a, out, "expires", nodes_time(a, sub->userinfo.expire_at > 0 ? sub->userinfo.expire_at : 0));
	line(a, out, "created", nodes_time(a, sub->created_at));
	line(a, out, "refreshed", nodes_time(a, sub->last_refreshed_at));
	line(a, out, "tried", nodes_time(a, sub->last_tried_at));
	line(a, out, "last error", sub->last_error);
}

static int show_sub(const struct nodes_base *nb, int64_t id)
{
	struct store_sub sub;
	struct buf out = { 0 };
	struct err e = { 0 };
	int r = store_sub_get(nb->s, nb->a, id, &sub, &e);

	if (r < 0)
		return nodes_fail(nb, &e);
	if (r)
		return out_fail(nb->a, nb->inv, EXIT_NOT_FOUND, NULL, "subscription %lld is not there any more", (long long)id);
	if (nb->inv->format == FORMAT_JSON)
		return show_json(nb, "subscription", nodes_sub_json(nb->a, &sub, nb->inv->show_secrets));
	sub_as_text(nb, &sub, &out);
	return out_buf(STDOUT_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}

/* A node, else a subscription. */
static int show_any(const struct nodes_base *nb, const char *text)
{
	bool is_sub = nodes_is_sub_alone(nb, text);
	int64_t id;
	int r = is_sub ? nodes_find_sub(nb, text, &id) : nodes_find(nb, text, &id);

	return r ? r : is_sub ? show_sub(nb, id) : show_node(nb, id);
}

int cmd_show(struct arena *a, const struct invocation *inv)
{
	struct nodes_base nb;
	unsigned first;
	enum nodes_kind kind = nodes_kind_of(inv, &first);
	int64_t id;
	int r;

	if (inv->n_operands != first + 1)
		return out_fail(a, inv, EXIT_USAGE, NULL, "show takes one ID, and 'node' or 'subscription' before it");
	r = nodes_look(a, inv, &nb);
	if (!r && kind == NODES_SUB) {
		r = nodes_find_sub(&nb, inv->operands[first], &id);
		r = r ? r : show_sub(&nb, id);
	} else if (!r && kind == NODES_NODE) {
		r = nodes_find(&nb, inv->operands[first], &id);
		r = r ? r : show_node(&nb, id);
	} else if (!r) {
		r = show_any(&nb, inv->operands[first]);
	}
	nodes_close(&nb);
	return r;
}
