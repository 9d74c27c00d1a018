#ifndef XRAT_LIB_REGEX_H
#define XRAT_LIB_REGEX_H
/* RE2: the syntax and linear time of Xray's own regular expressions. */
#include "lib/str.h"

struct regex;
/* Compiles an unanchored pattern. 0; 1: does not compile, *ret_why (in a) says why; -ENOMEM. Free with regex_free. */
int regex_new(struct arena *a, struct str pattern, struct regex **ret_regex, const char **ret_why);
void regex_free(struct regex *r);
bool regex_match(const struct regex *r, struct str text);

#endif
