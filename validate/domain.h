#ifndef XRAT_VALIDATE_DOMAIN_H
#define XRAT_VALIDATE_DOMAIN_H
/* The parts of a domain item. Only validate/ includes this. */
#include "lib/str.h"

enum domain_kind {
	DOMAIN_KEYWORD, /* plain text or keyword: */
	DOMAIN_SUFFIX,  /* domain: */
	DOMAIN_FULL, DOMAIN_REGEXP, DOMAIN_DOTLESS,
	DOMAIN_GEOSITE, /* geosite:CODE; the value is what follows */
	DOMAIN_EXT,     /* ext:, ext-domain:, ext-site: */
	DOMAIN_STRANGE, /* a prefix that Xray does not know: the whole text is a keyword */
};
/* Prefixes are compared as Xray does: with case. */
enum domain_kind domain_split(struct str item, struct str *ret_value);

#endif
