/* streamSettings: of the transports the embedded engine has raw alone, in the clear; what is left is sockopt. */
#include "engine/conf_impl.h"

/* --- sockopt --- */
static void set_fast_open(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	if (v->kind == VAL_BOOL)
		*(int32_t *)to = v->truth ? 256 : -1; /* Xray's queue */
	else
		conf_set_i32(r, k, v, to);
}

/* What is not above 0 is not set. */
static void set_positive(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	int64_t n = 0;

	conf_set_i64(r, k, v, &n);
	*(uint32_t *)to = n > 0 ? (uint32_t)n : 0;
}

static void set_filled_text(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	conf_set_text(r, k, v, to);
	if (*(const char **)to && !**(const char **)to)
		*(const char **)to = NULL;
}

struct eyeballs {
	bool six_first;
	int64_t delay_ms;
	uint32_t interleave, most;
};
static const struct conf_key eyeballs_keys[] = {
	{ "prioritizeIPv6", conf_set_bool, CONF_AT(struct eyeballs, six_first) },
	{ "tryDelayMs", conf_set_i64, CONF_AT(struct eyeballs, delay_ms), .lo = 0, .hi = INT32_MAX },
	{ "interleave", conf_set_u32, CONF_AT(struct eyeballs, interleave), CONF_U32 },
	{ "maxConcurrentTry", conf_set_u32, CONF_AT(struct eyeballs, most), CONF_U32 },
};

/* Xray races addresses only when a delay is given. */
static void set_eyeballs(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct eyeballs e = { false, 0, 1, 4 };
	struct sockopt *o = to;

	conf_object(r, k->name, eyeballs_keys, CONF_N(eyeballs_keys), v, &e);
	if (!e.delay_ms || !e.most)
		return;
	o->happy_eyeballs_ms = (uint32_t)e.delay_ms;
	o->happy_interleave = e.interleave ? e.interleave : UINT32_MAX; /* 0 never takes turns */
	o->happy_most = e.most;
	o->happy_first = e.six_first ? 6 : 4;
}

enum tproxy { TPROXY_OFF, TPROXY_REDIRECT, TPROXY_TPROXY };
static const struct conf_name tproxies[] = {
	{ "off", TPROXY_OFF }, { "redirect", TPROXY_REDIRECT }, { "tproxy", TPROXY_TPROXY }, { "", TPROXY_OFF },
};
struct raw_sockopt { /* as written */
	struct sockopt o;
	int32_t mark;
	unsigned tproxy;
	const struct value *tproxy_at, *interface_at;
};
#define RAW(member) CONF_AT(struct raw_sockopt, member)
#define POSITIVE .lo = INT32_MIN, .hi = INT32_MAX
static const struct conf_key sockopt_keys[] = {
	{ "mark", conf_set_i32, RAW(mark), .lo = INT32_MIN, .hi = INT32_MAX },
	{ "tcpFastOpen", set_fast_open, RAW(o.tcp_fast_open), .lo = INT32_MIN, .hi = INT32_MAX },
	{ "tproxy", conf_set_name, RAW(tproxy), CONF_NAMES(tproxies) },
	{ "tproxy", conf_set_value, RAW(tproxy_at) },
	{ "domainStrategy", conf_set_strategy, RAW(o.domain_strategy) },
	{ "tcpKeepAliveInterval", conf_set_i32, RAW(o.keep_alive_interval_s), .lo = INT32_MIN, .hi = INT16_MAX },
	{ "tcpKeepAliveIdle", conf_set_i32, RAW(o.keep_alive_idle_s), .lo = INT32_MIN, .hi = INT16_MAX },
	{ "tcpCongestion", set_filled_text, RAW(o.congestion) },
	{ "tcpWindowClamp", set_positive, RAW(o.window_clamp), POSITIVE },
	{ "tcpMaxSeg", set_positive, RAW(o.max_seg), POSITIVE },
	{ "tcpUserTimeout", set_positive, RAW(o.user_timeout_ms), POSITIVE },
	{ "tcpMptcp", conf_set_bool, RAW(o.mptcp) },
	{ "v6only", conf_set_bool, RAW(o.v6only) },
	{ "interface", set_filled_text, RAW(o.interface) },
	{ "interface", conf_set_value, RAW(interface_at) },
	{ "happyEyeballs", set_eyeballs, RAW(o) },
};

static void read_sockopt(struct conf_reader *r, const struct value *v, struct raw_sockopt *raw)
{
	struct sockopt *o = &raw->o;

	conf_object(r, "sockopt", sockopt_keys, CONF_N(sockopt_keys), v, raw);
	o->has_mark = raw->mark != 0;
	o->mark = (uint32_t)raw->mark;
	o->transparent = raw->tproxy == TPROXY_TPROXY;
	if ((int64_t)o->keep_alive_idle_s * o->keep_alive_interval_s < 0)
		conf_fault(r, v->span, "'tcpKeepAliveIdle' and 'tcpKeepAliveInterval' must both be positive, or both negative to "
			   "turn it off");
}

/* --- the stream around it --- */
static const struct conf_name networks[] = { { "raw", 0 }, { "tcp", 0 } };
static const struct conf_name securities[] = { { "none", 0 }, { "", 0 } };
static const struct conf_name headers[] = { { "none", 0 } };
static const struct conf_key header_keys[] = { { "type", conf_set_name, .offset = 0, CONF_NAMES(headers) } };

static void set_header(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	conf_object(r, k->name, header_keys, CONF_N(header_keys), v, to);
}

static const struct conf_key raw_keys[] = { { "header", set_header, .offset = 0 } };

static void set_raw(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	conf_object(r, k->name, raw_keys, CONF_N(raw_keys), v, to);
}

struct stream {
	unsigned nothing; /* of values that only one text is right for */
	const struct value *sockopt;
};
static const struct conf_key stream_keys[] = {
	{ "network", conf_set_name, CONF_AT(struct stream, nothing), CONF_NAMES(networks) },
	{ "method", conf_set_name, CONF_AT(struct stream, nothing), CONF_NAMES(networks) },
	{ "security", conf_set_name, CONF_AT(struct stream, nothing), CONF_NAMES(securities) },
	{ "tcpSettings", set_raw, CONF_AT(struct stream, nothing) },
	{ "rawSettings", set_raw, CONF_AT(struct stream, nothing) },
	{ "sockopt", conf_set_value, CONF_AT(struct stream, sockopt) },
};

static struct raw_sockopt read_stream(struct conf_reader *r, const struct value *v)
{
	struct raw_sockopt raw = { .mark = 0 };
	struct stream s = { 0 };

	conf_object(r, "streamSettings", stream_keys, CONF_N(stream_keys), v, &s);
	if (s.sockopt)
		read_sockopt(r, s.sockopt, &raw);
	return raw;
}

/* Listeners have no keep-alive unless it is asked for; the half that is not has the kernel's default. */
void conf_stream_in(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	enum { KERNEL_IDLE_S = 7200, KERNEL_INTERVAL_S = 75 };
	struct raw_sockopt raw = read_stream(r, v);
	struct sockopt *o = &raw.o;

	(void)k;
	if (raw.interface_at && o->interface)
		conf_fault(r, raw.interface_at->span, "'interface' has no effect on an inbound of Xray: the embedded engine does "
			   "not take it; set 'listen' to an address of the interface");
	if (!o->keep_alive_idle_s && !o->keep_alive_interval_s)
		o->keep_alive_idle_s = o->keep_alive_interval_s = -1;
	else if (o->keep_alive_interval_s > 0 && !o->keep_alive_idle_s)
		o->keep_alive_idle_s = KERNEL_IDLE_S;
	else if (o->keep_alive_idle_s > 0 && !o->keep_alive_interval_s)
		o->keep_alive_interval_s = KERNEL_INTERVAL_S;
	*(struct sockopt *)to = *o;
}

void conf_stream_out(struct conf_reader *r, const struct conf_key *k, const struct value *v, void *to)
{
	struct raw_sockopt raw = read_stream(r, v);

	(void)k;
	if (raw.tproxy != TPROXY_OFF)
		conf_fault(r, raw.tproxy_at->span, "the embedded engine takes 'tproxy' on inbounds alone");
	*(struct sockopt *)to = raw.o;
}
