#ifndef XRAT_CLI_CMD_UNIT_H
#define XRAT_CLI_CMD_UNIT_H
#include "cli/cli.h"
/* daemon install, daemon uninstall: systemd's unit for the daemon. */
command_fn unit_install, unit_uninstall;
#endif
