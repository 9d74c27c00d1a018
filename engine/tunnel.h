#ifndef XRAT_ENGINE_TUNNEL_H
#define XRAT_ENGINE_TUNNEL_H
/* Where a tunnel (dokodemo-door) sends what arrives at `local` (family 0: a Unix socket). Without followRedirect: what its settings
 * say. 0; -EINVAL: nowhere, or -ELOOP: to itself. */
#include "engine/conf.h"

int tunnel_target(const struct inbound *in, const struct addr *local, struct addr *ret_target);
/* Whether the target is the inbound's own listener: 0 or -ELOOP. */
int tunnel_own(const struct inbound *in, const struct addr *target);

#endif
