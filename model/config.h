#ifndef XRAT_MODEL_CONFIG_H
#define XRAT_MODEL_CONFIG_H
/* config.toml: machine settings. One row of tables_config.c fills each member; later stages (sessions, apply) read
 * it. */
#include "model/desired.h"

enum config_engine { CONFIG_ENGINE_AUTO, CONFIG_ENGINE_XRAY, CONFIG_ENGINE_V2RAY, CONFIG_ENGINE_BUILTIN,
	CONFIG_ENGINE_SING_BOX };

struct config_auth {
	struct span at;
	struct flag enabled;
	struct text username;
	struct secret password;
};
struct config_inbound { /* runtime.socks, .http, .shadowsocks: each uses its own rows */
	struct span at;
	struct flag enabled;
	struct text host;
	struct num port;
	struct flag udp;
	struct config_auth auth;
	struct text method, network;
	struct secret password;
};
struct config_log {
	struct flag enabled;
	struct text mask; /* "none", "quarter", "half", "full" */
	struct text dir;
	struct flag dns_log;
	struct text level;
	struct flag keep;
};
struct config_rotation {
	struct flag enabled;
	struct num interval_secs;
	struct flag health_trigger_enabled;
	struct num health_failure_threshold, cooldown_secs;
	struct text probe_url;
};
struct config_mux {
	struct flag enabled;
	struct num concurrency, xudp_concurrency;
	struct text xudp_proxy_udp443;
};
struct config_fragment {
	struct span at;
	struct flag enabled;
	struct text packets_mode; /* "tlshello" or "range" */
	struct nums packets, length, interval; /* two numbers each: first and last */
};
struct config_rules { /* routing.direct, routing.block */
	struct texts domain, ip, geosite, geoip;
};
struct config_dns {
	struct text query_strategy;
	struct texts servers;
	struct flag use_system_hosts, disable_cache, disable_fallback, enable_parallel_query;
	struct raw hosts; /* name -> string or list of strings */
};

struct config {
	struct {
		struct text xray, v2ray, sing_box; /* "" = found on PATH */
	} paths;
	struct {
		struct text path;
	} database;
	struct {
		struct num engine; /* enum config_engine */
		struct text engine_version;
		struct flag replace_active_session;
		struct num health_tick_secs;
		struct flag cleanup, allow_lan;
		struct config_inbound socks, http, shadowsocks;
		struct sniffing sniffing;
		struct config_log log;
		struct config_rotation rotation;
		struct config_mux mux;
		struct config_fragment fragment;
	} runtime;
	struct {
		struct text domain_strategy;
		struct config_rules direct, block;
	} routing;
	struct config_dns dns;
	struct {
		struct num settle_ms, max_wait_ms, prove_seconds, keep_generations;
	} apply;
	struct {
		struct span at;
		struct flag enabled;
		struct text host;
		struct num port;
		struct secret key;
	} server;
	struct secret **secrets; /* every secret that was set, as in struct desired */
	uint32_t n_secrets, cap_secrets;
};

#endif
