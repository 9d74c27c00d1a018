/* JSON Schema of the protocol: for each method and dialect a definition of its request and of its reply. A request is
 * described in the form of its dialect (nested for PascalCase, flat for snake_case); the daemon takes both forms of both. */
#include "daemon/ipc_impl.h"

static struct value typed(struct arena *a, const char *type, bool may_be_null)
{
	struct value v = value_object(SPAN_NONE), both = value_array(SPAN_NONE);

	if (!may_be_null) {
		value_put_str(a, &v, "type", type);
		return v;
	}
	value_push(a, &both, value_string(type, SPAN_NONE));
	value_push(a, &both, value_string("null", SPAN_NONE));
	value_put(a, &v, "type", both);
	return v;
}

static struct value constant(struct arena *a, struct value value)
{
	struct value v = value_object(SPAN_NONE);

	value_put(a, &v, "const", value);
	return v;
}

static struct value reference(struct arena *a, const char *name)
{
	struct value v = value_object(SPAN_NONE);

	value_put_str(a, &v, "$ref", arena_printf(a, "#/definitions/%s", name));
	return v;
}

static struct value words(struct arena *a, const struct ipc_words *list, enum ipc_dialect dialect, bool may_be_null)
{
	struct value v = value_object(SPAN_NONE), all = value_array(SPAN_NONE);

	for (int i = 0; i < list->n; i++)
		value_push(a, &all, value_string(list->v[i].names[dialect], SPAN_NONE));
	if (may_be_null)
		value_push(a, &all, value_null(SPAN_NONE));
	value_put(a, &v, "enum", all);
	return v;
}

static struct value object_of(struct arena *a, const struct ipc_fields *fields, enum ipc_dialect dialect, bool is_reply);

static struct value inbound_list(struct arena *a, enum ipc_dialect dialect)
{
	struct value v = typed(a, "array", false);

	value_put(a, &v, "items", object_of(a, &ipc_inbound_fields, dialect, true));
	return v;
}

static struct value field_schema(struct arena *a, const struct ipc_field *f, enum ipc_dialect dialect)
{
	static const char *const types[IPC_KIND__N] = {
		[IPC_KIND_BOOL] = "boolean", [IPC_KIND_INT] = "integer",  [IPC_KIND_OPT_INT] = "integer",
		[IPC_KIND_TEXT] = "string",  [IPC_KIND_LIST] = "array", [IPC_KIND_OBJECT] = "object",
	};
	bool may_be_null = f->flags & (IPC_FIELD_NULL | IPC_FIELD_EITHER);
	struct value v;

	if (f->kind == IPC_KIND_WORD)
		v = words(a, f->words, dialect, may_be_null);
	else if (f->kind == IPC_KIND_INBOUNDS)
		v = inbound_list(a, dialect);
	else
		v = typed(a, types[f->kind], may_be_null);
	value_put_str(a, &v, "description", f->help);
	return v;
}

static struct value required_one(struct arena *a, const char *name)
{
	struct value v = value_object(SPAN_NONE), list = value_array(SPAN_NONE);

	value_push(a, &list, value_string(name, SPAN_NONE));
	value_put(a, &v, "required", list);
	return v;
}

static struct value object_of(struct arena *a, const struct ipc_fields *fields, enum ipc_dialect dialect, bool is_reply)
{
	struct value v = typed(a, "object", false), properties = value_object(SPAN_NONE);
	struct value required = value_array(SPAN_NONE), either = value_array(SPAN_NONE);

	for (size_t i = 0; i < fields->n; i++) {
		const struct ipc_field *f = &fields->v[i];

		value_put(a, &properties, f->name, field_schema(a, f, dialect));
		if (is_reply || f->flags & IPC_FIELD_REQUIRED)
			value_push(a, &required, value_string(f->name, SPAN_NONE));
		else if (f->flags & IPC_FIELD_EITHER)
			value_push(a, &either, required_one(a, f->name));
	}
	value_put(a, &v, "properties", properties);
	if (required.n)
		value_put(a, &v, "required", required);
	if (either.n)
		value_put(a, &v, "anyOf", either);
	return v;
}

/* {"protocol_version":1, …} with the members given, all required. */
static struct value envelope(struct arena *a, struct value properties)
{
	struct value v = typed(a, "object", false), required = value_array(SPAN_NONE);
	struct value all = value_object(SPAN_NONE);

	value_put(a, &all, "protocol_version", constant(a, value_number(a, IPC_VERSION, SPAN_NONE)));
	for (uint32_t i = 0; i < properties.n_members; i++)
		value_put(a, &all, properties.members[i].key, properties.members[i].value);
	for (uint32_t i = 0; i < all.n_members; i++)
		value_push(a, &required, value_string(all.members[i].key, SPAN_NONE));
	value_put(a, &v, "properties", all);
	value_put(a, &v, "required", required);
	return v;
}

static struct value request_schema(struct arena *a, const struct ipc_row *row, enum ipc_dialect dialect)
{
	struct value properties = value_object(SPAN_NONE), inner = object_of(a, &row->request, dialect, false);
	struct value type = constant(a, value_string(row->names[dialect], SPAN_NONE)), outer, both, v;

	if (dialect == IPC_PASCAL) {
		outer = typed(a, "object", false);
		both = value_object(SPAN_NONE);
		value_put(a, &both, "type", type);
		value_put(a, &both, "payload", inner);
		value_put(a, &outer, "properties", both);
		both = value_array(SPAN_NONE);
		value_push(a, &both, value_string("type", SPAN_NONE));
		if (value_get(&inner, "required") || value_get(&inner, "anyOf"))
			value_push(a, &both, value_string("payload", SPAN_NONE));
		value_put(a, &outer, "required", both);
		inner = outer;
	} else {
		value_put(a, value_get(&inner, "properties"), "type", type);
		if (!value_get(&inner, "required"))
			value_put(a, &inner, "required", value_array(SPAN_NONE));
		value_push(a, value_get(&inner, "required"), value_string("type", SPAN_NONE));
	}
	value_put(a, &properties, "request", inner);
	v = envelope(a, properties);
	value_put_str(a, &v, "description", row->help);
	return v;
}

static struct value reply_schema(struct arena *a, const struct ipc_fields *fields, enum ipc_dialect dialect)
{
	struct value properties = value_object(SPAN_NONE), code;

	code = dialect == IPC_PASCAL ? value_number(a, ipc_codes[IPC_OK].number, SPAN_NONE) :
				       value_string(ipc_codes[IPC_OK].name, SPAN_NONE);
	value_put(a, &properties, "ok", constant(a, value_bool(true, SPAN_NONE)));
	value_put(a, &properties, "code", constant(a, code));
	value_put(a, &properties, "message", typed(a, "string", false));
	value_put(a, &properties, "payload", object_of(a, fields, dialect, true));
	return envelope(a, properties);
}

static bool has_code(const struct value *list, struct value code)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (value_equal(&list->items[i], &code))
			return true;
	return false;
}

static struct value reason_schema(struct arena *a)
{
	struct value v = value_object(SPAN_NONE), words_of = value_array(SPAN_NONE);
	const char *help = "";

	for (int i = IPC_REASON_NONE + 1; i < IPC_REASON__N; i++) {
		value_push(a, &words_of, value_string(ipc_reasons[i].name, SPAN_NONE));
		help = arena_printf(a, "%s%s%s: %s", help, *help ? "; " : "", ipc_reasons[i].name, ipc_reasons[i].help);
	}
	value_put(a, &v, "enum", words_of);
	value_put_str(a, &v, "description", help);
	return v;
}

static struct value refusal_schema(struct arena *a, enum ipc_dialect dialect)
{
	struct value properties = value_object(SPAN_NONE), codes = value_array(SPAN_NONE), list = value_object(SPAN_NONE);

	for (int i = IPC_OK + 1; i < IPC_CODE__N; i++) {
		struct value code = dialect == IPC_PASCAL ? value_number(a, ipc_codes[i].number, SPAN_NONE) :
							    value_string(ipc_codes[i].name, SPAN_NONE);

		if (!has_code(&codes, code))
			value_push(a, &codes, code);
	}
	value_put(a, &list, "enum", codes);
	value_put(a, &properties, "ok", constant(a, value_bool(false, SPAN_NONE)));
	value_put(a, &properties, "code", list);
	value_put(a, &properties, "reason", reason_schema(a));
	value_put(a, &properties, "message", typed(a, "string", false));
	value_put(a, &properties, "payload", constant(a, value_null(SPAN_NONE)));
	return envelope(a, properties);
}

void ipc_schema(struct arena *a, struct value *ret_schema)
{
	static const char *const refusals[IPC_DIALECT__N] = { [IPC_PASCAL] = "Refusal", [IPC_SNAKE] = "refusal" };
	static const char *const suffixes[IPC_DIALECT__N] = { [IPC_PASCAL] = "Reply", [IPC_SNAKE] = "_reply" };
	struct value v = value_object(SPAN_NONE), definitions = value_object(SPAN_NONE), any = value_array(SPAN_NONE);

	value_put_str(a, &v, "$schema", "http://json-schema.org/draft-07/schema#");
	value_put_str(a, &v, "title", "What the daemon and its clients say on runtime/daemon.sock");
	value_put_str(a, &v, "description",
		      "Protocol version 1: one object a line each way. Every request and reply has a definition under its name "
		      "in either spelling; the reply is spelt as the request was.");
	for (int d = 0; d < IPC_DIALECT__N; d++) {
		for (int m = 0; m < IPC_METHOD__N; m++) {
			const char *name = ipc_rows[m].names[d], *reply = arena_printf(a, "%s%s", name, suffixes[d]);

			value_put(a, &definitions, name, request_schema(a, &ipc_rows[m], (enum ipc_dialect)d));
			value_put(a, &definitions, reply, reply_schema(a, &ipc_rows[m].reply, (enum ipc_dialect)d));
			value_push(a, &any, reference(a, name));
			value_push(a, &any, reference(a, reply));
		}
		value_put(a, &definitions, refusals[d], refusal_schema(a, (enum ipc_dialect)d));
		value_push(a, &any, reference(a, refusals[d]));
	}
	value_put(a, &v, "anyOf", any);
	value_put(a, &v, "definitions", definitions);
	*ret_schema = v;
}
