#ifndef XRAT_CLI_ASSET_FILES_H
#define XRAT_CLI_ASSET_FILES_H
/* geosite.dat, geoip.dat and what ext: names, where the engine of a target looks for them. */
#include "model/model.h"
#include "route/route.h"

struct asset_files;
/* XRAY_LOCATION_ASSET, else /usr/local/share/xray and /usr/share/xray; for v2ray its own variable and directories. */
struct asset_files *asset_files_new(struct arena *a, const struct target *t);
/* For route_build; each file is read once, into the arena. */
struct route_assets asset_files_for_route(struct asset_files *f);

#endif
