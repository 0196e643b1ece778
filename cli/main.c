/* main.c - the door. What is behind it may hold opened secrets: commands, passes, supervisors. */
#include "base/secret.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
    wc_secret_no_core();
    return wc_cli_main(argc, argv);
}
