#include "main/keep.h"

int command_run(int argc, char **argv)
{
    return keep_command("run", argc, argv);
}
