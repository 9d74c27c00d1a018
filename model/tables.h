#ifndef XRAT_MODEL_TABLES_H
#define XRAT_MODEL_TABLES_H
/* The roots of the field tables: one per desired file. */
#include "model/config.h"
#include "model/desired.h"

extern const struct table table_client_file; /* xp2p-client.toml -> struct desired */
extern const struct table table_server_file; /* xp2p-server.toml -> struct desired */
extern const struct table table_config_file; /* config.toml -> struct config */

#endif
