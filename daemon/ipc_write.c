/* Requests and replies to lines. */
#include <stddef.h>

#include "daemon/ipc_impl.h"

/* Words from elsewhere may have been cut in the middle of a character: what is no UTF-8 becomes '?'. */
static struct value text_value(struct arena *a, const char *text)
{
	struct str rest = str_of(text);
	char *copy = NULL;
	size_t bad;

	if (!text)
		return value_null(SPAN_NONE);
	while (!str_is_utf8(rest, &bad)) {
		if (!copy) {
			copy = arena_strdup(a, text);
			rest = str_of(copy);
		}
		copy[rest.p - copy + (ptrdiff_t)bad] = '?';
		rest = str_skip(rest, bad + 1);
	}
	return value_string(copy ? copy : text, SPAN_NONE);
}

static struct value fields_value(struct arena *a, const struct ipc_fields *fields, const void *base,
				 enum ipc_dialect dialect, bool skip_null);

static struct value inbounds_value(struct arena *a, const struct ipc_inbounds *inbounds, enum ipc_dialect dialect)
{
	struct value list = value_array(SPAN_NONE);

	for (size_t i = 0; i < inbounds->n; i++)
		value_push(a, &list, fields_value(a, &ipc_inbound_fields, &inbounds->v[i], dialect, false));
	return list;
}

static struct value field_value(struct arena *a, const struct ipc_field *f, const void *base, enum ipc_dialect dialect)
{
	const void *at = (const char *)base + f->offset;
	const struct ipc_int *opt = at;
	const struct value *v = at;
	int word;

	switch (f->kind) {
	case IPC_KIND_BOOL:
		return value_bool(*(const bool *)at, SPAN_NONE);
	case IPC_KIND_INT:
		return value_number(a, *(const int64_t *)at, SPAN_NONE);
	case IPC_KIND_OPT_INT:
		return opt->is_set ? value_number(a, opt->n, SPAN_NONE) : value_null(SPAN_NONE);
	case IPC_KIND_TEXT:
		return text_value(a, *(const char *const *)at);
	case IPC_KIND_WORD:
		word = *(const int *)at;
		return text_value(a, word >= 0 && word < f->words->n ? f->words->v[word].names[dialect] : NULL);
	case IPC_KIND_INBOUNDS:
		return inbounds_value(a, at, dialect);
	case IPC_KIND_LIST:
		return v->kind == VAL_ARRAY ? *v : value_array(SPAN_NONE);
	case IPC_KIND_OBJECT:
		return v->kind == VAL_OBJECT ? *v : value_null(SPAN_NONE);
	case IPC_KIND__N:
		break;
	}
	return value_null(SPAN_NONE);
}

/* A text that may not be null is "" where there is none. */
static struct value fields_value(struct arena *a, const struct ipc_fields *fields, const void *base,
				 enum ipc_dialect dialect, bool skip_null)
{
	struct value object = value_object(SPAN_NONE);

	for (size_t i = 0; i < fields->n; i++) {
		const struct ipc_field *f = &fields->v[i];
		struct value v = field_value(a, f, base, dialect);

		if (v.kind == VAL_NULL && skip_null)
			continue;
		if (v.kind == VAL_NULL && !(f->flags & IPC_FIELD_NULL))
			v = value_string("", SPAN_NONE);
		value_put(a, &object, f->name, v);
	}
	return object;
}

void ipc_write_reply(struct arena *a, enum ipc_dialect dialect, enum ipc_method method, const struct ipc_reply *reply,
		     struct buf *out)
{
	struct value object = value_object(SPAN_NONE);
	bool ok = reply->code == IPC_OK;
	const char *message = reply->message ? reply->message : ok ? "success" : ipc_codes[reply->code].name;

	value_put_int(a, &object, "protocol_version", IPC_VERSION);
	value_put_bool(a, &object, "ok", ok);
	if (dialect == IPC_PASCAL)
		value_put_int(a, &object, "code", ipc_codes[reply->code].number);
	else
		value_put_str(a, &object, "code", ipc_codes[reply->code].name);
	if (!ok)
		value_put_str(a, &object, "reason", ipc_reason_name(reply->reason ? reply->reason : ipc_codes[reply->code].reason));
	value_put(a, &object, "message", text_value(a, message));
	value_put(a, &object, "payload",
		  ok ? fields_value(a, &ipc_rows[method].reply, &reply->ping, dialect, false) : value_null(SPAN_NONE));
	json_write_compact(out, &object);
	buf_putc(out, '\n');
}

void ipc_write_request(struct arena *a, const struct ipc_request *request, struct buf *out)
{
	const struct ipc_row *row = &ipc_rows[request->method];
	struct value object = value_object(SPAN_NONE), inner = value_object(SPAN_NONE);
	struct value payload = fields_value(a, &row->request, request, request->dialect, true);

	value_put_str(a, &inner, "type", row->names[request->dialect]);
	if (request->dialect == IPC_PASCAL && payload.n_members)
		value_put(a, &inner, "payload", payload);
	for (uint32_t i = 0; request->dialect == IPC_SNAKE && i < payload.n_members; i++)
		value_put(a, &inner, payload.members[i].key, payload.members[i].value);
	value_put_int(a, &object, "protocol_version", IPC_VERSION);
	value_put(a, &object, "request", inner);
	json_write_compact(out, &object);
	buf_putc(out, '\n');
}
