#include "cli/help.h"

#include "cli/options.h"

int command_help(int argc, char **argv)
{
    struct options options;
    options_init(&options, "help", argc, argv);
    const char *topic = NULL;
    for (;;) {
        switch (options_next(&options)) {
        case OPTION_OPERAND:
            topic = options.value;
            break;
        case OPTION_STOP:
            return options.status;
        default:
            if (!topic) {
                help_all();
                return EXIT_FINE;
            }
            if (!command_find(topic))
                return options_wrong(&options, "no such command: %s", topic);
            help_command(command_find(topic));
            return EXIT_FINE;
        }
    }
}
