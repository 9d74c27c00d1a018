/* The server's side of SOCKS, reply codes, and the header of datagrams.
 *
 *   4:  04 cmd port(2) ip(4) user id, 00 [name, 00]          -> 00 5A|5B port ip
 *   5:  05 n methods(n)                                      -> 05 method
 *       01 ulen user plen password                           -> 01 00|FF
 *       05 cmd 00 type address port(2)                       -> 05 code 00 type address port
 *   UDP: 00 00 fragment type address port(2) data */
#include "engine/socks.h"

#include <errno.h>

enum { STAGE_GREETING, STAGE_LOGIN, STAGE_CHECK, STAGE_REQUEST, STAGE_OVER, STAGE__N };
enum { METHOD_NONE = 0, METHOD_PASSWORD = 2, METHOD_REFUSED = 0xff };
enum { GRANTED_4 = 0x5a, REJECTED_4 = 0x5b };
enum { CODE_FAILURE = 1, CODE_NO_COMMAND = 7, CODE_NO_TYPE = 8 };
enum { USER_ID_MAX = 255, REPLY_4_LEN = 8 };

/* --- reply codes --- */
static const struct {
	int error;
	uint8_t code;
} codes[] = {
	{ 0, 0 },
	{ EIO, CODE_FAILURE },
	{ EACCES, 2 },
	{ EPERM, 2 },
	{ ENETUNREACH, 3 },
	{ ENETDOWN, 3 },
	{ EHOSTUNREACH, 4 },
	{ ENOENT, 4 },
	{ ECONNREFUSED, 5 },
	{ ETIMEDOUT, 6 },
	{ EOPNOTSUPP, CODE_NO_COMMAND },
	{ EAFNOSUPPORT, CODE_NO_TYPE },
};
enum { N_CODES = sizeof(codes) / sizeof(*codes) };

uint8_t socks_code_of(int error)
{
	for (size_t i = 0; i < N_CODES; i++)
		if (codes[i].error == error)
			return codes[i].code;
	return CODE_FAILURE;
}

int socks_error_of(uint8_t code)
{
	for (size_t i = 0; i < N_CODES; i++)
		if (codes[i].code == code)
			return codes[i].error;
	return EPROTO;
}

/* --- steps --- */
static void say(struct socks_server *s, const void *reply, size_t len)
{
	memcpy(s->reply, reply, len);
	s->reply_len = (uint8_t)len;
}

static enum socks_step refuse(struct socks_server *s, uint8_t code)
{
	const uint8_t reply_4[REPLY_4_LEN] = { 0, REJECTED_4 };
	const uint8_t reply_5[10] = { 5, code, 0, 1 };

	if (s->version == 4)
		say(s, reply_4, sizeof(reply_4));
	else
		say(s, reply_5, sizeof(reply_5));
	return SOCKS_BAD;
}

/* Text that a zero ends, at most 255 bytes: 0; 1: the zero is yet to come; -EINVAL: too long. */
static int read_text(struct wire *w, struct str *ret)
{
	size_t left = w->len - w->at;
	const uint8_t *p = w->p + w->at, *end;

	if (w->failed || !left)
		return 1;
	end = memchr(p, 0, left <= USER_ID_MAX ? left : USER_ID_MAX + 1);
	if (!end)
		return left <= USER_ID_MAX ? 1 : -EINVAL;
	*ret = wire_str(w, (size_t)(end - p));
	wire_u8(w);
	return 0;
}

/* The first of several outcomes that is not 0 has already been found: bad bytes or too few of them. */
static enum socks_step unless_more(struct socks_server *s, int outcome)
{
	return outcome > 0 ? SOCKS_MORE : refuse(s, CODE_FAILURE);
}

static enum socks_step read_4(struct socks_server *s, struct wire *w)
{
	static const uint8_t zeros[3] = { 0 };
	uint8_t command = wire_u8(w);
	uint16_t port = wire_u16(w);
	const uint8_t *p = wire_take(w, 4);
	struct route_ip ip = { .family = ADDR_V4 };
	struct str user_id, name;
	int r = read_text(w, &user_id);

	if (r || !p)
		return unless_more(s, r ? r : 1);
	memcpy(ip.bytes, p, 4);
	addr_set_ip(&s->target, &ip, port);
	if (!memcmp(p, zeros, 3) && p[3]) {
		r = read_text(w, &name);
		if (!r)
			r = addr_set(&s->target, name, port);
		if (r)
			return unless_more(s, r);
	}
	if (s->wants_password || command != SOCKS_CONNECT)
		return refuse(s, CODE_NO_COMMAND);
	s->command = SOCKS_CONNECT;
	s->stage = STAGE_OVER;
	return SOCKS_REQUEST;
}

static enum socks_step read_methods(struct socks_server *s, struct wire *w)
{
	uint8_t wanted = s->wants_password ? METHOD_PASSWORD : METHOD_NONE;
	struct str methods = wire_str(w, wire_u8(w));
	uint8_t reply[2] = { 5, wanted };

	if (w->failed)
		return SOCKS_MORE;
	if (!methods.len || !memchr(methods.p, wanted, methods.len)) {
		reply[1] = METHOD_REFUSED;
		say(s, reply, sizeof(reply));
		return SOCKS_BAD;
	}
	say(s, reply, sizeof(reply));
	s->stage = s->wants_password ? STAGE_LOGIN : STAGE_REQUEST;
	return SOCKS_REPLY;
}

static enum socks_step read_greeting(struct socks_server *s, struct wire *w)
{
	uint8_t version = wire_u8(w);

	if (w->failed)
		return SOCKS_MORE;
	if (version != 4 && version != 5)
		return SOCKS_BAD;
	s->version = version;
	return version == 4 ? read_4(s, w) : read_methods(s, w);
}

static enum socks_step read_login(struct socks_server *s, struct wire *w)
{
	uint8_t version = wire_u8(w);
	struct str user, password;

	if (!w->failed && version != 1)
		return SOCKS_BAD;
	user = wire_str(w, wire_u8(w));
	password = wire_str(w, wire_u8(w));
	if (w->failed)
		return SOCKS_MORE;
	s->user = user;
	s->password = password;
	s->check_user = true;
	s->stage = STAGE_CHECK;
	return SOCKS_REPLY;
}

void socks_server_login(struct socks_server *s, bool ok)
{
	const uint8_t reply[2] = { 1, ok ? 0 : 0xff };

	if (s->stage != STAGE_CHECK)
		return;
	say(s, reply, sizeof(reply));
	s->check_user = false;
	s->user = s->password = (struct str){ NULL, 0 };
	s->stage = ok ? STAGE_REQUEST : STAGE_OVER;
}

/* What a command byte means; 0: refused. */
static const uint8_t commands[256] = {
	[SOCKS_CONNECT] = SOCKS_CONNECT,
	[SOCKS_UDP_ASSOCIATE] = SOCKS_UDP_ASSOCIATE,
	[0xf0] = SOCKS_CONNECT,
	[0xf1] = SOCKS_CONNECT,
};

static enum socks_step read_request(struct socks_server *s, struct wire *w)
{
	uint8_t version = wire_u8(w), command;
	int r;

	if (!w->failed && version != 5)
		return SOCKS_BAD;
	command = wire_u8(w);
	wire_u8(w); /* reserved */
	r = addr_read(w, &s->target);
	if (r > 0)
		return SOCKS_MORE;
	if (r < 0)
		return refuse(s, r == -EAFNOSUPPORT ? CODE_NO_TYPE : CODE_FAILURE);
	if (!commands[command])
		return refuse(s, CODE_NO_COMMAND);
	s->command = (enum socks_command)commands[command];
	s->stage = STAGE_OVER;
	return SOCKS_REQUEST;
}

/* Asked for a step where none is due: the login was not decided, or all is over. */
static enum socks_step out_of_turn(struct socks_server *s, struct wire *w)
{
	(void)s;
	(void)w;
	return SOCKS_BAD;
}

enum socks_step socks_server_step(struct socks_server *s, struct str bytes, size_t *ret_used)
{
	static enum socks_step (*const stages[STAGE__N])(struct socks_server *, struct wire *) = {
		[STAGE_GREETING] = read_greeting, [STAGE_LOGIN] = read_login, [STAGE_CHECK] = out_of_turn,
		[STAGE_REQUEST] = read_request,	  [STAGE_OVER] = out_of_turn,
	};
	struct wire w = wire_of(bytes);
	enum socks_step step;

	s->reply_len = 0;
	step = stages[s->stage](s, &w);
	if (step == SOCKS_BAD)
		s->stage = STAGE_OVER;
	*ret_used = step == SOCKS_REPLY || step == SOCKS_REQUEST ? w.at : 0;
	return step;
}

/* --- the final reply --- */
static size_t reply_4(int error, const struct addr *bound, uint8_t *reply)
{
	struct wire_out o = { .p = reply, .cap = REPLY_4_LEN };
	static const uint8_t nowhere[4] = { 0 };
	bool is_v4 = bound && bound->family == ADDR_V4;

	wire_put_u8(&o, 0);
	wire_put_u8(&o, error ? REJECTED_4 : GRANTED_4);
	wire_put_u16(&o, is_v4 ? bound->port : 0);
	wire_put(&o, is_v4 ? bound->ip : nowhere, sizeof(nowhere));
	return o.len;
}

size_t socks_server_reply(const struct socks_server *s, int error, const struct addr *bound, uint8_t ret_reply[SOCKS_REPLY_MAX])
{
	static const struct addr nowhere;
	struct wire_out o = { .p = ret_reply, .cap = SOCKS_REPLY_MAX };

	if (s->version == 4)
		return reply_4(error, bound, ret_reply);
	wire_put_u8(&o, 5);
	wire_put_u8(&o, socks_code_of(error));
	wire_put_u8(&o, 0);
	addr_write(bound && bound->family != ADDR_NAME ? bound : &nowhere, &o);
	return o.len;
}

/* --- datagrams --- */
int socks_udp_read(struct str datagram, struct addr *ret_target)
{
	struct wire w = wire_of(datagram);
	struct addr target;

	wire_u16(&w); /* reserved */
	if (wire_u8(&w) || addr_read(&w, &target))
		return -EINVAL;
	*ret_target = target;
	return (int)w.at;
}

size_t socks_udp_write(const struct addr *from, uint8_t ret_header[SOCKS_UDP_HEADER])
{
	struct wire_out o = { .p = ret_header, .cap = SOCKS_UDP_HEADER };

	wire_put(&o, "\0\0\0", 3);
	addr_write(from, &o);
	return o.len;
}
