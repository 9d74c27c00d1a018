#ifndef XRAT_ENGINE_SNIFF_H
#define XRAT_ENGINE_SNIFF_H
/* What the first bytes of a flow are. Pure functions over the bytes seen so far; each says no as soon as the bytes rule its
 * protocol out, so that nobody waits for a timer that cannot help. More bytes never turn a NO or a YES into something else.
 *
 * Sources: RFC 9112 (HTTP/1.1), 8446 and 6066 (ClientHello, server_name), 9000, 9001 and 9369 (QUIC), BEP 3 and 29 (BitTorrent, uTP).
 * What counts as a match is what Xray's sniffers count:
 *  - HTTP: one of seven methods in any case (GET, POST, HEAD, PUT, DELETE, OPTIONS, CONNECT; not PATCH or TRACE) and a Host
 *    header; the last Host counts. Without one the answer is NO.
 *  - TLS and QUIC: a ClientHello with a server_name entry; without one the answer is NO. It must fill one TLS record exactly:
 *    RFC 8446 5.1 lets a client spread it over records, and servers read that, but Xray does not see the name there.
 *  - QUIC: versions 1, 2 (RFC 9369) and draft-29.
 *  - uTP: a SYN alone.
 * Stricter than Xray, by the RFCs: a request line ends in HTTP/x.y, headers end at the empty line, heads have no control
 * characters, a Host with a port that is no number is no host, a ClientHello is one to its end. */
#include "engine/addr.h"

enum sniff_verdict { SNIFF_NO, SNIFF_MORE, SNIFF_YES };
enum { SNIFF_ATTRS_MAX = 128, SNIFF_HEAD_MAX = 8 * 1024, SNIFF_HELLO_MAX = 16 * 1024 };

/* Written by every verdict; with NO all of it is zero. */
struct sniffed {
	/* "http1", "tls", "quic", "bittorrent": as Xray's router sees it. With MORE it is NULL, but for HTTP: "http1" then
	 * means that Host was read and only the rest of the head is missing, so the name can be used when time runs out. */
	const char *protocol;
	/* Family 0 when the protocol is known and the name is not (none in BitTorrent; or an ill-formed one). It may be an
	 * address: Xray takes that too, also as a server_name, which RFC 6066 forbids. port is that of the Host header, else 0. */
	struct addr host;
	/* Of HTTP: ":method", ":path" (the request target as sent) and the headers: of the first SNIFF_HEAD_MAX bytes and the
	 * first SNIFF_ATTRS_MAX - 2 lines. Each name once, compared without case: the last value counts, as in Xray. Names are in
	 * the case in which they were sent; names and values lie in the bytes, the array in the scratch until its next use. */
	const struct route_attr *attrs;
	uint32_t n_attrs;
};

enum sniff_kind { SNIFF_HTTP, SNIFF_TLS, SNIFF_BITTORRENT, SNIFF_QUIC, SNIFF_UTP, SNIFF_KIND__N };

/* Memory of one thread. A QUIC ClientHello may span packets, so QUIC keeps a state of its own for each flow. libcrypto is
 * called for the first time when the first QUIC Initial arrives: 1 to 2 ms and 300 kB, once a process; it reads no file then
 * (OpenSSL's configuration is not loaded unless someone did that before). NULL when memory is out. */
struct sniff_scratch;
struct sniff_scratch *sniff_scratch_new(void);
void sniff_scratch_free(struct sniff_scratch *s); /* NULL is fine */

/* TCP: all sniffers at once over all bytes seen so far. mask has 1 << enum sniff_kind of those that are still possible, in and
 * out; those of UDP are taken out. NO when it has become empty; with YES it has the one that matched. */
enum sniff_verdict sniff_tcp(struct sniff_scratch *s, struct str bytes, unsigned *mask, struct sniffed *ret);

/* UDP: one datagram after another, each once. *state is NULL at first; the caller frees it by sniff_udp_end after any verdict.
 * MORE also when a datagram is empty. Out of memory is NO. */
struct sniff_quic;
enum sniff_verdict sniff_udp(struct sniff_scratch *s, struct sniff_quic **state, struct str datagram, unsigned *mask,
			     struct sniffed *ret);
void sniff_udp_end(struct sniff_quic *state); /* NULL is fine */

/* The parts, for their tests and fuzz targets. */
enum sniff_verdict sniff_http(struct sniff_scratch *s, struct str bytes, struct sniffed *ret);
enum sniff_verdict sniff_tls(struct str bytes, struct sniffed *ret);
/* A ClientHello message without a record header, as in QUIC's CRYPTO frames: at most SNIFF_HELLO_MAX bytes, more is NO. Bytes
 * behind the message are not looked at. */
enum sniff_verdict sniff_client_hello(struct str bytes, struct sniffed *ret);
enum sniff_verdict sniff_bittorrent(struct str bytes, struct sniffed *ret);
/* The SYN that opens a uTP connection; never MORE. */
enum sniff_verdict sniff_utp(struct str datagram, struct sniffed *ret);
/* One datagram of QUIC. Initial packets are decrypted, CRYPTO frames put together in any order, over several packets and
 * datagrams; after 32 datagrams without an end the answer is NO. */
enum sniff_verdict sniff_quic(struct sniff_scratch *s, struct sniff_quic **state, struct str datagram, struct sniffed *ret);

#endif
