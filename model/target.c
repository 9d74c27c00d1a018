/* The target table: every difference between engines and their versions lives in these rows. Facts were tried on v2ray
 * 4.34 and read in Xray-core's configuration reader; a new engine version is a new row above the place where its
 * differences begin. */
#include "model/target.h"

#define CAPS_PROTOCOLS (CAP_VLESS | CAP_VMESS | CAP_TROJAN | CAP_SHADOWSOCKS | CAP_TLS | CAP_WS | CAP_KCP)
#define CAPS_SNIFFING (CAP_SNIFF_QUIC | CAP_SNIFF_ROUTE_ONLY | CAP_SNIFF_METADATA_ONLY)
#define CAPS_XRAY \
	(CAPS_PROTOCOLS | CAPS_SNIFFING | CAP_VISION | CAP_REALITY | CAP_XHTTP | CAP_HTTPUPGRADE | CAP_GRPC | \
	 CAP_API | CAP_API_LISTEN | CAP_TUN | CAP_FLAT_SETTINGS | CAP_CERT_PINS | CAP_RULE_TYPE_OPTIONAL | CAP_HYSTERIA | \
	 CAP_WIREGUARD | CAP_SS2022 | CAP_WS_HOST | CAP_TLS_EXTRAS | CAP_LOG_MASK | CAP_STATS_ONLINE | CAP_FINALMASK | \
	 CAP_XRAY_VALUES | CAP_SS_XCHACHA | CAP_OBSERVATORY | CAP_MUX | CAP_XUDP | CAP_FRAGMENT | CAP_DNS_OPTIONS | \
	 CAP_DNS_SYSTEM)

static const char *const xray_run[] = { "{exe}", "run", "-c", "{file}", NULL };
static const char *const xray_check[] = { "{exe}", "run", "-test", "-c", "{file}", NULL };
static const char *const v2ray_run[] = { "{exe}", "-config", "{file}", NULL };
static const char *const v2ray_check[] = { "{exe}", "-test", "-config", "{file}", NULL };
/* {exe} is xrat-engine, the program behind `xrat engine`. */
static const char *const builtin_run[] = { "{exe}", "run", "-c", "{file}", NULL };
static const char *const builtin_check[] = { "{exe}", "check", "-c", "{file}", NULL };

/* Within a family the oldest version comes first. */
const struct target targets[] = {
	{ "xray-26.2", ENGINE_XRAY, 26, 2, TARGET_BIT_XRAY_26_2,
	  CAPS_XRAY | CAP_LEGACY_REVERSE | CAP_ALLOW_INSECURE | CAP_PUBLIC_PLAINTEXT | CAP_WEAK_CIPHERS | CAP_VMESS_ZERO,
	  xray_run, xray_check },
	{ "xray-26.7", ENGINE_XRAY, 26, 7, TARGET_BIT_XRAY_26_7,
	  CAPS_XRAY | CAP_VLESS_REVERSE | CAP_TUN_OS | CAP_WRITE_FLAT | CAP_QUIC_PARAMS | CAP_FREEDOM_GUARD,
	  xray_run, xray_check },
	{ "v2ray-4.34", ENGINE_V2RAY, 4, 34, TARGET_BIT_V2RAY_4_34,
	  CAPS_PROTOCOLS | CAP_LEGACY_REVERSE | CAP_ALLOW_INSECURE | CAP_PUBLIC_PLAINTEXT | CAP_API | CAP_KCP_HEADER |
	  CAP_WEAK_CIPHERS | CAP_ALTER_ID | CAP_MUX, v2ray_run, v2ray_check },
	{ "builtin", ENGINE_BUILTIN, 0, 0, TARGET_BIT_BUILTIN,
	  CAPS_SNIFFING | CAP_FLAT_SETTINGS | CAP_RULE_TYPE_OPTIONAL | CAP_WRITE_FLAT | CAP_LOG_MASK | CAP_XRAY_VALUES |
	  CAP_FREEDOM_GUARD | CAP_DNS_OPTIONS, builtin_run, builtin_check },
};
const struct target target_sing_box = {
	.name = "sing-box",
	.caps = CAP_VLESS | CAP_VMESS | CAP_TROJAN | CAP_SHADOWSOCKS | CAP_SS2022 | CAP_SS_XCHACHA | CAP_HYSTERIA | CAP_TLS |
		CAP_REALITY | CAP_VISION | CAP_WS | CAP_GRPC | CAP_HTTPUPGRADE | CAP_ALLOW_INSECURE | CAP_TLS_EXTRAS |
		CAP_PUBLIC_PLAINTEXT | CAP_WEAK_CIPHERS | CAP_VMESS_ZERO | CAP_ALTER_ID,
};
const size_t targets_n = sizeof(targets) / sizeof(targets[0]);

static const char *const family_names[ENGINE__N] = {
	[ENGINE_XRAY] = "xray",
	[ENGINE_V2RAY] = "v2ray",
	[ENGINE_BUILTIN] = "builtin",
};

const char *engine_family_name(enum engine_family f)
{
	return family_names[f];
}

const struct target *target_default(void)
{
	return &targets[1];
}

const struct target *target_newest(enum engine_family family)
{
	const struct target *newest = NULL;

	for (size_t i = 0; i < targets_n; i++)
		if (targets[i].family == family &&
		    (!newest || targets[i].major * 1000 + targets[i].minor > newest->major * 1000 + newest->minor))
			newest = &targets[i];
	return newest;
}

const struct target *target_find(struct str name)
{
	for (size_t i = 0; i < targets_n; i++)
		if (str_is_nocase(name, targets[i].name))
			return &targets[i];
	return NULL;
}

/* "v26.5.1-rc2" -> 26, 5. */
static bool version_read(struct str version, int64_t *ret_major, int64_t *ret_minor)
{
	struct str rest = str_trim(version);

	if (str_starts_nocase(rest, "v"))
		rest = str_skip(rest, 1);
	struct str major = str_cut(&rest, '.'), minor = str_cut(&rest, '.');
	size_t n = 0;
	while (n < minor.len && minor.p[n] >= '0' && minor.p[n] <= '9')
		n++;
	minor.len = n;
	return !str_int(major, ret_major) && !str_int(minor, ret_minor) && *ret_major >= 0;
}

const struct target *target_for_version(enum engine_family family, struct str version)
{
	const struct target *found = NULL;
	int64_t major = 0, minor = 0;

	if (family == ENGINE_BUILTIN)
		return target_find(STR("builtin"));
	if (!version_read(version, &major, &minor))
		return NULL;
	for (size_t i = 0; i < targets_n; i++) {
		const struct target *t = &targets[i];
		if (t->family == family && (t->major < major || (t->major == major && t->minor <= minor)))
			found = t;
	}
	return found;
}

const char *target_names_with(struct arena *a, uint64_t caps)
{
	const char *names = "";

	for (size_t i = 0; i < targets_n; i++)
		if (target_has(&targets[i], caps))
			names = arena_printf(a, "%s%s%s", names, *names ? ", " : "", targets[i].name);
	return names;
}
