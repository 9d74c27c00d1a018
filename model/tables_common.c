/* Field rows that the client and the server file share. */
#include "model/tables_impl.h"

const char *const names_freedom_strategy[] = { "", "AsIs", "UseIP", "UseIPv4", "UseIPv6", "UseIPv4v6", "UseIPv6v4",
	"ForceIP", "ForceIPv4", "ForceIPv6", "ForceIPv4v6", "ForceIPv6v4", NULL };
const char *const names_routing_strategy[] = { "AsIs", "IPIfNonMatch", "IPOnDemand", NULL };
const char *const names_log_level[] = { "debug", "info", "warning", "error", "none", "warn=warning", NULL };
const char *const names_sniff[] = { "http", "tls", "quic", "fakedns", "fakedns+others", NULL };
const char *const names_networks[] = { "tcp", "udp", "tcp,udp", "udp,tcp=tcp,udp", NULL };
const char *const names_log_mask[] = { "", "quarter", "half", "full", "none=", NULL };
const char *const names_ss_method[] = { "aes-128-gcm", "aes-256-gcm", "chacha20-poly1305", "chacha20-ietf-poly1305",
	"xchacha20-poly1305", "xchacha20-ietf-poly1305", "2022-blake3-aes-128-gcm", "2022-blake3-aes-256-gcm",
	"2022-blake3-chacha20-poly1305", "none", "plain", NULL };

static const char *const names_level[] = { "debug", "info", "warn", "error", "warning=warn", NULL };
static const char *const names_format[] = { "text", "json", NULL };
static const char *const names_forward[] = { "tcp", "udp", "both", NULL };

static const struct field logging_rows[] = {
	ROW("level", F_ENUM, struct desired, logging.level, .names = names_level, .def = "\"info\"",
	    .help = "how much xrat itself says"),
	ROW("format", F_ENUM, struct desired, logging.format, .names = names_format, .def = "\"text\"",
	    .help = "form of xrat's own log lines"),
};
const struct table table_logging = { ROWS(logging_rows), .at_offset = TABLE_NO_AT };

static const struct field extensions_rows[] = {
	ROW("override", F_STRS, struct desired, override, .def = "[]", .example = "[\"direct\"]",
	    .help = "reserved or managed tags that snippets may define or replace"),
};
const struct table table_extensions = { ROWS(extensions_rows), .at_offset = TABLE_NO_AT };

static const struct field asset_rows[] = {
	ROW("name", F_FILENAME, struct asset_file, name, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .example = "\"geosite.dat\"", .help = "file name in the engine's asset directory"),
	ROW("url", F_URL, struct asset_file, url, .example = "\"https://example.org/geosite.dat\"",
	    .help = "where it is fetched from"),
	ROW("stale_after", F_DURATION, struct asset_file, stale_after, .example = "\"168h\"",
	    .help = "age at which this file counts as old"),
};
static const struct table table_asset = { ROWS(asset_rows), .elem_size = sizeof(struct asset_file),
	.at_offset = offsetof(struct asset_file, at) };
static const struct field assets_rows[] = {
	ROW("stale_after", F_DURATION, struct desired, assets.stale_after, .example = "\"168h\"",
	    .help = "age at which an asset file counts as old; digits and one of ns us ms s m h"),
	ROW("files", F_TABLES, struct desired, assets.files, .sub = &table_asset,
	    .help = "the asset files that rules need"),
};
const struct table table_assets = { ROWS(assets_rows), .at_offset = TABLE_NO_AT };

#define NO_POLICY                                                                                                      \
	"access policies of xp2p are out of scope; write a rule with 'user' in [client.xray.routing] or a snippet"
static const struct field redirect_rows[] = {
	ROW("cidr", F_CIDR, struct redirect, cidr, .flags = FIELD_NONEMPTY, .example = "\"10.20.0.0/16\"",
	    .help = "addresses that take this way; either this or domain"),
	ROW("domain", F_STR, struct redirect, domain, .flags = FIELD_NONEMPTY, .example = "\"corp.example\"",
	    .help = "a domain with everything below it; a prefix such as full: is kept"),
	ROW("outbound_tag", F_TAG, struct redirect, outbound_tag, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .example = "\"proxy-edge-example-net\"", .help = "the outbound or reverse channel that carries it"),
	ROW("disabled", F_BOOL, struct redirect, disabled, .def = "false", .help = "keep the entry without its rule"),
	ROW_UNUSED("no_routes", F_BOOL, "xrat sets no routes of the operating system"),
	{ .name = "access", .type = F_STR, .flags = FIELD_REFUSED, .fixed = "all", .help = NO_POLICY },
	ROW_REFUSED("users", NO_POLICY),
	ROW_REFUSED("groups", NO_POLICY),
};
const struct table table_redirect = { ROWS(redirect_rows), .elem_size = sizeof(struct redirect),
	.at_offset = offsetof(struct redirect, at) };

#define REVERSE_ROWS(user_flags) \
	ROW("user_id", F_STR, struct reverse_channel, user_id, .flags = (user_flags), \
	    .example = "\"branch@example.org\"", \
	    .help = "label of the server user that the channel belongs to"), \
	ROW("host", F_HOST, struct reverse_channel, host, .example = "\"edge.example.net\"", \
	    .help = "the server's public name; it only describes"), \
	ROW("tag", F_TAG, struct reverse_channel, tag, .flags = FIELD_NONEMPTY, .example = "\"branch-edge.rev\"", \
	    .help = "tag of the channel, ends in .rev; default: the name of the table"), \
	ROW("domain", F_STR, struct reverse_channel, domain, .flags = FIELD_NONEMPTY, \
	    .example = "\"branch-edge.rev\"", \
	    .help = "the domain by which both ends recognise the channel; default: the tag"), \
	ROW("id", F_SECRET, struct reverse_channel, id, .example = "{ env = \"BRANCH_UUID\" }", \
	    .help = "UUID of the channel's own VLESS user, for targets with VLESS reverse"), \
	ROW("disabled", F_BOOL, struct reverse_channel, disabled, .def = "false", \
	    .help = "keep the entry without its rules"), \
	ROW_UNUSED("channel_id", F_ANY, "the tag identifies a channel")

static const struct field client_reverse_rows[] = {
	REVERSE_ROWS(0),
	ROW("endpoint_tag", F_TAG, struct reverse_channel, endpoint_tag, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .example = "\"proxy-edge-example-net\"", .help = "the endpoint whose connection carries the channel"),
	ROW_REFUSED("group_tag", "endpoint groups are out of scope; name one endpoint in 'endpoint_tag'"),
};
const struct table table_client_reverse = { ROWS(client_reverse_rows),
	.elem_size = sizeof(struct reverse_channel), .key_offset = offsetof(struct reverse_channel, key),
	.at_offset = offsetof(struct reverse_channel, at), .example = "branch-edge.rev" };

static const struct field server_reverse_rows[] = {
	REVERSE_ROWS(FIELD_REQUIRED | FIELD_NONEMPTY),
};
const struct table table_server_reverse = { ROWS(server_reverse_rows),
	.elem_size = sizeof(struct reverse_channel), .key_offset = offsetof(struct reverse_channel, key),
	.at_offset = offsetof(struct reverse_channel, at), .example = "branch-edge.rev" };

static const struct field forward_rows[] = {
	ROW("listen_address", F_HOST, struct forward, listen_address, .flags = FIELD_NONEMPTY, .def = "\"127.0.0.1\"",
	    .help = "where the forward listens"),
	ROW("listen_port", F_PORT, struct forward, listen_port, .flags = FIELD_REQUIRED, .example = "53331",
	    .help = "port it listens on"),
	ROW("target_host", F_HOST, struct forward, target_host, .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .example = "\"10.20.0.5\"", .help = "host behind the tunnel"),
	ROW("target_port", F_PORT, struct forward, target_port, .flags = FIELD_REQUIRED, .example = "22",
	    .help = "port of that host"),
	ROW("protocol", F_ENUM, struct forward, protocol, .names = names_forward, .def = "\"both\"",
	    .help = "what is forwarded"),
	ROW("tag", F_TAG, struct forward, tag, .flags = FIELD_NONEMPTY, .example = "\"in_53331\"",
	    .help = "default: in_<listen_port>"),
	ROW("remark", F_STR, struct forward, remark, .example = "\"forward:10.20.0.5:22\"",
	    .help = "default: forward:<target_host>:<target_port>"),
};
const struct table table_forward = { ROWS(forward_rows), .elem_size = sizeof(struct forward),
	.at_offset = offsetof(struct forward, at) };
