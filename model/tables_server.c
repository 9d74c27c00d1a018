/* Field rows of xp2p-server.toml. */
#include "model/tables_impl.h"

static const char *const names_profile[] = { "trojan-tls", "vless-tls-vision", "vless-reality-vision", "vless-ws-tls",
					     NULL };

#define US(key, kind, member, ...) ROW(key, kind, struct user, member, __VA_ARGS__)

static const struct field user_rows[] = {
	US("user_label", F_STR, label, .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .example = "\"branch@example.org\"",
	   .help = "label of the account, shown in logs and matched by 'user' in rules"),
	US("active_credential", F_SECRET, credential, .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .alias = "credential",
	   .example = "{ env = \"BRANCH_CREDENTIAL\" }", .help = "Trojan password or VLESS UUID"),
	US("previous_credential_for_rotation", F_SECRET, previous, .example = "{ env = \"BRANCH_OLD_CREDENTIAL\" }",
	   .help = "while a rotation is open, the credential that works beside the active one"),
	US("rotation_expires_at", F_DATETIME, rotation_expires_at, .example = "2030-01-31T00:00:00Z",
	   .help = "when the rotation is meant to end; the entry works until the previous credential is removed"),
	US("disabled", F_BOOL, disabled, .def = "false", .help = "leave the account out"),
	ROW_UNUSED("credential_generation", F_INT, "credentials are compared by value"),
	ROW_UNUSED("metadata", F_ANY, "xrat keeps no data about users"),
};
static const struct table table_user = { ROWS(user_rows), .elem_size = sizeof(struct user),
	.at_offset = offsetof(struct user, at) };

static const struct field trojan_user_rows[] = {
	US("email", F_STR, label, .flags = FIELD_REQUIRED | FIELD_NONEMPTY, .example = "\"branch@example.org\"",
	   .help = "label of the account"),
	US("password", F_SECRET, credential, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	   .example = "{ env = \"BRANCH_PASSWORD\" }", .help = "its credential"),
	US("disabled", F_BOOL, disabled, .def = "false", .help = "leave the account out"),
};
static const struct table table_trojan_user = { ROWS(trojan_user_rows),
	.elem_size = sizeof(struct user), .at_offset = offsetof(struct user, at) };

#define SV(key, kind, member, ...) ROW(key, kind, struct server, member, __VA_ARGS__)
#define NO_HA "high availability of xp2p is out of scope; run one server, or put a load balancer in front"

static const struct field server_rows[] = {
	SV("config_dir", F_PATH, config_dir, .flags = FIELD_NONEMPTY, .def = "\"config-server\"",
	   .help = "snippet directory, relative to the configuration root"),
	SV("trojan_port", F_PORT, trojan_port, .alias = "tunnel_port", .def = "58443",
	    .help = "port of the tunnel listener"),
	SV("port", F_PORT, port, .def = "62022", .help = "diagnostics port"),
	SV("profile", F_STR, profile, .names = names_profile, .def = "\"trojan-tls\"",
	   .help = "what the tunnel listener speaks"),
	SV("host", F_HOST, host, .example = "\"edge.example.net\"", .help = "public name of this server"),
	SV("certificate", F_PATH, certificate, .example = "\"/etc/xrat/certs/fullchain.pem\"",
	   .help = "certificate chain; both this and key, or neither with security none"),
	SV("key", F_PATH, key, .example = "\"/etc/xrat/certs/key.pem\"", .help = "private key of the certificate"),
	SV("private_key", F_SECRET, private_key, .example = "{ file = \"/etc/xrat/reality.key\" }",
	   .help = "REALITY private key; only for vless-reality-vision"),
	SV("reality_target", F_HOSTPORT, reality_target, .example = "\"www.example.org:443\"",
	   .help = "the site that REALITY shows to strangers; only for vless-reality-vision"),
	SV("server_names", F_HOSTS, server_names, .example = "[\"www.example.org\"]",
	   .help = "names that REALITY clients may ask for; default: the host of reality_target"),
	SV("short_ids", F_STRS, short_ids, .example = "[\"0123abcd\"]",
	    .help = "REALITY short ids that clients may use"),
	SV("path", F_STR, path, .example = "\"/tunnel\"", .help = "path of the WebSocket; only for vless-ws-tls"),
	SV("tun_enabled", F_BOOL, tun.enabled, .def = "false",
	    .help = "add a TUN inbound; needs privileges and the xray engine"),
	SV("tun_name", F_STR, tun.name, .flags = FIELD_NONEMPTY, .def = "\"xp2ps\"",
	    .help = "name of the TUN interface"),
	SV("tun_mtu", F_INT, tun.mtu, .lo = 576, .hi = 9000, .def = "1500", .help = "MTU of the TUN interface"),
	SV("tun_addr", F_PREFIX, tun.addr, .def = "\"198.18.0.5/30\"", .help = "address of the TUN interface"),
	SV("users", F_TABLES, users, .sub = &table_user, .help = "accounts of the tunnel"),
	SV("trojan_users", F_TABLES, trojan_users, .sub = &table_trojan_user, .help = "legacy spelling of users"),
	SV("server_redirects", F_TABLES, redirects, .sub = &table_redirect,
	    .help = "destinations and what carries them"),
	SV("forward_rules", F_TABLES, forwards, .sub = &table_forward, .alias = "forwards",
	   .help = "local ports that lead to hosts behind a reverse channel"),
	SV("reverse_channels", F_MAP, reverse, .sub = &table_server_reverse, .help = "reverse channels by name"),
	SV("xray", F_TABLE, xray, .sub = &table_server_xray, .help = "low-level knobs"),
	ROW_UNUSED("install_dir", F_STR, "engines are found on PATH or in [paths] of config.toml"),
	ROW_UNUSED("mode", F_STR, "it has no effect on the configuration"),
	ROW_REFUSED("cert_store", "Windows certificate stores are out of scope; use 'certificate' and 'key'"),
	ROW_REFUSED("identity_provider", "identity providers are out of scope; list the accounts in [[server.users]]"),
	ROW_REFUSED("ha_generation", NO_HA),
	ROW_REFUSED("ha_local_peer_id", NO_HA),
	ROW_REFUSED("ha_peers", NO_HA),
	ROW_REFUSED("ha_identity_acl", NO_HA),
	ROW_REFUSED("ha_provisioned_resources", NO_HA),
	ROW_REFUSED("ha_redirect_keys", NO_HA),
};
static const struct table table_server = { ROWS(server_rows), .at_offset = offsetof(struct server, at) };

static const struct field server_file_rows[] = {
	ROW_INLINE("logging", &table_logging, "xrat's own messages"),
	ROW("server", F_TABLE, struct desired, server, .sub = &table_server, .help = "the server role"),
	ROW_INLINE("extensions", &table_extensions, "what snippets may replace"),
	ROW_INLINE("xray_assets", &table_assets, "geoip, geosite and other data files"),
};
const struct table table_server_file = { ROWS(server_file_rows), .at_offset = TABLE_NO_AT };
