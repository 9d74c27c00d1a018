#ifndef XRAT_TESTS_SNIFF_CASE_H
#define XRAT_TESTS_SNIFF_CASE_H
/* For the tests of the sniffers: bytes from hex, ClientHellos as wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/sniff.h"

enum { BYTES_MAX = 80 * 1024 };

static inline struct str case_hex(const char *hex)
{
	size_t len = strlen(hex) / 2;
	char *p = test_malloc(len + 1);

	for (size_t i = 0; i < len; i++) {
		char digits[3] = { hex[2 * i], hex[2 * i + 1], 0 };
		p[i] = (char)strtoul(digits, NULL, 16);
	}
	return (struct str){ p, len };
}

static inline void case_free(struct str s)
{
	test_free((void *)s.p);
}

/* A copy in a block of its own, so that a sanitizer sees one byte too far. */
static inline struct str case_exact(struct str s)
{
	char *p = malloc(s.len ? s.len : 1);

	assert_non_null(p);
	if (s.len)
		memcpy(p, s.p, s.len);
	return (struct str){ p, s.len };
}

/* A ClientHello message with a server_name extension of that body (p NULL = without) behind another of pad bytes. */
static inline struct str case_hello_of(struct str body, size_t pad)
{
	struct wire_out o = { .p = test_malloc(BYTES_MAX), .cap = BYTES_MAX };
	size_t names = body.p ? 4 + body.len : 0, extensions = 4 + pad + names, len = 34 + 1 + 4 + 2 + 2 + extensions;
	static const uint8_t zeros[32 * 1024];

	wire_put_u8(&o, 1);
	wire_put_u8(&o, (uint8_t)(len >> 16));
	wire_put_u16(&o, (uint16_t)len);
	wire_put_u16(&o, 0x0303);
	wire_put(&o, zeros, 32);
	wire_put_u8(&o, 0);           /* session id */
	wire_put_u32(&o, 0x00021301); /* cipher suites */
	wire_put_u16(&o, 0x0100);     /* compression */
	wire_put_u16(&o, (uint16_t)extensions);
	wire_put_u16(&o, 21); /* padding */
	wire_put_u16(&o, (uint16_t)pad);
	wire_put(&o, zeros, pad);
	if (body.p) {
		wire_put_u16(&o, 0);
		wire_put_u16(&o, (uint16_t)body.len);
		wire_put(&o, body.p, body.len);
	}
	assert_false(o.failed);
	assert_int_equal(o.len, 4 + len);
	return (struct str){ (const char *)o.p, o.len };
}

static inline struct str case_hello(struct str name, size_t pad)
{
	uint8_t bytes[600];
	struct wire_out o = { .p = bytes, .cap = sizeof(bytes) };

	wire_put_u16(&o, (uint16_t)(name.len + 3));
	wire_put_u8(&o, 0);
	wire_put_u16(&o, (uint16_t)name.len);
	wire_put(&o, name.p, name.len);
	assert_false(o.failed);
	return case_hello_of((struct str){ (const char *)bytes, o.len }, pad);
}

/* In one record. Takes the message over. */
static inline struct str case_record(struct str message)
{
	char *p = test_malloc(message.len + 5);
	const uint8_t head[5] = { 22, 3, 1, (uint8_t)(message.len >> 8), (uint8_t)message.len };

	memcpy(p, head, 5);
	memcpy(p + 5, message.p, message.len);
	case_free(message);
	return (struct str){ p, message.len + 5 };
}

static inline void assert_sniffed(const struct sniffed *found, const char *protocol, const char *host)
{
	char text[ADDR_TEXT];

	addr_text(&found->host, text);
	assert_string_equal(found->protocol ? found->protocol : "none", protocol);
	assert_string_equal(text, host);
}

#endif
