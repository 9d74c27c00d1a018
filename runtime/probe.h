#ifndef XRAT_RUNTIME_PROBE_H
#define XRAT_RUNTIME_PROBE_H
/* What of a finished config shows that its engine is ready. */
#include "model/model.h"

enum probe_kind { PROBE_SOCKS, PROBE_HTTP, PROBE_TCP, PROBE_ALIVE, PROBE__N };
struct probe {
	enum probe_kind kind;
	const char *address; /* to connect to: 0.0.0.0 and :: become loopback */
	unsigned port;
	const char *tag;     /* of the inbound, "" */
	bool no_connect;     /* a connection of ours would be proxied to itself (transparent inbounds): who owns the
			      * listener must do */
};
extern const char *const probe_kind_names[PROBE__N];
/* The first SOCKS inbound with a TCP port, else HTTP, else any that listens on TCP, else PROBE_ALIVE. Port ranges give
 * their first port; Unix sockets and UDP alone are passed over, and so are ports and addresses that the environment gives
 * (env:NAME). SOCKS and HTTP inside TLS, a transport or the PROXY protocol count as any TCP. Looks at the parsed
 * xray.json, so it serves for a file of any origin. */
void probe_choose(struct arena *a, const struct value *xray, struct probe *ret_probe);
enum { PROBE_WHERE_TEXT = 64 };
/* Where a listener on this address is reached from here: 127.0.0.1 for 0.0.0.0, ::1 for ::, else itself. */
const char *probe_own_address(const char *address);
/* "127.0.0.1:1080", "[::1]:1080"; "" for PROBE_ALIVE. */
void probe_where(const struct probe *p, char ret_text[PROBE_WHERE_TEXT]);

#endif
