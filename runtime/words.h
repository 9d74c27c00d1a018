#ifndef XRAT_RUNTIME_WORDS_H
#define XRAT_RUNTIME_WORDS_H
/* The words of an engine as data: one line that is safe to print anywhere. */
#include "lib/lib.h"

/* The last `lines` lines of a text, white space around them left out, and of those what begins with a whole word in the
 * last max_bytes; words end with white space or a quotation mark. A slice of it. */
struct str words_last(struct str text, unsigned lines, size_t max_bytes);
/* Line ends and tabs become spaces; control characters and what is not UTF-8 become '?'. In place. */
void words_clean(char *p, size_t len);

#endif
