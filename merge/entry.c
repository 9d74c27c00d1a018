/* One entry of a snippet list: what is in it that merging cares about, found in one pass over its keys. Keys match
 * without case, as Xray reads them. */
#include "merge/merge_impl.h"

enum entry_key { KEY_TAG, KEY_TYPE, KEY_REMARK, KEY_DOMAIN, KEY_DOMAINS, KEY_RULE_TAG, KEY_REMOVE, KEY_DOLLAR_REMOVE,
	KEY_ENABLED, KEY_SETTINGS, KEY__N };
static const struct str key_names[KEY__N] = {
	[KEY_TAG] = { "tag", 3 },           [KEY_TYPE] = { "type", 4 },
	[KEY_REMARK] = { "remark", 6 },     [KEY_DOMAIN] = { "domain", 6 },
	[KEY_DOMAINS] = { "domains", 7 },   [KEY_RULE_TAG] = { "ruleTag", 7 },
	[KEY_REMOVE] = { "_remove", 7 },    [KEY_DOLLAR_REMOVE] = { "$remove", 7 },
	[KEY_ENABLED] = { "enabled", 7 },   [KEY_SETTINGS] = { "settings", 8 },
};

static void find_keys(const struct value *v, const struct member *ret_found[KEY__N])
{
	for (uint32_t i = 0; i < v->n_members; i++) {
		const struct member *m = &v->members[i];

		for (unsigned k = 0; k < KEY__N; k++)
			if (m->key_len == key_names[k].len && str_eq_nocase(member_key(m), key_names[k]))
				ret_found[k] = m;
	}
}

static int report_removal(struct merge *m, struct span at, const char *what)
{
	struct diag *d = diag_add(m->sink, DIAG_XR310, at, "%s: a snippet adds, it cannot delete", what);

	diag_help(m->sink, d, "remove it here; managed objects are dropped or disabled in the TOML file");
	return 1;
}

static int refuse_kind(struct merge *m, const char *noun, const struct value *v)
{
	struct diag *d;

	if (v->kind == VAL_NULL)
		return report_removal(m, v->span, "null entry");
	d = diag_add(m->sink, DIAG_XR301, v->kind == VAL_ARRAY ? merge_point(v) : v->span,
		     "this entry is %s, %s %s is an object", value_kind_name(v->kind),
		     *noun == 'i' || *noun == 'o' ? "an" : "a", noun);
	diag_help(m->sink, d, "write an object, or remove the entry");
	return 1;
}

/* "enabled": false beside a managed tag reads like switching the managed object off. */
static int refuse_removal(struct merge *m, const struct member *const found[KEY__N], const struct value *tag)
{
	const struct member *remove = found[KEY_REMOVE] ? found[KEY_REMOVE] : found[KEY_DOLLAR_REMOVE];
	const struct member *enabled = found[KEY_ENABLED];
	struct diag *d;

	if (remove)
		return report_removal(m, remove->key_span,
				      arena_printf(m->a, "'%.*s'", (int)remove->key_len, remove->key));
	if (!enabled || enabled->value.kind != VAL_BOOL || enabled->value.truth)
		return 0;
	if (!tag || tag->kind != VAL_STRING || !merge_is_managed(m, value_str(tag)))
		return 0;
	d = diag_add(m->sink, DIAG_XR310, enabled->key_span,
		     "'enabled' beside the managed tag '%s': a snippet cannot switch it off",
		     merge_shown(m, value_str(tag)));
	merge_relate_owner(m, d, value_str(tag));
	diag_help(m->sink, d, "set disabled = true in the TOML file");
	return 1;
}

static void check_domain(struct merge *m, struct str domain, struct span at)
{
	struct str name = str_skip(str_trim(domain), sizeof("full:") - 1);
	struct diag *d;

	if (!str_starts_nocase(str_trim(domain), "full:") || !str_ends_nocase(str_trim(name), ".rev"))
		return;
	if (merge_lifted(m, domain, at, NULL) || merge_lifted(m, name, at, NULL))
		return;
	d = diag_add(m->sink, DIAG_XR308, at, "domain '%s' is reserved", merge_shown(m, domain));
	merge_relate_owner(m, d, name);
	diag_help(m->sink, d, "remove it, or list it in [extensions] override");
}

/* An array of strings, or one string with commas. */
static void check_domains(struct merge *m, const struct member *member)
{
	const struct value *v = member ? &member->value : NULL;
	struct str rest;

	if (!v)
		return;
	for (rest = v->kind == VAL_STRING ? value_str(v) : str_of(NULL); rest.p && rest.len;)
		check_domain(m, str_cut(&rest, ','), v->span);
	for (uint32_t i = 0; v->kind == VAL_ARRAY && i < v->n; i++)
		if (v->items[i].kind == VAL_STRING)
			check_domain(m, value_str(&v->items[i]), v->items[i].span);
}

static void check_reverse(struct merge *m, const struct value *holder)
{
	const struct member *reverse = value_member_nocase(holder, "reverse");
	const struct member *tag = reverse ? value_member_nocase(&reverse->value, "tag") : NULL;

	if (tag && tag->value.kind == VAL_STRING)
		merge_reserved(m, "reverse tag", value_str(&tag->value), tag->value.span, NULL);
}

static void check_settings(struct merge *m, const struct value *settings)
{
	static const char *const lists[] = { "clients", "users" };

	check_reverse(m, settings);
	for (size_t k = 0; k < sizeof(lists) / sizeof(*lists); k++) {
		const struct member *users = value_member_nocase(settings, lists[k]);

		for (uint32_t i = 0; users && users->value.kind == VAL_ARRAY && i < users->value.n; i++)
			check_reverse(m, &users->value.items[i]);
	}
}

int merge_entry(struct merge *m, const char *noun, const char *tag_key, const struct value *v, struct entry *ret_entry)
{
	const struct member *found[KEY__N] = { NULL }, *tag;

	if (v->kind != VAL_OBJECT)
		return refuse_kind(m, noun, v);
	find_keys(v, found);
	tag = found[*tag_key == 'r' ? KEY_RULE_TAG : KEY_TAG];
	if (refuse_removal(m, found, tag ? &tag->value : NULL))
		return 1;
	check_domains(m, found[KEY_DOMAIN]);
	check_domains(m, found[KEY_DOMAINS]);
	if (found[KEY_REMARK] && found[KEY_REMARK]->value.kind == VAL_STRING)
		merge_reserved(m, "remark", value_str(&found[KEY_REMARK]->value), found[KEY_REMARK]->value.span, NULL);
	if (found[KEY_SETTINGS])
		check_settings(m, &found[KEY_SETTINGS]->value);
	*ret_entry = (struct entry){
		.noun = noun, .tag_key = tag_key, .v = v, .tag = tag ? &tag->value : NULL, .has_type = found[KEY_TYPE],
	};
	return 0;
}

bool merge_tag_is_text(struct merge *m, const struct entry *e)
{
	struct str tag;
	struct diag *d;

	if (e->tag->kind != VAL_STRING)
		return false; /* the structure check reports it */
	tag = value_str(e->tag);
	if (!str_trim(tag).len) {
		d = diag_add(m->sink, DIAG_XR304, e->tag->span, "%s of this %s is empty", e->tag_key, e->noun);
		diag_help(m->sink, d, "give it a name");
		return false;
	}
	if (str_trim(tag).len == tag.len)
		return true;
	d = diag_add(m->sink, DIAG_XR304, e->tag->span, "%s '%s' has space at its ends", e->tag_key,
		     merge_shown(m, tag));
	diag_help(m->sink, d, "write '%s'; Xray would take the space as part of the name",
		  merge_shown(m, str_trim(tag)));
	return false;
}
