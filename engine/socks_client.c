/* The client's side of SOCKS 5: greeting, login when the server asks for it, request. Each is sent when the one before was
 * answered: a server that reads one message at a time loses nothing. */
#include "engine/socks.h"

#include <errno.h>

enum { CLIENT_START, CLIENT_METHOD, CLIENT_LOGIN, CLIENT_ANSWER, CLIENT_OVER, CLIENT__N };
enum { METHOD_NONE = 0, METHOD_PASSWORD = 2, TEXT_MAX = 255 };

static struct wire_out begin(struct socks_client *c)
{
	return (struct wire_out){ .p = c->send, .cap = sizeof(c->send) };
}

static enum socks_step send_it(struct socks_client *c, const struct wire_out *o, uint8_t next_stage)
{
	c->send_len = (uint16_t)o->len;
	c->stage = next_stage;
	return SOCKS_REPLY;
}

static enum socks_step start(struct socks_client *c, struct wire *w, int *ret_error)
{
	struct wire_out o = begin(c);

	(void)w;
	if (c->user.len > TEXT_MAX || c->password.len > TEXT_MAX) {
		*ret_error = EINVAL;
		return SOCKS_BAD;
	}
	wire_put_u8(&o, 5);
	wire_put_u8(&o, c->user.len ? 2 : 1);
	wire_put_u8(&o, METHOD_NONE);
	if (c->user.len)
		wire_put_u8(&o, METHOD_PASSWORD);
	return send_it(c, &o, CLIENT_METHOD);
}

static enum socks_step send_login(struct socks_client *c)
{
	struct wire_out o = begin(c);

	wire_put_u8(&o, 1);
	wire_put_u8(&o, (uint8_t)c->user.len);
	wire_put(&o, c->user.p, c->user.len);
	wire_put_u8(&o, (uint8_t)c->password.len);
	wire_put(&o, c->password.p, c->password.len);
	return send_it(c, &o, CLIENT_LOGIN);
}

static enum socks_step send_request(struct socks_client *c)
{
	static const struct addr nothing;
	struct wire_out o = begin(c);

	wire_put_u8(&o, 5);
	wire_put_u8(&o, (uint8_t)c->command);
	wire_put_u8(&o, 0);
	addr_write(c->target ? c->target : &nothing, &o);
	return send_it(c, &o, CLIENT_ANSWER);
}

static enum socks_step read_method(struct socks_client *c, struct wire *w, int *ret_error)
{
	uint8_t version = wire_u8(w), method;

	if (!w->failed && version != 5) {
		*ret_error = EPROTO;
		return SOCKS_BAD;
	}
	method = wire_u8(w);
	if (w->failed)
		return SOCKS_MORE;
	if (method == METHOD_NONE)
		return send_request(c);
	if (method == METHOD_PASSWORD && c->user.len)
		return send_login(c);
	*ret_error = EACCES;
	return SOCKS_BAD;
}

/* The version byte of this answer is wrong in some servers. */
static enum socks_step read_login(struct socks_client *c, struct wire *w, int *ret_error)
{
	uint8_t result;

	wire_u8(w);
	result = wire_u8(w);
	if (w->failed)
		return SOCKS_MORE;
	if (!result)
		return send_request(c);
	*ret_error = EACCES;
	return SOCKS_BAD;
}

/* A refusal is believed as soon as its code is there: some servers end it early. */
static enum socks_step read_answer(struct socks_client *c, struct wire *w, int *ret_error)
{
	uint8_t version = wire_u8(w), code;
	int r;

	*ret_error = EPROTO;
	if (!w->failed && version != 5)
		return SOCKS_BAD;
	code = wire_u8(w);
	if (code) {
		*ret_error = socks_error_of(code);
		return SOCKS_BAD;
	}
	wire_u8(w);
	r = addr_read(w, &c->bound);
	if (r > 0)
		return SOCKS_MORE;
	if (r == -EAFNOSUPPORT)
		return SOCKS_BAD;
	c->stage = CLIENT_OVER;
	return SOCKS_REQUEST;
}

static enum socks_step out_of_turn(struct socks_client *c, struct wire *w, int *ret_error)
{
	(void)c;
	(void)w;
	*ret_error = EPROTO;
	return SOCKS_BAD;
}

enum socks_step socks_client_step(struct socks_client *c, struct str bytes, size_t *ret_used, int *ret_error)
{
	static enum socks_step (*const stages[CLIENT__N])(struct socks_client *, struct wire *, int *) = {
		[CLIENT_START] = start,	       [CLIENT_METHOD] = read_method, [CLIENT_LOGIN] = read_login,
		[CLIENT_ANSWER] = read_answer, [CLIENT_OVER] = out_of_turn,
	};
	struct wire w = wire_of(bytes);
	int error = 0;
	enum socks_step step;

	c->send_len = 0;
	step = stages[c->stage](c, &w, &error);
	if (step == SOCKS_BAD) {
		c->stage = CLIENT_OVER;
		*ret_error = error;
	}
	*ret_used = step == SOCKS_REPLY || step == SOCKS_REQUEST ? w.at : 0;
	return step;
}
