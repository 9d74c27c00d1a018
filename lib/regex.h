#ifndef XRAT_LIB_REGEX_H
#define XRAT_LIB_REGEX_H
/* RE2: the syntax and linear time of Xray's own regular expressions. */
#include "lib/str.h"

struct regex;
/* Compiles an unanchored pattern. 0; 1: does not compile, *ret_why (in a) says why; -ENOMEM. Free with regex_free. */
int regex_new(struct arena *a, struct str pattern, struct regex **ret_regex, const char **ret_why);
/* Whether a pattern compiles; when not, *ret_why says why. Jumps like arena_alloc when memory is out. */
bool regex_compiles(struct arena *a, struct str pattern, const char **ret_why);
/* What the C++ parts call when memory is out: RE2 20220601 does not survive the exception it would otherwise get. It
 * must not return. A program sets it once, at its start. */
void regex_on_oom(void (*give_up)(void));
void regex_free(struct regex *r);
bool regex_match(const struct regex *r, struct str text);

/* Many patterns asked in one pass over the text. 0, 1 (one does not compile, or together they are too many), -ENOMEM. */
struct regex_set;
int regex_set_new(const struct str *patterns, size_t n, struct regex_set **ret_set);
void regex_set_free(struct regex_set *s);
/* Calls `seen` with the number of each pattern that matches. 0, or -ENOMEM when it cannot tell: ask them one by one. */
int regex_set_match(const struct regex_set *s, struct str text, void (*seen)(void *ctx, size_t i), void *ctx);

#endif
