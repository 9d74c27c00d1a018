/* Lines to requests and replies. */
#include <errno.h>
#include <string.h>

#include "daemon/ipc_impl.h"

/* 0; 1: it is no JSON object, *ret_why. */
static int parse(struct arena *a, struct str line, struct value *ret_object, const char **ret_why)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	int r = json_parse(a, sink, sources_add(sources, "request", line.p ? line.p : "", (uint32_t)line.len), false,
			   ret_object);

	*ret_why = "it is not a JSON object";
	if (!r && ret_object->kind == VAL_OBJECT)
		return 0;
	if (r == 1)
		*ret_why = "it is blank";
	else if (r && diag_total(sink))
		*ret_why = diag_at(sink, 0)->msg;
	return 1;
}

/* --- one field --- */
static int find_word(const struct ipc_words *words, struct str text)
{
	for (int i = 0; i < words->n; i++)
		for (int d = 0; d < IPC_DIALECT__N; d++)
			if (str_is(text, words->v[i].names[d]))
				return i;
	return -1;
}

static const char *word_list(struct arena *a, const struct ipc_words *words)
{
	const char *text = "";

	for (int i = 0; i < words->n; i++)
		text = arena_printf(a, "%s%s%s", text, i ? ", " : "", words->v[i].names[IPC_SNAKE]);
	return text;
}

static int read_inbounds(struct arena *a, const struct value *v, struct ipc_inbounds *ret_inbounds);

/* 0, or what it has to be. */
static const char *read_field(struct arena *a, const struct ipc_field *f, const struct value *v, void *base)
{
	void *at = (char *)base + f->offset;
	int64_t n = 0;
	int word;

	switch (f->kind) {
	case IPC_KIND_BOOL:
		*(bool *)at = v->truth;
		return v->kind == VAL_BOOL ? NULL : "true or false";
	case IPC_KIND_INT:
	case IPC_KIND_OPT_INT:
		if (v->kind != VAL_NUMBER || value_int(v, &n))
			return "an integer";
		if (f->kind == IPC_KIND_INT)
			*(int64_t *)at = n;
		else
			*(struct ipc_int *)at = (struct ipc_int){ true, n };
		return NULL;
	case IPC_KIND_TEXT:
		if (v->kind != VAL_STRING || memchr(v->text, 0, v->len))
			return "a text";
		*(const char **)at = arena_memdup(a, v->text, v->len);
		return NULL;
	case IPC_KIND_WORD:
		word = v->kind == VAL_STRING ? find_word(f->words, value_str(v)) : -1;
		*(int *)at = word;
		return word >= 0 ? NULL : arena_printf(a, "one of %s", word_list(a, f->words));
	case IPC_KIND_INBOUNDS:
		return read_inbounds(a, v, at) ? "a list of inbounds" : NULL;
	case IPC_KIND_LIST:
	case IPC_KIND_OBJECT:
		*(struct value *)at = *v;
		return v->kind == (f->kind == IPC_KIND_LIST ? VAL_ARRAY : VAL_OBJECT) ? NULL : "a list or an object";
	case IPC_KIND__N:
		break;
	}
	return "nothing";
}

/* 0; 1: *ret_why. Absent members stay as they are; so does null where the field may be null. */
static int read_fields(struct arena *a, const struct ipc_fields *fields, const struct value *object, void *base,
		       const char **ret_why)
{
	for (size_t i = 0; i < fields->n; i++) {
		const struct ipc_field *f = &fields->v[i];
		const struct value *v = value_get(object, f->name);
		const char *must;

		if (!v || (v->kind == VAL_NULL && f->flags & (IPC_FIELD_NULL | IPC_FIELD_EITHER)))
			continue;
		must = read_field(a, f, v, base);
		if (must) {
			*ret_why = arena_printf(a, "'%s' must be %s", f->name, must);
			return 1;
		}
	}
	return 0;
}

static int read_inbounds(struct arena *a, const struct value *v, struct ipc_inbounds *ret_inbounds)
{
	struct ipc_inbound *list = v->kind == VAL_ARRAY ? arena_array(a, struct ipc_inbound, v->n + 1) : NULL;
	const char *why;

	for (uint32_t i = 0; list && i < v->n; i++)
		if (read_fields(a, &ipc_inbound_fields, &v->items[i], &list[i], &why))
			return 1;
	*ret_inbounds = (struct ipc_inbounds){ list, list ? v->n : 0 };
	return list ? 0 : 1;
}

/* --- requests --- */
static int refuse(struct ipc_reply *ret_refusal, const char *message)
{
	*ret_refusal = (struct ipc_reply){ .code = IPC_BAD_REQUEST, .message = message };
	return 1;
}

/* 0 or 1. Which way a type is spelt shows also where it is not known. */
static int find_method(struct str type, struct ipc_request *q)
{
	q->dialect = type.len && type.p[0] >= 'a' && type.p[0] <= 'z' ? IPC_SNAKE : IPC_PASCAL;
	for (int m = 0; m < IPC_METHOD__N; m++)
		for (int d = 0; d < IPC_DIALECT__N; d++)
			if (str_is(type, ipc_rows[m].names[d])) {
				q->method = (enum ipc_method)m;
				q->dialect = (enum ipc_dialect)d;
				return 0;
			}
	return 1;
}

static int check_version(struct arena *a, const struct value *object, struct ipc_reply *ret_refusal)
{
	const struct value *v = value_get(object, "protocol_version");
	int64_t n;

	if (!v || v->kind != VAL_NUMBER || value_int(v, &n))
		return refuse(ret_refusal, "'protocol_version' must be an integer");
	if (n == IPC_VERSION)
		return 0;
	return refuse(ret_refusal, arena_printf(a, "unsupported protocol version %lld (expected %d)", (long long)n,
						IPC_VERSION));
}

static bool has_member(const struct value *object, const struct ipc_field *f)
{
	const struct value *v = value_get(object, f->name);

	return v && v->kind != VAL_NULL;
}

/* 0; 1: *ret_why names what is missing. */
static int check_required(struct arena *a, const struct ipc_fields *fields, const struct value *payload,
			  const char **ret_why)
{
	const char *either = NULL;
	bool has_either = false;

	for (size_t i = 0; i < fields->n; i++) {
		const struct ipc_field *f = &fields->v[i];
		bool has = has_member(payload, f);

		if (f->flags & IPC_FIELD_REQUIRED && !has) {
			*ret_why = arena_printf(a, "'%s' is missing", f->name);
			return 1;
		}
		if (f->flags & IPC_FIELD_EITHER) {
			has_either |= has;
			either = either ? either : f->name;
		}
	}
	if (either && !has_either)
		*ret_why = arena_printf(a, "'%s' is missing", either);
	return either && !has_either;
}

static const char *check_texts(const struct ipc_request *q)
{
	const char *const texts[] = { q->config_ref, q->candidate_ref };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i] && (!*texts[i] || strlen(texts[i]) > IPC_REF_MAX_BYTES))
			return "a ref is 1 to 64 bytes long";
	return NULL;
}

int ipc_read_request(struct arena *a, struct str line, struct ipc_request *ret_request, struct ipc_reply *ret_refusal)
{
	struct value object, *request;
	const struct value *payload;
	struct ipc_fields fields;
	const char *why;

	ipc_request_init(ret_request, IPC_PASCAL, IPC_DAEMON_PING);
	if (parse(a, line, &object, &why))
		return refuse(ret_refusal, arena_printf(a, "bad request: %s", why));
	request = value_get(&object, "request");
	if (request && find_method(value_get_str(request, "type"), ret_request) == 0)
		why = NULL;
	if (check_version(a, &object, ret_refusal))
		return 1;
	if (!request || request->kind != VAL_OBJECT)
		return refuse(ret_refusal, "'request' must be an object");
	if (why)
		return refuse(ret_refusal, "'type' is missing, or no such request is known");
	payload = value_get(request, "payload");
	if (payload && payload->kind != VAL_OBJECT && payload->kind != VAL_NULL)
		return refuse(ret_refusal, "'payload' must be an object");
	if (!payload || payload->kind == VAL_NULL)
		payload = request;
	fields = ipc_rows[ret_request->method].request;
	if (read_fields(a, &fields, payload, ret_request, &why) || check_required(a, &fields, payload, &why))
		return refuse(ret_refusal, why);
	why = check_texts(ret_request);
	if (!why)
		return 0;
	refuse(ret_refusal, why);
	ret_refusal->reason = IPC_REASON_ARGUMENT;
	return 1;
}

/* --- replies --- */
static int read_code(const struct value *v)
{
	struct str name = v && v->kind == VAL_STRING ? value_str(v) : str_of(NULL);
	int64_t n = 0;

	if (v && v->kind == VAL_NUMBER && value_int(v, &n))
		n = 0;
	/* From behind: of the two that are written alike, the one that says more about the state. */
	for (int code = IPC_CODE__N - 1; code >= 0; code--)
		if (n == ipc_codes[code].number || str_is(name, ipc_codes[code].name))
			return code;
	return -1;
}

/* None where it is not said, as by a daemon of before there were any, or not known. */
static enum ipc_reason read_reason(struct str name)
{
	int reason = IPC_REASON__N;

	while (--reason > IPC_REASON_NONE)
		if (str_is(name, ipc_reasons[reason].name))
			break;
	return (enum ipc_reason)reason;
}

int ipc_read_reply(struct arena *a, struct str line, const struct ipc_request *request, struct ipc_reply *ret_reply,
		   struct value *ret_payload, struct err *e)
{
	struct value object;
	const struct value *ok, *payload;
	struct str message;
	const char *why = "";
	int code;

	if (parse(a, line, &object, &why))
		return err_set(e, -EPROTO, "the daemon's reply cannot be read: %s", why);
	ok = value_get(&object, "ok");
	payload = value_get(&object, "payload");
	code = read_code(value_get(&object, "code"));
	if (!ok || ok->kind != VAL_BOOL || code < 0 || ok->truth != (code == IPC_OK))
		return err_set(e, -EPROTO, "the daemon's reply has no known 'ok' and 'code'");
	ipc_reply_init(ret_reply, request->method);
	ret_reply->code = (enum ipc_code)code;
	ret_reply->reason = read_reason(value_get_str(&object, "reason"));
	message = value_get_str(&object, "message");
	ret_reply->message = arena_memdup(a, message.p ? message.p : "", message.len);
	if (ret_payload)
		*ret_payload = payload && payload->kind == VAL_OBJECT ? *payload : (struct value){ 0 };
	if (code != IPC_OK)
		return 0;
	if (!payload || payload->kind != VAL_OBJECT)
		return err_set(e, -EPROTO, "the daemon's reply has no payload");
	if (read_fields(a, &ipc_rows[request->method].reply, payload, &ret_reply->ping, &why))
		return err_set(e, -EPROTO, "the daemon's reply cannot be read: %s", why);
	return 0;
}
