/* The server_name of a TLS ClientHello. The message is read as far as it is there: what cannot be right is NO at once, what ends
 * too early is MORE. */
#include "engine/sniff.h"

/* A message that is perhaps not all there. */
struct hello {
	const uint8_t *p;
	size_t have, end, at; /* bytes there; length of the whole; cursor, never behind have */
};

static enum sniff_verdict hello_skip(struct hello *h, size_t n)
{
	if (n > h->end - h->at)
		return SNIFF_NO;
	if (n > h->have - h->at)
		return SNIFF_MORE;
	h->at += n;
	return SNIFF_YES;
}

static enum sniff_verdict hello_number(struct hello *h, size_t n_bytes, size_t *ret)
{
	enum sniff_verdict v = hello_skip(h, n_bytes);
	size_t number = 0;

	for (size_t i = n_bytes; v == SNIFF_YES && i; i--)
		number = number << 8 | h->p[h->at - i];
	*ret = number;
	return v;
}

/* What stands before the extensions: fields of a fixed length (prefix 0), or with their length before them. */
struct hello_field {
	uint8_t prefix, unit;
	uint16_t min, max;
};

static enum sniff_verdict hello_field(struct hello *h, const struct hello_field *field)
{
	enum sniff_verdict v = SNIFF_YES;
	size_t len = field->min;

	if (field->prefix)
		v = hello_number(h, field->prefix, &len);
	if (v != SNIFF_YES)
		return v;
	if (len < field->min || len > field->max || len % field->unit)
		return SNIFF_NO;
	return hello_skip(h, len);
}

static enum sniff_verdict hello_begin(struct hello *h)
{
	static const struct hello_field fields[] = {
		{ 0, 1, 2 + 32, 2 + 32 }, /* version, random */
		{ 1, 1, 0, 32 },          /* session id */
		{ 2, 2, 2, 0xfffe },      /* cipher suites */
		{ 1, 1, 1, 0xff },        /* compression methods */
	};
	enum sniff_verdict v = SNIFF_YES;
	size_t len;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields) && v == SNIFF_YES; i++)
		v = hello_field(h, &fields[i]);
	if (v == SNIFF_YES)
		v = hello_number(h, 2, &len);
	if (v == SNIFF_YES && len != h->end - h->at)
		return SNIFF_NO;
	return v;
}

/* The name in a server_name extension: a list of (type, length, name) with its length before it. YES, or NO when it is ill-formed;
 * *ret stays empty when no entry is a host name. */
static enum sniff_verdict read_names(struct str body, struct str *ret)
{
	struct wire w = wire_of(body);
	bool is_exact = wire_u16(&w) == body.len - 2;
	uint8_t type;

	while (is_exact && !w.failed && w.at < w.len && !ret->p) {
		type = wire_u8(&w);
		size_t len = wire_u16(&w);
		const uint8_t *name = w.p + w.at;
		wire_take(&w, len);
		if (!type && !w.failed)
			*ret = (struct str){ (const char *)name, len };
	}
	return is_exact && !w.failed ? SNIFF_YES : SNIFF_NO;
}

static enum sniff_verdict hello_extension(struct hello *h, struct str *name)
{
	enum { SERVER_NAME = 0 };
	size_t type, len;
	enum sniff_verdict v = hello_number(h, 2, &type);

	if (v == SNIFF_YES)
		v = hello_number(h, 2, &len);
	if (v == SNIFF_YES)
		v = hello_skip(h, len);
	if (v == SNIFF_YES && type == SERVER_NAME && !name->p)
		v = read_names((struct str){ (const char *)h->p + h->at - len, len }, name);
	return v;
}

/* A name that Xray refuses makes the whole no ClientHello; any other that cannot be one leaves the host unknown. */
static enum sniff_verdict take_name(struct str name, struct sniffed *ret)
{
	struct addr host;

	if (!name.p || (name.len && name.p[name.len - 1] == '.'))
		return SNIFF_NO;
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.p[i] <= ' ')
			return SNIFF_NO;
	ret->protocol = "tls";
	if (!addr_set(&host, name, 0))
		ret->host = host;
	return SNIFF_YES;
}

enum sniff_verdict sniff_client_hello(struct str bytes, struct sniffed *ret)
{
	enum { CLIENT_HELLO = 1, HEADER = 4 };
	struct hello h = { .p = (const uint8_t *)bytes.p, .have = bytes.len < HEADER ? bytes.len : HEADER, .end = HEADER };
	struct str name = { NULL, 0 };
	enum sniff_verdict v;
	size_t type, len;

	*ret = (struct sniffed){ 0 };
	v = hello_number(&h, 1, &type);
	if (v == SNIFF_YES && type != CLIENT_HELLO)
		return SNIFF_NO;
	if (v == SNIFF_YES)
		v = hello_number(&h, 3, &len);
	if (v != SNIFF_YES)
		return v;
	if (len > SNIFF_HELLO_MAX - HEADER)
		return SNIFF_NO;
	h.end += len;
	h.have = bytes.len < h.end ? bytes.len : h.end;
	v = hello_begin(&h);
	while (v == SNIFF_YES && h.at < h.end)
		v = hello_extension(&h, &name);
	return v == SNIFF_YES ? take_name(name, ret) : v;
}

enum sniff_verdict sniff_tls(struct str bytes, struct sniffed *ret)
{
	enum { HANDSHAKE = 22, MAJOR = 3, HEADER = 5, RECORD_MAX = 16 * 1024 };
	const uint8_t *p = (const uint8_t *)bytes.p;
	struct str message = str_skip(bytes, HEADER);
	size_t len;

	*ret = (struct sniffed){ 0 };
	if (bytes.len && (p[0] != HANDSHAKE || (bytes.len > 1 && p[1] != MAJOR)))
		return SNIFF_NO;
	if (bytes.len < HEADER)
		return SNIFF_MORE;
	len = (size_t)p[3] << 8 | p[4];
	if (!len || len > RECORD_MAX)
		return SNIFF_NO;
	/* One record, and nothing else in it. */
	if (message.len >= 4 && ((size_t)p[6] << 16 | (size_t)p[7] << 8 | p[8]) + 4 != len)
		return SNIFF_NO;
	if (message.len > len)
		message.len = len;
	return sniff_client_hello(message, ret);
}
