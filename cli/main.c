/* xrat: the compiler, publisher and command line. */
#include "cli/cli.h"

static int dispatch(struct arena *a, const struct invocation *inv)
{
	return inv->command->run(a, inv);
}

int main(int argc, char **argv)
{
	return cli_main(argc, argv, dispatch);
}
