#ifndef XRAT_ENGINE_HOSTS_H
#define XRAT_ENGINE_HOSTS_H
/* dns.hosts: what a name stands for before any server is asked. */
#include "engine/conf.h"

enum { HOSTS_IPS = 64 };
enum hosts_found {
	HOSTS_NONE,  /* not there: ask the servers */
	HOSTS_FOUND, /* ips; n 0: the name has no address of a wanted family, nobody is asked */
	HOSTS_ALIAS, /* ask the servers for alias instead */
	HOSTS_CODE,  /* answered with rcode (0: no addresses), nobody is asked */
};
struct hosts_answer {
	struct route_ip ips[HOSTS_IPS];
	uint32_t n;
	struct str alias; /* lives with the configuration */
	uint16_t rcode;
};
/* name in lower case, without a dot at its end. Names that stand for names are followed five times, as in Xray. enum
 * hosts_found or -ENOMEM. */
int hosts_find(struct small_asker *asker, const struct conf *c, struct str name, bool want4, bool want6,
	       struct hosts_answer *ret);

#endif
