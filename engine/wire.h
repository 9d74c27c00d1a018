#ifndef XRAT_ENGINE_WIRE_H
#define XRAT_ENGINE_WIRE_H
/* Cursors over bytes in network order. Whoever reads behind the end or writes behind the room gets zeros, and `failed` stays
 * set: a codec asks once, at its end. */
#include <string.h>

#include "lib/lib.h"

struct wire {
	const uint8_t *p;
	size_t len, at;
	bool failed;
};
static inline struct wire wire_of(struct str s)
{
	return (struct wire){ .p = (const uint8_t *)s.p, .len = s.len };
}
/* n bytes, NULL when there are not so many (or none are asked for). */
static inline const uint8_t *wire_take(struct wire *w, size_t n)
{
	if (w->failed || w->len - w->at < n) {
		w->failed = true;
		return NULL;
	}
	w->at += n;
	return n ? w->p + w->at - n : NULL;
}
static inline struct str wire_str(struct wire *w, size_t n)
{
	const uint8_t *p = wire_take(w, n);

	return (struct str){ (const char *)p, p ? n : 0 };
}
static inline uint8_t wire_u8(struct wire *w)
{
	const uint8_t *p = wire_take(w, 1);

	return p ? p[0] : 0;
}
static inline uint16_t wire_u16(struct wire *w)
{
	const uint8_t *p = wire_take(w, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}
static inline uint32_t wire_u32(struct wire *w)
{
	uint32_t high = wire_u16(w);

	return high << 16 | wire_u16(w);
}

struct wire_out {
	uint8_t *p;
	size_t cap, len;
	bool failed;
};
static inline void wire_put(struct wire_out *o, const void *p, size_t n)
{
	if (o->failed || o->cap - o->len < n) {
		o->failed = true;
		return;
	}
	if (n)
		memcpy(o->p + o->len, p, n);
	o->len += n;
}
static inline void wire_put_u8(struct wire_out *o, uint8_t v) { wire_put(o, &v, 1); }
static inline void wire_put_u16(struct wire_out *o, uint16_t v)
{
	const uint8_t bytes[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	wire_put(o, bytes, sizeof(bytes));
}
static inline void wire_put_u32(struct wire_out *o, uint32_t v)
{
	wire_put_u16(o, (uint16_t)(v >> 16));
	wire_put_u16(o, (uint16_t)v);
}

/* Whether a secret that a stranger gave is the expected one. The time depends on the given length alone. */
static inline bool wire_same_secret(struct str given, struct str expected)
{
	size_t differ = given.len ^ expected.len;

	for (size_t i = 0; i < given.len; i++)
		differ |= (unsigned char)(given.p[i] ^ (i < expected.len ? expected.p[i] : 0));
	return !differ;
}

/* A hash for tables whose keys strangers choose: collisions cannot be prepared without knowing the seed (the address of the
 * table will do). */
static inline uint64_t wire_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}
static inline uint64_t wire_hash(struct str s, uint64_t seed)
{
	const uint64_t k = 0x9e3779b97f4a7c15u ^ wire_fold(seed | 1, 0xd6e8feb86659fd93u);
	uint64_t h = k ^ s.len, word;

	for (; s.len >= sizeof(word); s = str_skip(s, sizeof(word))) {
		memcpy(&word, s.p, sizeof(word));
		h = wire_fold(h ^ word, k | 1) ^ k;
	}
	word = 0;
	if (s.len)
		memcpy(&word, s.p, s.len);
	h = wire_fold(h ^ word, k | 1);
	return h ^ h >> 32;
}

#endif
