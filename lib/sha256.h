#ifndef XRAT_LIB_SHA256_H
#define XRAT_LIB_SHA256_H
#include "lib/str.h"
/* Lower-case hex of the first n_bytes (<= 32) of SHA-256 (FIPS 180-4); ret_hex needs 2 * n_bytes + 1. */
void sha256_hex(struct str s, unsigned n_bytes, char *ret_hex);
#endif
