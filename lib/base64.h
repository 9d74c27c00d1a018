#ifndef XRAT_LIB_BASE64_H
#define XRAT_LIB_BASE64_H
/* Base64 (RFC 4648), both alphabets. */
#include "lib/arena.h"
#include "lib/str.h"

/* Padding is optional. 0, or 1 when it is not base64. */
int base64_decode(struct arena *a, struct str s, struct str *ret_bytes);
/* URL-safe alphabet without padding, or the standard one with padding. */
void base64url_encode(struct buf *out, struct str s);
void base64_encode(struct buf *out, struct str s);

#endif
