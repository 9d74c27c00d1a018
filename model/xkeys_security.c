/* Rows of tlsSettings and realitySettings, and of WireGuard. */
#include "model/xkeys_tables.h"

static const struct xname usage_rows[] = {
	{ .name = "encipherment" }, { .name = "verify" }, { .name = "issue" }, { .name = "", .hidden = true },
};
static const struct xnames usages = { ROWS_OF(usage_rows), .silent = "'encipherment'" };
static const struct xkey cert_rows[] = {
	KEY("certificateFile", XT_STR),
	KEY("certificate", XT_STRS),
	KEY("keyFile", XT_STR, .flags = XK_PUBLIC),
	KEY("key", XT_STRS, .flags = XK_SECRET),
	KEY("usage", XT_ENUM, .names = &usages),
	KEY("ocspStapling", XT_INT, U64, NO_V2RAY),
	KEY("oneTimeLoading", XT_BOOL, NO_V2RAY),
	KEY("buildChain", XT_BOOL, NO_V2RAY),
};
static const struct xneed cert_needs[] = { NEED(NULL, "certificateFile", "certificate") };
static const struct xtable cert_table = { "certificate", "a certificate", TABLE_OF(cert_rows), NEEDS_OF(cert_needs) };

#define PIN_ADVICE "use 'pinnedPeerCertSha256': the SHA-256 of the certificate in hex"
static const struct xkey tls_rows[] = {
	KEY("serverName", XT_STR),
	KEY("alpn", XT_STRLIST),
	KEY("fingerprint", XT_STR, .format = XF_FINGERPRINT, NO_V2RAY, .flags = XK_HARMLESS),
	KEY("certificates", XT_OBJS, .sub = &cert_table),
	KEY("allowInsecure", XT_BOOL, .lacks = TARGET_BIT_XRAY_26_7 | TARGET_BIT_BUILTIN, .flags = XK_REPORTED),
	KEY("pinnedPeerCertSha256", XT_STR, .format = XF_PINS, NO_V2RAY, .flags = XK_REPORTED | XK_PUBLIC),
	KEY("verifyPeerCertByName", XT_STR, NO_V2RAY, .flags = XK_REPORTED),
	KEY("minVersion", XT_STR, NO_V2RAY),
	KEY("maxVersion", XT_STR, NO_V2RAY),
	KEY("cipherSuites", XT_STR, NO_V2RAY),
	KEY("curvePreferences", XT_STRLIST, NO_V2RAY),
	KEY("rejectUnknownSni", XT_BOOL, NO_V2RAY),
	KEY("disableSystemRoot", XT_BOOL),
	KEY("enableSessionResumption", XT_BOOL),
	KEY("masterKeyLog", XT_STR, NO_V2RAY, .flags = XK_PUBLIC),
	KEY("echServerKeys", XT_STR, NO_V2RAY, .flags = XK_SECRET),
	KEY("echConfigList", XT_STR, NO_V2RAY),
	KEY("echSockopt", XT_OBJ, .sub = &xt_sockopt, NO_26_2),
	KEY("echForceQuery", XT_STR, ONLY_26_2, .advice = "remove it: ECH is always strict now"),
	KEY("verifyPeerCertInNames", XT_STRLIST, NOBODY, .flags = XK_MATTERS,
	    .advice = "use 'verifyPeerCertByName': names with commas between them"),
	KEY("pinnedPeerCertificateChainSha256", XT_STRLIST, NOBODY, .flags = XK_MATTERS, .advice = PIN_ADVICE),
	KEY("pinnedPeerCertificatePublicKeySha256", XT_STRLIST, NOBODY, .flags = XK_MATTERS, .advice = PIN_ADVICE),
	KEY("disableSessionResumption", XT_BOOL, NOBODY, .advice = "use 'enableSessionResumption'"),
	KEY("allowInsecureCiphers", XT_BOOL, NOBODY, .advice = "remove it"),
	KEY("preferServerCipherSuites", XT_BOOL, NOBODY, .advice = "remove it"),
};
const struct xtable xt_tls = { "tls", "tlsSettings", TABLE_OF(tls_rows) };

static const struct xkey limit_rows[] = {
	KEY("afterBytes", XT_INT, U64),
	KEY("bytesPerSec", XT_INT, U64),
	KEY("burstBytesPerSec", XT_INT, U64),
};
static const struct xtable limit_table = { "reality-limit", "a fallback limit", TABLE_OF(limit_rows) };
/* With target (or dest) it is a server's, else a client's. */
static const struct xkey reality_rows[] = {
	KEY("serverName", XT_STR),
	KEY("fingerprint", XT_STR, .format = XF_FINGERPRINT),
	KEY("publicKey", XT_STR, .format = XF_KEY32, .flags = XK_PUBLIC),
	KEY("password", XT_STR, .format = XF_KEY32, .flags = XK_SECRET, .beats = "publicKey"),
	KEY("shortId", XT_STR, .format = XF_SHORT_ID, .flags = XK_SECRET),
	KEY("spiderX", XT_STR, .format = XF_SLASH),
	KEY("mldsa65Verify", XT_STR),
	KEY("target", XT_DEST, .beats = "dest"),
	KEY("dest", XT_DEST),
	KEY("type", XT_STR),
	KEY("xver", XT_INT, .lo = 0, .hi = 2),
	KEY("serverNames", XT_STRS),
	KEY("privateKey", XT_STR, .format = XF_KEY32, .flags = XK_SECRET),
	KEY("shortIds", XT_STRS, .format = XF_SHORT_ID, .flags = XK_SECRET),
	KEY("minClientVer", XT_STR, .format = XF_VERSION),
	KEY("maxClientVer", XT_STR, .format = XF_VERSION),
	KEY("maxTimeDiff", XT_INT, U64),
	KEY("mldsa65Seed", XT_STR, .format = XF_KEY32, .flags = XK_SECRET),
	KEY("limitFallbackUpload", XT_OBJ, .sub = &limit_table),
	KEY("limitFallbackDownload", XT_OBJ, .sub = &limit_table),
	KEY("masterKeyLog", XT_STR, .flags = XK_PUBLIC),
	KEY("show", XT_BOOL),
};
static const struct xneed reality_needs[] = {
	NEED("target", "serverNames"), NEED("target", "privateKey"), NEED("target", "shortIds"),
	NEED("dest", "serverNames"),   NEED("dest", "privateKey"),   NEED("dest", "shortIds"),
	NEED_UNLESS("target", "dest", "password", "publicKey"),
};
static const struct xtable reality_table = { "reality", "realitySettings", TABLE_OF(reality_rows),
	NEEDS_OF(reality_needs) };
/* Not selected: read, but nothing of it is required. */
static const struct xtable reality_idle_table = { "reality-idle", "realitySettings", TABLE_OF(reality_rows), NULL, 0 };
static const struct xvariant reality_variants[] = { { "reality", &reality_table } };
const struct xvariants xv_reality = { .by = "security", ROWS_OF(reality_variants), .other = &reality_idle_table };

static const struct xname force_rows[] = {
	{ .name = "ForceIP" }, { .name = "ForceIPv4" }, { .name = "ForceIPv6" }, { .name = "ForceIPv4v6" },
	{ .name = "ForceIPv6v4" }, { .name = "", .hidden = true },
};
static const struct xnames forces = { ROWS_OF(force_rows) };
static const struct xkey peer_rows[] = {
	KEY("publicKey", XT_STR, .format = XF_WGKEY, .flags = XK_PUBLIC | XK_REQUIRED),
	KEY("preSharedKey", XT_STR, .format = XF_WGKEY, .flags = XK_SECRET),
	KEY("endpoint", XT_STR),
	KEY("keepAlive", XT_INT, U32),
	KEY("allowedIPs", XT_STRS),
	KEY("level", XT_INT, U32, NO_26_2),
	KEY("email", XT_STR, NO_26_2),
};
static const struct xtable peer_table = { "wireguard-peer", "a WireGuard peer", TABLE_OF(peer_rows) };
#define WIREGUARD_ROWS                                                                                     \
	KEY("secretKey", XT_STR, .format = XF_WGKEY, .flags = XK_SECRET | XK_REQUIRED),                    \
		KEY("address", XT_STRS), KEY("peers", XT_OBJS, .sub = &peer_table),                        \
		KEY("mtu", XT_INT, I32), KEY("reserved", XT_BYTES), KEY("noKernelTun", XT_BOOL),           \
		KEY("domainStrategy", XT_ENUM, .names = &forces),                                          \
		KEY("workers", XT_INT, I32, ONLY_26_2, .advice = "remove it"),                             \
		KEY("kernelMode", XT_BOOL, NOBODY, .advice = "use 'noKernelTun' (the opposite)")
static const struct xkey wireguard_rows[] = { WIREGUARD_ROWS };
const struct xtable xt_wireguard_in = { "wireguard-in", "settings of a wireguard inbound", TABLE_OF(wireguard_rows) };
const struct xtable xt_wireguard_out = { "wireguard-out", "settings of a wireguard outbound",
	TABLE_OF(wireguard_rows) };
