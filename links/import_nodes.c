/* SIP008 servers, and the node objects that inputs_write.c writes. */
#include <string.h>

#include "links/codec.h"
#include "links/import.h"
#include "links/reader.h"

/* ---- SIP008 ---- */
/* "plugin" and "plugin_opts" are the two halves of one parameter. */
static void read_plugin(struct import *im, const struct value *server)
{
	const struct value *plugin = import_get(server, "plugin"), *options = import_get(server, "plugin_opts");
	struct str name, rest = STR("");

	if (!plugin || !import_scalar(im, plugin, &name) || !name.len || (options && !import_scalar(im, options, &rest)))
		return;
	import_plain(im, "plugin", str_of(arena_printf(im->r.a, rest.len ? "%s;%s" : "%s%s", name.p, rest.p)));
}

static const struct import_key sip008_keys[] = {
	{ "id", 0, import_ignore, NULL, NULL }, /* the provider's name of the server */
	{ "remarks", 0, import_name, NULL, NULL },
	{ "server", 0, import_address, NULL, NULL },
	{ "server_port", 0, import_port, NULL, NULL },
	{ "password", 0, import_password, NULL, NULL },
	{ "method", 0, import_method, NULL, NULL },
	{ "plugin", 0, import_ignore, NULL, NULL }, /* read by hand */
	{ "plugin_opts", 0, import_ignore, NULL, NULL },
	{ "plugin_args", 0, import_off, NULL, NULL },
	{ "group", 0, import_param, "group", NULL },
	{ "owner", 0, import_ignore, NULL, NULL },
	{ "timeout", 0, import_ignore, NULL, NULL },
};
IMPORT_TABLE(sip008);

int import_sip008(struct arena *a, struct diag_sink *sink, const struct value *v, bool lenient, struct node *ret_node)
{
	struct node node = { 0 };
	struct import im;

	import_begin(&im, a, sink, v->span, lenient, "server", &node);
	import_protocol(&im, NODE_SHADOWSOCKS);
	import_walk(&im, v, &sip008_table);
	read_plugin(&im, v);
	if (import_end(&im))
		return 1;
	*ret_node = node;
	return 0;
}

/* ---- node objects: the link says all of it, the other members are for people and programs that read along ---- */
int import_node(struct arena *a, struct diag_sink *sink, const struct value *v, bool lenient, struct node *ret_node)
{
	return link_parse_with(a, sink, value_get_str(v, "link"), v->span, &(struct link_options){ .lenient = lenient },
			       ret_node);
}
