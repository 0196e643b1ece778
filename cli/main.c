/* main.c - the door. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return wc_cli_main(argc, argv);
}
