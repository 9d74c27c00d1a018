#ifndef XRAT_COMPILER_FORMS_H
#define XRAT_COMPILER_FORMS_H
/* Forms of strings: hosts, addresses, durations and the like. */
#include "compiler/decode_impl.h"

/* Whether the string (or date) of a slot has the form its field type asks for; reports otherwise. */
bool form_check(const struct dec *d, const struct slot *s);
/* Splits "host:port" or "[v6]:port". False when it is neither. An empty host is allowed. */
bool form_split_hostport(struct str s, struct str *ret_host, int64_t *ret_port);

#endif
