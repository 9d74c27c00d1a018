#ifndef XRAT_MODEL_TARGET_H
#define XRAT_MODEL_TARGET_H
/* One row per engine family and version: what it accepts, how it spells it, how it is started and asked to check.
 * Only target.c knows differences between engines. */
#include "lib/lib.h"

enum engine_family { ENGINE_XRAY, ENGINE_V2RAY, ENGINE_BUILTIN, ENGINE__N };

/* What a target can do. */
enum target_cap {
	CAP_LEGACY_REVERSE = 1 << 0,  /* top-level reverse bridges/portals */
	CAP_VLESS_REVERSE = 1 << 1,   /* reverse {tag} on VLESS outbound and inbound user */
	CAP_ALLOW_INSECURE = 1 << 2,
	CAP_PUBLIC_PLAINTEXT = 1 << 3, /* VLESS or Trojan without TLS to a public address */
	CAP_VISION = 1 << 4,
	CAP_REALITY = 1 << 5,
	CAP_XHTTP = 1 << 6,
	CAP_HTTPUPGRADE = 1 << 7,
	CAP_SNIFF_QUIC = 1 << 8,
	CAP_SNIFF_ROUTE_ONLY = 1 << 9, /* routeOnly */
	CAP_API_LISTEN = 1 << 10,      /* api.listen; else a dokodemo inbound plus a rule */
	CAP_API = 1 << 11,
	CAP_TUN = 1 << 12,
	CAP_TUN_OS = 1 << 13,          /* tun dns, gateway, autoSystemRoutingTable */
	CAP_FLAT_SETTINGS = 1 << 14,   /* flat outbound settings */
	CAP_CERT_PINS = 1 << 15,       /* pinnedPeerCertSha256, verifyPeerCertByName */
	CAP_RULE_TYPE_OPTIONAL = 1 << 16,
	CAP_SNIFF_METADATA_ONLY = 1 << 17,
	CAP_HYSTERIA = 1 << 18,
	CAP_WIREGUARD = 1 << 19,
	CAP_GRPC = 1 << 20,
	CAP_WS = 1 << 21,
	CAP_KCP = 1 << 22,
	CAP_TLS = 1 << 23,
	CAP_VLESS = 1 << 24,
	CAP_VMESS = 1 << 25,
	CAP_TROJAN = 1 << 26,
	CAP_SHADOWSOCKS = 1 << 27,
	CAP_SS2022 = 1 << 28,
	CAP_WRITE_FLAT = 1 << 29,      /* outbounds are written flat: the form its own plaintext guard looks at */
	CAP_WS_HOST = 1 << 30,         /* wsSettings.host; else a Host header */
	CAP_TLS_EXTRAS = 1ull << 31,   /* fingerprint, ECH */
	CAP_LOG_MASK = 1ull << 32,     /* log.maskAddress, log.dnsLog */
	CAP_STATS_ONLINE = 1ull << 33, /* policy statsUserOnline */
	CAP_KCP_HEADER = 1ull << 34,   /* header and seed in kcpSettings; else finalmask */
	CAP_FINALMASK = 1ull << 35,
	CAP_QUIC_PARAMS = 1ull << 36,
		/* hysteria rates and hopping in finalmask.quicParams; else in hysteriaSettings */
	CAP_WEAK_CIPHERS = 1ull << 37, /* VMess none, shadowsocks none */
	CAP_ALTER_ID = 1ull << 38,
	CAP_VMESS_ZERO = 1ull << 39,
	CAP_SS_XCHACHA = 1ull << 40,
	CAP_XRAY_VALUES = 1ull << 41,
		/* rules: upper case in names is folded, '!' stands before an address; short UUIDs */
	CAP_OBSERVATORY = 1ull << 43,  /* observatories, and balancers that look at them */
	CAP_MUX = 1ull << 44,
	CAP_XUDP = 1ull << 45,         /* mux: xudpConcurrency, xudpProxyUDP443 */
	CAP_FRAGMENT = 1ull << 46,     /* freedom cuts packets, and an outbound may dial through another */
	CAP_DNS_OPTIONS = 1ull << 47,  /* dns: queryStrategy, disableCache, disableFallback */
	CAP_DNS_SYSTEM = 1ull << 48,   /* dns: UseSystem, useSystemHosts, enableParallelQuery */
	CAP_FREEDOM_GUARD = 1ull << 42, /* freedom blocks private destinations of what came through a proxy inbound */
};

struct target {
	const char *name; /* "xray-26.7" */
	enum engine_family family;
	unsigned major, minor;
	unsigned bit;  /* 1 << row index: the mask that key rows carry */
	uint64_t caps; /* enum target_cap */
	const char *const *run_argv;   /* NULL-terminated; "{exe}" and "{file}" stand for themselves */
	const char *const *check_argv;
};
enum { TARGET_BIT_XRAY_26_2 = 1, TARGET_BIT_XRAY_26_7 = 2, TARGET_BIT_V2RAY_4_34 = 4, TARGET_BIT_BUILTIN = 8,
	TARGET_BITS_XRAY = 3, TARGET_BITS_ALL = 15 };

extern const struct target targets[];
extern const size_t targets_n;
const struct target *target_default(void); /* xray-26.7 */
/* The newest row of a family. */
const struct target *target_newest(enum engine_family family);
/* sing-box: nodes are exported for it, and nothing is compiled, started or found by this name. */
extern const struct target target_sing_box;
/* By name, case-blind; NULL. */
const struct target *target_find(struct str name);
/* The newest row of a family not above version ("26.5.1"); NULL when below the oldest row or not a version. */
const struct target *target_for_version(enum engine_family family, struct str version);
static inline bool target_has(const struct target *t, uint64_t caps) { return (t->caps & caps) == caps; }
/* Names of the targets that have these caps, comma separated ("xray-26.2, xray-26.7"), for messages. */
const char *target_names_with(struct arena *a, uint64_t caps);
const char *engine_family_name(enum engine_family f); /* "xray" */

#endif
