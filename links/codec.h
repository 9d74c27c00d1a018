#ifndef XRAT_LINKS_CODEC_H
#define XRAT_LINKS_CODEC_H
/* Percent-encoding (RFC 3986) and base64 (RFC 4648, both alphabets) as share links use them. */
#include "lib/lib.h"

/* Decodes %XX; '+' stays a plus. 0: *ret_text is NUL-terminated; 1: a '%' without two hex digits; 2: the bytes are not
 * UTF-8 or hold a control character. */
int percent_decode(struct arena *a, struct str s, struct str *ret_text);
/* Everything but the unreserved characters becomes %XX. */
void percent_encode(struct buf *out, struct str s);

/* Padding is optional. 0, or 1 when it is not base64. */
int base64_decode(struct arena *a, struct str s, struct str *ret_bytes);
/* URL-safe alphabet without padding, or the standard one with padding. */
void base64url_encode(struct buf *out, struct str s);
void base64_encode(struct buf *out, struct str s);

/* Whether text can stand in a node: UTF-8 without control characters. */
bool text_is_clean(struct str s);

#endif
