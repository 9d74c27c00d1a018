#ifndef XRAT_ENGINE_SOCKS_H
#define XRAT_ENGINE_SOCKS_H
/* SOCKS 4, 4a, 5 (RFC 1928, 1929) as bytes: both sides, pure. Feeding the same bytes in any pieces gives the same answers. */
#include "engine/addr.h"

enum socks_step { SOCKS_MORE, SOCKS_REPLY, SOCKS_REQUEST, SOCKS_BAD };
enum socks_command { SOCKS_CONNECT = 1, SOCKS_BIND = 2, SOCKS_UDP_ASSOCIATE = 3 };

/* --- what a client says ---
 * Version 4 is refused (91) when a password is required; its user id is read and forgotten; 0.0.0.x with x not 0 means
 * that a name follows (4a). Version 5: the commands of Tor (F0, F1) are a CONNECT as in Xray, BIND and others are refused
 * with 07, an unknown type of address with 08, a name that is none with 01. Whether UDP is wanted at all is the caller's to say:
 * socks_server_reply with EOPNOTSUPP. Nothing is promised about a server that has said BAD: close. */
struct socks_server { /* zero = before the first byte */
	uint8_t version, stage;    /* version: 0 until known, then 4 or 5 */
	bool wants_password;       /* set by the caller: only users get in */
	bool check_user;           /* SOCKS_REPLY with this set: call socks_server_login first */
	uint8_t reply_len;         /* to be sent to the client, also with SOCKS_BAD when not 0 */
	uint8_t reply[10];
	enum socks_command command; /* CONNECT or UDP_ASSOCIATE */
	struct addr target;
	struct str user, password; /* with check_user: into the bytes of that step */
};
/* One step over the bytes not yet used. MORE: *ret_used is 0, come again with more bytes. REPLY: send reply, drop
 * *ret_used bytes, call again with what is left, if only nothing. REQUEST: drop *ret_used bytes; command and target are set;
 * what is left are the flow's first bytes. BAD: send reply if there is one and close; *ret_used is 0. */
enum socks_step socks_server_step(struct socks_server *s, struct str bytes, size_t *ret_used);
/* After check_user: fills reply. When not ok the next step is BAD without a reply; wire_same_secret compares passwords. */
void socks_server_login(struct socks_server *s, bool ok);
/* The final reply to a request: error is 0 or an errno of the dial (below); bound may be NULL or a name (0.0.0.0:0 is said
 * then). Length written, at most 22. */
enum { SOCKS_REPLY_MAX = 22 };
size_t socks_server_reply(const struct socks_server *s, int error, const struct addr *bound, uint8_t ret_reply[SOCKS_REPLY_MAX]);
/* errno of a dial -> reply code of version 5 and back, one table for both, so that an errno survives a chain of proxies:
 * EACCES EPERM 02, ENETUNREACH ENETDOWN 03, EHOSTUNREACH ENOENT 04 (ENOENT: no such name), ECONNREFUSED 05, ETIMEDOUT 06 (RFC 1928
 * has no code of its own for it; "TTL expired" is what other servers say), EOPNOTSUPP 07, EAFNOSUPPORT 08, others 01. Back: the
 * first of its row; 01 is EIO, an unknown code EPROTO. */
uint8_t socks_code_of(int error);
int socks_error_of(uint8_t code);

/* --- what a server is told (the socks outbound, version 5) --- */
struct socks_client { /* the caller sets the first four; the rest is 0 at first */
	struct str user, password; /* empty user: no authentication offered but "none"; else both are */
	enum socks_command command;
	const struct addr *target; /* has to live until the request is sent; NULL: 0.0.0.0:0 (UDP ASSOCIATE) */
	uint8_t stage;
	uint16_t send_len;
	uint8_t send[516];
	struct addr bound; /* of the answer: the relay address for UDP ASSOCIATE; 0.0.0.0 there means the server's own address;
	                    * nothing when the server named something that is no host */
};
/* Call first with no bytes. MORE / REPLY (send, drop used, call again) / REQUEST (done: the server has agreed; drop used) / BAD
 * (refused: *ret_error is an errno, EACCES for a refused login, EPROTO for what is not SOCKS 5, EINVAL for a user or password over
 * 255 bytes). */
enum socks_step socks_client_step(struct socks_client *c, struct str bytes, size_t *ret_used, int *ret_error);

/* --- datagrams --- */
/* Header of a UDP datagram: its length, or -EINVAL (fragments included). The two reserved bytes are not looked at. */
int socks_udp_read(struct str datagram, struct addr *ret_target);
/* Writes it: length, at most SOCKS_UDP_HEADER. */
enum { SOCKS_UDP_HEADER = 3 + ADDR_WIRE_MAX };
size_t socks_udp_write(const struct addr *from, uint8_t ret_header[SOCKS_UDP_HEADER]);

#endif
