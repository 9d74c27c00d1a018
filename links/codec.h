#ifndef XRAT_LINKS_CODEC_H
#define XRAT_LINKS_CODEC_H
/* Percent-encoding (RFC 3986) as share links use it. */
#include "lib/lib.h"

/* Decodes %XX; '+' stays a plus. 0: *ret_text is NUL-terminated; 1: a '%' without two hex digits; 2: the bytes are not
 * UTF-8 or hold a control character. */
int percent_decode(struct arena *a, struct str s, struct str *ret_text);
/* Everything but the unreserved characters becomes %XX. */
void percent_encode(struct buf *out, struct str s);

/* Whether text can stand in a node: UTF-8 without control characters. */
bool text_is_clean(struct str s);

#endif
