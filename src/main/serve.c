#include "main/keep.h"

int command_serve(int argc, char **argv)
{
    return keep_command("serve", argc, argv);
}
