#ifndef XRAT_TESTS_PUMP_STREAM_H
#define XRAT_TESTS_PUMP_STREAM_H
/* The bytes of pump.c: words of a counter through splitmix64, a window at a time, and a hash over them. */
#include <stdint.h>

enum { WINDOW = 256 * 1024 };
struct window {
	uint64_t seed, at, hash; /* at: where in the stream the bytes begin */
	uint64_t words[WINDOW / 8];
};

static inline uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static inline void window_fill(struct window *w, uint64_t at)
{
	w->at = at;
	for (uint64_t i = 0; i < WINDOW / 8; i++)
		w->words[i] = mix(w->seed + (at / 8 + i) * 0x9e3779b97f4a7c15u);
}

static inline void window_init(struct window *w, uint64_t seed)
{
	w->seed = seed;
	w->hash = seed;
	window_fill(w, 0);
}

static inline uint64_t hash_bytes(uint64_t h, const uint64_t *words, uint64_t n)
{
	for (uint64_t i = 0; i < n / 8; i++)
		h = ((h << 5 | h >> 59) ^ words[i]) * 0x9e3779b97f4a7c15u;
	for (uint64_t i = n / 8 * 8; i < n; i++)
		h = ((h << 5 | h >> 59) ^ ((const uint8_t *)words)[i]) * 0x9e3779b97f4a7c15u;
	return h;
}

#endif
